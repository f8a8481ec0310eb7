//! Submission: a login by SMTP, and what is sent on it.

use super::message::Mail;
use super::{Answer, Try, not_taken};
use crate::world::clock::{Micros, SECOND};
use crate::world::guard::Standing;
use crate::world::names::Peer;
use crate::world::servers::{Process, Service};
use crate::world::stage::{Stage, told};
use crate::world::truth::What;
use crate::world::write::postfix::{Commands, Envelope};

/// How a client comes to its login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// `Smtpd`, `Submission` or `Submissions`.
    pub service: Service,
    /// `PLAIN` or `LOGIN`.
    pub mechanism: &'static str,
    /// Says `QUIT` at the end; bots hang up.
    pub quits: bool,
    /// On port 25 many bots do without.
    pub has_tls: bool,
}

pub(crate) const CLIENT: Way =
    Way { service: Service::Submission, mechanism: "PLAIN", quits: true, has_tls: true };

impl Stage<'_> {
    /// One connection: login, and these messages.
    pub(crate) fn submit(
        &mut self,
        way: Way,
        attempt: &Try<'_>,
        helo: &str,
        mails: &[Mail],
    ) -> Answer {
        let answer = self.judge(attempt);
        let peer = self.peer(attempt.client);
        let failed = answer != Answer::In;
        let length = SECOND * if failed { 4 } else { 2 + mails.len() as i64 };
        let mut at = match way.service {
            Service::Smtpd => {
                let is_new = self.chance.is(0.2);
                self.screen(attempt.client, is_new) + 600
            }
            _ => self.at,
        };
        let smtpd = self.servers.process(way.service, at, at + length);
        self.postfix_connect(at, smtpd, &peer);
        if way.has_tls {
            at += self.pause(40, 180);
            self.postfix_tls(at, smtpd, &peer);
        }
        at += self.pause(20, 120);
        let starts = way.has_tls && !matches!(way.service, Service::Submissions);
        let mut did = Commands { has_tls: starts, quits: way.quits, ..Commands::default() };
        if failed {
            did.auth = (0, 1);
            at = self.submission_fails(at, smtpd, &peer, way, attempt, answer);
        } else {
            did.auth = (1, 1);
            // Postfix names who logged in only with a message.
            did.tells = attempt.account.filter(|_| mails.is_empty());
            for mail in mails {
                at = self.hand_in(at, smtpd, &peer, attempt, (way.mechanism, helo), mail, &mut did);
            }
        }
        at += self.pause(3, 60);
        self.postfix_disconnect(at, smtpd, &peer, &did);
        answer
    }

    /// A login that is not taken, on a connection that is open; returns when it is told.
    pub(crate) fn submission_fails(
        &mut self,
        at: Micros,
        smtpd: Process,
        peer: &Peer,
        way: Way,
        attempt: &Try<'_>,
        answer: Answer,
    ) -> Micros {
        let name = attempt.name;
        let mechanism = way.mechanism;
        let unchecked = answer == Answer::Unchecked;
        let what = match unchecked {
            true => not_taken(attempt, answer),
            false => self.fault(at, attempt, None, answer),
        };
        let reason = match answer {
            Answer::Unchecked => "Connection lost to authentication server",
            Answer::Locked => "account locked",
            _ if !self.site.settings.has_sasl_username && mechanism == "LOGIN" => "UGFzc3dvcmQ6",
            _ => "(reason unavailable)",
        };
        let at = at + 2 * SECOND + self.pause(1, 700);
        let text = match self.site.settings.has_sasl_username {
            true => format!(
                "warning: {peer}: SASL {mechanism} authentication failed: {reason}, sasl_username={name}"
            ),
            false => format!("warning: {peer}: SASL {mechanism} authentication failed: {reason}"),
        };
        self.smtpd_says(at, smtpd, told(peer.ip, what), format_args!("{text}"));
        at
    }

    /// One message on a connection that is logged in.
    #[allow(clippy::too_many_arguments)] // all that a connection has
    fn hand_in(
        &mut self,
        at: Micros,
        smtpd: Process,
        peer: &Peer,
        attempt: &Try<'_>,
        on: (&str, &str),
        mail: &Mail,
        did: &mut Commands,
    ) -> Micros {
        let (mechanism, helo) = on;
        let account = attempt.account.unwrap_or_default();
        let recipients = mail.to.len() as u32;
        did.mail = (did.mail.0 + 1, did.mail.1 + 1);
        let stopped = What::MessageStopped { account, recipients, spam: mail.is_spam };
        let standing = self.standing(account, peer.ip);
        let first = mail.to.first().map(|to| to.address(self)).unwrap_or_default();
        let envelope = Envelope { from: &mail.from, to: &first, helo };
        if standing == Standing::Throttled {
            self.me().harm.stopped += 1;
            did.rcpt.1 += 1;
            let text = format_args!(
                "NOQUEUE: reject: RCPT from {peer}: 450 4.7.1 <{first}>: Recipient address \
                 rejected: too much mail, try again later; {envelope}"
            );
            self.smtpd_says(at, smtpd, told(peer.ip, stopped), text);
            return at + self.pause(20, 200);
        }
        let id = self.servers.queue_id(at);
        let held = standing == Standing::Held;
        let what = match held {
            true => What::Detail,
            false => What::MessageOut { account, recipients, spam: mail.is_spam },
        };
        let text = format_args!(
            "{id}: client={peer}, sasl_method={mechanism}, sasl_username={}",
            attempt.name
        );
        self.smtpd_says(at, smtpd, told(peer.ip, what), text);
        did.rcpt = (did.rcpt.0 + recipients, did.rcpt.1 + recipients);
        did.data = (did.data.0 + 1, did.data.1 + 1);
        if held {
            self.me().harm.stopped += 1;
            let text = format_args!(
                "{id}: hold: RCPT from {peer}: <{first}>: Recipient address account under review; \
                 {envelope}"
            );
            self.smtpd_says(at + 300, smtpd, told(peer.ip, stopped), text);
            self.postfix_cleanup(at + 9_000, &id, &format!("{id}@{helo}"), None);
            return at + self.pause(20, 200);
        }
        let sent = at + self.pause(30, 250);
        self.carry(sent, &id, mail, (Some(peer), helo), Some(account));
        sent + self.pause(20, 200)
    }

    /// A program of this host hands in a message.
    pub(crate) fn inject(&mut self, mail: &Mail) {
        let client = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let peer = Peer { name: Some("localhost".to_owned()), ip: client };
        let smtpd = self.smtpd(Service::Smtpd, self.at + SECOND);
        let count = mail.to.len() as u32;
        self.postfix_connect(self.at, smtpd, &peer);
        let at = self.at + self.pause(2, 9);
        let id = self.servers.queue_id(at);
        let text = format_args!("{id}: client={peer}");
        self.smtpd_says(at, smtpd, told(client, What::MessageHere { recipients: count }), text);
        let helo = format!("mail.{}", self.site.domain);
        self.carry(at + 9_000, &id, mail, (Some(&peer), &helo), None);
        let did = Commands {
            mail: (1, 1),
            rcpt: (count, count),
            data: (1, 1),
            quits: true,
            ..Commands::default()
        };
        self.postfix_disconnect(at + 30_000, smtpd, &peer, &did);
    }

    /// Looks whether the server answers, and goes.
    pub(crate) fn greet(&mut self, client: std::net::IpAddr, service: Service) {
        let peer = self.peer(client);
        let smtpd = self.smtpd(service, self.at + SECOND);
        self.postfix_connect(self.at, smtpd, &peer);
        let at = self.at + self.pause(5, 60);
        let did = Commands { quits: true, ..Commands::default() };
        self.postfix_disconnect(at, smtpd, &peer, &did);
    }

    /// A login on a connection without mail, whose words the server does not take.
    pub(crate) fn submit_wrongly(&mut self, client: std::net::IpAddr, mechanism: &str) {
        let peer = self.peer(client);
        let smtpd = self.smtpd(Service::Submission, self.at + SECOND);
        self.postfix_connect(self.at, smtpd, &peer);
        let at = self.at + self.pause(20, 100);
        let text = format_args!(
            "warning: {peer}: SASL {mechanism} authentication failed: Invalid authentication \
             mechanism, sasl_username=(unavailable)"
        );
        self.smtpd_says(at, smtpd, told(client, What::LoginDisallowed), text);
        let did = Commands { auth: (0, 1), quits: true, ..Commands::default() };
        self.postfix_disconnect(at + 4_000, smtpd, &peer, &did);
    }
}
