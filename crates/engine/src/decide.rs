//! From a verdict to a decision: protection, escalation, prefixes, the end.
//!
//! - A subject that is protected is never decided on; the finding is still told. A prefix that
//!   holds a protected or known-good address is not banned as a whole.
//! - Each earlier offence makes a ban `ban.growth` times longer, up to `ban.longest_s`; offences
//!   fade with `ban.offence_half_life_s`.
//! - While a ban holds, what its subject does is not scored, and at its start the scores are
//!   cleared. So late lines of a connection that was open before (Dovecot's "inactivity", three
//!   minutes later) cannot start a new ban when it ends.
//! - Where enough clients of a prefix are banned within a window, the prefix is. Of an IPv6 /48
//!   only those /56 count that are banned as a whole: many customers of a carrier have a bot each.
//!   Not where somebody of ours is ([`crate::neighbours`]): who logs in or delivers mail.

use crate::client::{ClientKey, PrefixKey, client_of, prefix_of};
use crate::engine::{Engine, Output};
use crate::holds::Hold;
use crate::neighbours;
use crate::places;
use crate::score::Score;
use crate::sketch;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::net::IpAddr;
use event::{
    Command, Decision, Evidence, Expiry, Finding, Measure, Mode, Network, Order, Subject, canonical,
};

/// The name of the rule that bans whole prefixes.
pub(crate) const PREFIX_RULE: &str = "prefix";
/// A prefix in which somebody of ours was found is not looked through again for so long.
const SPARED_S: u32 = 600;
/// The name of the rule of orders.
pub(crate) const OPERATOR: &str = "operator";

/// What a detector concluded.
pub(crate) struct Verdict {
    pub detector: &'static str,
    pub mode: Mode,
    pub ban_s: u32,
    /// Thousandths of a point.
    pub score: u32,
    pub evidence: Evidence,
}

/// Whom a decision is to cover.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A client, with the address that was seen, where one was.
    Client(ClientKey, Option<IpAddr>),
    /// A prefix.
    Prefix(PrefixKey),
}

impl Target {
    pub fn subject(self) -> Subject {
        match self {
            Target::Client(client, _) => client.subject(),
            Target::Prefix(prefix) => Subject::Network(prefix.network()),
        }
    }

    fn key(self) -> u64 {
        match self {
            Target::Client(client, _) => client.0,
            Target::Prefix(prefix) => places::shared_key(prefix),
        }
    }
}

impl Engine {
    /// Tells of something that was recognised.
    pub(crate) fn find(&self, verdict: &Verdict, subject: Subject, out: &mut Vec<Output>) {
        out.push(Output::Finding(Finding {
            at: self.now,
            detector: Cow::Borrowed(verdict.detector),
            subject,
            score: verdict.score as f32 / 1000.0,
            evidence: verdict.evidence,
        }));
    }

    /// Tells of it and decides on the same subject.
    pub(crate) fn convict(&mut self, verdict: &Verdict, target: Target, out: &mut Vec<Output>) {
        self.find(verdict, target.subject(), out);
        self.decide(verdict, target, out);
    }

    /// Decides, unless the subject is protected or something like it holds already.
    pub(crate) fn decide(&mut self, verdict: &Verdict, target: Target, out: &mut Vec<Output>) {
        let Some(subject) = self.unsheltered(target) else { return };
        if verdict.mode == Mode::Off || self.is_settled(&subject, target, verdict.mode) {
            return;
        }
        let (offence, seconds) = self.offend(target.key(), verdict);
        let decision = Decision {
            at: self.now,
            measure: Measure::Ban,
            subject: subject.clone(),
            until: Some(self.now.plus_seconds(i64::from(seconds))),
            rule: Cow::Borrowed(verdict.detector),
            offence,
            score: verdict.score as f32 / 1000.0,
            mode: verdict.mode,
            evidence: verdict.evidence,
        };
        self.hold(decision, out);
        if verdict.mode != Mode::Enforce {
            return;
        }
        if let Target::Client(client, _) = target {
            self.clear_scores(client);
            self.note_ban(client, verdict.evidence, out);
        }
    }

