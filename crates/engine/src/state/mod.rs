//! The bounded state: one table for each kind of thing that is remembered.
//!
//! What gives way first, when a flood fills the tables: one-off newcomers among each other. Rows
//! that came up again (a slow guesser, a stale phone) outlast them. Known-good places, clients with
//! good logins and accounts with a stale device live in tables that only logins fill, and bans in
//! one that only decisions fill: no flood of failures from strangers can push them out. The pairs
//! of `distributed-guessing` give way in the order they came; what is lost then is only who of the
//! cohort is decided on at once, not that the account is under attack.

mod asked;
mod episode;
mod homes;
mod mailings;
mod pairs;
mod rows;
mod sender;
mod services;
mod surges;

pub(crate) use asked::Asked;
pub(crate) use episode::Episode;
pub(crate) use homes::{Home, HomeRow, Strange, count, knows, learn};
pub(crate) use mailings::{CampaignRow, Mailings};
pub(crate) use pairs::{Pair, Pairs};
pub(crate) use rows::{
    AccountRow, ClientRow, JoinRow, Lines, MailRow, OffenceRow, PlaceRow, PrefixRow, ProbeRow,
    QueryRow, SessionRow, StaleRow, TrafficRow, UserRow, whole,
};
pub(crate) use sender::SenderRow;
pub(crate) use services::Services;
pub(crate) use surges::Surges;

use crate::checkpoint::{Reader, Record as _, Writer};
use crate::config::Config;
use crate::explain::TableStatistics;
use crate::table::Table;
use alloc::vec::Vec;

/// All tables.
pub(crate) struct State {
    /// Failed logins, by client.
    pub clients: Table<ClientRow>,
    /// Failed logins and bans, by /24, /48 and /56.
    pub prefixes: Table<PrefixRow>,
    /// Failed logins, by account.
    pub accounts: Table<AccountRow>,
    /// Which client failed on which account.
    pub pairs: Pairs,
    /// Connections and accepted messages, by client.
    pub traffic: Table<TrafficRow>,
    /// Misbehaviour other than failed logins, by client.
    pub probes: Table<ProbeRow>,
    /// Where an account logged in.
    pub places: Table<PlaceRow>,
    /// What devices with an old password do, by account.
    pub stale: Table<StaleRow>,
    /// How many accounts logged in, by client and prefix.
    pub users: Table<UserRow>,
    /// What was already counted, by session.
    pub sessions: Table<SessionRow>,
    /// Who is behind a session or message, by its id.
    pub joins: Table<JoinRow>,
    /// Earlier offences, by subject.
    pub offences: Table<OffenceRow>,
    /// Whose mail servers were asked for, by DNS client.
    pub queries: Table<QueryRow>,
    /// Which account a message is from, by queue id.
    pub mails: Table<MailRow>,
    /// What accounts send.
    pub senders: Table<SenderRow>,
    /// What messages have in common, and who sent them.
    pub mailings: Mailings,
    /// What is refused here, and not taken elsewhere.
    pub surges: Surges,
    /// Where accounts are at home.
    pub homes: Table<HomeRow>,
    /// What this host itself asked, and what explains it.
    pub asked: Asked,
    /// Failures of strangers all over the site.
    pub strangers: Episode,
    /// Questions for unknown recipients, all over the site.
    pub askers: Episode,
    /// Which services there are.
    pub services: Services,
}

impl State {
    pub fn new(config: &Config) -> Self {
        let (table, seed) = (&config.table, config.seed);
        State {
            clients: Table::new(table.clients, seed),
            prefixes: Table::new(table.prefixes, seed),
            accounts: Table::new(table.accounts, seed),
            pairs: Pairs::new(table.pairs, seed),
            traffic: Table::new(table.traffic, seed),
            probes: Table::new(table.probes, seed),
            places: Table::new(table.places, seed),
            stale: Table::new(table.accounts, seed),
            users: Table::new(table.users, seed),
            sessions: Table::new(table.sessions, seed),
            joins: Table::new(table.joins, seed),
            offences: Table::new(table.offences, seed),
            queries: Table::new(table.queries, seed),
            asked: Asked::default(),
            mailings: Mailings::new(table.campaigns, seed),
            strangers: Episode::default(),
            askers: Episode::default(),
            services: Services::default(),
            surges: Surges::new(seed),
            mails: Table::new(table.mails, seed),
            senders: Table::new(table.accounts, seed),
            homes: Table::new(table.accounts, seed),
        }
    }

