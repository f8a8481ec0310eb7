//! What messages have in common, who sent them, and who has long sent mail to here.

use super::Lines;
use crate::checkpoint::{Reader, Record as _, Writer, record};
use crate::client::{address_of, words_of};
use crate::explain::TableStatistics;
use crate::join::ShortName;
use crate::table::{Table, keyed};
use core::net::IpAddr;

/// Members of a campaign that are kept until it is one.
const WAITING_MAX: usize = 32;
/// Thousandths of it: the share of messages from strangers, before anything is known.
const ALL: u32 = 1_000_000;
/// One message counts one part in so many of that share.
const SHARE_MEMORY: u32 = 512;
const DAY_S: u32 = 86_400;

record! {
    /// A set of networks of 256 bits and two hashes (Bloom, CACM 1970).
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Networks {
        words: [u64; 4],
    }
}

impl Networks {
    /// Adds one; true where it was not there.
    pub fn note(&mut self, hash: u64) -> bool {
        let places = [hash, hash.rotate_left(23)].map(|hash| ((hash >> 8) as usize % 4, hash & 63));
        let mut is_new = false;
        for (at, bit) in places {
            if let Some(word) = self.words.get_mut(at) {
                is_new |= *word & 1 << bit == 0;
                *word |= 1 << bit;
            }
        }
        is_new
    }
}

record! {
    /// Messages with something in common.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct CampaignRow {
        pub key: u64,
        /// How much more strangers send it than all else: thousandths of a natural logarithm.
        pub sum: u32,
        /// Strangers' networks, messages from others.
        pub strangers: u32,
        pub others: u32,
        pub networks: Networks,
        /// /16 and /32 of strangers, domains of senders, domains of HELO names; by one bit each.
        pub areas: u64,
        pub domains: u64,
        pub helos: u64,
        /// The latest message, seconds.
        pub last_s: u32,
        /// Since when it is a campaign, seconds; 0: it is none.
        pub found_s: u32,
        /// When an account of ours wrote the like, seconds; 0 for never.
        pub own_s: u32,
        /// Keys of members who are not told yet.
        waiting: [u64; WAITING_MAX],
        next: u32,
        pub lines: Lines,
        chances: u8,
    }
}

impl CampaignRow {
    pub fn wait(&mut self, member: u64) {
        let at = self.next as usize % WAITING_MAX;
        if let Some(slot) = self.waiting.get_mut(at) {
            *slot = member;
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Those who wait, who wait no longer.
    pub fn take_waiting(&mut self) -> [u64; WAITING_MAX] {
        core::mem::replace(&mut self.waiting, [0; WAITING_MAX])
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        let CampaignRow { key, own_s, chances, .. } = *self;
        *self = CampaignRow { key, own_s, chances, ..CampaignRow::default() };
    }
}

record! {
    /// Who sent such a message.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct MemberRow {
        pub key: u64,
        address: [u64; 2],
        pub sender: ShortName,
        pub line: u32,
        /// When it was told, seconds; 0 for never.
        pub told_s: u32,
        chances: u8,
    }
}

impl MemberRow {
    pub fn address(&self) -> IpAddr {
        address_of(self.address)
    }

    pub fn set_address(&mut self, address: IpAddr) {
        self.address = words_of(address);
    }
}

record! {
    /// A message that was taken in a moment ago, by its queue id: from where.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct ArrivalRow {
        pub key: u64,
        address: [u64; 2],
        pub stamp_s: u32,
        chances: u8,
    }
}

impl ArrivalRow {
    pub fn address(&self) -> IpAddr {
        address_of(self.address)
    }

    pub fn set_address(&mut self, address: IpAddr) {
        self.address = words_of(address);
    }
}

record! {
    /// Since when, and on how many days, mail of a network or a sender's domain was accepted.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct PartnerRow {
        pub key: u64,
        pub first_s: u32,
        pub last_s: u32,
        pub days: u32,
        /// It is a domain of ours: mail to it is taken here.
        pub is_own: bool,
        chances: u8,
    }
}

impl PartnerRow {
    /// Mail of it was accepted.
    pub fn note(&mut self, now_s: u32) {
        if self.days == 0 {
            self.first_s = now_s;
        }
        if self.days == 0 || now_s / DAY_S > self.last_s / DAY_S {
            self.days = self.days.saturating_add(1);
        }
        self.last_s = self.last_s.max(now_s);
    }

    /// Days before this one on which its mail was accepted.
    pub const fn days_before(&self, now_s: u32) -> u32 {
        let is_today = self.last_s / DAY_S >= now_s / DAY_S;
        self.days.saturating_sub(is_today as u32)
    }
}