    /// Tells of it and proposes a measure for an account: recorded only, until something asks for
    /// it. Of two measures for one account the stronger one stands.
    pub(crate) fn propose(
        &mut self,
        verdict: &Verdict,
        subject: Subject,
        measure: Measure,
        out: &mut Vec<Output>,
    ) {
        self.find(verdict, subject.clone(), out);
        let stands = self.holds.get(&subject);
        if stands.is_some_and(|hold| {
            hold.mode == Mode::Enforce || strength(hold.measure) >= strength(measure)
        }) {
            return;
        }
        let decision = Decision {
            at: self.now,
            measure,
            subject,
            until: Some(self.now.plus_seconds(i64::from(verdict.ban_s))),
            rule: Cow::Borrowed(verdict.detector),
            offence: 1,
            score: verdict.score as f32 / 1000.0,
            mode: Mode::Observe,
            evidence: verdict.evidence,
        };
        self.hold(decision, out);
    }

    /// The subject to decide on: of an IPv6 client whose /64 holds a protected address, the single
    /// address.
    fn unsheltered(&self, target: Target) -> Option<Subject> {
        let subject = target.subject();
        if self.shelter.of(&subject.network()?, self.now).is_none() {
            return Some(subject);
        }
        let Target::Client(_, Some(address)) = target else { return None };
        let host = Network::host(address);
        let single = address.is_ipv6() && self.shelter.of(&host, self.now).is_none();
        single.then_some(Subject::Client(canonical(address)))
    }

    fn is_settled(&self, subject: &Subject, target: Target, mode: Mode) -> bool {
        if let Some(hold) = self.holds.get(subject)
            && (hold.mode == Mode::Enforce || mode == Mode::Observe)
        {
            return true;
        }
        match target {
            Target::Client(client, _) => self.is_held(client),
            Target::Prefix(_) => false,
        }
    }

    /// Counts an offence, unless the rule only observes: no ban grows by that. Returns its number
    /// and the length of the ban, seconds.
    fn offend(&mut self, key: u64, verdict: &Verdict) -> (u32, u32) {
        let (now_s, bans, ban_s) = (self.now_s(), self.config.ban, verdict.ban_s);
        let Some(row) = self.state.offences.entry(key) else { return (1, ban_s) };
        let earlier = row.offences.at(now_s, bans.offence_half_life_s).saturating_add(500) / 1000;
        if verdict.mode == Mode::Enforce {
            row.offences.add(now_s, bans.offence_half_life_s, 1000);
        }
        let factor = bans.growth.saturating_pow(earlier);
        (earlier.saturating_add(1), ban_s.saturating_mul(factor).min(bans.longest_s.max(1)))
    }

    /// Makes a decision hold, in the place of what holds for its subject.
    pub(crate) fn hold(&mut self, decision: Decision, out: &mut Vec<Output>) {
        let before = self.holds.get(&decision.subject);
        if before.is_some_and(|before| before.measure != decision.measure) {
            self.lift(&decision.subject, "replaced", out);
        }
        out.push(Output::Decision(decision.clone()));
        let (number, until) = (self.timers.number(), decision.until);
        let (row, before) = self.holds.insert(Hold { decision, number });
        if let Some(Hold { decision: Decision { until: Some(until), .. }, number }) = before {
            self.timers.cancel_end(until, number);
        }
        if let Some(until) = until {
            self.timers.set_end(until, number, row);
        }
        while self.holds.len() > self.config.table.bans as usize {
            let first = self.timers.first_end();
            let Some(first) = first.or_else(|| self.holds.smallest()) else { break };
            self.lift_row(first, "capacity", out);
        }
    }

    /// True while an enforced ban covers the client.
    pub(crate) fn is_held(&self, client: ClientKey) -> bool {
        self.held_for_s(client).is_some()
    }

    /// For how long an enforced ban has covered the client, seconds.
    #[inline]
    pub(crate) fn held_for_s(&self, client: ClientKey) -> Option<u32> {
        if self.holds.is_empty() {
            return None;
        }
        let now_s = self.now_s();
        self.holds.covered_since_s(client, now_s).map(|since_s| now_s.saturating_sub(since_s))
    }

    /// A banned client starts anew when the ban is over; meanwhile its rows are others' room.
    fn clear_scores(&mut self, client: ClientKey) {
        self.state.clients.remove(client.0);
        self.state.probes.remove(client.0);
        if let Some(row) = self.state.traffic.touch(client.0) {
            row.connects = Score::default();
        }
    }

