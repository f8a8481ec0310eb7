//! Dovecot 2.3: logins, sessions, deliveries.

use crate::world::clock::{MINUTE, Micros};
use crate::world::servers::base64;
use crate::world::stage::{Beside, HOUSE, Stage};
use crate::world::truth::What;
use std::net::IpAddr;

/// `imap` or `pop3`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    Imap,
    Pop3,
}

impl Protocol {
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
        }
    }
}

/// What stands in each line of one login process's connection.
pub(crate) struct Connection<'a> {
    pub protocol: Protocol,
    pub client: IpAddr,
    pub user: &'a str,
    pub session: &'a str,
    pub has_tls: bool,
}

/// Why a password was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Mismatch,
    Unknown,
    Expired,
    Policy,
}

/// Dovecot's log process writes all its lines.
const WRITER: u32 = 2;

impl Stage<'_> {
    /// `Login: user=<...>`; returns the process of the session.
    pub fn dovecot_login(&mut self, at: Micros, on: &Connection<'_>, beside: Beside) -> u32 {
        let lip = self.site.own_address(on.client);
        let Connection { protocol, client, user, session, has_tls } = on;
        let (protocol, tls) = (protocol.name(), if *has_tls { ", TLS" } else { "" });
        let mpid = self.servers.pid();
        self.say(
            at,
            WRITER,
            beside,
            format_args!(
                "dovecot: {protocol}-login: Login: user=<{user}>, method=PLAIN, rip={client}, \
                 lip={lip}, mpid={mpid}{tls}, session=<{session}>"
            ),
        );
        mpid
    }

    /// The end of a session, in one of the ways in which sessions end.
    pub fn dovecot_logout(&mut self, at: Micros, on: &Connection<'_>, mpid: u32) {
        let is_long = at - self.at >= 29 * MINUTE;
        let Connection { protocol, user, session, .. } = on;
        let (sent, got) = (self.chance.within(400, 90_000), self.chance.within(20, 900));
        if *protocol == Protocol::Pop3 {
            let line = format_args!(
                "dovecot: pop3({user})<{mpid}><{session}>: Disconnected: Logged out top=0/0, \
                 retr=0/0, del=0/{}, size={sent}",
                got % 40
            );
            return self.say(at, WRITER, HOUSE, line);
        }
        let how = match self.chance.below(10) {
            0..6 => "Disconnected: Logged out",
            9 if is_long => "Disconnected: Inactivity - no input for 1800 secs",
            _ => "Disconnected: Connection closed",
        };
        let line = format_args!(
            "dovecot: imap({user})<{mpid}><{session}>: {how} in={got} out={sent} deleted=0 \
             expunged=0 trashed=0 hdr_count={} hdr_bytes={} body_count=0 body_bytes=0",
            got % 7,
            got * 3
        );
        self.say(at, WRITER, HOUSE, line);
    }

    /// The worker's word on one password, where `auth_verbose` is on. SMTP gives no session.
    pub fn dovecot_fault(
        &mut self,
        at: Micros,
        who: (&str, IpAddr, Option<&str>),
        fault: (Fault, u64),
        beside: Beside,
    ) {
        let (user, client, session) = who;
        let (worker, auth) = (self.servers.worker_pid, self.servers.auth_pid);
        let request = self.servers.worker_request();
        let session = session.map_or(String::new(), |session| format!(",<{session}>"));
        let tag = match (fault.0, self.site.settings.has_password_tags) {
            (Fault::Mismatch | Fault::Unknown, true) => {
                format!(" (SHA1 of given password: {:06x})", fault.1 & 0xff_ffff)
            }
            _ => String::new(),
        };
        let words = match fault.0 {
            Fault::Mismatch => "Password mismatch",
            Fault::Unknown => "unknown user",
            Fault::Expired => "Password expired",
            Fault::Policy => {
                let line = format_args!(
                    "dovecot: auth: policy({user},{client}{session}): Authentication failure due \
                     to policy server refusal: account locked"
                );
                return self.say(at, WRITER, beside, line);
            }
        };
        self.say(
            at,
            WRITER,
            beside,
            format_args!(
                "dovecot: auth-worker({worker}): conn unix:auth-worker (pid={auth},uid=108): \
                 auth-worker<{request}>: sql({user},{client}{session}): {words}{tag}"
            ),
        );
    }

    /// The end of a connection on which nobody logged in: `why` stands in brackets.
    pub fn dovecot_ended(&mut self, at: Micros, on: &Connection<'_>, why: &str, beside: Beside) {
        let how = match self.chance.is(0.6) {
            true => "Connection closed",
            false => "Aborted login by logging out",
        };
        self.dovecot_ended_so(at, on, how, why, beside);
    }

    /// The same, in a way that is known.
    pub fn dovecot_ended_so(
        &mut self,
        at: Micros,
        on: &Connection<'_>,
        how: &str,
        why: &str,
        beside: Beside,
    ) {
        let lip = self.site.own_address(on.client);
        let Connection { protocol, client, user, session, has_tls } = on;
        let (protocol, tls) = (protocol.name(), if *has_tls { ", TLS" } else { "" });
        let method = if user.is_empty() { "" } else { "method=PLAIN, " };
        self.say(
            at,
            WRITER,
            beside,
            format_args!(
                "dovecot: {protocol}-login: Disconnected: {how} ({why}): user=<{user}>, \
                 {method}rip={client}, lip={lip}{tls}, session=<{session}>"
            ),
        );
    }

    /// A scanner's half handshake.
    pub fn dovecot_bad_tls(&mut self, at: Micros, on: &Connection<'_>) {
        let lip = self.site.own_address(on.client);
        let Connection { protocol, client, session, .. } = on;
        let protocol = protocol.name();
        let beside = Beside { client: Some(*client), what: What::Probe };
        let words = "SSL_accept() failed: error:0A00010B:SSL routines::wrong version number";
        self.say(
            at,
            WRITER,
            beside,
            format_args!(
                "dovecot: {protocol}-login: Disconnected: Connection closed: {words} (no auth \
                 attempts in 0 secs): user=<>, rip={client}, lip={lip}, TLS handshaking: {words}, \
                 session=<{session}>"
            ),
        );
    }

    /// Sieve's vacation.
    pub fn dovecot_answers(&mut self, at: Micros, user: &str, to: &str, message_id: &str) {
        let pid = self.servers.pid();
        let mut bytes = [0u8; 15];
        bytes[..8].copy_from_slice(&self.chance.bits().to_le_bytes());
        let session = base64(&bytes);
        let line = format_args!(
            "dovecot: lmtp({user})<{pid}><{session}>: sieve: msgid=<{message_id}>: sent vacation \
             response to <{to}>"
        );
        self.say(at, WRITER, HOUSE, line);
    }

    /// A message into a mailbox, by LMTP; returns what Postfix is told.
    pub fn dovecot_saves(&mut self, at: Micros, user: &str, message_id: &str) -> String {
        let pid = self.servers.pid();
        let mut bytes = [0u8; 15];
        bytes[..8].copy_from_slice(&self.chance.bits().to_le_bytes());
        bytes[8..12].copy_from_slice(&pid.to_le_bytes());
        let session = base64(&bytes);
        self.say(at, WRITER, HOUSE, format_args!("dovecot: lmtp({pid}): Connect from local"));
        let saved = at + self.pause(2, 30);
        let folder = if self.chance.is(0.93) { "INBOX" } else { "Junk" };
        self.say(
            saved,
            WRITER,
            HOUSE,
            format_args!(
                "dovecot: lmtp({user})<{pid}><{session}>: msgid=<{message_id}>: saved mail to {folder}"
            ),
        );
        let line =
            format_args!("dovecot: lmtp({pid}): Disconnect from local: Logged out (state=READY)");
        self.say(saved + 1_100, WRITER, HOUSE, line);
        session
    }
}