keyed!(CampaignRow, MemberRow, ArrivalRow, PartnerRow);

/// All that `spam-campaign` remembers. About 10 MB at most.
pub(crate) struct Mailings {
    pub campaigns: Table<CampaignRow>,
    pub members: Table<MemberRow>,
    pub arrivals: Table<ArrivalRow>,
    pub partners: Table<PartnerRow>,
    /// Of the messages of late, those from strangers; parts in a million.
    share: u32,
    /// When a subject was last logged, seconds; 0 for never.
    pub subject_s: u32,
}

/// Messages whose subject is still to come: it does within a second.
const ARRIVALS_MAX: u32 = 1 << 12;

impl Mailings {
    pub fn new(entries: u32, seed: u64) -> Self {
        Mailings {
            campaigns: Table::new(entries, seed),
            members: Table::new(entries, seed),
            arrivals: Table::new(ARRIVALS_MAX, seed),
            partners: Table::new(entries.saturating_mul(4), seed),
            share: ALL,
            subject_s: 0,
        }
    }

    /// A message came from a stranger, or from somebody known.
    pub const fn note_share(&mut self, is_stranger: bool) {
        self.share -= self.share / SHARE_MEMORY;
        if is_stranger {
            self.share += ALL / SHARE_MEMORY;
        }
    }

    /// The share of strangers, in 64 parts.
    pub const fn share_in_64(&self) -> u32 {
        self.share / (ALL / 64)
    }

    pub fn statistics(&self) -> [TableStatistics; 4] {
        [
            self.campaigns.statistics("campaigns"),
            self.members.statistics("members"),
            self.arrivals.statistics("arrivals"),
            self.partners.statistics("partners"),
        ]
    }

    /// How many entries gave way since the last call. Arrivals do by design, and say nothing.
    pub fn take_evicted(&mut self) -> [(&'static str, u64); 3] {
        [
            ("campaigns", self.campaigns.take_unreported()),
            ("members", self.members.take_unreported()),
            ("partners", self.partners.take_unreported()),
        ]
    }

    /// Every stamp in seconds.
    pub fn each_stamp(&mut self, change: impl Fn(&mut [&mut u32])) {
        self.campaigns.each(|row| change(&mut [&mut row.last_s, &mut row.found_s, &mut row.own_s]));
        self.members.each(|row| change(&mut [&mut row.told_s]));
        self.arrivals.each(|row| change(&mut [&mut row.stamp_s]));
        self.partners.each(|row| change(&mut [&mut row.first_s, &mut row.last_s]));
        change(&mut [&mut self.subject_s]);
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        self.campaigns.write(into);
        self.members.write(into);
        self.arrivals.write(into);
        self.partners.write(into);
        self.share.write(into);
        self.subject_s.write(into);
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.campaigns.read(from)?;
        self.members.read(from)?;
        self.arrivals.read(from)?;
        self.partners.read(from)?;
        self.share = u32::read(from)?.min(ALL);
        self.subject_s = u32::read(from)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_strangers_follows_the_mail() {
        let mut mailings = Mailings::new(16, 1);
        assert_eq!(mailings.share_in_64(), 64);
        (0..4_000).for_each(|number| mailings.note_share(number % 8 == 0));
        assert!((6..=10).contains(&mailings.share_in_64()), "{}", mailings.share_in_64());
        (0..20_000).for_each(|_| mailings.note_share(false));
        assert_eq!(mailings.share_in_64(), 0);
        (0..20_000).for_each(|_| mailings.note_share(true));
        assert!(mailings.share_in_64() >= 62);
    }

    #[test]
    fn a_partner_is_known_by_the_days_before() {
        let mut row = PartnerRow::default();
        assert_eq!(row.days_before(5 * DAY_S), 0);
        row.note(5 * DAY_S + 7);
        row.note(5 * DAY_S + 9);
        assert_eq!(row.days_before(5 * DAY_S + 10), 0);
        assert_eq!(row.days_before(6 * DAY_S), 1);
        row.note(9 * DAY_S);
        assert_eq!((row.days, row.days_before(9 * DAY_S), row.first_s), (2, 1, 5 * DAY_S + 7));
    }

    #[test]
    fn the_rows_fit_what_is_promised() {
        let bytes = size_of::<CampaignRow>() + size_of::<MemberRow>() + 4 * size_of::<PartnerRow>();
        assert!(bytes <= 760, "{bytes}");
    }
}