    /// Counts a ban for the prefixes around the client.
    fn note_ban(&mut self, client: ClientKey, evidence: Evidence, out: &mut Vec<Output>) {
        let rule = self.config.prefix;
        if rule.mode == Mode::Off {
            return;
        }
        match client.site() {
            None => self.note_ban_in(client.prefix(), client.0, rule.clients_min, evidence, out),
            Some(site) => {
                self.note_ban_in(site, client.0, rule.v6_56_min, evidence, out);
                let site_subject = Subject::Network(site.network());
                if self.holds.get(&site_subject).is_some() {
                    self.note_ban_in(client.prefix(), site.0, rule.v6_48_min, evidence, out);
                }
            }
        }
    }

    fn note_ban_in(
        &mut self,
        prefix: PrefixKey,
        member: u64,
        members_min: u32,
        evidence: Evidence,
        out: &mut Vec<Output>,
    ) {
        let (now_s, rule, seed) = (self.now_s(), self.config.prefix, self.config.seed);
        let Some(row) = self.state.prefixes.entry(places::shared_key(prefix)) else { return };
        let windows = sketch::turn(&mut row.banned_window_s, now_s, rule.window_s);
        row.banned.rotate(windows);
        row.banned.mark(crate::hash::mix(member, seed));
        let members = row.banned.count();
        if members < members_min {
            return;
        }
        let verdict = Verdict {
            detector: PREFIX_RULE,
            mode: rule.mode,
            ban_s: rule.ban_s,
            score: members.saturating_mul(1000),
            evidence,
        };
        self.convict_whole(&verdict, prefix, out);
    }

    /// Tells of it and bans a prefix as a whole, where nobody of ours is in it. True where it did.
    pub(crate) fn convict_whole(
        &mut self,
        verdict: &Verdict,
        prefix: PrefixKey,
        out: &mut Vec<Output>,
    ) -> bool {
        let (target, now_s) = (Target::Prefix(prefix), self.now_s());
        let row = self.state.prefixes.get(target.key());
        let is_spared = row.is_some_and(|row| row.spared_until_s > now_s);
        if is_spared
            || self.unsheltered(target).is_none()
            || self.is_settled(&target.subject(), target, verdict.mode)
        {
            return false;
        }
        if neighbours::are_ours(self, prefix) {
            if let Some(row) = self.state.prefixes.touch(target.key()) {
                row.spared_until_s = now_s.saturating_add(SPARED_S);
            }
            return false;
        }
        self.convict(verdict, target, out);
        true
    }

    /// Ends what holds for a subject.
    pub(crate) fn lift(&mut self, subject: &Subject, cause: &'static str, out: &mut Vec<Output>) {
        if let Some(hold) = self.holds.remove(subject) {
            self.lifted(hold, cause, out);
        }
    }

    /// Ends what holds in a row.
    pub(crate) fn lift_row(&mut self, row: u32, cause: &'static str, out: &mut Vec<Output>) {
        if let Some(hold) = self.holds.remove_at(row) {
            self.lifted(hold, cause, out);
        }
    }

    fn lifted(&mut self, hold: Hold, cause: &'static str, out: &mut Vec<Output>) {
        if let Some(until) = hold.decision.until {
            self.timers.cancel_end(until, hold.number);
        }
        let Decision { subject, measure, mode, rule, .. } = hold.decision;
        let cause = Cow::Borrowed(cause);
        out.push(Output::Expiry(Expiry { at: self.now, subject, measure, mode, rule, cause }));
    }

    /// The subjects of decisions on addresses that `is_wanted`, in their order.
    fn held_in(&self, is_wanted: impl Fn(&Network) -> bool) -> Vec<Subject> {
        let of =
            |decision: &Decision| decision.subject.network().is_some_and(|net| is_wanted(&net));
        self.holds.sorted(of).into_iter().map(|decision| decision.subject.clone()).collect()
    }

    /// Lifts whatever covers an address that is protected by now.
    pub(crate) fn lift_sheltered(&mut self, out: &mut Vec<Output>) {
        for subject in self.held_in(|network| self.shelter.of(network, self.now).is_some()) {
            self.lift(&subject, "allowlist", out);
        }
    }

