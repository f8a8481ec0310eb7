//! Why a subject stands where it stands, as plain data.

use crate::client::{ClientKey, PrefixKey, client_of, prefix_of};
use crate::decide::{PREFIX_RULE, normal};
use crate::detect::score_max;
use crate::engine::Engine;
use crate::hash::lower;
use crate::jitter::Thresholds;
use crate::places;
use alloc::vec::Vec;
use event::{Decision, Evidence, Network, Subject, Timestamp};

/// What the engine knows about a subject now.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// Whom it is about.
    pub subject: Subject,
    /// Event time of the answer.
    pub at: Timestamp,
    /// One row for each detector that has anything on the subject.
    pub scores: Vec<Standing>,
    /// Earlier offences, decayed; the next ban is `growth` to this power times longer.
    pub offences: f32,
    /// What holds for exactly this subject.
    pub hold: Option<Decision>,
    /// What holds for a network around it.
    pub covered_by: Option<Decision>,
    /// Why it is never banned, if so.
    pub protection: Option<Protection>,
    /// Accounts that logged in from there (estimated from a sketch), or for an account: 0.
    pub good_accounts: u32,
    /// For an account: true while it is under distributed attack.
    pub under_attack: bool,
    /// The latest lines that count.
    pub evidence: Evidence,
}

/// How far one detector has come.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// The detector.
    pub detector: &'static str,
    /// The score now.
    pub score: f32,
    /// Where it speaks, for this subject (good logins raise it).
    pub score_max: f32,
    /// Time in which the score halves, seconds; 0 where it counts in a window.
    pub half_life_s: u32,
}

/// Why a subject is never banned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Loopback, link-local, unspecified or multicast.
    Special,
    /// On the configured allowlist.
    Configured(Network),
    /// Allowed by an operator.
    Operator(Network),
    /// Part of the surroundings: own address, gateway, resolver, administrator.
    Surroundings(Network),
}

/// One table of bounded state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableStatistics {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Entries in use.
    pub entries: u32,
    /// Most entries.
    pub capacity: u32,
    /// Entries that gave way since the start.
    pub evicted: u64,
}

/// The engine's state in numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statistics {
    /// All tables.
    pub tables: Vec<TableStatistics>,
    /// Timers that wait.
    pub timers: usize,
}

impl Engine {
    /// Networks that are never banned by the configuration, unless an order took them off, and by
    /// orders that are not out of time.
    pub fn allowlist(&self) -> impl Iterator<Item = Network> {
        let shelter = &self.shelter;
        let configured = shelter.configured.iter().filter(|net| !shelter.disallowed.contains(net));
        let now = self.now().0;
        let holds = move |until: Option<i64>| until.is_none_or(|until| until > now);
        let allowed = self.shelter.allowed.iter().filter(move |entry| holds(entry.until));
        configured.copied().chain(allowed.map(|entry| entry.network))
    }

    /// Why a subject stands where it stands: scores against thresholds, offences, what holds and
    /// what protects it. Reads only; scores are faded to the engine's clock.
    pub fn explain(&self, subject: &Subject) -> Explanation {
        let subject = normal(subject);
        let mut explanation = Explanation {
            at: self.now(),
            scores: Vec::new(),
            offences: 0.0,
            hold: self.holds.get(&subject).cloned(),
            covered_by: None,
            protection: None,
            good_accounts: 0,
            under_attack: false,
            evidence: Evidence::default(),
            subject: subject.clone(),
        };
        if let Subject::Account(name) = &subject {
            self.explain_account(lower(self.config.seed, name), &mut explanation);
        }
        let Some(network) = subject.network() else { return explanation };
        explanation.protection = self.shelter.of(&network, self.now());
        let covers = |held: &Decision| {
            let held_network = held.subject.network();
            held.subject != subject
                && held_network.is_some_and(|held| {
                    held.prefix() <= network.prefix() && held.contains(network.address())
                })
        };
        explanation.covered_by = self.holds.sorted(covers).first().copied().cloned();
        if let Some(client) = client_of(&network) {
            self.explain_client(client, &mut explanation);
        } else if let Some(prefix) = prefix_of(&network) {
            self.explain_prefix(prefix, &mut explanation);
        }
        explanation
    }

    /// When somebody last logged in to an account, as far as that is remembered.
    pub fn last_login(&self, account: &[u8]) -> Option<Timestamp> {
        let row = self.state.homes.get(lower(self.config.seed, account))?;
        let last_s = Some(row.last_s()).filter(|last_s| *last_s != 0)?;
        Some(Timestamp::from_seconds(i64::from(last_s)))
    }

    fn offences(&self, key: u64) -> f32 {
        let half_life_s = self.config.ban.offence_half_life_s;
        let row = self.state.offences.get(key);
        row.map_or(0.0, |row| row.offences.at(self.now_s(), half_life_s) as f32 / 1000.0)
    }

