//! From runs to the rows of the table.

use super::aims::{Aim, DETECTORS_OF, aim, peers};
use super::groups::Course;
use super::owners::Owner;
use super::run::{Ban, Run};
use crate::world::{ActorId, GroupId, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A kind of attack in one plan, all seeds together.
#[derive(Clone, Debug, PartialEq)]
pub struct AttackRow {
    /// The plan.
    pub plan: &'static str,
    /// The kind.
    pub kind: Kind,
    /// What is counted: `addresses`, `prefixes`, `accounts`, `hosts`.
    pub unit: &'static str,
    /// Caught.
    pub caught: u64,
    /// Of so many.
    pub of: u64,
    /// Seconds from the first act to the decision: of an address its own, else the campaign's.
    pub times_s: Vec<f64>,
    /// Guesses answered in all.
    pub guesses: u64,
    /// Messages leaked in all.
    pub messages: u64,
    /// How far each campaign had come when it was caught: addresses, names, messages.
    pub reached: Vec<Option<u64>>,
    /// What is to be reached.
    pub aim: Aim,
    /// Whether it was; `None` where nothing is demanded, or nobody came.
    pub is_met: Option<bool>,
    /// What peers reach.
    pub peers: &'static str,
    /// Addresses that were not caught, to be looked up in the world's lines.
    pub missed: Vec<Missed>,
}

/// An address of an attacker that was not caught.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// The world's seed.
    pub seed: u64,
    /// The address.
    pub client: IpAddr,
    /// When it acted first, seconds since 1970.
    pub began_s: i64,
    /// Honest ones use it, too.
    pub is_shared: bool,
}

/// So many missed addresses are told of one campaign's kind.
const MISSED_MAX: usize = 16;

/// A detector in one plan, all seeds together.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct DetectorRow {
    /// The plan.
    pub plan: &'static str,
    /// Its name.
    pub detector: String,
    /// Bans and findings that count.
    pub decided: u64,
    /// About attackers alone.
    pub right: u64,
    /// About an address that both use.
    pub shared: u64,
    /// About honest ones alone.
    pub honest: u64,
    /// About nobody who was seen.
    pub nobody: u64,
    /// Addresses or campaigns of its kinds that it was the first to catch, of so many.
    pub caught: u64,
    /// Of so many.
    pub of: u64,
    /// Seconds from the first act to the decision.
    pub times_s: Vec<f64>,
}

/// A ban that meets an honest one, or a finding that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct HonestRow {
    /// Plan and seed of the world.
    pub plan: &'static str,
    /// Seed.
    pub seed: u64,
    /// The first time, in seconds since 1970.
    pub at_s: i64,
    /// How often.
    pub times: u64,
    /// Its rule.
    pub detector: String,
    /// About whom.
    pub subject: String,
    /// Who is there, in truth: kinds and habits.
    pub who: String,
    /// Who wrote the last line, in truth: kind and habits.
    pub cause: String,
    /// A ban: it was carried out. Else a finding.
    pub is_ban: bool,
    /// Attackers use the address, too.
    pub is_shared: bool,
    /// Honest clients whom it refused.
    pub refused: u64,
    /// The last line that speaks for it.
    pub last_line: String,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By kind of attack.
    pub attacks: Vec<AttackRow>,
    /// By detector.
    pub detectors: Vec<DetectorRow>,
    /// Whom it hit wrongly.
    pub honest: Vec<HonestRow>,
    /// Lines in all.
    pub lines: u64,
    /// Lines that were not understood.
    pub unknown: u64,
    /// State that gave way, by table.
    pub evicted: BTreeMap<String, u64>,
}

impl Report {
    /// Takes what another run came to.
    pub fn merge(&mut self, other: Report) {
        for row in other.attacks {
            let is_same = |old: &&mut AttackRow| old.plan == row.plan && old.kind == row.kind;
            match self.attacks.iter_mut().find(is_same) {
                Some(old) => old.merge(row),
                None => self.attacks.push(row),
            }
        }
        for row in other.detectors {
            let is_same =
                |old: &&mut DetectorRow| old.plan == row.plan && old.detector == row.detector;
            match self.detectors.iter_mut().find(is_same) {
                Some(old) => old.merge(row),
                None => self.detectors.push(row),
            }
        }
        self.honest.extend(other.honest);
        self.lines += other.lines;
        self.unknown += other.unknown;
        for (table, count) in other.evicted {
            *self.evicted.entry(table).or_default() += count;
        }
    }

