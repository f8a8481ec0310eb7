//! The rows. Fixed size, no pointers: a row is copied, written and read as it is.

use super::pairs::{Pair, Pairs};
use crate::checkpoint::record;
use crate::config::Config;
use crate::join::ShortName;
use crate::score::Score;
use crate::sketch::{self, Flag, Sketch};
use crate::table::keyed;
use event::Evidence;

record! {
    /// The latest lines that count: the low halves of their numbers, newest last, 0 for none.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Lines {
        low: [u32; 4],
        count: u8,
    }
}

impl Lines {
    pub fn push(&mut self, line: u64) {
        if self.low.last() == Some(&(line as u32)) && self.count > 0 {
            return;
        }
        self.low.rotate_left(1);
        if let Some(last) = self.low.last_mut() {
            *last = line as u32;
        }
        self.count = self.count.min(3) + 1;
    }

    /// How many there are.
    pub const fn count(self) -> u8 {
        self.count
    }

    /// The whole numbers, by the number of the line now: none is older than 2^32 lines.
    pub fn evidence(self, now: u64) -> Evidence {
        let skip = self.low.len() - usize::from(self.count.min(4));
        self.low.into_iter().skip(skip).map(|low| whole(low, now)).collect()
    }
}

/// The number whose low half is `low`, at or before `now`.
pub(crate) fn whole(low: u32, now: u64) -> u64 {
    now.saturating_sub(u64::from((now as u32).wrapping_sub(low)))
}

record! {
    /// How late the events of a client were read. What counts as happening now can have been
    /// written over hours: a sender's queue after an outage, the lines of a container that is
    /// found late.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Lateness {
        /// How late those were read that were written last.
        late_s: u32,
        /// When the last of them was written, seconds; 0 for none.
        pub(crate) written_s: u32,
    }
}

/// Who is less often seen is no flood and no burst, and clocks in the wrong zone differ by more: no
/// attacker gains time by going from one to the other.
const CAUGHT_UP_MAX_S: u32 = 1200;

/// A log that is read by turns is late by as much now and then: no outage, and nothing to catch up.
const TURN_MAX_S: u32 = 60;

impl Lateness {
    /// How much more time passed up to this event than between the two reads: lines that were
    /// written one after the other and are read at once catch up. A clock that is always late by as
    /// much does not. Nor does a line that was written a little before one that was read already,
    /// as of a log that lags or a clock that differs: else who goes from one to the other and back
    /// would gain that time again with each turn. Much older lines are another log's beginning.
    pub fn caught_up_s(&mut self, late_s: u32, now_s: u32) -> u32 {
        let written_s = now_s.saturating_sub(late_s);
        if (1..=CAUGHT_UP_MAX_S).contains(&self.written_s.saturating_sub(written_s)) {
            return 0;
        }
        let before_s = self.late_s;
        let is_first = core::mem::replace(&mut self.written_s, written_s) == 0;
        if !is_first && (1..=TURN_MAX_S).contains(&late_s.saturating_sub(before_s)) {
            return 0;
        }
        self.late_s = late_s;
        let passed_s = before_s.saturating_sub(late_s);
        if passed_s > CAUGHT_UP_MAX_S { 0 } else { passed_s }
    }
}