    fn explain_client(&self, client: ClientKey, explanation: &mut Explanation) {
        let (config, now_s) = (&self.config, self.now_s());
        let good = places::good_accounts(&self.state, config, client, now_s);
        explanation.good_accounts = good;
        explanation.offences = self.offences(client.0);
        let mut stand = |detector: &'static str, score: u32, score_max: u32, half_life_s: u32| {
            if score > 0 {
                let (score, score_max) = (score as f32 / 1000.0, score_max as f32 / 1000.0);
                explanation.scores.push(Standing { detector, score, score_max, half_life_s });
            }
        };
        if let Some(row) = self.state.clients.get(client.0) {
            for (name, score, rule) in [
                ("brute-force", row.brute, config.brute_force.rule),
                ("slow-guessing", row.slow, config.slow_guessing.rule),
            ] {
                let score_max = score_max(self, rule.score_max, good);
                stand(name, score.at(now_s, rule.half_life_s), score_max, rule.half_life_s);
            }
            let spray = &config.password_spray;
            let excused = good.saturating_mul(spray.excused_by_good).saturating_add(1);
            let accounts_min = self.thresholds.client_accounts_min;
            let accounts_max = accounts_min.max(excused).saturating_mul(1000);
            stand("password-spray", row.accounts.count().saturating_mul(1000), accounts_max, 0);
            explanation.evidence = row.lines.evidence(self.seq);
        }
        if let Some(row) = self.state.traffic.get(client.0) {
            let flood = &config.connection_flood;
            let factor = if good > 0 { flood.known_factor } else { 1 };
            let half_life_s = flood.rule.half_life_s;
            let score_max = flood.rule.score_max.0.saturating_mul(factor);
            stand("connection-flood", row.connects.at(now_s, half_life_s), score_max, half_life_s);
        }
        if let Some(row) = self.state.probes.get(client.0) {
            let rule = config.scan.rule;
            let weak = row.weak.at(now_s, rule.half_life_s).min(config.scan.weak_max.0);
            let score = row.scan.at(now_s, rule.half_life_s).saturating_add(weak);
            stand("scan", score, rule.score_max.0, rule.half_life_s);
            let (relay, harvest) = (config.relay_probe.rule, config.recipient_harvest.rule);
            let harvest_max = self.thresholds.harvest_score_max;
            for (name, score, score_max, half_life_s) in [
                ("relay-probe", row.relay, relay.score_max.0, relay.half_life_s),
                ("recipient-harvest", row.harvest, harvest_max, harvest.half_life_s),
            ] {
                stand(name, score.at(now_s, half_life_s), score_max, half_life_s);
            }
            let more = row.lines.evidence(self.seq);
            let mut lines = [explanation.evidence.lines(), more.lines()].concat();
            lines.sort_unstable();
            explanation.evidence = lines.into_iter().collect();
        }
        if let Some(row) = self.state.queries.get(client.0) {
            let names = row.names.count().saturating_add(row.absent.count());
            stand("mx-surge", names * 1000, config.mx_surge.names_min * 1000, 0);
        }
    }

    fn explain_prefix(&self, prefix: PrefixKey, explanation: &mut Explanation) {
        let (config, now_s) = (&self.config, self.now_s());
        let good = places::good_accounts_of_prefix(&self.state, config, prefix, now_s);
        explanation.good_accounts = good;
        explanation.offences = self.offences(places::shared_key(prefix));
        let Some(row) = self.state.prefixes.get(places::shared_key(prefix)) else { return };
        let members_min = match (prefix.is_v4(), prefix.network().prefix()) {
            (true, _) => config.prefix.clients_min,
            (false, 56) => config.prefix.v6_56_min,
            (false, _) => config.prefix.v6_48_min,
        };
        for (detector, count, least) in [
            ("password-spray", row.accounts.count(), self.thresholds.prefix_accounts_min),
            (PREFIX_RULE, row.banned.count(), members_min),
        ] {
            if count > 0 {
                let (score, score_max) = (count as f32, least as f32);
                explanation.scores.push(Standing { detector, score, score_max, half_life_s: 0 });
            }
        }
        explanation.evidence = row.lines.evidence(self.seq);
    }

    fn explain_account(&self, account: u64, explanation: &mut Explanation) {
        let Some(row) = self.state.accounts.get(account) else { return };
        explanation.under_attack = row.under_attack;
        explanation.evidence = row.lines.evidence(self.seq);
        let Thresholds { prefixes_min, clients_min, .. } = self.thresholds;
        for (count, least) in
            [(row.prefixes.count(), prefixes_min), (row.clients.count(), clients_min)]
        {
            let (score, score_max) = (count as f32, least as f32);
            let detector = "distributed-guessing";
            explanation.scores.push(Standing { detector, score, score_max, half_life_s: 0 });
        }
    }
}