    /// Honest sources that were banned, and that no attacker shares.
    pub fn honest_banned(&self) -> usize {
        self.honest.iter().filter(|row| row.is_ban && !row.is_shared).count()
    }

    /// Addresses that were banned and that an attacker shares with honest ones.
    pub fn shared_banned(&self) -> usize {
        self.honest.iter().filter(|row| row.is_ban && row.is_shared).count()
    }

    /// How many subjects each rule hit wrongly and how often, by what it was (`BANNED`, `shared`,
    /// `found`) and by the kind of whose line was the last.
    pub fn causes(&self) -> BTreeMap<(&'static str, &str, &str), (u64, u64)> {
        let mut causes: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for row in &self.honest {
            let kind = row.cause.split(' ').next().unwrap_or_default();
            let (subjects, times) = causes.entry((row.word(), &*row.detector, kind)).or_default();
            *subjects += 1;
            *times += row.times;
        }
        causes
    }

    /// True where every target was met.
    pub fn is_met(&self) -> bool {
        self.honest_banned() == 0 && self.attacks.iter().all(|row| row.is_met != Some(false))
    }
}

impl HonestRow {
    /// What it was, in a word.
    pub fn word(&self) -> &'static str {
        match (self.is_ban, self.is_shared) {
            (true, false) => "BANNED",
            (true, true) => "shared",
            (false, _) => "found",
        }
    }
}

impl AttackRow {
    fn merge(&mut self, other: AttackRow) {
        self.caught += other.caught;
        self.of += other.of;
        self.times_s.extend(other.times_s);
        self.guesses += other.guesses;
        self.messages += other.messages;
        self.reached.extend(other.reached);
        self.missed.extend(other.missed);
        self.judge();
    }

    /// Whether the aim is met, after all were counted.
    fn judge(&mut self) {
        let share = match self.aim {
            Aim::Banned { share, .. } | Aim::Named { share, .. } | Aim::Account { share, .. } => {
                share
            }
            Aim::Prefix { .. } | Aim::Host { .. } | Aim::Told { .. } => 1.0,
            Aim::Counted | Aim::CountedAccounts => return,
            Aim::CountedHosts | Aim::CountedCampaigns => return,
        };
        let is_quick = match self.aim {
            Aim::Named { half_within_s, .. } => {
                quantile(&self.times_s, 0.5).is_none_or(|s| s <= half_within_s as f64)
            }
            _ => true,
        };
        let is_enough = self.caught as f64 >= share * self.of as f64;
        self.is_met = (self.of > 0).then_some(is_enough && is_quick);
    }
}

impl DetectorRow {
    pub(super) fn merge(&mut self, other: DetectorRow) {
        self.decided += other.decided;
        self.right += other.right;
        self.shared += other.shared;
        self.honest += other.honest;
        self.nobody += other.nobody;
        self.caught += other.caught;
        self.of += other.of;
        self.times_s.extend(other.times_s);
    }

    fn count(&mut self, has_attacker: bool, has_honest: bool) {
        self.decided += 1;
        *match (has_attacker, has_honest) {
            (true, false) => &mut self.right,
            (true, true) => &mut self.shared,
            (false, true) => &mut self.honest,
            (false, false) => &mut self.nobody,
        } += 1;
    }
}

/// The value below which this share of the values lies.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

fn seconds(from: i64, to: i64) -> f64 {
    (to - from).max(0) as f64 / 1e6
}

/// The rows of one run.
pub fn report(run: &Run) -> Report {
    let kinds: BTreeSet<Kind> = run.courses.iter().map(|course| course.kind).collect();
    Report {
        attacks: kinds.into_iter().map(|kind| attack(run, kind)).collect(),
        detectors: detectors(run),
        honest: honest(run),
        lines: run.lines,
        unknown: run.unknown,
        evicted: run.evicted.clone(),
    }
}

