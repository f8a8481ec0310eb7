//! Postfix 3.7: postscreen, smtpd, cleanup, qmgr, deliveries.

use crate::world::chance::mix;
use crate::world::clock::{MINUTE, Micros};
use crate::world::names::Peer;
use crate::world::servers::{Process, Service};
use crate::world::stage::{Beside, HOUSE, Stage, detail, told};
use crate::world::truth::{Refusal, What};
use std::fmt::Write;
use std::net::IpAddr;

/// What a client did on one connection, as `disconnect` counts it: right and all of each command.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Commands {
    pub has_tls: bool,
    pub auth: (u32, u32),
    pub mail: (u32, u32),
    pub rcpt: (u32, u32),
    pub data: (u32, u32),
    pub vrfy: (u32, u32),
    pub unknown: (u32, u32),
    pub quits: bool,
    /// The account that logged in, where no other line tells it.
    pub tells: Option<u32>,
}

impl std::fmt::Display for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = u32::from(self.has_tls);
        let words = [
            ("ehlo", (1 + tls, 1 + tls)),
            ("starttls", (tls, tls)),
            ("auth", self.auth),
            ("mail", self.mail),
            ("rcpt", self.rcpt),
            ("data", self.data),
            ("vrfy", self.vrfy),
            ("quit", (u32::from(self.quits), u32::from(self.quits))),
            ("unknown", self.unknown),
        ];
        let (mut right, mut all) = (0, 0);
        for (word, (ok, tried)) in words {
            match (ok, tried) {
                (_, 0) => continue,
                (ok, tried) if ok == tried => write!(f, "{word}={ok} ")?,
                (ok, tried) => write!(f, "{word}={ok}/{tried} ")?,
            }
            right += ok;
            all += tried;
        }
        match right == all {
            true => write!(f, "commands={all}"),
            false => write!(f, "commands={right}/{all}"),
        }
    }
}

/// An envelope, as rejects and header checks tell it.
#[derive(Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub helo: &'a str,
}

impl std::fmt::Display for Envelope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from=<{}> to=<{}> proto=ESMTP helo=<{}>", self.from, self.to, self.helo)
    }
}

/// How a delivery to elsewhere ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Sent,
    /// There is no such mailbox there.
    Unknown,
    /// The other side does not want it.
    Unwanted,
    /// The other side wants it later.
    Later,
    /// There is no such domain.
    NoDomain,
}

