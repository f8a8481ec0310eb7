//! Notices that the logs are silent while clients come: a syslog daemon that died or was started
//! again leaves mail servers in a chroot without their log for good, and a guard without eyes.

use edge::clock::Moment;
use std::time::Duration;

/// So long without a line, while clients come.
const QUIET: Duration = Duration::from_secs(600);
/// So many connections since the last line: a monitor that looks in now and then writes lines too,
/// but a connection that is held does not.
const CONNECTIONS_MIN: u32 = 10;

/// Watches lines and connections of all mail servers together.
#[derive(Clone, Copy, Default, Debug)]
pub struct Silence {
    /// When the latest line was read; nothing is judged before the first.
    line_at: Option<Moment>,
    connections: u32,
    told: bool,
}

impl Silence {
    /// Lines were read. What to tell people, if they had been missing.
    pub fn lines(&mut self, now: Moment) -> Option<String> {
        let was_told = self.told;
        *self = Silence { line_at: Some(now), connections: 0, told: false };
        was_told.then(|| "the logs speak again".to_owned())
    }

    /// So many new clients are connected to mail ports. What to tell people, once.
    pub fn connections(&mut self, count: u32, now: Moment) -> Option<String> {
        self.connections = self.connections.saturating_add(count);
        let quiet = now.since(self.line_at?);
        if self.told || quiet < QUIET || self.connections < CONNECTIONS_MIN {
            return None;
        }
        self.told = true;
        Some(format!(
            "no line was read for {} minutes, while at least {} clients connected to mail ports: see that \
             the syslog daemon runs, then restart the mail servers (one in a chroot loses its log when \
             syslog is restarted)",
            quiet.as_secs() / 60,
            self.connections
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_once_where_clients_come_and_so_is_its_end() {
        let start = edge::clock::monotonic();
        let after = |seconds: u64| start.plus(Duration::from_secs(seconds));
        let mut silence = Silence::default();
        assert_eq!(silence.connections(100, after(0)), None, "no line was ever read");
        assert_eq!(silence.lines(after(1)), None);
        assert_eq!(silence.connections(9, after(700)), None, "too few");
        let told = silence.connections(1, after(710)).unwrap();
        assert!(told.starts_with("no line was read for 11 minutes, while at least 10 clients"));
        assert_eq!(silence.connections(50, after(800)), None, "once");
        assert_eq!(silence.lines(after(900)), Some("the logs speak again".to_owned()));
        assert_eq!(silence.connections(50, after(1_000)), None, "too soon");
        assert!(silence.connections(0, after(1_501)).is_some());
    }
}
