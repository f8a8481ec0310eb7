//! The time of day as the guard reckons it: that of the machine's clock, as long as it goes as a
//! clock does.
//!
//! A clock that was set says another time although none passed. What the guard counts, and how long
//! it bans, must not depend on that: it reckons on by the time since the machine's start (a time
//! asleep included) until the clock has stayed as it is for [`SETTLES`]. Then everything moves with
//! it, and is kept with the journal, for a guard that starts again before the machine does. So a
//! clock that is wrong for seconds changes nothing, and one that is put right is followed
//! soon, forward or back.

use edge::clock::{self, Moment};
use event::{Length, Timestamp};
use std::time::Duration;

/// What a time server corrects at once, and no more than the guard's ticks lag behind.
pub const FOLLOWED: i64 = 2_000_000;
/// So long a clock that was set must stay as it is.
const SETTLES: Duration = Duration::from_secs(30);
/// The same for what is deleted by its age: nothing brings that back.
const SETTLES_FOR_AGE: Duration = Duration::from_secs(DAY_S.cast_unsigned());
const DAY_S: i64 = 86_400;

/// The time of day, and what of it is on record.
#[derive(Clone, Debug)]
pub struct TimeOfDay {
    /// By which all but old age is measured.
    now: Reckoning,
    for_age: Reckoning,
    /// The base on record, and which start of the machine this is.
    recorded: Option<i64>,
    boot: String,
}

/// A reckoning by the time since the machine's start.
#[derive(Clone, Copy, Debug)]
struct Reckoning {
    /// The time of day at the machine's start, microseconds.
    base: i64,
    settles: Duration,
    doubted: Option<Doubted>,
}

/// What the clock says instead, and since when.
#[derive(Clone, Copy, Debug)]
struct Doubted {
    base: i64,
    since: Moment,
}

/// What became of the clock, microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It was set by so much, and is not followed yet.
    Doubted(i64),
    /// It is right again.
    Returned,
    /// It stayed: the reckoning moved by so much.
    Followed(i64),
}

impl TimeOfDay {
    /// As the machine's clock says. `on_record` is the latest time of which the journal knows: what
    /// is a day behind it is believed at once where age is measured, and later times in a day.
    pub fn from_clock(on_record: Timestamp) -> Self {
        let (boot, wall) = (clock::boot_time(), clock::now());
        let latest = on_record.plus_seconds(DAY_S);
        let for_age = if on_record > Timestamp(0) { wall.min(latest) } else { wall };
        let number = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        TimeOfDay {
            now: Reckoning::from(boot, wall, SETTLES),
            for_age: Reckoning::from(boot, for_age, SETTLES_FOR_AGE),
            recorded: None,
            boot: number.trim().to_owned(),
        }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.now.at(clock::boot_time())
    }

    /// The time by which is judged what is too old to be kept: it errs to the early side.
    pub fn for_age(&self) -> Timestamp {
        let boot = clock::boot_time();
        self.now.at(boot).min(self.for_age.at(boot))
    }

    /// Looks at the machine's clock.
    pub fn look(&mut self) -> Option<Change> {
        // In this order: a pause in between makes it later than it is, and no line from the future.
        let boot = clock::boot_time();
        let wall = clock::now();
        self.for_age.compare(boot, wall);
        self.now.compare(boot, wall)
    }

    /// By how much the clock was set since another guard kept this record, microseconds. `None`
    /// where the machine was started since: how long it was off, nobody knows.
    pub fn set_since(&self, record: &str) -> Option<i64> {
        let (boot, base) = record.split_once(' ')?;
        let base: i64 = base.parse().ok()?;
        (boot == self.boot).then(|| self.now.base.saturating_sub(base))
    }

    /// What is to be kept with the journal, where that has changed.
    pub fn record(&self) -> Option<String> {
        let is_kept = |base: i64| base.abs_diff(self.now.base) < FOLLOWED.unsigned_abs() / 2;
        let is_new = !self.recorded.is_some_and(is_kept) && !self.boot.is_empty();
        is_new.then(|| format!("{} {}", self.boot, self.now.base))
    }

    /// That is kept now.
    pub const fn recorded(&mut self) {
        self.recorded = Some(self.now.base);
    }
}

impl Reckoning {
    const fn from(boot: Moment, wall: Timestamp, settles: Duration) -> Self {
        Reckoning { base: base(boot, wall), settles, doubted: None }
    }

    const fn at(&self, boot: Moment) -> Timestamp {
        Timestamp(self.base.saturating_add(boot.0.cast_signed()))
    }

