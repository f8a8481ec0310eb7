//! `takeover`: a login that succeeds, and that is likelier a thief's than the owner's.
//!
//! Algorithm: a likelihood ratio after Freeman, Jain, Dürmuth, Biggio and Giacinto, "Who are you? A
//! statistical approach to measuring user authenticity" (NDSS 2016): the sum of
//! `ln p(x | thief) / p(x | owner)` over what is known of a login, with back-off from the address
//! to the operator and the country. For each place where the account is not at home:
//!
//! 1. *Place*, by the widest that is new: country, else operator, else, where no file tells these,
//!    the /16 or /32. A thief comes from anywhere: `p(x | thief) = 1 / K`, with K countries (200),
//!    operators (2 000), areas (5 000). The owner comes to a new place in `m + 1` of `n + 2` days,
//!    after n days at home (60 at most) with m homes more than one (of operators and areas also
//!    those of lately), and then half of the time to one where others of this site are, half
//!    anywhere: `p(x | owner) = (m + 1) / (n + 2) * (c / (N + 1) + 1 / K) / 2`, by the c of N
//!    accounts that are at home in x. So a new country of an account that never travelled weighs
//!    4.8 after two months, a fourth one of a traveller's 3.4, a provider that many of our users
//!    have nothing. A second operator in a country that is new as well is a hotel's and a phone's:
//!    0.5.
//! 2. *Hour* of the day, `ln (1/24) / p(hour | account)`, from -0.7 to 1.5; a new *program*
//!    (protocol and mechanism), 0.7.
//! 3. *Alternation*, weight 1: the account was at home within two hours before a login in another
//!    country. Impossible travel is no more than that: phones, tunnels and desks that go on make it
//!    everyday.
//! 4. *The client*, at a place where the account never was: it failed on k other accounts, less two
//!    for each that is at home there: `4 ln(1 + k)`; its prefix sprays, 6; it is banned, 8, or was
//!    lately, 5.
//! 5. *The account*: s strangers failed on it within two days: `2 ln(1 + s)`, 10 at most, from four
//!    on. It counts once however many new places there are, and at a new place only.
//! 6. *What follows*: at a new place, four fifths of at least five recipients within the hour were
//!    never written to before: 3.
//!
//! The sum over all strange places, each half as much after a week, is the score. From 12 on the
//! account is told of. The form of the sum is Freeman's; K, the weights of 3 to 6 and the threshold
//! are ours, chosen on two simulated worlds. One journey is one new country and stays at about half
//! of it; three countries in a few days, or one amid the failures of a hundred strangers, pass. It
//! proposes to lock the account and bans nobody.
//!
//! What is not learnt from: a strange place becomes a home when logins from it go back
//! `learn_days`, on five days at least, since it was told of. Where an account is new, or the
//! guard, everything is home for a week. A place that was told of is no known-good place either.
//!
//! Misses on purpose: a thief in the owner's own country, at a provider that many of our users
//! have; one who stays at one place abroad, does nothing but read and is not preceded by failures.

use super::{DetectorSpec, Seen};
use crate::client::ClientKey;
use crate::config::Takeover;
use crate::decide::Verdict;
use crate::engine::{Engine, Output};
use crate::hash::{lower, mix, short};
use crate::places::{self, Place};
use crate::sketch::{bit, estimate};
use crate::state::{Home, HomeRow, Strange, count, knows, learn, whole};
use crate::table::Row as _;
use alloc::vec::Vec;
use event::{Event, Evidence, Measure, Mode, Subject, Vocabulary as _};

pub(crate) const SPEC: DetectorSpec = DetectorSpec {
    name: "takeover",
    summary: "A login that succeeds is likelier a thief's than the owner's.",
    technique: "T1078",
    misses: "A thief in the owner's country at a common provider; one quiet place abroad.",
};

const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 24 * HOUR_S;
/// What a strange place says fades to half in this time; so long nothing is told again.
const FADE_S: u32 = 7 * DAY_S;
/// So many days at home everything is home.
const LEARNING_DAYS: u8 = 7;
/// A strange place becomes home after logins on so many days.
const COMES_BACK_DAYS: u8 = 5;
/// The most days at home that are counted.
const DAYS_MAX: u8 = 60;
/// Of so many countries, operators and areas a thief is in any.
const COUNTRIES: u32 = 200;
const OPERATORS: u32 = 2_000;
const AREAS: u32 = 5_000;
/// Two logins within this time alternate.
const ALTERNATES_S: u32 = 2 * HOUR_S;
/// So many strangers fail on any account.
const STRANGERS_MIN: u32 = 4;

