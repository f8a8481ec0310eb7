//! What logs tell, summed up: logins, messages, probes, who did most, and what was found of it.
//!
//! What several lines or servers tell of one thing counts once: failed logins as the engine counts
//! them, messages by their queue ids. Memory is bounded whatever the logs hold; where a bound is
//! reached the totals say so.

pub mod distinct;
mod json;
pub mod mail;
pub mod most;
mod show;

pub use json::json;
pub use show::{Shown, show};

use crate::lately::Lately;
use distinct::{Count, Distinct};
use engine::{Attempts, Counted, Engine, Output, hash_of_bytes, hash_of_name};
use event::{Event, Kind, Network, Outcome, Reason, Server, Text, Timestamp, Vocabulary};
use mail::{Mail, MailTotals};
use most::{Most, Row};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Bytes of an account's name that are kept.
const NAME_MAX: usize = 64;

/// Sums up.
pub struct Summary {
    seed: u64,
    attempts: Attempts,
    mail: Mail,
    clients: Distinct,
    /// Hashes of some clients.
    lately: Lately<u64>,
    accounts: Distinct,
    failed_accounts: Distinct,
    failed_clients: Distinct,
    probing_clients: Distinct,
    most_clients: Most<Network>,
    most_accounts: Most<Box<[u8]>>,
    totals: Totals,
    /// Logins of which only PAM or saslauthd told.
    service_logins: u64,
    refused: Vec<u64>,
    probed: Vec<u64>,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Totals {
    /// The first and the last event.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Connections, where servers tell of them.
    pub connections: u64,
    /// Different clients.
    pub clients: Count,
    /// Logins that succeeded.
    pub logins: u64,
    /// Different accounts of these.
    pub accounts: Count,
    /// Login attempts that failed.
    pub failed: u64,
    /// Different accounts of these.
    pub failed_accounts: Count,
    /// Different clients of these.
    pub failed_clients: Count,
    /// Those of clients for which a decision held by then.
    pub failed_of_held: u64,
    /// Those for which no line names a client.
    pub failed_of_nobody: u64,
    /// Logins that could not be tested, were given up or not allowed.
    pub untested: u64,
    /// Messages.
    pub mail: MailTotals,
    /// Recipients, senders and messages that were refused.
    pub refused: u64,
    /// The same for now.
    pub put_off: u64,
    /// By reason, most first.
    pub refused_by: Vec<(Reason, u64)>,
    /// What else counts against clients.
    pub probes: u64,
    /// Different clients of these.
    pub probing_clients: Count,
    /// By reason, most first.
    pub probes_by: Vec<(Reason, u64)>,
    /// DNS questions.
    pub queries: u64,
    /// Findings and decisions by detector.
    pub detectors: BTreeMap<String, Found>,
    /// Clients that did most, IPv6 by /64.
    pub most_clients: Vec<Row<Network>>,
    /// Accounts that were tried most.
    pub most_accounts: Vec<Row<Box<[u8]>>>,
    /// There were more than are remembered: counts of clients and accounts that did most are "at
    /// least".
    pub is_cut: bool,
}

/// What is new of what an event tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct News {
    /// Failed logins.
    pub failed: u32,
    /// The rest: false where another line told of it before.
    pub is_new: bool,
}

/// What a detector came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Findings.
    pub findings: u64,
    /// Decisions.
    pub decisions: u64,
}

impl Summary {
    /// Of an engine with this configuration.
    pub fn new(config: &engine::Config) -> Self {
        Summary {
            seed: config.seed,
            attempts: Attempts::new(config),
            mail: Mail::new(config.seed),
            clients: Distinct::default(),
            lately: Lately::default(),
            accounts: Distinct::default(),
            failed_accounts: Distinct::default(),
            failed_clients: Distinct::default(),
            probing_clients: Distinct::default(),
            most_clients: Most::default(),
            most_accounts: Most::default(),
            totals: Totals::default(),
            service_logins: 0,
            refused: vec![0; Reason::ALL.len()],
            probed: vec![0; Reason::ALL.len()],
        }
    }

