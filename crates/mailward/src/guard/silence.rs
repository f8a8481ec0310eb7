//! `silence`: the logs, or those of one server, are silent while clients come. A syslog daemon that
//! died or was started again leaves mail servers in a chroot without their log for good, and a
//! guard without eyes.
//!
//! Told once where no line was read for `quiet_s`, while `connections_min` new clients connected to
//! mail ports, which the kernel's table of connections says.

use crate::config::Silence as Rule;
use edge::clock::Moment;
use event::{Mode, Server, Vocabulary as _};
use std::time::Duration;

/// Servers that log each connection, whatever comes of it. Exim by default does not.
const TELLING: [Server; 3] = [Server::Postfix, Server::Dovecot, Server::Opensmtpd];

/// Servers of which something was read.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Heard(u64);

impl Heard {
    /// Something of this one was.
    #[inline]
    pub fn add(&mut self, server: Server) {
        self.0 |= 1_u64.checked_shl(server.code().into()).unwrap_or(0);
    }

    /// These and those.
    pub const fn and(self, others: Heard) -> Heard {
        Heard(self.0 | others.0)
    }

    fn has(self, server: Server) -> bool {
        self.0 & 1_u64.checked_shl(server.code().into()).unwrap_or(0) != 0
    }
}

/// Watches lines and connections, of all mail servers together and of each that tells all.
#[derive(Clone, Copy, Default, Debug)]
pub struct Silence {
    rule: Rule,
    all: Watch,
    each: [Watch; TELLING.len()],
}

#[derive(Clone, Copy, Default, Debug)]
struct Watch {
    /// When the latest line was read; nothing is judged before the first.
    line_at: Option<Moment>,
    connections: u32,
    told: bool,
}

impl Watch {
    /// Lines were read; true where they had been missing.
    fn lines(&mut self, now: Moment) -> bool {
        let was_told = self.told;
        *self = Watch { line_at: Some(now), connections: 0, told: false };
        was_told
    }

    /// So many clients came. How long it was silent, where that is to be told, once.
    fn connections(&mut self, count: u32, now: Moment, rule: Rule) -> Option<Duration> {
        self.connections = self.connections.saturating_add(count);
        let quiet = now.since(self.line_at?);
        let is_quiet = quiet >= Duration::from_secs(rule.quiet_s.into());
        let is_off = rule.mode == Mode::Off;
        if self.told || is_off || !is_quiet || self.connections < rule.connections_min {
            return None;
        }
        self.told = true;
        Some(quiet)
    }
}

impl Silence {
    /// One that watches by this rule.
    pub fn new(rule: Rule) -> Self {
        Silence { rule, ..Silence::default() }
    }

    /// Lines were read, of these servers. What to tell people, if they had been missing.
    pub fn lines(&mut self, heard: Heard, now: Moment) -> Option<String> {
        let mut back = Vec::new();
        for (server, watch) in TELLING.iter().zip(&mut self.each) {
            if heard.has(*server) && watch.lines(now) {
                back.push(server.name());
            }
        }
        if self.all.lines(now) {
            return Some("the logs speak again".to_owned());
        }
        (!back.is_empty()).then(|| format!("{} is heard again", back.join(", ")))
    }

    /// So many new clients are connected to a mail server. What to tell people, once.
    pub fn connections(
        &mut self,
        server: Option<Server>,
        count: u32,
        now: Moment,
    ) -> Option<String> {
        if let Some(quiet) = self.all.connections(count, now, self.rule) {
            return Some(format!(
                "no line was read for {} minutes, while at least {} clients connected to mail ports: see that \
                 the syslog daemon runs, then restart the mail servers (one in a chroot loses its log when \
                 syslog is restarted)",
                quiet.as_secs() / 60,
                self.all.connections
            ));
        }
        let place = TELLING.iter().position(|one| Some(*one) == server)?;
        let watch = self.each.get_mut(place)?;
        // Where all is silent, that was told.
        let quiet = watch.connections(count, now, self.rule).filter(|_| !self.all.told)?;
        let name = server?.name();
        Some(format!(
            "nothing of {name} was read for {} minutes, while at least {} clients connected to it: restart it (in a \
             chroot it loses its log when syslog is restarted), and see that its log is among those \
             read (mailward check)",
            quiet.as_secs() / 60,
            watch.connections
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(seconds))
    }

    fn of(servers: &[Server]) -> Heard {
        let mut heard = Heard::default();
        servers.iter().for_each(|server| heard.add(*server));
        heard
    }

    #[test]
    fn silence_is_told_once_where_clients_come_and_so_is_its_end() {
        let (nobody, port) = (Heard::default(), None);
        let mut silence = Silence::default();
        assert_eq!(silence.connections(port, 100, after(0)), None, "no line was ever read");
        assert_eq!(silence.lines(nobody, after(1)), None);
        assert_eq!(silence.connections(port, 9, after(700)), None, "too few");
        let told = silence.connections(port, 1, after(710)).unwrap();
        assert!(told.starts_with("no line was read for 11 minutes, while at least 10 clients"));
        assert_eq!(silence.connections(port, 50, after(800)), None, "once");
        assert_eq!(silence.lines(nobody, after(900)), Some("the logs speak again".to_owned()));
        assert_eq!(silence.connections(port, 50, after(1_000)), None, "too soon");
        assert!(silence.connections(port, 0, after(1_501)).is_some());
    }

    #[test]
    fn one_server_falls_silent_while_another_speaks() {
        let mut silence = Silence::default();
        let (postfix, dovecot) = (Server::Postfix, Server::Dovecot);
        silence.lines(of(&[postfix, dovecot]), after(0));
        for minute in 1..20 {
            let now = after(60 * minute);
            assert_eq!(silence.lines(of(&[dovecot]), now), None);
            let told = silence.connections(Some(postfix), 2, now);
            assert_eq!(told.is_some(), minute == 10, "{minute}: {told:?}");
            assert!(told.is_none_or(|told| told.starts_with("nothing of postfix was read for 10")));
            assert_eq!(silence.connections(Some(dovecot), 5, now), None);
            assert_eq!(silence.connections(Some(Server::Exim), 5, now), None, "need not tell");
        }
        let back = silence.lines(of(&[postfix]), after(1_300));
        assert_eq!(back, Some("postfix is heard again".to_owned()));
    }

    #[test]
    fn where_all_are_silent_that_is_told_and_not_each() {
        let mut silence = Silence::default();
        silence.lines(of(&[Server::Postfix]), after(0));
        let told = silence.connections(Some(Server::Postfix), 20, after(700)).unwrap();
        assert!(told.starts_with("no line was read"));
        assert_eq!(silence.connections(Some(Server::Postfix), 20, after(800)), None);
    }

    #[test]
    fn every_server_has_a_place() {
        assert!(Server::ALL.len() <= 64);
    }
}
