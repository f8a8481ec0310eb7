//! The story of an account, from the journal: where it is at home, who failed on it, who got in,
//! what it sent.
//!
//! Places are networks, /24 and /48. One is *new* for a week after the first login from it on
//! record; what was there when the record began is at home. A failure counts as a stranger's where
//! the account had never logged in from its network before.

use super::bans::{Ban, Bans};
use super::proposal;
use crate::failure::Failure;
use crate::recover::failure;
use event::{Decision, Event, Finding, Kind, Network, Outcome, Subject, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use store::{Filter, Reader, Record, Row};

/// Records of an account that are read, the newest.
const RECORDS_MAX: usize = 50_000;
/// Places and addresses that are kept, each.
const KEPT_MAX: usize = 20_000;
/// Notable records that are kept.
const NOTABLE_MAX: usize = 5_000;
const DAY_S: i64 = 86_400;
/// For so long a place is new, and a failure is of late.
const WEEK_S: i64 = 7 * DAY_S;

/// The story of an account.
#[derive(Debug, Default)]
pub struct Account {
    /// The time of the newest record of it.
    pub now: Option<Timestamp>,
    /// The time of the oldest that was read.
    pub since: Option<Timestamp>,
    /// True where there is more on record than was read.
    pub is_cut: bool,
    /// Networks it logged in from, by their first login.
    pub places: Vec<Place>,
    /// Strangers that failed on it within a week.
    pub strangers: Vec<Stranger>,
    /// Failures within a week from where it is at home.
    pub own_failures: u64,
    /// What was found about it.
    pub findings: Vec<Finding>,
    /// Messages and their recipients, by day.
    pub days: BTreeMap<i64, Sent>,
    /// Its newest records but for what it does every day: logins and sessions where it is at home.
    pub notable: VecDeque<Row>,
}

/// A network that the account logged in from.
#[derive(Clone, Debug)]
pub struct Place {
    /// The network.
    pub network: Network,
    /// Logins.
    pub logins: u64,
    /// The first on record.
    pub first: Timestamp,
    /// The latest.
    pub latest: Timestamp,
    /// The address of the first.
    pub client: IpAddr,
    /// What it logged in to.
    pub services: BTreeSet<String>,
    /// Failures on the account from there before the first login.
    pub failures_before: u64,
    /// True where it was first seen within the last week, and others long before.
    pub is_new: bool,
    /// The ban of its first address, if any.
    pub ban: Option<Ban>,
}

impl Place {
    /// True for what looks like somebody else.
    pub const fn is_suspect(&self) -> bool {
        self.is_new && (self.failures_before > 0 || self.ban.is_some())
    }
}

/// An address that failed on the account from where it is not at home.
#[derive(Clone, Debug)]
pub struct Stranger {
    /// The address.
    pub client: IpAddr,
    /// Its failures.
    pub failures: u64,
    /// The first.
    pub first: Timestamp,
    /// The latest.
    pub latest: Timestamp,
    /// The ban that covered it, if any.
    pub ban: Option<Ban>,
}

/// What was sent in a day.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    messages: BTreeMap<Vec<u8>, u64>,
}

impl Sent {
    /// Messages.
    pub fn messages(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Their recipients, as far as lines tell; one for each message at least.
    pub fn recipients(&self) -> u64 {
        self.messages.values().map(|recipients| (*recipients).max(1)).sum()
    }
}

/// The network that stands for the place of an address.
pub fn place_of(client: IpAddr) -> Network {
    Network::of(client, if client.is_ipv4() { 24 } else { 48 })
}

/// Reads the story of an account.
///
/// # Errors
/// The journal cannot be read.
pub fn read(reader: &Reader, name: &[u8]) -> Result<Account, Failure> {
    let filter = Filter::about(Subject::Account(name.into()));
    let found = reader.query(&filter, RECORDS_MAX).map_err(failure)?;
    let (mut reading, is_cut) = (Reading::default(), found.cut);
    // Rows come newest first.
    for row in found.rows.into_iter().rev() {
        let is_notable = match row.record() {
            Some(Record::Event { event, .. }) => reading.event(&event),
            Some(Record::Finding { finding, .. }) => {
                reading.account.findings.push(finding);
                true
            }
            _ => true,
        };
        if is_notable {
            reading.account.note(row);
        }
    }
    let mut account = reading.end();
    account.is_cut = is_cut;
    let week_ago = account.now.map(|now| now.plus_seconds(-WEEK_S));
    if let Some(week_ago) = week_ago {
        let bans = Bans::since(reader, week_ago)?;
        for stranger in &mut account.strangers {
            stranger.ban = bans.of(stranger.client).cloned();
        }
        for place in account.places.iter_mut().filter(|place| place.is_new) {
            place.ban = bans.of(place.client).cloned();
        }
    }
    Ok(account)
}

/// What holds or is proposed for a subject that is no address.
///
/// # Errors
/// The journal cannot be read.
pub fn held(reader: &Reader, subject: &Subject, now: Timestamp) -> Result<Vec<Decision>, Failure> {
    let mut held = reader.holds().map_err(failure)?;
    held.retain(|decision| {
        decision.subject == *subject && decision.until.is_none_or(|until| until > now)
    });
    held.extend(proposal::standing(reader, Some(subject), now)?);
    Ok(held)
}

#[derive(Default)]
struct Reading {
    account: Account,
    places: BTreeMap<Network, Place>,
    strangers: BTreeMap<IpAddr, Stranger>,
    failures: BTreeMap<Network, u64>,
    /// Failures from where it is at home, by time.
    own: Vec<Timestamp>,
}

impl Reading {
    /// True for what it does not do every day.
    fn event(&mut self, event: &Event<'_>) -> bool {
        self.account.since.get_or_insert(event.at);
        self.account.now = self.account.now.max(Some(event.at));
        self.sent(event);
        let Some(client) = event.client else { return event.hostile };
        if event.kind == Kind::Auth && event.outcome == Outcome::Allowed {
            return self.login(event, client);
        }
        if event.hostile && event.attempts > 0 {
            self.failure(event, client);
        }
        event.hostile
    }

