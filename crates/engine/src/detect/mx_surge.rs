//! `mx-surge`: a host asks for the mail servers of many domains.
//!
//! Only a mail server has to know where a domain's mail goes. Whyte, van Oorschot and Kranakis
//! ("Addressing SMTP-based mass-mailing activity within enterprise networks", ACSAC 2006) find a
//! host that sends spam by itself with its first such question. An administrator asks a few, too,
//! so this waits for more.
//!
//! Algorithm, for a host that is no mail host: distinct names asked for with type MX, by linear
//! counting, in `window_s` at least; a name that does not exist counts twice, for lists of
//! addresses are old. From `names_min` on it is told, and from `day_names_min` within a day on. A
//! host that did so on two days already is a mail server that nobody listed: then that is how it
//! is, and it is told again where it asks for three times what is usual. Usual is the most that it
//! asked before, half of it forgotten in a month. The same host is told of after two days again,
//! of three times as much after one. So who infects a desk once more is told of once more.
//!
//! This host itself asks for each domain that it sends to, and its own logs say which these are. So
//! of its questions those count, where its mail is in the logs, that no sender, recipient or HELO
//! name of it explains, within the window or the next: a stolen account's mail is explained and
//! `outbound-surge`'s matter, a program that sends past the mail server is not. With `a` bits asked
//! and not explained of `m`, and `z` bits that no explanation set, about `a m / z` names are
//! unexplained. From `unexplained_min` on, and three times what is usual here, it is told.
//!
//! Whoever sends a UDP datagram writes any address he likes in front, so this bans nobody: it
//! tells.
//!
//! Misses on purpose: what asks another resolver; hosts in `mail_hosts`.

use super::{DetectorSpec, Seen, host_subject};
use crate::config::MxSurge;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::explain::Protection;
use crate::hash::lower;
use crate::score::Score;
use crate::sketch;
use crate::state::{Asked, QueryRow};
use alloc::vec::Vec;
use event::{Event, Evidence, Kind, Mode, Network, Reason, Subject, canonical};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "mx-surge",
    summary: "A host that is no mail server asks for the mail servers of many domains.",
    technique: "T1071.003",
    misses: "Questions to another resolver; hosts that are listed as mail hosts.",
};

const DAY_S: u32 = 86_400;
/// What a host asked is remembered for so long, by half: mail servers ask each day, newsletters are
/// sent each month.
const USUAL_HALF_LIFE_S: u32 = 30 * DAY_S;
/// From so many days with many questions on they are how it is, and only more is told.
const REGULAR_DAYS: u8 = 2;
/// The same is told again after so long: by then it is regular, or something new.
const PAUSE_S: u32 = REGULAR_DAYS as u32 * DAY_S;
/// Whoever asked for so few of late is a beginner again, thousandths.
const FORGOTTEN: u32 = 2_000;
/// So many times what is usual is a surge.
const SURGE_FACTOR: u32 = 3;

/// A DNS client asked for a name.
pub(crate) fn judge(engine: &mut Engine, seen: &Seen<'_>, out: &mut Vec<Output>) {
    let rule = &engine.config.mx_surge;
    let event = seen.event;
    let is_mx = event.query_type.is_some_and(|kind| kind.bytes().eq_ignore_ascii_case(b"MX"));
    let Some(name) = event.query_name.filter(|_| is_mx && rule.mode != Mode::Off) else { return };
    let asker = Network::host(canonical(seen.address));
    if rule.mail_hosts.iter().any(|network| network.overlaps(&asker)) {
        return;
    }
    let name = lower(engine.config.seed, name.bytes());
    let is_own = matches!(
        engine.shelter.of(&asker, engine.now),
        Some(Protection::Special | Protection::Surroundings(_))
    );
    if is_own {
        engine.state.asked.query(name, seen.seq, seen.now_s);
    }
    if !(is_own && engine.state.asked.is_explained(seen.now_s)) {
        judge_host(engine, seen, name, out);
    }
}

