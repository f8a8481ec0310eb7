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

/// Timers by (deadline, number): those of the same moment fire in the order they were set.
#[derive(Default)]
pub(crate) struct Timers {
    queue: BTreeMap<(i64, u64), Timer>,
    next: u64,
}

impl Timers {
    pub fn set(&mut self, deadline: Timestamp, timer: Timer) {
        self.queue.insert((deadline.0, self.next), timer);
        self.next += 1;
    }

    /// The first timer that is due at `now`.
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now.0 {
            return None;
        }
        let ((deadline, _), timer) = entry.remove_entry();
        Some((Timestamp(deadline), timer))
    }

    /// The deadline of the last grace period that still runs.
    pub fn last_grace(&self) -> Option<Timestamp> {
        let grace = |(_, timer): &(&(i64, u64), &Timer)| matches!(timer, Timer::Grace { .. });
        self.queue.iter().rev().find(grace).map(|((deadline, _), _)| Timestamp(*deadline))
    }

    /// The subject whose decision ends first.
    pub fn first_end(&self) -> Option<&Subject> {
        self.queue.values().find_map(|timer| match timer {
            Timer::End(subject) => Some(subject),
            Timer::Grace { .. } => None,
        })
    }

    /// Drops the first timer of a decision, whose subject no longer holds.
    pub fn forget_first_end(&mut self) {
        let is_end = |(_, timer): &(&(i64, u64), &Timer)| matches!(timer, Timer::End(_));
        if let Some(key) = self.queue.iter().find(is_end).map(|(key, _)| *key) {
            self.queue.remove(&key);
        }
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        into.u64(self.next);
        into.u64(self.queue.len() as u64);
        for ((deadline, number), timer) in &self.queue {
            deadline.write(into);
            number.write(into);
            match timer {
                Timer::End(subject) => {
                    0u8.write(into);
                    subject.write(into);
                }
                Timer::Grace { account, client } => {
                    1u8.write(into);
                    account.write(into);
                    client.write(into);
                }
            }
        }
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.next = from.u64()?;
        for _ in 0..from.u64()? {
            let key = (i64::read(from)?, u64::read(from)?);
            let timer = match u8::read(from)? {
                0 => Timer::End(Subject::read(from)?),
                1 => Timer::Grace { account: u64::read(from)?, client: u64::read(from)? },
                _ => return None,
            };
            if key.1 >= self.next {
                return None;
            }
            self.queue.insert(key, timer);
        }
        Some(())
    }
}