    fn compare(&mut self, boot: Moment, wall: Timestamp) -> Option<Change> {
        let said = base(boot, wall);
        let by = said.saturating_sub(self.base);
        if by.abs() <= FOLLOWED {
            self.base = said;
            return self.doubted.take().map(|_| Change::Returned);
        }
        match self.doubted {
            Some(doubted) if said.abs_diff(doubted.base) <= FOLLOWED.unsigned_abs() => {
                if boot.since(doubted.since) < self.settles {
                    return None;
                }
                self.base = said;
                self.doubted = None;
                Some(Change::Followed(by))
            }
            _ => {
                self.doubted = Some(Doubted { base: said, since: boot });
                Some(Change::Doubted(by))
            }
        }
    }
}

const fn base(boot: Moment, wall: Timestamp) -> i64 {
    wall.0.saturating_sub(boot.0.cast_signed())
}

/// The name of the record among the positions of sources.
pub const RECORD: &str = "(clock)";

/// What is told of a change.
pub fn told(change: Change) -> String {
    let set = |by: i64| {
        let way = if by < 0 { "back" } else { "forward" };
        format!("was set {way} by {}", Length((by / 1_000_000).abs()))
    };
    match change {
        Change::Doubted(by) => {
            format!("the machine's clock {}: not followed before it stays so", set(by))
        }
        Change::Returned => "the machine's clock is as it was before it was set".to_owned(),
        Change::Followed(by) => format!(
            "the machine's clock {} and stayed so: it is followed; bans last as long as before",
            set(by)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: i64 = 365 * 86_400 * 1_000_000;
    const SECOND: i64 = 1_000_000;
    const START: i64 = 1_700_000_000 * SECOND;

    /// A machine that has run for a while, and its clock, which may be set.
    struct Machine {
        boot: i64,
        offset: i64,
        time: Reckoning,
        told: Vec<Change>,
    }

    impl Machine {
        fn new() -> Self {
            let (boot, offset) = (1_000 * SECOND, START);
            let (since, wall) = (Moment(boot.cast_unsigned()), Timestamp(boot + offset));
            let time = Reckoning::from(since, wall, SETTLES);
            Machine { boot, offset, time, told: Vec::new() }
        }

        fn run(&mut self, seconds: i64) -> i64 {
            for _ in 0..seconds * 4 {
                self.boot += SECOND / 4;
                let boot = Moment(self.boot.cast_unsigned());
                self.told.extend(self.time.compare(boot, Timestamp(self.boot + self.offset)));
            }
            self.time.at(Moment(self.boot.cast_unsigned())).0 - self.boot - START
        }
    }

    #[test]
    fn a_clock_that_is_wrong_for_seconds_changes_nothing() {
        for by in [YEAR, -YEAR, 3 * SECOND, -3 * SECOND] {
            let mut machine = Machine::new();
            assert_eq!(machine.run(60), 0);
            machine.offset += by;
            assert_eq!(machine.run(4), 0);
            machine.offset -= by;
            assert_eq!(machine.run(600), 0);
            assert_eq!(machine.told, [Change::Doubted(by), Change::Returned]);
        }
    }

    #[test]
    fn a_clock_that_stays_is_followed_soon_and_so_is_its_way_back() {
        for by in [YEAR, -YEAR, 50 * YEAR, 7_200 * SECOND] {
            let mut machine = Machine::new();
            machine.offset += by;
            assert_eq!(machine.run(29), 0);
            assert_eq!(machine.run(2), by);
            machine.offset -= by;
            assert_eq!(machine.run(31), 0);
            use Change::{Doubted, Followed};
            assert_eq!(machine.told, [Doubted(by), Followed(by), Doubted(-by), Followed(-by)]);
        }
    }

    #[test]
    fn a_clock_that_never_stays_is_not_followed() {
        let mut machine = Machine::new();
        for number in 1..100 {
            machine.offset = START + number % 7 * 3_600 * SECOND;
            assert_eq!(machine.run(20), 0);
        }
        machine.offset = START;
        assert_eq!(machine.run(1), 0);
    }

    #[test]
    fn small_corrections_are_followed_at_once() {
        let mut machine = Machine::new();
        machine.offset += SECOND;
        assert_eq!(machine.run(1), SECOND);
        machine.offset -= 2 * SECOND;
        assert_eq!(machine.run(1), -SECOND);
        assert_eq!(machine.told, []);
    }
}