    /// Entries, capacities and evictions of all tables.
    pub fn statistics(&self) -> Vec<TableStatistics> {
        let mut all = Vec::from([
            self.clients.statistics("clients"),
            self.prefixes.statistics("prefixes"),
            self.accounts.statistics("accounts"),
            self.pairs.statistics(),
            self.traffic.statistics("traffic"),
            self.probes.statistics("probes"),
            self.places.statistics("places"),
            self.stale.statistics("stale"),
            self.users.statistics("users"),
            self.sessions.statistics("sessions"),
            self.joins.statistics("joins"),
            self.offences.statistics("offences"),
            self.queries.statistics("queries"),
            self.mails.statistics("mails"),
            self.senders.statistics("senders"),
            self.homes.statistics("homes"),
        ]);
        all.extend(self.mailings.statistics());
        all.push(self.surges.domains.statistics("domains"));
        all.push(self.surges.servers.statistics("servers"));
        all
    }

    /// How many entries gave way since the last call, by table.
    pub fn take_evicted(&mut self) -> Vec<(&'static str, u64)> {
        let mut all = Vec::from([
            ("clients", self.clients.take_unreported()),
            ("prefixes", self.prefixes.take_unreported()),
            ("accounts", self.accounts.take_unreported()),
            ("pairs", self.pairs.take_unreported()),
            ("traffic", self.traffic.take_unreported()),
            ("probes", self.probes.take_unreported()),
            ("places", self.places.take_unreported()),
            ("stale", self.stale.take_unreported()),
            ("users", self.users.take_unreported()),
            ("sessions", self.sessions.take_unreported()),
            ("joins", self.joins.take_unreported()),
            ("offences", self.offences.take_unreported()),
            ("queries", self.queries.take_unreported()),
            ("mails", self.mails.take_unreported()),
            ("senders", self.senders.take_unreported()),
            ("homes", self.homes.take_unreported()),
        ]);
        all.extend(self.mailings.take_evicted());
        all.push(("domains", self.surges.domains.take_unreported()));
        all.push(("servers", self.surges.servers.take_unreported()));
        all
    }

    pub fn write(&self, into: &mut Writer<'_>) {
        self.clients.write(into);
        self.prefixes.write(into);
        self.accounts.write(into);
        self.pairs.write(into);
        self.traffic.write(into);
        self.probes.write(into);
        self.places.write(into);
        self.stale.write(into);
        self.users.write(into);
        self.sessions.write(into);
        self.joins.write(into);
        self.offences.write(into);
        self.queries.write(into);
        self.mails.write(into);
        self.senders.write(into);
        self.homes.write(into);
        self.asked.write(into);
        self.mailings.write(into);
        self.strangers.write(into);
        self.askers.write(into);
        self.services.write(into);
        self.surges.write(into);
    }

    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.clients.read(from)?;
        self.prefixes.read(from)?;
        self.accounts.read(from)?;
        self.pairs.read(from)?;
        self.traffic.read(from)?;
        self.probes.read(from)?;
        self.places.read(from)?;
        self.stale.read(from)?;
        self.users.read(from)?;
        self.sessions.read(from)?;
        self.joins.read(from)?;
        self.offences.read(from)?;
        self.queries.read(from)?;
        self.mails.read(from)?;
        self.senders.read(from)?;
        self.homes.read(from)?;
        self.asked = Asked::read(from)?;
        self.mailings.read(from)?;
        self.strangers = Episode::read(from)?;
        self.askers = Episode::read(from)?;
        self.services = Services::read(from)?;
        self.surges.read(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the index of a table takes for a row, filled as it is on average.
    const INDEX_BYTES: usize = 10;

    #[test]
    fn an_account_fits_the_promised_memory() {
        // At home in one place, which its client's /24 and /16 go with.
        let rows = [size_of::<PlaceRow>() + INDEX_BYTES; 4].into_iter().chain(
            [size_of::<SenderRow>(), size_of::<HomeRow>()]
                .into_iter()
                .chain([size_of::<AccountRow>(), size_of::<StaleRow>()])
                .map(|bytes| bytes + INDEX_BYTES),
        );
        let bytes: usize = rows.sum();
        assert!(bytes <= 1_024, "{bytes}");
    }
}
