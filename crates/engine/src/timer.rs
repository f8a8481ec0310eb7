//! What waits for event time: the end of a ban, the end of a grace period.

use crate::checkpoint::{Reader, Record, Writer};
use alloc::collections::BTreeMap;
use event::{Subject, Timestamp};

/// What is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// The decision about this subject ends, unless it was renewed.
    End(Subject),
    /// This client failed on this account, which is under attack; has it logged in since?
    Grace { account: u64, client: u64 },
}

/// Timers by (deadline, number): those of the same moment fire in the order they were set. The two
/// kinds stand in two queues, so that the first end is found at once.
pub(crate) struct Timers {
    /// No timer is due before this, microseconds: asked for each event, so it is kept.
    first: i64,
    ends: BTreeMap<(i64, u64), Subject>,
    graces: BTreeMap<(i64, u64), (u64, u64)>,
    next: u64,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { first: i64::MAX, ends: BTreeMap::new(), graces: BTreeMap::new(), next: 0 }
    }
}

impl Timers {
    pub fn set(&mut self, deadline: Timestamp, timer: Timer) {
        let key = (deadline.0, self.next);
        self.next += 1;
        self.first = self.first.min(deadline.0);
        match timer {
            Timer::End(subject) => {
                self.ends.insert(key, subject);
            }
            Timer::Grace { account, client } => {
                self.graces.insert(key, (account, client));
            }
        }
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

    /// The subject whose decision ends first.
    pub fn first_end(&self) -> Option<&Subject> {
        self.ends.first_key_value().map(|(_, subject)| subject)
    }

    /// Drops the first timer of a decision, whose subject no longer holds.
    pub fn forget_first_end(&mut self) {
        self.ends.pop_first();
    }

    pub fn len(&self) -> usize {
        self.ends.len() + self.graces.len()
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.next);
        into.u64(self.ends.len() as u64);
        for ((deadline, number), subject) in &self.ends {
            deadline.write(into);
            number.write(into);
            subject.write(into);
        }
        into.u64(self.graces.len() as u64);
        for ((deadline, number), (account, client)) in &self.graces {
            deadline.write(into);
            number.write(into);
            account.write(into);
            client.write(into);
        }
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.next = from.u64()?;
        for _ in 0..from.u64()? {
            let key = (i64::read(from)?, u64::read(from)?);
            self.first = self.first.min(key.0);
            self.ends.insert(key, Subject::read(from)?);
        }
        for _ in 0..from.u64()? {
            let key = (i64::read(from)?, u64::read(from)?);
            self.first = self.first.min(key.0);
            self.graces.insert(key, (u64::read(from)?, u64::read(from)?));
        }
        let newest = |key: Option<&(i64, u64)>| key.is_none_or(|(_, number)| *number < self.next);
        let is_sane = newest(self.ends.keys().max_by_key(|(_, number)| *number))
            && newest(self.graces.keys().max_by_key(|(_, number)| *number));
        is_sane.then_some(())
    }
}
