//! Port 25: messages from elsewhere, and recipients that are refused.

use super::message::{Mail, To};
use crate::world::chance::mix;
use crate::world::clock::{Micros, SECOND};
use crate::world::names::Peer;
use crate::world::servers::{Process, Service};
use crate::world::stage::{Stage, detail, told};
use crate::world::truth::{Refusal, What};
use crate::world::write::postfix::{Commands, Envelope};
use std::net::IpAddr;

/// Whom a foreign server wants to reach.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// An account.
    Here(u32),
    /// A mailbox of the site that does not exist, by its local part.
    Nobody(String),
    /// Somebody elsewhere.
    Elsewhere(String),
}

/// A message that comes from elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub from: String,
    pub helo: String,
    pub targets: Vec<Target>,
    pub subject: String,
    pub size: u64,
    pub is_spam: bool,
    pub has_tls: bool,
    /// postscreen does not know the client.
    pub is_new: bool,
    /// The greylist does not know the client.
    pub is_greylisted: bool,
    pub quits: bool,
}

impl Stage<'_> {
    /// postscreen's lines before smtpd's; returns when smtpd has the connection.
    pub(crate) fn screen(&mut self, client: IpAddr, is_new: bool) -> Micros {
        if !self.site.settings.has_postscreen {
            return self.at;
        }
        let screen = self.servers.postscreen;
        let port = 1_024 + mix(self.at as u64, 3) % 64_000;
        let peer = in_brackets(client);
        let own = in_brackets(self.site.own_address(client));
        let line = format_args!("{screen}: CONNECT from {peer}:{port} to {own}:25");
        self.say(self.at, screen.pid, detail(client), line);
        let (wait, word) =
            if is_new { (6 * SECOND + 20_000, "PASS NEW") } else { (600, "PASS OLD") };
        let line = format_args!("{screen}: {word} {peer}:{port}");
        self.say(self.at + wait, screen.pid, detail(client), line);
        self.at + wait
    }

    /// One connection with one message; returns how many recipients took it.
    pub(crate) fn receive(&mut self, peer: &Peer, incoming: &Incoming) -> usize {
        let begin = self.screen(peer.ip, incoming.is_new);
        let ends = begin + 3 * SECOND + incoming.targets.len() as Micros * 60_000;
        let smtpd = self.servers.process(Service::Smtpd, begin, ends);
        let mut at = begin + 700;
        self.postfix_connect(at, smtpd, peer);
        if incoming.has_tls {
            at += self.pause(50, 250);
            self.postfix_tls(at, smtpd, peer);
        }
        let mut did = Commands {
            has_tls: incoming.has_tls,
            mail: (1, 1),
            quits: incoming.quits,
            ..Commands::default()
        };
        let mut taken = Vec::new();
        for target in &incoming.targets {
            at += self.pause(4, 50);
            did.rcpt.1 += 1;
            match target {
                Target::Here(account) if !incoming.is_greylisted => {
                    did.rcpt.0 += 1;
                    taken.push(To::Here(*account));
                }
                target => self.refuse(at, smtpd, peer, incoming, target),
            }
        }
        let count = taken.len();
        if !taken.is_empty() {
            at = self.take_in(at, smtpd, peer, incoming, taken, &mut did);
        }
        at += self.pause(5, 200);
        self.postfix_disconnect(at, smtpd, peer, &did);
        count
    }

    fn refuse(
        &mut self,
        at: Micros,
        smtpd: Process,
        peer: &Peer,
        incoming: &Incoming,
        target: &Target,
    ) {
        let (to, why) = match target {
            Target::Here(account) => (self.site.login(*account).to_owned(), Refusal::Greylisted),
            Target::Nobody(local) => (format!("{local}@{}", self.site.domain), Refusal::Unknown),
            Target::Elsewhere(address) => (address.clone(), Refusal::Relay),
        };
        let envelope = Envelope { from: &incoming.from, to: &to, helo: &incoming.helo };
        self.postfix_refuses(at, smtpd, peer, envelope, why);
    }

    fn take_in(
        &mut self,
        at: Micros,
        smtpd: Process,
        peer: &Peer,
        incoming: &Incoming,
        to: Vec<To>,
        did: &mut Commands,
    ) -> Micros {
        did.data = (1, 1);
        let id = self.servers.queue_id(at);
        let what = What::MessageIn { spam: incoming.is_spam };
        let text = format_args!("{id}: client={peer}");
        self.smtpd_says(at, smtpd, told(peer.ip, what), text);
        let mail = Mail {
            from: incoming.from.clone(),
            to,
            subject: incoming.subject.clone(),
            size: incoming.size,
            is_spam: incoming.is_spam,
        };
        let at = at + self.pause(60, 400);
        self.carry(at, &id, &mail, (Some(peer), &incoming.helo), None);
        at
    }
}

/// postscreen writes addresses of both kinds in brackets.
fn in_brackets(address: IpAddr) -> String {
    format!("[{address}]")
}
