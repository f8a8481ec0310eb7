//! The story of a cohort: who took part in what one detector found, from the journal.
//!
//! A cohort has no name of its own: it is the newest run of what one detector found and decided,
//! without a gap of a day. Its members are the addresses that were decided on; what they share
//! and which accounts they tried is read from the lines that the decisions have as evidence; who
//! got in is every member that logged in, from an hour before the cohort's begin on.

use super::account::place_of;
use super::bans::around;
use crate::failure::Failure;
use crate::recover::failure;
use event::{Decision, Event, Kind, Measure, Network, Outcome, Subject, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use store::{Filter, Reader, Record, What};

/// Records that are read at most: actions, then logins.
const RECORDS_MAX: usize = 100_000;
/// Lines of evidence that are read.
const EVIDENCE_MAX: usize = 4_000;
/// Distinct values that are counted of one trait.
const VALUES_MAX: usize = 10_000;
/// A longer gap is between two cohorts: most detectors count within a day.
const GAP_S: i64 = 24 * 3_600;
const HOUR_S: i64 = 3_600;
/// What fewer lines share says nothing.
const SHARED_MIN: u64 = 3;

/// What a detector found and decided in one run.
#[derive(Debug, Default)]
pub struct Cohort {
    /// The first and the latest finding or decision.
    pub from: Option<Timestamp>,
    /// The latest.
    pub until: Option<Timestamp>,
    /// Accounts, hosts and senders that findings are about, by their kind, with the time.
    pub about: BTreeMap<(&'static str, String), Timestamp>,
    /// Addresses and networks that were decided on.
    pub members: BTreeSet<Network>,
    /// Those of them that are no single address.
    pub networks: BTreeSet<Network>,
    /// Decisions, by measure and mode.
    pub decisions: BTreeMap<(&'static str, &'static str), u64>,
    /// Proposals for accounts and senders.
    pub proposals: Vec<Decision>,
    /// Accounts that they tried, with how many lines of the evidence.
    pub accounts: BTreeMap<String, u64>,
    /// Values of the traits of the evidence's events.
    pub traits: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Lines of evidence that were read.
    pub lines: u64,
    /// Members that logged in: when, from where, as whom.
    pub got_in: Vec<(Timestamp, IpAddr, String)>,
    /// The newest lines of evidence.
    pub evidence: Vec<u64>,
}

/// Reads the newest cohort of a detector or rule; one without a beginning where there is none.
///
/// # Errors
/// The journal cannot be read.
pub fn read(reader: &Reader, rule: &str) -> Result<Cohort, Failure> {
    let actions = Filter { what: What::Actions, ..Filter::default() };
    let found = reader.query(&actions, RECORDS_MAX).map_err(failure)?;
    let mut cohort = Cohort::default();
    let mut evidence = BTreeSet::new();
    for row in &found.rows {
        let record = row.record();
        let (at, lines) = match &record {
            Some(Record::Finding { finding, .. }) if finding.detector == rule => {
                (finding.at, finding.evidence)
            }
            Some(Record::Decision { decision, .. }) if decision.rule == rule => {
                (decision.at, decision.evidence)
            }
            _ => continue,
        };
        // Rows come newest first.
        if cohort.from.is_some_and(|from| from.seconds() - at.seconds() > GAP_S) {
            break;
        }
        cohort.from = Some(cohort.from.map_or(at, |from| from.min(at)));
        cohort.until = cohort.until.max(Some(at));
        if evidence.len() < EVIDENCE_MAX {
            evidence.extend(lines.lines());
        }
        match record {
            Some(Record::Finding { finding, .. }) => cohort.found(at, &finding.subject),
            Some(Record::Decision { decision, .. }) => cohort.decided(decision),
            _ => {}
        }
    }
    let evidence: Vec<u64> = evidence.into_iter().collect();
    for row in &reader.lines(&evidence).map_err(failure)?.rows {
        if let Some(event) = row.event() {
            cohort.line(&event);
        }
    }
    cohort.evidence = evidence;
    cohort.read_logins(reader)?;
    Ok(cohort)
}

impl Cohort {
    fn found(&mut self, at: Timestamp, subject: &Subject) {
        if subject.network().is_some() {
            return;
        }
        let name = (subject.kind(), subject.to_string());
        let first = self.about.entry(name).or_insert(at);
        *first = at.min(*first);
    }

    fn decided(&mut self, decision: Decision) {
        let done = (decision.measure.name(), decision.mode.name());
        *self.decisions.entry(done).or_default() += 1;
        match decision.subject.network() {
            Some(network) if decision.measure == Measure::Ban => {
                self.members.insert(network);
                if !network.is_host() && network != Network::of(network.address(), 64) {
                    self.networks.insert(network);
                }
            }
            Some(_) => {}
            None => self.proposals.push(decision),
        }
    }

    fn line(&mut self, event: &Event<'_>) {
        self.lines += 1;
        let text =
            |text: Option<Text<'_>>| text.filter(|text| !text.is_empty()).map(|t| t.to_string());
        if let Some(account) = text(event.account) {
            count(&mut self.accounts, account.to_lowercase());
        }
        for (name, value) in [
            ("server", Some(event.server.to_string())),
            ("protocol", Some(event.protocol.to_string())),
            ("mechanism", text(event.mechanism)),
            ("HELO name", text(event.helo)),
            ("sender", text(event.sender)),
            ("subject of the mail", text(event.mail_subject)),
            ("network", event.client.map(|client| place_of(client).to_string())),
        ] {
            if let Some(value) = value {
                count(self.traits.entry(name).or_default(), value);
            }
        }
    }

    fn read_logins(&mut self, reader: &Reader) -> Result<(), Failure> {
        let Some(from) = self.from.filter(|_| !self.members.is_empty()) else { return Ok(()) };
        let logins = Filter {
            kind: Some(Kind::Auth),
            outcome: Some(Outcome::Allowed),
            from: Some(from.plus_seconds(-HOUR_S)),
            ..Filter::default()
        };
        let prefixes: BTreeSet<u8> = self.members.iter().map(Network::prefix).collect();
        for row in &reader.query(&logins, RECORDS_MAX).map_err(failure)?.rows {
            let Some(event) = row.event() else { continue };
            let Some(client) = event.client else { continue };
            if around(client, &prefixes).any(|network| self.members.contains(&network)) {
                let account = event.account.map(|name| name.to_string()).unwrap_or_default();
                self.got_in.push((event.at, client, account));
            }
        }
        self.got_in.reverse();
        Ok(())
    }

    /// What at least half of the evidence's lines have in common: the trait, its value, percent.
    pub fn shared(&self) -> Vec<(&'static str, &str, u64)> {
        let mut shared = Vec::new();
        for (name, values) in &self.traits {
            let Some((value, number)) = values.iter().max_by_key(|(_, count)| **count) else {
                continue;
            };
            let percent = number * 100 / self.lines.max(1);
            if percent >= 50 && *number >= SHARED_MIN && value != "unknown" {
                shared.push((*name, value.as_str(), percent));
            }
        }
        shared
    }

    /// How many different networks (/24, /48) the members are in.
    pub fn places(&self) -> usize {
        let places: BTreeSet<Network> =
            self.members.iter().map(|network| place_of(network.address())).collect();
        places.len()
    }
}

fn count(values: &mut BTreeMap<String, u64>, value: String) {
    if values.len() < VALUES_MAX || values.contains_key(&value) {
        *values.entry(value).or_default() += 1;
    }
}
