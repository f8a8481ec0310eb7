//! What waits for event time: the end of a ban, the end of a grace period.

use crate::checkpoint::{Reader, Record, Writer};
use alloc::collections::BTreeMap;
use event::Timestamp;

/// What is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// The decision in this row of [`crate::holds::Holds`] ends.
    End(u32),
    /// This client failed on this account, which is under attack; has it logged in since?
    Grace { account: u64, client: u64 },
}

/// Timers by (deadline, number): those of the same moment fire in the order they were set. The two
/// kinds stand in two queues, so that the first end is found at once. There is an end for each
/// decision that holds and has one, and no other. Of grace periods there are at most as many as
/// there may be pairs: where one more comes, the one that ends first is dropped. Pairs give way in
/// the order they came, so most likely its pair is gone; else its client is decided on with its
/// next failure.
pub(crate) struct Timers {
    /// No timer is due before this, microseconds: asked for each event, so it is kept.
    first: i64,
    ends: BTreeMap<(i64, u64), u32>,
    graces: BTreeMap<(i64, u64), (u64, u64)>,
    graces_max: usize,
    next: u64,
}

impl Timers {
    pub const fn new(graces_max: usize) -> Self {
        Timers {
            first: i64::MAX,
            ends: BTreeMap::new(),
            graces: BTreeMap::new(),
            graces_max,
            next: 0,
        }
    }

    /// A number for what comes next.
    pub fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Sets the end of the decision with this number.
    pub fn set_end(&mut self, deadline: Timestamp, number: u64, row: u32) {
        self.first = self.first.min(deadline.0);
        self.ends.insert((deadline.0, number), row);
    }

    /// The decision with this number ended before its time.
    pub fn cancel_end(&mut self, deadline: Timestamp, number: u64) {
        self.ends.remove(&(deadline.0, number));
    }

    /// Sets the end of a grace period.
    pub fn set_grace(&mut self, deadline: Timestamp, account: u64, client: u64) {
        let key = (deadline.0, self.number());
        self.first = self.first.min(deadline.0);
        self.graces.insert(key, (account, client));
        self.bound();
    }

    fn bound(&mut self) {
        while self.graces.len() > self.graces_max {
            self.graces.pop_first();
        }
    }

    /// Moves the grace periods by so much. The ends go, to be set again.
    pub fn set_clock(&mut self, by_micros: i64) {
        self.ends.clear();
        let graces = core::mem::take(&mut self.graces).into_iter();
        let moved = |((deadline, number), whose): ((i64, u64), (u64, u64))| {
            ((deadline.saturating_add(by_micros), number), whose)
        };
        self.graces = graces.map(moved).collect();
        self.first = self.graces.first_key_value().map_or(i64::MAX, |((deadline, _), _)| *deadline);
    }

    /// The first timer that is due at `now`.
    #[inline]
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        if self.first > now.0 { None } else { self.pop(now) }
    }

    fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let end = self.ends.first_key_value().map(|(key, _)| *key);
        let grace = self.graces.first_key_value().map(|(key, _)| *key);
        let is_end = match (end, grace) {
            (Some(end), Some(grace)) => end < grace,
            (end, _) => end.is_some(),
        };
        let first = if is_end { end } else { grace };
        self.first = first.map_or(i64::MAX, |(deadline, _)| deadline);
        let (deadline, _) = first?;
        if deadline > now.0 {
            return None;
        }
        let timer = if is_end {
            Timer::End(self.ends.pop_first()?.1)
        } else {
            let (account, client) = self.graces.pop_first()?.1;
            Timer::Grace { account, client }
        };
        Some((Timestamp(deadline), timer))
    }

    /// The deadline of the last grace period that still runs.
    pub fn last_grace(&self) -> Option<Timestamp> {
        self.graces.last_key_value().map(|((deadline, _), _)| Timestamp(*deadline))
    }

    /// The row of the decision that ends first.
    pub fn first_end(&self) -> Option<u32> {
        self.ends.first_key_value().map(|(_, row)| *row)
    }

    pub fn len(&self) -> usize {
        self.ends.len() + self.graces.len()
    }

    /// Writes the number and the grace periods: ends follow from the decisions that hold.
    pub fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.next);
        into.u64(self.graces.len() as u64);
        for ((deadline, number), (account, client)) in &self.graces {
            deadline.write(into);
            number.write(into);
            account.write(into);
            client.write(into);
        }
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.next = from.u64().filter(|next| *next < u64::MAX / 2)?;
        for _ in 0..from.u64()? {
            let key = (i64::read(from)?, u64::read(from)?);
            self.first = self.first.min(key.0);
            let is_new = self.graces.insert(key, (u64::read(from)?, u64::read(from)?)).is_none();
            if !is_new || key.1 >= self.next {
                return None;
            }
        }
        self.bound();
        Some(())
    }

    /// The number of what comes next.
    pub const fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grace_periods_are_bounded_and_the_first_to_end_gives_way() {
        let mut timers = Timers::new(16);
        for client in 0..100 {
            timers.set_grace(Timestamp(1_000 + client), 7, client.cast_unsigned());
            assert!(timers.len() <= 16);
        }
        let first = timers.due(Timestamp(5_000));
        assert_eq!(first, Some((Timestamp(1_084), Timer::Grace { account: 7, client: 84 })));
        assert_eq!(timers.last_grace(), Some(Timestamp(1_099)));
    }
}
