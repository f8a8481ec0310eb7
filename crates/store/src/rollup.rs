//! Counts that charts are drawn from: a panel costs the points it draws and not the events behind
//! them.
//!
//! Two kinds, both made by the maintenance from batches that are on record, a moment after the
//! commit and beside it:
//!
//! - **roll-ups**: events by series (host, server, service, protocol, kind, outcome, reason), in
//!   steps of ten seconds (kept for a day), a minute and five minutes (fifteen days) and an hour
//!   (as long as actions);
//! - **leaders**: for each minute (a day), hour (ninety days) and day (as long as actions) the
//!   busiest values of each [`Dimension`] with their events by series. What is not among them is
//!   summed up as the rest, so that sums stay right. Half of the places go to those with the most
//!   events, half to those with the most that were not allowed: no crowd of honest clients hides
//!   an attacker.
//!
//! How far the batches were counted is committed with the counts: none is counted twice, and what
//! is lost with a damaged database is made again from history.

mod bucket;
mod distinct;
mod gathering;
mod leaders;
mod series;

use ::event::{Event, Network, Timestamp};
use std::net::IpAddr;

pub use bucket::VALUE_MAX;
pub use leaders::{Leader, Leaders};
pub use series::Series;

pub(crate) use bucket::Bucket;
pub(crate) use distinct::Distinct;
pub(crate) use gathering::{Gathering, Place};

/// The width of a point in time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// Ten seconds.
    TenSeconds,
    /// A minute.
    Minute,
    /// Five minutes, of roll-ups only.
    FiveMinutes,
    /// An hour.
    Hour,
    /// A day, of leaders only.
    Day,
}

impl Step {
    /// All, the finest first.
    pub const ALL: [Step; 5] =
        [Step::TenSeconds, Step::Minute, Step::FiveMinutes, Step::Hour, Step::Day];
    /// Those of roll-ups.
    pub const OF_ROLLUPS: [Step; 4] =
        [Step::TenSeconds, Step::Minute, Step::FiveMinutes, Step::Hour];
    /// Those of leaders that are counted; a day's are made from its hours.
    pub const OF_LEADERS: [Step; 2] = [Step::Minute, Step::Hour];

    /// Its length in seconds, by which it is stored.
    pub const fn seconds(self) -> i64 {
        match self {
            Step::TenSeconds => 10,
            Step::Minute => 60,
            Step::FiveMinutes => 300,
            Step::Hour => 3600,
            Step::Day => 86_400,
        }
    }

    /// The first second of the step that `at_s` is in.
    pub const fn floor(self, at_s: i64) -> i64 {
        at_s.div_euclid(self.seconds()) * self.seconds()
    }

    /// The end of the steps that cover everything before `until_s`.
    pub const fn ceil(self, until_s: i64) -> i64 {
        self.floor(until_s.saturating_sub(1)).saturating_add(self.seconds())
    }

    /// How long roll-ups of this step are kept; `None`: as long as actions.
    pub(crate) const fn rollups_kept_s(self) -> Option<i64> {
        match self {
            Step::TenSeconds => Some(Step::Day.seconds()),
            Step::Minute | Step::FiveMinutes => Some(15 * Step::Day.seconds()),
            Step::Hour | Step::Day => None,
        }
    }

    /// How long leaders of this step are kept; `None`: as long as actions.
    pub(crate) const fn leaders_kept_s(self) -> Option<i64> {
        match self {
            Step::TenSeconds | Step::Minute | Step::FiveMinutes => Some(Step::Day.seconds()),
            Step::Hour => Some(90 * Step::Day.seconds()),
            Step::Day => None,
        }
    }

    /// Values of each dimension that are kept on record.
    pub(crate) const fn leaders_max(self) -> usize {
        match self {
            Step::TenSeconds | Step::Minute | Step::FiveMinutes => 64,
            Step::Hour => 256,
            Step::Day => 512,
        }
    }
}

/// What leaders are counted by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Dimension {
    /// Clients, with their accounts counted.
    Client,
    /// Networks of clients: /24 or /56, with their clients counted.
    Network,
    /// Operators of clients' networks, `AS64500`, with their clients counted.
    Operator,
    /// Countries of clients, with their clients counted.
    Country,
    /// Login names, ASCII case aside, with their clients counted.
    Account,
    /// Envelope senders, with their recipients counted.
    Sender,
    /// Clients that ask a DNS server for MX records, with the names they asked for counted.
    MxClient,
}

impl Dimension {
    /// All; the position is stored, so append only.
    pub const ALL: [Dimension; 7] = [
        Dimension::Client,
        Dimension::Network,
        Dimension::Operator,
        Dimension::Country,
        Dimension::Account,
        Dimension::Sender,
        Dimension::MxClient,
    ];

    /// What an event counts for: its value of this dimension, where it has one.
    pub fn value(self, event: &Event<'_>) -> Option<Vec<u8>> {
        let client = event.client;
        match self {
            Dimension::Client => client.map(|client| client.to_string().into_bytes()),
            Dimension::Network => client.map(|client| network(client).to_string().into_bytes()),
            Dimension::Operator => {
                let operator = event.origin.operator;
                (operator != 0).then(|| format!("AS{operator}").into_bytes())
            }
            Dimension::Country => {
                (event.origin.country != [0; 2]).then(|| event.origin.country.to_vec())
            }
            Dimension::Account => event.account.map(|name| name.0.to_ascii_lowercase()),
            Dimension::Sender => {
                let sender = event.sender.filter(|sender| !sender.0.is_empty());
                sender.map(|sender| sender.0.to_ascii_lowercase())
            }
            Dimension::MxClient => {
                let asks =
                    event.query_type.is_some_and(|asked| asked.0.eq_ignore_ascii_case(b"MX"));
                client.filter(|_| asks).map(|client| client.to_string().into_bytes())
            }
        }
    }

    /// What is counted of a value besides its events.
    pub fn other(self, event: &Event<'_>) -> Option<Vec<u8>> {
        match self {
            Dimension::Client => event.account.map(|name| name.0.to_ascii_lowercase()),
            Dimension::Network | Dimension::Operator | Dimension::Country | Dimension::Account => {
                event.client.map(|client| client.to_string().into_bytes())
            }
            Dimension::Sender => event.recipient.map(|name| name.0.to_ascii_lowercase()),
            Dimension::MxClient => event.query_name.map(|name| name.0.to_ascii_lowercase()),
        }
    }
}

/// What a network is here: a /24 of IPv4, a /56 of IPv6.
fn network(client: IpAddr) -> Network {
    Network::of(client, if client.is_ipv4() { 24 } else { 56 })
}

/// Events of one series in one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rollup {
    /// The step's first second.
    pub at: Timestamp,
    /// Which series: a position in what [`crate::Reader::series`] gives.
    pub series: u16,
    /// How many.
    pub events: u64,
}