    /// Takes an event in before `engine` does. Says what is new of what it tells.
    #[inline]
    pub fn take(&mut self, event: &Event<'_>, engine: &Engine) -> News {
        let (from, until) = self.totals.period.get_or_insert((event.at, event.at));
        *from = event.at.min(*from);
        *until = event.at.max(*until);
        if let Some(client) = event.client {
            self.client(client);
        }
        let is_new = self.mail.take(event);
        match (event.kind, event.outcome) {
            (Kind::Query, _) => self.totals.queries += 1,
            // A filter behind the mail server tells of its connections again.
            (Kind::Connect, Outcome::Allowed) if !event.hostile => {
                self.totals.connections += u64::from(!event.server.is_filter());
            }
            (Kind::Auth, Outcome::Allowed) => self.login(event),
            (Kind::Delivery | Kind::Session, _) if !event.hostile => {}
            // The end of a connection of Exchange's may say that a login failed.
            (Kind::Disconnect, Outcome::Allowed)
                if !event.hostile && event.server != Server::Exchange => {}
            (Kind::Tls | Kind::Message | Kind::Envelope, Outcome::Allowed) if !event.hostile => {}
            _ => return self.rarer(event, engine),
        }
        News { failed: 0, is_new }
    }

    fn client(&mut self, client: IpAddr) {
        let hash = hash_of(self.seed, client);
        if self.lately.is_new(hash as usize, hash) {
            self.clients.insert(hash);
        }
    }

    fn login(&mut self, event: &Event<'_>) {
        if event.server == Server::Exchange {
            // The name that waited for its answer has it.
            self.attempts.count(event);
        }
        if matches!(event.server, Server::Pam | Server::Saslauthd) {
            self.service_logins += 1;
        } else {
            self.totals.logins += 1;
        }
        if let Some(Text(name)) = event.account {
            self.accounts.insert(hash_of_name(self.seed, name));
        }
    }

    #[cold]
    fn rarer(&mut self, event: &Event<'_>, engine: &Engine) -> News {
        let counted = self.attempts.count(event);
        let failed = counted.attempts;
        let is_attempt = event.hostile && event.attempts > 0;
        if is_attempt || failed > 0 {
            self.failed(event, &counted, engine);
        }
        if is_attempt {
            return News { failed, is_new: true };
        }
        match (event.kind, event.outcome) {
            (Kind::Connect, _) => self.totals.connections += 1,
            (Kind::Auth, Outcome::Rejected | Outcome::Deferred) => {
                self.totals.untested += u64::from(event.times);
            }
            _ => {}
        }
        let is_judged = matches!(event.kind, Kind::Envelope | Kind::Message)
            && matches!(event.outcome, Outcome::Rejected | Outcome::Deferred);
        if !is_judged && !event.hostile {
            return News { failed, is_new: true };
        }
        if self.attempts.is_told_again(event) {
            return News { failed, is_new: false };
        }
        if is_judged && event.outcome == Outcome::Deferred {
            self.totals.put_off += 1;
        } else if is_judged {
            self.totals.refused += 1;
            add_reason(&mut self.refused, event.reason);
        }
        if event.hostile {
            self.probe(event);
        }
        News { failed, is_new: true }
    }

    fn failed(&mut self, event: &Event<'_>, counted: &Counted, engine: &Engine) {
        let Some(client) = event.client else {
            self.totals.failed_of_nobody += u64::from(event.attempts);
            return;
        };
        let new = u64::from(counted.attempts);
        self.totals.failed += new;
        if engine.is_client_held(client) {
            self.totals.failed_of_held += new;
        }
        let network = network(client);
        let of_client = hash_of(self.seed, network.address());
        self.failed_clients.insert(of_client);
        // Of Exchange's names nothing is known before their answers.
        let told = event.account.filter(|_| event.server != Server::Exchange);
        let name = counted.account.as_deref().or(told.map(|Text(name)| name));
        let name = name.map(|name| (hash_of_name(self.seed, name), name));
        let counts = (new, 0);
        self.most_clients.add(of_client, || network, counts, name.map(|(hash, _)| hash));
        if let Some((hash, name)) = name {
            self.failed_accounts.insert(hash);
            let label = || name.get(..NAME_MAX).unwrap_or(name).into();
            self.most_accounts.add(hash, label, counts, Some(of_client));
        }
    }

