//! IMAP and POP3: one connection.

use super::{Answer, Try};
use crate::world::clock::{MINUTE, Micros, SECOND};
use crate::world::servers::session_id;
use crate::world::site::Shut;
use crate::world::stage::{Stage, told};
use crate::world::truth::What;
use crate::world::write::dovecot::{Connection, Protocol};

impl Stage<'_> {
    /// Logs in, or tries to, and stays for `open`.
    pub(crate) fn mailbox(
        &mut self,
        protocol: Protocol,
        attempt: &Try<'_>,
        open: Micros,
    ) -> Answer {
        let answer = self.judge(attempt);
        let session = session_id(self.at, self.chance.bits() as u16 | 0x8000, attempt.client);
        let on = Connection {
            protocol,
            client: attempt.client,
            user: attempt.name,
            session: &session,
            has_tls: true,
        };
        match answer {
            Answer::In => {
                let account = attempt.account.unwrap_or_default();
                let beside = told(attempt.client, What::LoginRight { account });
                let mpid = self.dovecot_login(self.at, &on, beside);
                self.dovecot_logout(self.at + open, &on, mpid);
            }
            Answer::Unchecked => {
                let account = attempt.account.unwrap_or_default();
                let waited = self.pause(100, 60_000);
                let why = "auth service reported temporary failure";
                let beside = told(attempt.client, What::LoginUnchecked { account });
                self.dovecot_ended(self.at + waited, &on, why, beside);
            }
            Answer::Wrong | Answer::Shut(_) | Answer::Locked => {
                self.turned_away(&on, attempt, answer)
            }
        }
        answer
    }

    fn turned_away(&mut self, on: &Connection<'_>, attempt: &Try<'_>, answer: Answer) {
        let left = self.fault(self.at, attempt, Some(on.session), answer);
        let ends = self.at + 2 * SECOND + self.pause(1, 900);
        let why = match answer {
            Answer::Shut(Shut::Expired) => "password expired",
            _ => "auth failed, 1 attempts in 2 secs",
        };
        let what = match left {
            // Without `auth_verbose` this line is the only one.
            What::LoginWrong { account } => What::LoginsWrong { account, attempts: 1 },
            left => left,
        };
        self.dovecot_ended(ends, on, why, told(attempt.client, what));
    }

    /// A connection on which nothing is said: how programs look for settings, and scanners for
    /// servers.
    pub(crate) fn silent_mailbox(
        &mut self,
        protocol: Protocol,
        client: std::net::IpAddr,
        idle: bool,
    ) {
        let session = session_id(self.at, self.chance.bits() as u16 | 0x8000, client);
        let on = Connection { protocol, client, user: "", session: &session, has_tls: !idle };
        let (after, why) = match idle {
            true => (3 * MINUTE, "no auth attempts in 180 secs"),
            false => (self.pause(5, 400), "no auth attempts in 0 secs"),
        };
        self.dovecot_ended(self.at + after, &on, why, told(client, What::Probe));
    }

    pub(crate) fn bad_tls_mailbox(&mut self, protocol: Protocol, client: std::net::IpAddr) {
        let session = session_id(self.at, self.chance.bits() as u16 | 0x8000, client);
        let on = Connection { protocol, client, user: "", session: &session, has_tls: false };
        self.dovecot_bad_tls(self.at + 30_000, &on);
    }
}