impl Stage<'_> {
    /// A process that serves one connection.
    pub fn smtpd(&mut self, service: Service, until: Micros) -> Process {
        self.servers.process(service, self.at, until)
    }

    pub fn postfix_connect(&mut self, at: Micros, smtpd: Process, peer: &Peer) {
        // Some names lead to no address: Postfix says so, and calls the peer unknown.
        if let (None, IpAddr::V4(v4)) = (&peer.name, peer.ip)
            && mix(u64::from(u32::from(v4)), 6).is_multiple_of(9)
        {
            let [a, b, c, d] = v4.octets();
            let line = format_args!(
                "{smtpd}: warning: hostname {d}.{c}.{b}.{a}.pool.example does not resolve to \
                 address {v4}: Name or service not known"
            );
            self.say(at - 300, smtpd.pid, detail(peer.ip), line);
        }
        self.say(at, smtpd.pid, detail(peer.ip), format_args!("{smtpd}: connect from {peer}"));
    }

    pub fn postfix_tls(&mut self, at: Micros, smtpd: Process, peer: &Peer) {
        let line = format_args!(
            "{smtpd}: Anonymous TLS connection established from {peer}: TLSv1.3 with cipher \
             TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS \
             (2048 bits) server-digest SHA256"
        );
        self.say(at, smtpd.pid, detail(peer.ip), line);
    }

    pub fn postfix_disconnect(&mut self, at: Micros, smtpd: Process, peer: &Peer, did: &Commands) {
        if !did.quits {
            let line = format_args!("{smtpd}: lost connection after {} from {peer}", last(did));
            self.say(at, smtpd.pid, detail(peer.ip), line);
        }
        let what = did.tells.map_or(What::Detail, |account| What::LoginRight { account });
        let line = format_args!("{smtpd}: disconnect from {peer} {did}");
        self.say(at + 90, smtpd.pid, told(peer.ip, what), line);
    }

    /// A line of smtpd that begins with `warning: peer: ` or the like.
    pub fn smtpd_says(
        &mut self,
        at: Micros,
        smtpd: Process,
        beside: Beside,
        text: std::fmt::Arguments<'_>,
    ) {
        self.say(at, smtpd.pid, beside, format_args!("{smtpd}: {text}"));
    }

    pub fn postfix_refuses(
        &mut self,
        at: Micros,
        smtpd: Process,
        peer: &Peer,
        envelope: Envelope<'_>,
        why: Refusal,
    ) {
        let Envelope { from, to, helo } = envelope;
        let listed = format!("[{}] blocked using bl.example; https://bl.example/query", peer.ip);
        let (code, words) = match why {
            Refusal::Unknown => {
                ("550 5.1.1", "Recipient address rejected: User unknown in virtual mailbox table")
            }
            Refusal::Relay => ("554 5.7.1", "Relay access denied"),
            Refusal::Greylisted => (
                "450 4.2.0",
                "Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/",
            ),
            Refusal::Protocol => ("550 5.5.1", "Protocol error"),
            Refusal::Listed => ("554 5.7.1 Service unavailable; Client host", listed.as_str()),
            Refusal::SenderUnknown => ("450 4.1.8", "Sender address rejected: Domain not found"),
            Refusal::BadHelo => {
                ("504 5.5.2", "Helo command rejected: need fully-qualified hostname")
            }
        };
        let about = match why {
            Refusal::Listed => String::new(),
            Refusal::SenderUnknown => format!("<{from}>: "),
            Refusal::BadHelo => format!("<{helo}>: "),
            _ => format!("<{to}>: "),
        };
        let beside = told(peer.ip, What::RecipientRefused { why });
        let line = format_args!(
            "{smtpd}: NOQUEUE: reject: RCPT from {peer}: {code} {about}{words}; {envelope}"
        );
        self.say(at, smtpd.pid, beside, line);
    }

    /// cleanup: message id and, where the site wants it, the subject.
    pub fn postfix_cleanup(
        &mut self,
        at: Micros,
        id: &str,
        message_id: &str,
        header: Option<(&str, Option<&Peer>, Envelope<'_>)>,
    ) {
        let cleanup = self.servers.process(Service::Cleanup, at, at + 5_000);
        let line = format_args!("{cleanup}: {id}: message-id=<{message_id}>");
        self.say(at, cleanup.pid, HOUSE, line);
        let Some((subject, peer, envelope)) = header.filter(|_| self.site.settings.has_subjects)
        else {
            return;
        };
        // The peer stands behind the subject, so no parser may take him from there.
        let from = peer.map_or_else(|| "local".to_owned(), Peer::to_string);
        let line = format_args!(
            "{cleanup}: {id}: warning: header Subject: {subject} from {from}; {envelope}"
        );
        self.say(at + 700, cleanup.pid, HOUSE, line);
    }

    pub fn postfix_queues(&mut self, at: Micros, id: &str, from: &str, size: u64, count: usize) {
        let qmgr = self.servers.qmgr;
        let line =
            format_args!("{qmgr}: {id}: from=<{from}>, size={size}, nrcpt={count} (queue active)");
        self.say(at, qmgr.pid, HOUSE, line);
    }

    pub fn postfix_removes(&mut self, at: Micros, id: &str) {
        let qmgr = self.servers.qmgr;
        self.say(at, qmgr.pid, HOUSE, format_args!("{qmgr}: {id}: removed"));
    }

    /// A delivery to elsewhere, perhaps forwarded for an account. `relay` is the exchanger's name
    /// and address.
    pub fn postfix_sends(
        &mut self,
        at: Micros,
        id: &str,
        to: (&str, Option<&str>),
        relay: &Peer,
        fate: (Fate, Micros),
    ) {
        let (to, forwarded) = to;
        let orig_to = forwarded.map_or(String::new(), |account| format!(", orig_to=<{account}>"));
        let smtp = self.servers.process(Service::Smtp, at - 200_000, at);
        let (fate, waited) = fate;
        let delay = waited as f64 / 1e6;
        let delays = format!("{:.2}/0.02/{:.2}/{:.2}", delay * 0.3, delay * 0.4, delay * 0.3);
        let mut text = String::with_capacity(160);
        let (dsn, status, what) = match fate {
            Fate::Sent => {
                let _ = write!(text, "250 2.0.0 OK: queued as {:08X}", at as u32);
                ("2.0.0", "sent", What::Delivered)
            }
            Fate::Unknown => {
                let _ = write!(
                    text,
                    "host {relay} said: 550 5.1.1 <{to}>: Recipient address rejected: User \
                     unknown (in reply to RCPT TO command)"
                );
                ("5.1.1", "bounced", What::Bounced)
            }
            Fate::Unwanted => {
                let _ = write!(
                    text,
                    "host {relay} said: 554 5.7.1 Message rejected as spam (in reply to end of \
                     DATA command)"
                );
                ("5.7.1", "bounced", What::Bounced)
            }
            Fate::Later => {
                let _ = write!(
                    text,
                    "host {relay} said: 450 4.2.0 <{to}>: Recipient address rejected: Greylisted \
                     (in reply to RCPT TO command)"
                );
                ("4.2.0", "deferred", What::PutOff)
            }
            Fate::NoDomain => {
                let domain = to.rsplit('@').next().unwrap_or_default();
                let _ = write!(
                    text,
                    "Host or domain name not found. Name service error for name={domain} \
                     type=AAAA: Host not found"
                );
                ("5.4.4", "bounced", What::Bounced)
            }
        };
        let relay = match fate {
            Fate::NoDomain => "none".to_owned(),
            _ => format!("{relay}:25"),
        };
        let line = format_args!(
            "{smtp}: {id}: to=<{to}>{orig_to}, relay={relay}, delay={delay:.2}, delays={delays}, \
             dsn={dsn}, status={status} ({text})"
        );
        self.say(at, smtp.pid, Beside { client: None, what }, line);
    }

    /// A program of this host hands in a message under a user id.
    pub fn postfix_picks_up(&mut self, at: Micros, id: &str, uid: u32, from: &str) {
        let pickup = self.servers.qmgr.pid + 7;
        let beside = Beside { client: None, what: What::MessageHere { recipients: 1 } };
        let line = format_args!("postfix/pickup[{pickup}]: {id}: uid={uid} from=<{from}>");
        self.say(at, pickup, beside, line);
    }

    /// A delivery into a mailbox here, by Dovecot's LMTP.
    pub fn postfix_delivers(&mut self, at: Micros, id: &str, to: &str, message_id: &str) -> Micros {
        let session = self.dovecot_saves(at, to, message_id);
        let done = at + 32_000;
        let lmtp = self.servers.process(Service::Lmtp, at, done);
        let beside = Beside { client: None, what: What::Delivered };
        let line = format_args!(
            "{lmtp}: {id}: to=<{to}>, relay=mail.{}[private/dovecot-lmtp], delay=0.13, \
             delays=0.09/0/0.02/0.02, dsn=2.0.0, status=sent (250 2.0.0 <{to}> {session} Saved)",
            self.site.domain
        );
        self.say(done, lmtp.pid, beside, line);
        done
    }

    /// The sender's own bounce message into his mailbox; `sender` is an account here.
    pub fn postfix_bounces(&mut self, at: Micros, id: &str, sender: &str) {
        let back = self.servers.queue_id(at);
        let bounce = self.servers.process(Service::Bounce, at, at + MINUTE / 60);
        let message_id = format!("{back}.{}@mail.{}", at / 1_000_000, self.site.domain);
        self.postfix_cleanup(at, &back, &message_id, None);
        let line = format_args!("{bounce}: {id}: sender non-delivery notification: {back}");
        self.say(at + 2_000, bounce.pid, HOUSE, line);
        self.postfix_queues(at + 2_600, &back, "", 3_000, 1);
        let done = self.postfix_delivers(at + 9_000, &back, sender, &message_id);
        self.postfix_removes(done + 400, &back);
    }
}

fn last(did: &Commands) -> &'static str {
    if did.unknown.1 > 0 {
        "UNKNOWN"
    } else if did.data.1 > 0 {
        "END-OF-MESSAGE"
    } else if did.rcpt.1 > 0 {
        "RCPT"
    } else if did.auth.1 > 0 {
        "AUTH"
    } else if did.has_tls {
        "STARTTLS"
    } else {
        "EHLO"
    }
}