    fn probe(&mut self, event: &Event<'_>) {
        self.totals.probes += 1;
        add_reason(&mut self.probed, event.reason);
        if let Some(client) = event.client {
            let network = network(client);
            let hash = hash_of(self.seed, network.address());
            self.probing_clients.insert(hash);
            self.most_clients.add(hash, || network, (0, 1), None);
        }
    }

    /// Takes in what the engine said.
    pub fn said(&mut self, output: &Output) {
        let (detector, found) = match output {
            Output::Finding(finding) => (&finding.detector, Found { findings: 1, decisions: 0 }),
            Output::Decision(decision) => (&decision.rule, Found { findings: 0, decisions: 1 }),
            Output::Expiry(_) | Output::Evicted(_) => return,
        };
        let row = match self.totals.detectors.get_mut(detector.as_ref()) {
            Some(row) => row,
            None => self.totals.detectors.entry(detector.to_string()).or_default(),
        };
        row.findings += found.findings;
        row.decisions += found.decisions;
    }

    /// What came of it, with so many of those who did most.
    pub fn totals(&self, most: usize) -> Totals {
        let logins = self.totals.logins;
        Totals {
            clients: self.clients.count(),
            logins: if logins == 0 { self.service_logins } else { logins },
            accounts: self.accounts.count(),
            failed_accounts: self.failed_accounts.count(),
            failed_clients: self.failed_clients.count(),
            mail: self.mail.totals(),
            refused_by: by_reason(&self.refused),
            probing_clients: self.probing_clients.count(),
            probes_by: by_reason(&self.probed),
            most_clients: self.most_clients.first(most),
            most_accounts: self.most_accounts.first(most),
            is_cut: self.most_clients.is_cut || self.most_accounts.is_cut,
            ..self.totals.clone()
        }
    }
}

/// An IPv4 client is itself, of an IPv6 client the /64 counts: he can take any address in it.
const fn network(client: IpAddr) -> Network {
    let network = Network::host(client);
    match network.address() {
        IpAddr::V4(_) => network,
        IpAddr::V6(_) => Network::of(client, 64),
    }
}

fn hash_of(seed: u64, client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(v4) => hash_of_bytes(seed, &v4.octets()),
        IpAddr::V6(v6) => hash_of_bytes(seed, &v6.octets()),
    }
}

fn add_reason(counts: &mut [u64], reason: Option<Reason>) {
    let count = reason.and_then(|reason| counts.get_mut(usize::from(reason.code())));
    count.into_iter().for_each(|count| *count += 1);
}

fn by_reason(counts: &[u64]) -> Vec<(Reason, u64)> {
    let counted = Reason::ALL.iter().copied().zip(counts.iter().copied());
    let mut rows: Vec<(Reason, u64)> = counted.filter(|(_, count)| *count > 0).collect();
    rows.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), reason.code()));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Timestamp;

    #[test]
    fn clients_are_told_apart_whatever_letters_their_bytes_are() {
        let config = engine::Config::default();
        let (mut summary, engine) = (Summary::new(&config), Engine::new(config));
        for number in 0..=255 {
            for client in [format!("192.0.2.{number}"), format!("2001:db8::{number:x}")] {
                let client = client.parse().unwrap();
                let connect = Kind::Connect;
                let event =
                    Event::new(Timestamp(0), Server::Postfix, Text(b""), connect, Outcome::Allowed);
                summary.take(&Event { client: Some(client), ..event }, &engine);
            }
        }
        let totals = summary.totals(1);
        assert_eq!((totals.clients.number, totals.connections), (512, 512));
    }
}