// Thousandths of a natural logarithm.
const SECOND_OPERATOR: i64 = 500;
const NEW_PROGRAM: i64 = 700;
const ALTERNATION: u16 = 1_000;
const SPRAYS: u32 = 6_000;
const IS_BANNED: u32 = 8_000;
const WAS_BANNED: u32 = 5_000;
const SENDS: u16 = 3_000;
const ATTACK_MAX: u32 = 10_000;

/// The keys of `state.users` under which a site's countries, operators and areas stand.
const OF_COUNTRY: u64 = 0x43;
const OF_OPERATOR: u64 = 0x4f;
const OF_AREA: u64 = 0x52;
const EVERYBODY: u64 = 0x4e;

/// Where a login comes from; 0 for what is not known.
#[derive(Clone, Copy)]
struct Whence {
    country: u32,
    operator: u32,
    area: u32,
}

impl Whence {
    fn of(event: &Event<'_>, client: ClientKey) -> Self {
        let [first, second] = event.origin.country;
        Whence {
            country: u32::from(first) << 8 | u32::from(second),
            operator: event.origin.operator,
            area: short(mix(client.area(), OF_AREA)).max(1),
        }
    }

    /// What of it is known, with the homes of its kind.
    fn known(self) -> [(u64, u32); 3] {
        [(OF_COUNTRY, self.country), (OF_OPERATOR, self.operator), (OF_AREA, self.area)]
    }

    fn is_same(self, place: &Strange) -> bool {
        let is_named = self.country != 0 || self.operator != 0;
        (self.country, self.operator) == (place.country, place.operator)
            && (is_named || self.area == place.area)
    }
}

/// About `1000 ln number`: the mantissa of the logarithm to base 2 in a straight line, at most 0.06
/// too small.
fn nats(number: u32) -> i64 {
    let number = number.max(1);
    let whole = number.ilog2();
    let rest = (u64::from(number - (1 << whole)) * 693) >> whole;
    i64::from(whole) * 693 + rest as i64
}

/// What a login says of its account. True where it comes from a place that was told of: nothing is
/// learnt from it.
pub(crate) fn login(
    engine: &mut Engine,
    seen: &Seen<'_>,
    account: u64,
    out: &mut Vec<Output>,
) -> bool {
    let rule = engine.config.takeover;
    if rule.mode == Mode::Off {
        return false;
    }
    let whence = Whence::of(seen.event, seen.client);
    let unknown = HomeRow::with_key(account);
    let row = engine.state.homes.get(account).unwrap_or(&unknown);
    let place = places::place(&engine.state, &engine.config, account, seen.client, seen.now_s);
    let of_client = if place == Place::Strange { of_client(engine, seen, account) } else { 0 };
    let of_place = of_place(engine, row, whence, seen.now_s);
    let is_new = row.days < LEARNING_DAYS;
    if of_client == 0 && (is_new || of_place <= 0) {
        at_home(engine, seen, account, whence);
        return false;
    }
    let speaks = of_place.max(0) + of_habits(row, seen) + i64::from(of_client);
    let attack = if of_place > 0 { of_attack(engine, account, seen.now_s) } else { 0 };
    let clamped = |value: i64| value.clamp(0, i64::from(u16::MAX)) as u16;
    let arrived = Strange {
        country: whence.country,
        operator: whence.operator,
        area: whence.area,
        first_s: seen.now_s.max(1),
        line: seen.seq as u32,
        speaks: clamped(speaks),
        attack: attack as u16,
        ..Strange::default()
    };
    abroad(engine, seen, account, whence, arrived, out)
}

/// How much the place speaks for a thief; 0 or less where the account is at home, or as likely as
/// anybody.
fn of_place(engine: &Engine, row: &HomeRow, whence: Whence, now_s: u32) -> i64 {
    let known = row.strange.iter().filter(|place| place.first_s != 0);
    let others = known.filter(|place| !whence.is_same(place));
    let users = |key: u64| places::good(&engine.state, &engine.config, key, now_s);
    let new = |homes: &[Home], strange: u32, (form, what): (u64, u32), of: u32| {
        let more = count(homes).saturating_sub(1) + strange;
        let (common, all) = (users(mix(form, what.into())), users(EVERYBODY));
        nats(u32::from(row.days) + 2) - nats(more + 1) + nats(2 * (all + 1))
            - nats(of * common + all + 1)
    };
    let [country, operator, area] = whence.known();
    if country.1 != 0 && !knows(&row.countries, country.1) {
        // Several new countries at once excuse each other not: nobody is in many.
        match others.clone().any(|place| place.country == country.1) {
            true => SECOND_OPERATOR,
            false => new(&row.countries, 0, country, COUNTRIES),
        }
    } else if operator.1 != 0 {
        match knows(&row.operators, operator.1) {
            true => 0,
            false => new(&row.operators, others.count() as u32, operator, OPERATORS),
        }
    } else if country.1 != 0 || knows(&row.areas, area.1) {
        0
    } else {
        new(&row.areas, others.count() as u32, area, AREAS)
    }
}