    /// True for the first from its network.
    fn login(&mut self, event: &Event<'_>, client: IpAddr) -> bool {
        let network = place_of(client);
        let is_first = !self.places.contains_key(&network);
        if self.places.len() >= KEPT_MAX && is_first {
            return true;
        }
        let failures_before = self.failures.get(&network).copied().unwrap_or_default();
        let place = self.places.entry(network).or_insert_with(|| Place {
            network,
            logins: 0,
            first: event.at,
            latest: event.at,
            client,
            services: BTreeSet::new(),
            failures_before,
            is_new: false,
            ban: None,
        });
        place.logins += 1;
        place.latest = place.latest.max(event.at);
        if place.services.len() < 8 {
            place.services.insert(event.protocol.to_string());
        }
        is_first
    }

    fn failure(&mut self, event: &Event<'_>, client: IpAddr) {
        let (network, attempts) = (place_of(client), u64::from(event.attempts));
        if self.places.contains_key(&network) {
            return self.own.push(event.at);
        }
        if self.strangers.len() >= KEPT_MAX && !self.strangers.contains_key(&client) {
            return;
        }
        *self.failures.entry(network).or_default() += attempts;
        let stranger = self.strangers.entry(client).or_insert_with(|| Stranger {
            client,
            failures: 0,
            first: event.at,
            latest: event.at,
            ban: None,
        });
        stranger.failures += attempts;
        stranger.latest = stranger.latest.max(event.at);
    }

    /// A message is one queue id; how many it goes to, lines say that follow.
    fn sent(&mut self, event: &Event<'_>) {
        let (Some(id), true) = (event.queue_id, event.outcome == Outcome::Allowed) else { return };
        if !matches!(event.kind, Kind::Auth | Kind::Message) {
            return;
        }
        let day = event.at.seconds().div_euclid(DAY_S);
        let messages = &mut self.account.days.entry(day).or_default().messages;
        if messages.len() < KEPT_MAX {
            let recipients = messages.entry(id.bytes().to_vec()).or_default();
            *recipients = (*recipients).max(u64::from(event.recipients));
        }
    }

    fn end(self) -> Account {
        let Reading { mut account, places, strangers, own, .. } = self;
        let (Some(now), Some(since)) = (account.now, account.since) else { return account };
        let week_ago = now.plus_seconds(-WEEK_S);
        account.own_failures = own.iter().filter(|at| **at >= week_ago).count() as u64;
        account.strangers =
            strangers.into_values().filter(|stranger| stranger.latest >= week_ago).collect();
        account.strangers.sort_by_key(|stranger| stranger.first);
        account.places = places.into_values().collect();
        account.places.sort_by_key(|place| place.first);
        // What is there from the beginning may be older than the record.
        let known_by = since.plus_seconds(DAY_S).max(week_ago);
        let has_old = account.places.iter().any(|place| place.first < known_by);
        for place in &mut account.places {
            place.is_new = has_old && place.first >= known_by;
        }
        account
    }
}

impl Account {
    fn note(&mut self, row: Row) {
        if self.notable.len() == NOTABLE_MAX {
            self.notable.pop_front();
        }
        self.notable.push_back(row);
    }

    /// Places that look like somebody else's.
    pub fn suspects(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.is_suspect())
    }

    /// Failures of strangers.
    pub fn strange_failures(&self) -> u64 {
        self.strangers.iter().map(|stranger| stranger.failures).sum()
    }

    /// Networks of strangers.
    pub fn strange_networks(&self) -> usize {
        let networks: BTreeSet<Network> =
            self.strangers.iter().map(|stranger| place_of(stranger.client)).collect();
        networks.len()
    }

    /// Since when the strangers come: the first of the latest run without a gap of a day.
    pub fn attack_since(&self) -> Option<Timestamp> {
        let mut times: Vec<Timestamp> =
            self.strangers.iter().flat_map(|one| [one.first, one.latest]).collect();
        times.sort_unstable();
        let mut since = times.pop()?;
        for at in times.into_iter().rev() {
            if since.seconds() - at.seconds() > DAY_S {
                break;
            }
            since = at;
        }
        Some(since)
    }

    /// Recipients of the latest day and the most of a day before it.
    pub fn latest_day(&self) -> Option<(&Sent, u64)> {
        let day = self.now?.seconds().div_euclid(DAY_S);
        let (latest, sent) = self.days.last_key_value()?;
        let most = self.days.range(..latest).map(|(_, sent)| sent.recipients()).max();
        (*latest + 1 >= day).then(|| (sent, most.unwrap_or_default()))
    }
}
