//! What is refused here, and what is not taken elsewhere: rates of the whole site, and domains.

use super::Lines;
use super::mailings::Networks;
use crate::checkpoint::{Reader, Record as _, Writer, record};
use crate::rate::Rate;
use crate::table::{Table, keyed};

record! {
    /// A domain that put mail of ours off.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct DomainRow {
        pub key: u64,
        /// How much more it puts off than it takes: thousandths of a natural logarithm.
        pub sum: u32,
        /// Messages that it put off.
        pub messages: Networks,
        /// The first of them, and the latest, seconds.
        pub first_s: u32,
        pub last_s: u32,
        /// When it was told, seconds; 0 for never.
        pub told_s: u32,
        pub lines: Lines,
        chances: u8,
    }
}

impl DomainRow {
    /// It takes mail: what it put off before is another story.
    pub fn clear(&mut self) {
        let DomainRow { key, told_s, chances, .. } = *self;
        *self = DomainRow { key, told_s, chances, ..DomainRow::default() };
    }
}

keyed!(DomainRow);

/// Domains that put mail off at one time.
const DOMAINS_MAX: u32 = 1 << 12;

/// All that `blocked-surge` and `deferred-surge` remember: half a megabyte at most.
pub(crate) struct Surges {
    /// Networks whose mail or connections were refused, and the latest lines of it.
    pub blocked: Rate,
    pub blocked_lines: Lines,
    /// Networks whose mail was put off, for another cause than greylisting.
    pub put_off: Rate,
    pub put_off_lines: Lines,
    /// Domains that put mail of ours off.
    pub undelivered: Rate,
    pub undelivered_lines: Lines,
    pub domains: Table<DomainRow>,
    /// When mail of ours was last put off, seconds; 0 for never.
    pub deferral_s: u32,
}

impl Surges {
    pub fn new(seed: u64) -> Self {
        Surges {
            blocked: Rate::default(),
            blocked_lines: Lines::default(),
            put_off: Rate::default(),
            put_off_lines: Lines::default(),
            undelivered: Rate::default(),
            undelivered_lines: Lines::default(),
            domains: Table::new(DOMAINS_MAX, seed),
            deferral_s: 0,
        }
    }

    /// Every stamp in seconds; the windows begin anew.
    pub fn set_clock(&mut self, change: impl Fn(&mut [&mut u32])) {
        self.domains.each(|row| change(&mut [&mut row.first_s, &mut row.last_s, &mut row.told_s]));
        change(&mut [&mut self.deferral_s]);
        [&mut self.blocked, &mut self.put_off, &mut self.undelivered]
            .into_iter()
            .for_each(Rate::set_clock);
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        for rate in [&self.blocked, &self.put_off, &self.undelivered] {
            rate.write(into);
        }
        for lines in [&self.blocked_lines, &self.put_off_lines, &self.undelivered_lines] {
            lines.write(into);
        }
        self.domains.write(into);
        self.deferral_s.write(into);
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        for rate in [&mut self.blocked, &mut self.put_off, &mut self.undelivered] {
            *rate = Rate::read(from)?;
        }
        for lines in [&mut self.blocked_lines, &mut self.put_off_lines, &mut self.undelivered_lines]
        {
            *lines = Lines::read(from)?;
        }
        self.domains.read(from)?;
        self.deferral_s = u32::read(from)?;
        Some(())
    }
}