/// Hour of the day and program.
fn of_habits(row: &HomeRow, seen: &Seen<'_>) -> i64 {
    if row.days < LEARNING_DAYS {
        return 0;
    }
    let hour = hour_of(seen.now_s);
    let at = |hour: usize| row.hours.get(hour % 24).copied().map_or(0, u32::from);
    let near = at(hour + 23) + at(hour) + at(hour + 1);
    let all: u32 = row.hours.iter().copied().map(u32::from).sum();
    // ln((1 / 24) / ((near + 1/2) / (3 all + 12)))
    let odd = (nats(6 * all + 24) - nats(24) - nats(2 * near + 1)).clamp(-700, 1_500);
    let is_new = row.programs & program_of(seen.event) == 0;
    odd + if is_new { NEW_PROGRAM } else { 0 }
}

const fn hour_of(now_s: u32) -> usize {
    (now_s / HOUR_S % 24) as usize
}

/// The bit of a program.
fn program_of(event: &Event<'_>) -> u32 {
    let mechanism = event.mechanism.map_or(0, |name| lower(0, name.bytes()));
    1 << (mix(mechanism, event.protocol.code().into()) >> 59)
}

/// What the client did elsewhere.
fn of_client(engine: &Engine, seen: &Seen<'_>, account: u64) -> u32 {
    let (state, client, now_s) = (&engine.state, seen.client, seen.now_s);
    let mut speaks = 0;
    if let Some(row) = state.clients.get(client.0) {
        let others = estimate(row.accounts.bits() & !bit(account));
        let good = places::good_accounts(state, &engine.config, client, now_s);
        let others = others.saturating_sub(good.saturating_mul(2));
        speaks += if others >= 2 { 4 * nats(1 + others) as u32 } else { 0 };
    }
    if engine.is_held(client) {
        return speaks + IS_BANNED;
    }
    let prefix = state.prefixes.get(places::shared_key(client.prefix()));
    if prefix.is_some_and(|row| row.spray_until_s > now_s) {
        speaks += SPRAYS;
    }
    let half_life_s = engine.config.ban.offence_half_life_s;
    let offences = state.offences.get(client.0);
    if offences.is_some_and(|row| row.offences.at(now_s, half_life_s) >= 500) {
        speaks += WAS_BANNED;
    }
    speaks
}

/// What strangers do to the account.
fn of_attack(engine: &Engine, account: u64, now_s: u32) -> u32 {
    let Some(row) = engine.state.accounts.get(account) else { return 0 };
    let window_s = engine.config.distributed_guessing.window_s.saturating_mul(2);
    let strangers = row.clients.count();
    if strangers < STRANGERS_MIN || now_s.saturating_sub(row.window_s) > window_s {
        return 0;
    }
    (2 * nats(1 + strangers) as u32).min(ATTACK_MAX)
}

/// A login at home, or one from which that is learnt.
fn at_home(engine: &mut Engine, seen: &Seen<'_>, account: u64, whence: Whence) {
    let now_s = seen.now_s;
    let Some(row) = engine.state.homes.entry(account) else { return };
    let is_day = row.home_s == 0 || now_s / DAY_S != row.home_s / DAY_S;
    row.days = row.days.saturating_add(u8::from(is_day)).min(DAYS_MAX);
    row.home_s = now_s.max(1);
    row.note_hour(hour_of(now_s));
    row.programs |= program_of(seen.event);
    let mut is_first = false;
    let homes: [&mut [Home]; 3] = [&mut row.countries, &mut row.operators, &mut row.areas];
    for (homes, (_, what)) in homes.into_iter().zip(whence.known()) {
        if what != 0 {
            is_first |= !knows(homes, what);
            learn(homes, what, now_s);
        }
    }
    if is_day || is_first {
        let of_site = whence.known().into_iter().filter(|(_, what)| *what != 0);
        let keys = of_site.map(|(form, what)| mix(form, what.into())).chain([EVERYBODY]);
        for key in keys {
            places::mark(&mut engine.state, &engine.config, key, account, now_s);
        }
    }
}

