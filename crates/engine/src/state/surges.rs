//! What is refused here, and what is not taken elsewhere: rates of the whole site, and domains.

use super::Lines;
use super::mailings::Networks;
use crate::checkpoint::{Reader, Record as _, Writer, record};
use crate::config::Surge;
use crate::rate::Rate;
use crate::table::{Table, keyed};
use event::Evidence;

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

record! {
    /// A rate, and the latest lines of what it counts.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Counted {
        rate: Rate,
        lines: Lines,
    }
}

impl Counted {
    /// Counts a thing, by its hash, that line `seq` tells of. How many different ones there are and
    /// the lines of it, where that is a surge.
    pub fn note(
        &mut self,
        thing: u64,
        seq: u64,
        now_s: u32,
        rule: &Surge,
    ) -> Option<(u32, Evidence)> {
        self.lines.push(seq);
        let count = self.rate.note(thing, now_s, rule.least, rule.surge_factor)?;
        Some((count, self.lines.evidence(seq)))
    }
}

record! {
    /// What all accounts and hosts of a mail server send.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct ServerRow {
        pub key: u64,
        /// Strangers written to; of each sender few.
        pub strangers: Counted,
        /// Recipients refused for good; of each sender few.
        pub refused: Counted,
        chances: u8,
    }
}

impl ServerRow {
    /// It sends: what it did not do until now is nothing, and usual.
    pub fn turn(&mut self, now_s: u32, strangers: &Surge, refused: &Surge) {
        self.strangers.rate.turn(now_s, strangers.least, strangers.surge_factor);
        self.refused.rate.turn(now_s, refused.least, refused.surge_factor);
    }
}

keyed!(ServerRow);

/// Mail servers of one site, each of three kilobytes.
const SERVERS_MAX: u32 = 16;

/// All that `blocked-surge` and `deferred-surge` remember, and `outbound-surge` of whole servers:
/// half a megabyte at most.
pub(crate) struct Surges {
    /// Networks whose mail or connections were refused.
    pub blocked: Counted,
    /// Networks whose mail was put off, for another cause than greylisting.
    pub put_off: Counted,
    /// Domains that put mail of ours off.
    pub undelivered: Counted,
    pub domains: Table<DomainRow>,
    /// What each mail server sends.
    pub servers: Table<ServerRow>,
    /// When mail of ours was last put off, seconds; 0 for never.
    pub deferral_s: u32,
}

impl Surges {
    pub fn new(seed: u64) -> Self {
        Surges {
            blocked: Counted::default(),
            put_off: Counted::default(),
            undelivered: Counted::default(),
            domains: Table::new(DOMAINS_MAX, seed),
            servers: Table::new(SERVERS_MAX, seed),
            deferral_s: 0,
        }
    }

    /// Every stamp in seconds; the windows begin anew.
    pub fn set_clock(&mut self, change: impl Fn(&mut [&mut u32])) {
        self.domains.each(|row| change(&mut [&mut row.first_s, &mut row.last_s, &mut row.told_s]));
        change(&mut [&mut self.deferral_s]);
        self.servers.each(|server| {
            server.strangers.rate.set_clock();
            server.refused.rate.set_clock();
        });
        self.counted_mut().into_iter().for_each(|counted| counted.rate.set_clock());
    }

    fn counted_mut(&mut self) -> [&mut Counted; 3] {
        [&mut self.blocked, &mut self.put_off, &mut self.undelivered]
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        let counted = [&self.blocked, &self.put_off, &self.undelivered];
        counted.into_iter().for_each(|counted| counted.write(into));
        self.domains.write(into);
        self.servers.write(into);
        self.deferral_s.write(into);
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        for counted in self.counted_mut() {
            *counted = Counted::read(from)?;
        }
        self.domains.read(from)?;
        self.servers.read(from)?;
        self.deferral_s = u32::read(from)?;
        Some(())
    }
}
