//! Postfix 3.7: deliveries that a server in trouble does not take.

use crate::world::clock::Micros;
use crate::world::servers::Service;
use crate::world::session::undelivered::Stuck;
use crate::world::stage::{Beside, HOUSE, Stage};
use crate::world::truth::{Kind, What};

impl Stage<'_> {
    /// One try in vain; `is_first` is false for the same message once more.
    pub(crate) fn postfix_fails(&mut self, at: Micros, id: &str, one: &Stuck, is_first: bool) {
        let Stuck { to, relay, trouble, .. } = one;
        let own = self.site.v4;
        let forwarded = one.forwarded.as_deref();
        let orig_to = forwarded.map_or(String::new(), |account| format!(", orig_to=<{account}>"));
        let mut smtp = self.servers.process(Service::Smtp, at - 200_000, at);
        let said = format!("host {relay} said:");
        let (dsn, status, text) = match trouble.kind {
            Kind::RemoteTimeout => {
                let cause = format!("connect to {relay}:25: Connection timed out");
                // After one failure the queue manager spares others of its destination the wait.
                if self.chance.is(0.3) {
                    smtp.name = "postfix/error";
                    ("4.4.1", "deferred", format!("delivery temporarily suspended: {cause}"))
                } else {
                    self.say(at - 300, smtp.pid, HOUSE, format_args!("{smtp}: {cause}"));
                    ("4.4.1", "deferred", cause)
                }
            }
            Kind::BlockSoft => (
                "4.7.1",
                "deferred",
                format!(
                    "{said} 451 4.7.1 Service temporarily unavailable; Client host [{own}] is \
                     listed by bl.example; see https://bl.example/query/{own} (in reply to RCPT TO \
                     command)"
                ),
            ),
            Kind::BlockHard => (
                "5.7.1",
                "bounced",
                format!(
                    "{said} 550 5.7.1 Service unavailable, Client host [{own}] blocked using \
                     bl.example. To request removal from this list see https://bl.example/remove \
                     (in reply to MAIL FROM command)"
                ),
            ),
            _ if self.chance.is(0.5) => (
                "4.3.2",
                "deferred",
                format!("host {relay} refused to talk to me: 421 4.3.2 Service not available"),
            ),
            _ => (
                "4.3.0",
                "deferred",
                format!(
                    "{said} 451 4.3.0 Temporary system problem, try again later (in reply to RCPT \
                     TO command)"
                ),
            ),
        };
        let via = match trouble.kind {
            Kind::RemoteTimeout => "none".to_owned(),
            _ => format!("{relay}:25"),
        };
        let delay = (at - one.at).max(30_000) as f64 / 1e6;
        let delays = format!("{:.2}/0.02/{:.2}/0", delay * 0.6, delay * 0.4);
        let line = format_args!(
            "{smtp}: {id}: to=<{to}>{orig_to}, relay={via}, delay={delay:.2}, delays={delays}, \
             dsn={dsn}, status={status} ({text})"
        );
        let what = What::NotTaken { group: trouble.group, is_first };
        self.say(at, smtp.pid, Beside { client: None, what }, line);
    }
}