/// An address of a campaign, and when it acted first.
struct Source {
    client: IpAddr,
    began: i64,
    owner: Owner,
}

impl Source {
    /// How long it took until it was caught; `None` where it was not.
    fn time_s(&self, aim: Aim) -> Option<f64> {
        let Source { began, owner, .. } = self;
        match aim {
            Aim::Named { .. } => Some(seconds(*began, owner.named?)),
            Aim::Banned { within_s: Some(within_s), .. } => {
                Some(seconds(*began, owner.banned?.0)).filter(|s| *s <= within_s as f64)
            }
            _ => Some(seconds(*began, owner.banned?.0)),
        }
    }
}

/// The addresses of campaigns of a kind, without those that did only what honest ones do.
fn sources(run: &Run, kinds: &[Kind]) -> Vec<Source> {
    let of_kind = |group: GroupId| {
        run.courses.get(group.0 as usize).is_some_and(|course| kinds.contains(&course.kind))
    };
    let all = run.owners.all().filter_map(|(client, owner)| {
        let (group, began) = owner.attack.filter(|_| owner.is_open)?;
        of_kind(group).then(|| Source { client: *client, began, owner: owner.clone() })
    });
    all.collect()
}

fn attack(run: &Run, kind: Kind) -> AttackRow {
    let courses: Vec<&Course> =
        run.courses.iter().filter(|course| course.kind == kind && course.began.is_some()).collect();
    let aim = aim(kind);
    let (unit, of, times) = match aim {
        Aim::Banned { .. } | Aim::Named { .. } | Aim::Counted => addresses(run, kind, aim),
        Aim::Prefix { addresses, .. } => {
            let in_time = courses
                .iter()
                .filter(|course| course.addresses_before.is_some_and(|before| before <= addresses));
            ("prefixes", courses.len(), in_time.filter_map(|course| prefix_time(course)).collect())
        }
        Aim::Account { messages, .. } => accounts(&courses, messages),
        Aim::CountedAccounts => accounts(&courses, u64::MAX),
        Aim::Told { within_s, messages } => {
            let in_time = courses.iter().filter_map(|course| {
                let s = time_to_find(course)?;
                (s <= within_s as f64 || course.messages > 0 && course.messages_before < messages)
                    .then_some(s)
            });
            ("hosts", courses.len(), in_time.collect())
        }
        Aim::CountedHosts | Aim::CountedCampaigns => {
            let unit = if aim == Aim::CountedHosts { "hosts" } else { "campaigns" };
            let times = courses.iter().filter_map(|course| time_to_find(course));
            (unit, courses.len(), times.collect())
        }
        Aim::Host { names } => {
            let in_time = courses.iter().filter(|course| course.names.len() as u64 <= names);
            ("hosts", courses.len(), in_time.filter_map(|course| time_to_find(course)).collect())
        }
    };
    let mut row = AttackRow {
        plan: run.plan,
        kind,
        unit,
        caught: times.len() as u64,
        of: of as u64,
        times_s: times,
        guesses: courses.iter().map(|course| course.guesses).sum(),
        messages: courses.iter().map(|course| course.messages).sum(),
        reached: reached(&courses, aim),
        aim,
        is_met: None,
        peers: peers(kind),
        missed: missed(run, kind, aim),
    };
    row.judge();
    row
}

/// How far each had come; `None`: it was never caught.
fn reached(courses: &[&Course], aim: Aim) -> Vec<Option<u64>> {
    let of = |course: &&Course| match aim {
        Aim::Prefix { .. } => course.addresses_before,
        Aim::Host { .. } | Aim::CountedHosts => course.found.map(|_| course.names.len() as u64),
        _ => course.found.map(|_| course.messages_before),
    };
    match aim {
        Aim::Banned { .. } | Aim::Named { .. } | Aim::Counted => Vec::new(),
        Aim::Account { .. } | Aim::CountedAccounts => {
            courses.iter().filter(|course| course.got_in.is_some()).map(of).collect()
        }
        _ => courses.iter().map(of).collect(),
    }
}

fn time_to_find(course: &Course) -> Option<f64> {
    Some(seconds(course.began?, course.found?))
}