/// Counts a name for a host that is no mail host.
fn judge_host(engine: &mut Engine, seen: &Seen<'_>, name: u64, out: &mut Vec<Output>) {
    let (rule, now_s) = (&engine.config.mx_surge, seen.now_s);
    let Some(row) = engine.state.queries.entry(seen.client.0) else { return };
    let windows = sketch::turn(&mut row.window_s, now_s, rule.window_s);
    if windows > 0 {
        let counted = row.counted();
        raise(&mut row.usual, counted, now_s);
    }
    row.names.rotate(windows);
    row.absent.rotate(windows);
    let days = sketch::turn(&mut row.day_s, now_s, DAY_S);
    if days > 0 {
        raise(&mut row.usual_day, row.day.count(), now_s);
        row.end_of_day(now_s);
    }
    row.day.rotate(days);
    row.names.mark(name);
    row.day.mark(name);
    if seen.event.reason == Some(Reason::NameUnknown) {
        row.absent.mark(name);
    }
    row.lines.push(seen.seq);
    let (counted, day) = (row.counted(), row.day.count());
    let is_unusual = |names: u32, usual: Score| {
        names >= (usual.at(now_s, USUAL_HALF_LIFE_S) / 1000).saturating_mul(SURGE_FACTOR)
    };
    let (is_burst, is_long) = (counted >= rule.names_min, day >= rule.day_names_min);
    row.is_busy |= is_burst || is_long;
    let is_more =
        is_burst && is_unusual(counted, row.usual) || is_long && is_unusual(day, row.usual_day);
    let is_surge = is_more || (is_burst || is_long) && row.busy_days < REGULAR_DAYS;
    let pause_s = if is_more { DAY_S } else { PAUSE_S };
    let was_told = row.told_s != 0 && now_s.saturating_sub(row.told_s) < pause_s;
    if !is_surge || was_told {
        return;
    }
    row.told_s = now_s;
    let evidence = row.lines.evidence(seen.seq);
    let verdict = verdict(rule, counted.max(day), evidence);
    engine.find(&verdict, Subject::Client(canonical(seen.address)), out);
}

/// Lets what is usual rise to so many names.
fn raise(usual: &mut Score, names: u32, now_s: u32) {
    let names = names.saturating_mul(1000);
    if names > usual.at(now_s, USUAL_HALF_LIFE_S) {
        usual.take(u32::MAX);
        usual.add(now_s, USUAL_HALF_LIFE_S, names);
    }
}

/// Notes which domains the mail of this host explains; judges its questions when a window ends.
/// Nothing where this host never asked.
#[inline]
pub(crate) fn explain(engine: &mut Engine, event: &Event<'_>, out: &mut Vec<Output>) {
    let now_s = engine.now_s();
    if engine.state.asked.is_watching(now_s) {
        watched(engine, event, now_s, out);
    }
}

fn watched(engine: &mut Engine, event: &Event<'_>, now_s: u32, out: &mut Vec<Output>) {
    let rule = &engine.config.mx_surge;
    if let Some(unexplained) = engine.state.asked.turn(now_s, rule.window_s) {
        let usual = engine.state.asked.usual(unexplained, now_s);
        let is_surge = unexplained >= rule.unexplained_min
            && unexplained >= usual.saturating_mul(SURGE_FACTOR);
        if is_surge && engine.state.asked.is_to_tell(now_s) {
            let verdict = verdict(rule, unexplained, engine.state.asked.evidence(engine.seq));
            engine.find(&verdict, host_subject(event), out);
        }
    }
    if event.kind == Kind::Query {
        return;
    }
    let seed = engine.config.seed;
    let domain = |address: &[u8]| {
        let domain = address.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
        lower(seed, domain)
    };
    for text in [event.sender, event.recipient, event.helo].into_iter().flatten() {
        engine.state.asked.explain(domain(text.bytes()), now_s);
    }
}

fn verdict(rule: &MxSurge, names: u32, evidence: Evidence) -> Verdict {
    let score = names.saturating_mul(1000);
    Verdict { detector: SPEC.name, mode: rule.mode, ban_s: 0, score, evidence }
}

impl QueryRow {
    /// Counts the days on which it asked for many, until they are forgotten with what is usual.
    fn end_of_day(&mut self, now_s: u32) {
        let usual = self.usual.at(now_s, USUAL_HALF_LIFE_S);
        if usual.max(self.usual_day.at(now_s, USUAL_HALF_LIFE_S)) < FORGOTTEN {
            self.busy_days = 0;
        }
        self.busy_days = self.busy_days.saturating_add(u8::from(self.is_busy));
        self.is_busy = false;
    }