/// A login where the account is not at home.
fn abroad(
    engine: &mut Engine,
    seen: &Seen<'_>,
    account: u64,
    whence: Whence,
    arrived: Strange,
    out: &mut Vec<Output>,
) -> bool {
    let (rule, now_s) = (engine.config.takeover, seen.now_s);
    let sends = is_sending(engine, account, now_s);
    let Some(row) = engine.state.homes.entry(account) else { return false };
    let was_home = whence.country != 0
        && !knows(&row.countries, whence.country)
        && row.home_s != 0
        && now_s.saturating_sub(row.home_s) <= ALTERNATES_S;
    let known = row.strange.iter().position(|place| place.first_s != 0 && whence.is_same(place));
    let slot = match known {
        Some(slot) => row.strange.get_mut(slot),
        None => row.strange.iter_mut().min_by_key(|place| place.seen_s),
    };
    let Some(place) = slot else { return false };
    if known.is_none() {
        *place = arrived;
    }
    place.visit(&arrived, now_s);
    if was_home && !core::mem::replace(&mut place.alternates, true) {
        place.speaks = place.speaks.saturating_add(ALTERNATION);
    }
    if sends && !core::mem::replace(&mut place.sends, true) {
        place.speaks = place.speaks.saturating_add(SENDS);
    }
    if place.is_home(row.told_s, now_s, rule.learn_days) {
        *place = Strange::default();
        at_home(engine, seen, account, whence);
        return false;
    }
    let is_told = place.is_told;
    let score = row.score(now_s);
    let may_tell = row.told_s == 0 || now_s.saturating_sub(row.told_s) >= FADE_S;
    if score < rule.score_max.0 || !may_tell {
        return is_told;
    }
    row.told_s = now_s.max(1);
    row.strange.iter_mut().for_each(|place| place.is_told = true);
    tell(engine, &rule, seen, account, score, out);
    true
}

/// Whether the account just now writes to people whom it never wrote to.
fn is_sending(engine: &Engine, account: u64, now_s: u32) -> bool {
    let Some(sender) = engine.state.senders.get(account) else { return false };
    let mut tally = sender.tally;
    tally.fade(now_s, HOUR_S);
    tally.fresh >= 5_000 && u64::from(tally.fresh) * 5 >= u64::from(tally.named) * 4
}

impl Strange {
    /// One more login; what it says may be more than what the first one said.
    fn visit(&mut self, arrived: &Strange, now_s: u32) {
        if self.seen_s == 0 || self.seen_s / DAY_S != now_s / DAY_S {
            self.days = self.days.saturating_add(1);
        }
        self.seen_s = now_s.max(1);
        self.speaks = self.speaks.max(arrived.speaks);
        self.attack = self.attack.max(arrived.attack);
    }

    fn is_home(&self, told_s: u32, now_s: u32, learn_days: u32) -> bool {
        let since_s = if self.is_told { self.first_s.max(told_s) } else { self.first_s };
        self.days >= COMES_BACK_DAYS
            && now_s.saturating_sub(since_s) >= learn_days.saturating_mul(DAY_S)
    }
}

impl HomeRow {
    /// What all strange places say, thousandths.
    fn score(&self, now_s: u32) -> u32 {
        let places = self.strange.iter().filter(|place| place.first_s != 0);
        let faded = |milli: u16, place: &Strange| {
            let age_s = now_s.saturating_sub(place.first_s);
            let half = u32::from(milli).checked_shr(age_s / FADE_S).unwrap_or(0);
            half - (u64::from(half / 2) * u64::from(age_s % FADE_S) / u64::from(FADE_S)) as u32
        };
        let sum: u32 = places.clone().map(|place| faded(place.speaks, place)).sum();
        let attack = places.map(|place| faded(place.attack, place)).max();
        sum.saturating_add(attack.unwrap_or(0))
    }
}

fn tell(
    engine: &mut Engine,
    rule: &Takeover,
    seen: &Seen<'_>,
    account: u64,
    score: u32,
    out: &mut Vec<Output>,
) {
    let (Some(name), state) = (seen.event.account, &engine.state) else { return };
    let mut lines: Vec<u64> = Vec::new();
    // Of whom failed first a few lines only: the strange logins must not give way.
    let failures = [
        state.accounts.get(account).map(|row| row.lines.evidence(seen.seq)),
        state.clients.get(seen.client.0).map(|row| row.lines.evidence(seen.seq)),
    ];
    for evidence in failures.iter().flatten() {
        lines.extend(evidence.lines().iter().rev().take(2));
    }
    if let Some(row) = state.homes.get(account) {
        let places = row.strange.iter().filter(|place| place.first_s != 0);
        lines.extend(places.map(|place| whole(place.line, seen.seq)));
    }
    lines.push(seen.seq);
    lines.sort_unstable();
    let evidence: Evidence = lines.into_iter().collect();
    let verdict =
        Verdict { detector: SPEC.name, mode: rule.mode, ban_s: rule.lock_s, score, evidence };
    let subject = Subject::Account(name.bytes().to_ascii_lowercase().into());
    engine.propose(&verdict, subject, Measure::Lock, out);
}