    /// Carries out an order. A ban of a protected subject is not carried out: see
    /// [`Engine::explain`] for why.
    pub(crate) fn order(&mut self, command: &Command, out: &mut Vec<Output>) {
        match &command.order {
            Order::Ban { subject, duration_s } => self.order_ban(subject, *duration_s, out),
            Order::Unban { subject } => self.order_unban(subject, out),
            Order::Allow { network, until } => {
                self.shelter.forget(self.now);
                self.shelter.allow(*network, *until);
                self.lift_sheltered(out);
            }
            Order::Disallow { network } => self.shelter.disallow(network),
            Order::Protect { networks } => {
                self.shelter.surroundings = networks.to_vec();
                self.lift_sheltered(out);
            }
            // They change no decision: see `Incidents`.
            Order::OpenIncident { .. } | Order::Incident { .. } => {}
        }
    }

    fn order_ban(&mut self, subject: &Subject, duration_s: Option<u32>, out: &mut Vec<Output>) {
        let subject = normal(subject);
        let network = subject.network();
        if network.is_some_and(|network| self.shelter.of(&network, self.now).is_some()) {
            return;
        }
        let measure = match subject {
            Subject::Client(_) | Subject::Network(_) => Measure::Ban,
            Subject::Account(_) => Measure::Lock,
            Subject::Sender(_) | Subject::Host(_) => Measure::Hold,
        };
        let until = duration_s.map(|seconds| self.now.plus_seconds(i64::from(seconds)));
        let decision = Decision {
            at: self.now,
            measure,
            subject,
            until,
            rule: Cow::Borrowed(OPERATOR),
            offence: 0,
            score: 0.0,
            mode: Mode::Enforce,
            evidence: Evidence::default(),
        };
        self.hold(decision, out);
    }

    /// Lifts what holds for the subject, for all inside it and for what covers it.
    fn order_unban(&mut self, subject: &Subject, out: &mut Vec<Output>) {
        let subject = normal(subject);
        let Some(network) = subject.network() else {
            self.lift(&subject, OPERATOR, out);
            return;
        };
        for held in self.held_in(|held| held.overlaps(&network)) {
            self.lift(&held, OPERATOR, out);
            if let Some(client) = held.network().as_ref().and_then(client_of) {
                self.forget(client);
            }
        }
        if let Some(client) = client_of(&network) {
            self.forget(client);
        }
        if let Some(prefix) = prefix_of(&network) {
            self.state.prefixes.remove(places::shared_key(prefix));
            self.state.offences.remove(places::shared_key(prefix));
        }
    }

    fn forget(&mut self, client: ClientKey) {
        self.state.clients.remove(client.0);
        self.state.probes.remove(client.0);
        self.state.traffic.remove(client.0);
        self.state.offences.remove(client.0);
    }
}

/// How much of an account's mail a measure stops: who is locked out sends nothing either.
const fn strength(measure: Measure) -> u8 {
    match measure {
        Measure::Observe | Measure::Tarpit => 0,
        Measure::Throttle => 1,
        Measure::Challenge => 2,
        Measure::Hold => 3,
        Measure::Lock => 4,
        Measure::Ban => 5,
    }
}

/// One form for one thing: a network of one address is a client.
pub(crate) fn normal(subject: &Subject) -> Subject {
    match subject {
        Subject::Client(address) => Subject::Client(canonical(*address)),
        Subject::Network(network) if network.is_host() => Subject::Client(network.address()),
        Subject::Account(name) => Subject::Account(name.to_ascii_lowercase().into_boxed_slice()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn of_two_measures_for_one_account_the_stronger_one_stands() {
        let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
        let account = || Subject::Account((*b"alice").into());
        let verdict = |detector| Verdict {
            detector,
            mode: Mode::Observe,
            ban_s: 3_600,
            score: 1_000,
            evidence: Evidence::default(),
        };
        for (detector, measure) in [
            ("outbound-surge", Measure::Hold),
            ("takeover", Measure::Lock),
            ("outbound-surge", Measure::Hold),
        ] {
            engine.propose(&verdict(detector), account(), measure, &mut out);
            let stands = engine.proposals().next().map(|decision| decision.measure);
            let first = out.len() == 2;
            assert_eq!(stands, Some(if first { Measure::Hold } else { Measure::Lock }));
        }
        let words = out.iter().map(|output| match output {
            Output::Finding(_) => "finding",
            Output::Decision(_) => "decision",
            Output::Expiry(expiry) if expiry.cause == "replaced" => "replaced",
            _ => "other",
        });
        let words: Vec<&str> = words.collect();
        let wanted = ["finding", "decision", "finding", "replaced", "decision", "finding"];
        assert_eq!(words, wanted, "the second hold is told, and decides nothing");
    }
}