macro_rules! row {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    })+) => { $(
        record! {
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
            pub(crate) struct $name {
                pub key: u64,
                chances: u8,
                $($(#[$field_doc])* pub $field: $type,)*
            }
        }
        keyed!($name);
    )+ };
}

row! {
    /// Failed logins of a client.
    ClientRow {
        brute: Score,
        slow: Score,
        /// Accounts that failed and are not at home here.
        accounts: Sketch,
        /// Start of the sketch's window, seconds.
        window_s: u32,
        /// The latest failure, seconds; 0 for none.
        last_s: u32,
        late: Lateness,
        /// Account and secret of the latest distinct tries.
        tries: [u32; 2],
        /// Whether attempts failed of which nobody knows whose they are.
        unnamed: Flag,
        /// Failures in a row.
        mistakes: u8,
        lines: Lines,
    }
    /// Failed logins and bans of a prefix.
    PrefixRow {
        accounts: Sketch,
        clients: Sketch,
        banned: Sketch,
        window_s: u32,
        banned_window_s: u32,
        /// Until when the prefix counts as spraying, seconds.
        spray_until_s: u32,
        /// Until when nobody asks again whether somebody of ours is in it, seconds.
        spared_until_s: u32,
        lines: Lines,
    }
    /// Failed logins of an account.
    AccountRow {
        prefixes: Sketch,
        clients: Sketch,
        /// The /16 and /32 that failed, those where it is at home among them.
        areas: Sketch,
        /// Failures, those at home among them.
        tries: Score,
        window_s: u32,
        /// Number of the newest pair; 0 for none.
        newest: u32,
        under_attack: bool,
        /// The server says that there is no such account.
        is_absent: bool,
        lines: Lines,
    }
    /// Connections and accepted messages of a client.
    TrafficRow {
        connects: Score,
        accepted: Score,
        late: Lateness,
    }
    /// Other misbehaviour of a client.
    ProbeRow {
        scan: Score,
        weak: Score,
        relay: Score,
        harvest: Score,
        /// Unknown recipients asked for, fading in a day.
        asked: Score,
        /// The latest of them, seconds, and its sender.
        asked_s: u32,
        asked_by: u32,
        /// The latest that the null sender asked for, seconds, and who logged it; 0 for none.
        null_s: u32,
        null_pid: u32,
        recipients: Sketch,
        /// Domains of refused relays.
        domains: Sketch,
        window_s: u32,
        /// The sender of the latest refused relay.
        sender: u32,
        sender_s: u32,
        /// The latest weak sign, seconds.
        visit_s: u32,
        visit_signs: u16,
        visit_services: u16,
        late: Lateness,
        lines: Lines,
    }
    /// An account logged in from here.
    PlaceRow {
        seen_s: u32,
    }
    /// What devices with an old password do with an account.
    StaleRow {
        /// Failures at known-good places.
        home: Score,
        /// The latest of them, seconds; 0 for none.
        home_try_s: u32,
        /// The pause between two of them, seconds; 0 where none is known.
        gap_s: u32,
        /// The latest of those that prove a device, seconds; 0 for none.
        proved_s: u32,
        /// Failures elsewhere that were put down to it.
        strange: Score,
        /// The first failure near known-good places since the last login there, and the latest
        /// there or at them, seconds; 0 for none.
        near_s: u32,
        near_try_s: u32,
        /// Since when the server says that there is no such account, seconds; 0 if it does not.
        gone_s: u32,
        /// When it was wrong that the account is gone, seconds; 0 for never.
        doubted_s: u32,
    }
    /// Accounts logged in from here.
    UserRow {
        accounts: Sketch,
        window_s: u32,
        seen_s: u32,
    }
    /// What of a session, connection or client was already counted.
    SessionRow {
        counted: u32,
        other: u32,
        mark: u32,
        stamp_s: u32,
    }
    /// Who is behind a session or message.
    JoinRow {
        stamp_s: u32,
        has_client: bool,
        /// As IPv6, mapped where it is IPv4.
        address: [u64; 2],
        account: ShortName,
    }
    /// Whose message a queue id is. What each of its lines needs lies in one line of the
    /// processor's cache.
    #[repr(C, align(64))]
    MailRow {
        /// The key of the sender's row.
        sender: u64,
        /// Recipients known of so far.
        recipients: u32,
        /// Of these, the ones that are not yet counted.
        uncounted: u32,
        /// Short hash of the prefix it came from; 0 where nobody knows.
        place: u32,
        /// It came from this host or a private network.
        is_private: bool,
        /// Its sender is a host, not an account.
        is_host: bool,
        /// The queue manager said how many there are.
        is_announced: bool,
        /// Recipients of whom it is known what became of them.
        finals: u32,
        stamp_s: u32,
        name: ShortName,
    }
    /// Whose mail servers a DNS client asked for.
    QueryRow {
        names: Sketch,
        /// Of these, names that do not exist.
        absent: Sketch,
        day: Sketch,
        window_s: u32,
        day_s: u32,
        /// When it was last told, seconds; 0 for never.
        told_s: u32,
        /// The most names of a window, fading.
        usual: Score,
        /// The most names of a day, fading.
        usual_day: Score,
        /// It asked for many today, and on so many days before.
        is_busy: bool,
        busy_days: u8,
        lines: Lines,
    }
    /// How often a subject was banned.
    OffenceRow {
        offences: Score,
    }
}

impl AccountRow {
    /// Remembers that a client failed on it.
    pub fn note_pair(&mut self, pairs: &mut Pairs, pair: Pair) {
        if let Some(newest) = pairs.note(pair, self.newest) {
            self.newest = newest;
        }
    }

    /// Moves the sketches' window to now.
    pub fn turn(&mut self, now_s: u32, window_s: u32) {
        let windows = sketch::turn(&mut self.window_s, now_s, window_s);
        self.prefixes.rotate(windows);
        self.clients.rotate(windows);
        self.areas.rotate(windows);
    }
}

impl ProbeRow {
    /// Lets the time pass that did between events which are read at once.
    pub fn catch_up(&mut self, late_s: u32, now_s: u32, config: &Config) {
        let passed_s = self.late.caught_up_s(late_s, now_s);
        if passed_s == 0 {
            return;
        }
        for (score, rule) in [
            (&mut self.scan, &config.scan.rule),
            (&mut self.weak, &config.scan.rule),
            (&mut self.relay, &config.relay_probe.rule),
            (&mut self.harvest, &config.recipient_harvest.rule),
        ] {
            score.fade_by(passed_s, rule.half_life_s);
        }
        self.visit_s = self.visit_s.saturating_sub(passed_s);
        self.sender_s = self.sender_s.saturating_sub(passed_s);
    }

    /// Moves both sketches' window to now.
    pub fn turn(&mut self, now_s: u32, window_s: u32) {
        let windows = sketch::turn(&mut self.window_s, now_s, window_s);
        self.recipients.rotate(windows);
        self.domains.rotate(windows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_whole() {
        let now = (7u64 << 32) + 5;
        let mut lines = Lines::default();
        for line in [now - 9, now - 8, now - 6, now - 6, now - 2, now] {
            lines.push(line);
        }
        assert_eq!(lines.evidence(now + 100).lines(), [now - 8, now - 6, now - 2, now]);
        assert_eq!(Lines::default().evidence(1).lines(), [] as [u64; 0]);
    }

    #[test]
    fn a_client_fits_the_promised_memory() {
        assert!(size_of::<ClientRow>() <= 88, "{}", size_of::<ClientRow>());
        assert_eq!(size_of::<MailRow>(), 128);
    }
}