    /// Names of the window; one that does not exist counts twice.
    fn counted(&self) -> u32 {
        self.names.count().saturating_add(self.absent.count())
    }
}

impl Asked {
    /// What was usual before `unexplained` names, which from now on is part of it.
    fn usual(&mut self, unexplained: u32, now_s: u32) -> u32 {
        let before = self.usual.at(now_s, USUAL_HALF_LIFE_S);
        raise(&mut self.usual, unexplained, now_s);
        before / 1000
    }

    /// True once a day.
    fn is_to_tell(&mut self, now_s: u32) -> bool {
        let is_due = self.told_s == 0 || now_s.saturating_sub(self.told_s) >= DAY_S;
        if is_due {
            self.told_s = now_s;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Input};
    use alloc::format;
    use event::{Outcome, Protocol, Server, Text, Timestamp};

    const DAY: i64 = 86_400;

    /// A host asks for a name; true where it is told of.
    fn ask(engine: &mut Engine, number: u64, at_s: i64, is_absent: bool) -> bool {
        let name = format!("{number}.example.org");
        let (outcome, reason) = match is_absent {
            true => (Outcome::Rejected, Some(Reason::NameUnknown)),
            false => (Outcome::Allowed, None),
        };
        let at = Timestamp::from_seconds(1_700_000_000 + at_s);
        let event = Event {
            client: Some([10, 0, 0, 66].into()),
            protocol: Protocol::Dns,
            reason,
            query_name: Some(Text(name.as_bytes())),
            query_type: Some(Text(b"MX")),
            ..Event::new(at, Server::Unbound, Text(b"unbound"), Kind::Query, outcome)
        };
        let mut out = Vec::new();
        engine.step(number, &Input::Event(&event), &mut out);
        !out.is_empty()
    }

    /// After how many names a host is told of that asks for one every `every_s`.
    fn told_after(seed: u64, every_s: i64, is_absent: bool) -> Option<u64> {
        let mut engine = Engine::new(Config { seed, ..Config::default() });
        (1..=200).find(|number| ask(&mut engine, *number, *number as i64 * every_s, is_absent))
    }

    /// Forty names a day, a dozen in each of some hours, as a small mail server asks; then a list
    /// of old addresses. And a desk with a bot on two days, three weeks between them.
    #[test]
    fn a_server_that_nobody_listed_is_soon_learned_and_what_runs_on_it_is_told() {
        for seed in 0..40 {
            let mut engine = Engine::new(Config { seed, ..Config::default() });
            let days = (0..60_i64).flat_map(|day| (0..40_i64).map(move |turn| (day, turn)));
            let times = days.map(|(day, turn)| day * DAY + turn * 20 + turn / 12 * 3_600);
            let told = (1..).zip(times);
            let told = told.filter(|(number, at_s)| ask(&mut engine, *number, *at_s, false));
            assert!((1..=2).contains(&told.count()), "{seed}");
            let list =
                |turn: &u64| ask(&mut engine, 10_000 + turn, 60 * DAY + 7_200 + *turn as i64, true);
            assert!((1..=60).find(list).is_some_and(|names| names < 40), "{seed}");

            let mut engine = Engine::new(Config { seed, ..Config::default() });
            for begin_s in [0, 21 * DAY] {
                let bot = |turn: &u64| ask(&mut engine, *turn, begin_s + *turn as i64, false);
                assert!((1..=60).find(bot).is_some_and(|names| names < 20), "{seed}");
            }
        }
    }

    /// The aim: a host that is no mail host is told of within its first ten names. Two names may
    /// share a bit, so it is a matter of the key how many are counted of ten.
    #[test]
    fn a_burst_is_told_within_ten_names_under_nearly_every_key() {
        let late = (0..2_000).filter(|seed| told_after(*seed, 5, false) > Some(10)).count();
        assert!(late <= 20, "{late} of 2000");
        assert!((0..200).all(|seed| told_after(seed, 5, true) <= Some(8)), "old lists sooner");
    }

    #[test]
    fn three_names_an_hour_are_told_within_a_day() {
        for seed in 0..50 {
            assert!(told_after(seed, 1_200, false).is_some_and(|names| names <= 60), "{seed}");
        }
        let told = (0..50).filter(|seed| told_after(*seed, 10_800, false).is_some()).count();
        assert_eq!(told, 0, "one in three hours is anybody");
    }
}