fn prefix_time(course: &Course) -> Option<f64> {
    Some(seconds(course.began?, course.prefix_banned?))
}

type Counts = (&'static str, usize, Vec<f64>);

fn accounts(courses: &[&Course], messages: u64) -> Counts {
    // Who never got in has nothing to be found.
    let thieves: Vec<_> = courses.iter().filter(|course| course.got_in.is_some()).collect();
    let in_time = thieves.iter().filter(|course| course.messages_before < messages);
    let times = in_time.filter_map(|course| Some(seconds(course.got_in?, course.found?))).collect();
    ("accounts", thieves.len(), times)
}

fn addresses(run: &Run, kind: Kind, aim: Aim) -> Counts {
    let sources = sources(run, &[kind]);
    ("addresses", sources.len(), sources.iter().filter_map(|source| source.time_s(aim)).collect())
}

fn missed(run: &Run, kind: Kind, aim: Aim) -> Vec<Missed> {
    if !matches!(aim, Aim::Banned { .. } | Aim::Named { .. } | Aim::Counted) {
        return Vec::new();
    }
    let missed = sources(run, &[kind]).into_iter().filter(|source| source.time_s(aim).is_none());
    let told = missed.take(MISSED_MAX).map(|source| Missed {
        seed: run.seed,
        client: source.client,
        began_s: source.began / 1_000_000,
        is_shared: source.owner.honest.is_some(),
    });
    told.collect()
}

fn detectors(run: &Run) -> Vec<DetectorRow> {
    let mut rows: BTreeMap<&str, DetectorRow> = BTreeMap::new();
    for ban in &run.bans {
        let row = rows.entry(&ban.detector).or_default();
        row.count(ban.attackers > 0, !ban.honest.is_empty());
    }
    for found in &run.found {
        rows.entry(&found.detector).or_default().count(found.is_right, !found.is_right);
    }
    for (detector, kinds) in DETECTORS_OF {
        if run.courses.iter().any(|course| kinds.contains(&course.kind)) {
            recall(run, detector, kinds, rows.entry(detector).or_default());
        }
    }
    let named = rows.into_iter().map(|(detector, row)| DetectorRow {
        plan: run.plan,
        detector: detector.to_owned(),
        ..row
    });
    named.collect()
}

/// What a detector caught of what it is about.
fn recall(run: &Run, detector: &str, kinds: &[Kind], row: &mut DetectorRow) {
    let is_about_campaigns = matches!(
        detector,
        "mx-surge" | "outbound-surge" | "takeover" | "blocked-surge" | "deferred-surge"
    );
    if is_about_campaigns {
        let came = run
            .courses
            .iter()
            .enumerate()
            .filter(|(_, course)| kinds.contains(&course.kind) && course.began.is_some());
        for (number, course) in came {
            row.of += 1;
            let group = GroupId(number as u32);
            let first = run
                .found
                .iter()
                .find(|found| found.groups.contains(&group) && found.detector == detector);
            row.times_s.extend(first.and_then(|first| Some(seconds(course.began?, first.at))));
        }
    } else {
        for Source { began, owner, .. } in sources(run, kinds) {
            row.of += 1;
            if detector == "spam-campaign" {
                // It names, and leaves it to people to ban.
                row.times_s.extend(owner.named.map(|at| seconds(began, at)));
            } else if let Some((at, ban)) = owner.banned
                && run.bans.get(ban).is_some_and(|ban| ban.detector == detector)
            {
                row.times_s.push(seconds(began, at));
            }
        }
    }
    row.caught = row.times_s.len() as u64;
}

fn honest(run: &Run) -> Vec<HonestRow> {
    let bans = run.bans.iter().filter_map(|ban| banned(run, ban));
    let wrong = run.found.iter().filter(|found| !found.is_right).map(|found| HonestRow {
        plan: run.plan,
        seed: run.seed,
        at_s: found.at / 1_000_000,
        times: 1,
        detector: found.detector.clone(),
        subject: found.subject.clone(),
        who: owner_of(run, &found.subject),
        is_ban: false,
        is_shared: false,
        refused: 0,
        cause: name_of(run, found.last.actor),
        last_line: found.last.line.clone(),
    });
    let mut rows: Vec<HonestRow> = Vec::new();
    for row in bans.chain(wrong) {
        let is_same = |old: &&mut HonestRow| {
            (&old.subject, &old.detector, old.is_ban) == (&row.subject, &row.detector, row.is_ban)
        };
        match rows.iter_mut().find(is_same) {
            Some(old) => {
                old.times += 1;
                old.refused = old.refused.max(row.refused);
                old.is_shared &= row.is_shared;
            }
            None => rows.push(row),
        }
    }
    rows
}

/// The row of a ban that meets honest ones: seen there before, or refused and never an attacker's.
fn banned(run: &Run, ban: &Ban) -> Option<HonestRow> {
    let honest_refused = ban
        .refused
        .iter()
        .filter(|client| run.owners.of(**client).is_some_and(|owner| owner.honest.is_some()));
    let refused = honest_refused.count() as u64;
    if ban.honest.is_empty() && refused == 0 {
        return None;
    }
    Some(HonestRow {
        plan: run.plan,
        seed: run.seed,
        at_s: ban.at / 1_000_000,
        times: 1,
        detector: ban.detector.clone(),
        subject: ban.network.to_string(),
        who: who(run, ban),
        is_ban: true,
        is_shared: ban.attackers > 0,
        refused,
        cause: name_of(run, ban.last.actor),
        last_line: ban.last.line.clone(),
    })
}

/// Kind and habits of an actor.
fn name_of(run: &Run, id: ActorId) -> String {
    let Some(actor) = run.world.actor(id) else { return "-".to_owned() };
    let habits = actor.habits.iter().map(|habit| habit.name());
    let words = std::iter::once(actor.kind.name()).chain(habits);
    words.collect::<Vec<_>>().join(" ")
}

/// The honest ones at a banned address, by kind, with what befell them.
fn who(run: &Run, ban: &Ban) -> String {
    let mut kinds: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for actor in ban.honest.iter().filter_map(|id| run.world.actor(*id)) {
        let (count, habits) = kinds.entry(actor.kind.name()).or_default();
        *count += 1;
        habits.extend(actor.habits.iter().map(|habit| habit.name()));
    }
    let text = kinds.iter().map(|(kind, (count, habits))| {
        let habits: Vec<&str> = habits.iter().copied().take(4).collect();
        match habits.is_empty() {
            true => format!("{count} {kind}"),
            false => format!("{count} {kind} ({})", habits.join(" ")),
        }
    });
    let text: Vec<String> = text.collect();
    if text.is_empty() { "came later".to_owned() } else { text.join(", ") }
}

/// Kinds and habits of the honest ones of an account.
fn owner_of(run: &Run, subject: &str) -> String {
    let Some(name) = subject.strip_prefix("account ") else {
        let client = subject.strip_prefix("client ").and_then(|client| client.parse().ok());
        let owner = client.and_then(|client| run.owners.of(client)?.honest);
        let actor = owner.and_then(|id| run.world.actor(id));
        return actor.map_or("-".to_owned(), |actor| actor.kind.name().to_owned());
    };
    let Some(account) = (0..run.world.accounts()).find(|n| run.world.login(*n) == name) else {
        return "no such account".to_owned();
    };
    let mut words = BTreeSet::new();
    for actor in run.world.actors().iter().filter(|actor| actor.account == Some(account)) {
        words.insert(actor.kind.name());
        words.extend(actor.habits.iter().map(|habit| habit.name()));
    }
    words.into_iter().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_there() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 0.95), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn an_aim_is_missed_by_one_address_or_by_time() {
        let row = |caught: u64, seconds: f64| {
            let mut row = AttackRow {
                plan: "test",
                kind: Kind::DistributedHours,
                unit: "addresses",
                caught,
                of: 100,
                times_s: vec![seconds; caught as usize],
                guesses: 0,
                messages: 0,
                reached: Vec::new(),
                aim: aim(Kind::DistributedHours),
                is_met: None,
                peers: "-",
                missed: Vec::new(),
            };
            row.judge();
            row.is_met
        };
        assert_eq!(row(95, 600.0), Some(true));
        assert_eq!(row(94, 600.0), Some(false));
        assert_eq!(row(95, 601.0), Some(false));
    }
}
