//! What holds of every world: it follows from its seed, keeps the order of time, needs little, and
//! answers to decisions.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;
use testkit::world::{Guard, Kind, Micros, Nobody, Plan, Said, Standing, What, World};

const HOUR: Micros = 3_600_000_000;

/// A small site under every kind of attack and trouble.
fn small(days: f64) -> Plan {
    let mut plan = Plan::quiet(days);
    plan.numbers.accounts = 40.0;
    plan.numbers.bots = 40.0;
    plan.numbers.newsletter_recipients = 200.0;
    plan.attacks =
        Kind::ALL.iter().filter(|kind| kind.is_planned()).map(|kind| (*kind, 1)).collect();
    plan
}

/// All bytes of a world as one number (FNV-1a), and how many lines.
fn digest(plan: &Plan, seed: u64) -> (u64, u64) {
    let mut world = World::new(plan, seed);
    let (mut line, mut hash, mut count) = (Vec::new(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while let Some(said) = world.next(&mut Nobody, &mut line) {
        for byte in line.iter().copied().chain(said.actor.0.to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        count += 1;
    }
    (hash, count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_makes_the_same_bytes_and_another_makes_others(seed in any::<u64>()) {
        let plan = small(1.0);
        let first = digest(&plan, seed);
        prop_assert!(first.1 > 5_000, "{} lines", first.1);
        prop_assert_eq!(first, digest(&plan, seed));
        prop_assert_ne!(first.0, digest(&plan, seed ^ 1).0);
    }

    #[test]
    fn stamps_go_back_by_milliseconds_at_most_and_stay_in_the_world(seed in any::<u64>()) {
        let plan = small(2.0);
        let mut world = World::new(&plan, seed);
        let (mut line, mut latest, mut has_gone_back) = (Vec::new(), 0, false);
        while let Some(said) = world.next(&mut Nobody, &mut line) {
            prop_assert!(said.at_micros >= plan.start, "{said:?}");
            prop_assert!(said.at_micros > latest - 10_000, "{said:?} after {latest}");
            prop_assert!(!line.contains(&b'\n'));
            has_gone_back |= said.at_micros < latest;
            latest = latest.max(said.at_micros);
        }
        prop_assert!(has_gone_back, "rsyslog is never so tidy");
    }
}

#[test]
fn other_seeds_have_other_addresses_names_and_victims() {
    let pools = |seed| {
        let world = World::new(&small(1.0), seed);
        let prefixes: Vec<_> = world.atlas().map(|(base, length, _)| (base, length)).collect();
        let victims: Vec<_> = world.actors().iter().map(|actor| actor.account).collect();
        (prefixes, world.login(0).to_owned(), victims)
    };
    let (one, two) = (pools(1), pools(2));
    let common = one.0.iter().filter(|prefix| two.0.contains(prefix)).count();
    assert!(common * 20 < one.0.len(), "{common} of {} prefixes in common", one.0.len());
    assert!(one.1 != two.1 && one.2 != two.2);
}

#[test]
fn a_month_holds_no_more_than_its_actors_and_open_sessions() {
    let mut plan = small(31.0);
    plan.numbers.accounts = 80.0;
    let mut world = World::new(&plan, 5);
    let actors = world.actors().len();
    let (mut line, mut lines, mut held, mut first_days) = (Vec::new(), 0u64, 0, 0);
    while let Some(said) = world.next(&mut Nobody, &mut line) {
        lines += 1;
        let (wakes, pending) = world.held();
        assert!(wakes <= actors, "{wakes} wake-ups of {actors} actors");
        held = held.max(pending);
        if said.at_micros < plan.start + 3 * 24 * HOUR {
            first_days = held;
        }
    }
    assert!(lines > 400_000, "{lines} lines");
    // A burst of one actor (a list's letter, a circular) is the most that comes on top.
    assert!(held < first_days.max(500) * 8 && held < 8_000, "{held}, {first_days} in three days");
}

#[test]
fn everybody_comes_from_somewhere_and_honest_people_move() {
    let plan = small(20.0);
    let mut world = World::new(&plan, 6);
    let mut line = Vec::new();
    while world.next(&mut Nobody, &mut line).is_some() {}
    let mut phones = Vec::new();
    for actor in world.actors() {
        for address in &actor.addresses {
            let operator = world.operator(*address);
            assert!(operator.is_some() || address.is_loopback(), "{address} of {:?}", actor.kind);
        }
        assert_eq!(actor.began.is_some(), !actor.addresses.is_empty(), "{:?}", actor.kind);
        if actor.kind == Kind::Phone {
            phones.push(actor.addresses.len());
        }
    }
    phones.sort_unstable();
    assert!(phones[phones.len() / 2] >= 5, "{phones:?}: carriers and homes change addresses");
}

/// Bans an address after so many wrong logins and refused recipients.
struct Counting {
    limit: u32,
    counts: BTreeMap<IpAddr, u32>,
    banned: BTreeMap<IpAddr, Micros>,
}

impl Counting {
    fn sees(&mut self, said: &Said) {
        let counts = matches!(
            said.what,
            What::LoginWrong { .. } | What::LoginsWrong { .. } | What::RecipientRefused { .. }
        );
        if let Some(client) = said.client.filter(|_| counts) {
            let count = self.counts.entry(client).or_default();
            *count += 1;
            if *count == self.limit {
                self.banned.insert(client, said.at_micros);
            }
        }
    }
}

impl Guard for Counting {
    fn is_refused(&mut self, client: IpAddr, _: Micros) -> bool {
        self.banned.contains_key(&client)
    }
}

#[test]
fn who_is_refused_writes_no_line_and_goes_on_as_his_kind_does() {
    let plan = small(6.0);
    let mut world = World::new(&plan, 7);
    let mut guard = Counting { limit: 5, counts: BTreeMap::new(), banned: BTreeMap::new() };
    let mut line = Vec::new();
    while let Some(said) = world.next(&mut guard, &mut line) {
        if let Some(since) = said.client.and_then(|client| guard.banned.get(&client)) {
            // What was begun before is told to its end: the longest session is half an hour.
            assert!(said.at_micros < since + HOUR, "{said:?}, banned at {since}");
        }
        guard.sees(&said);
    }
    let of = |kind: Kind| world.actors().iter().find(move |actor| actor.kind == kind);
    let alone = of(Kind::FastOne).expect("there is one");
    assert!(alone.harm.refused > 0 && alone.addresses.len() == 1, "{alone:?}");
    let monitor = of(Kind::WrongMonitor).expect("there is one");
    assert!(monitor.harm.refused > 100, "counted as harmed: {monitor:?}");
    let spray = of(Kind::Spray64).expect("there is one");
    assert!(spray.harm.refused == 0 && spray.addresses.len() > 20, "no address comes twice");
    let without = digest(&plan, 7).1;
    let mut again = World::new(&plan, 7);
    let mut lines = 0;
    while again.next(&mut guard, &mut line).is_some() {
        lines += 1;
    }
    assert!(lines < without, "{lines} lines with bans, {without} without");
}

/// Gives one account this standing from a time on.
struct Stopping<'a> {
    login: &'a str,
    standing: Standing,
    from: Micros,
}

impl Guard for Stopping<'_> {
    fn standing(&mut self, account: &str, _: IpAddr, at: Micros) -> Standing {
        if account == self.login && at >= self.from { self.standing } else { Standing::Free }
    }
}

#[test]
fn an_account_that_is_stopped_sends_no_more_and_its_owner_is_harmed() {
    let mut plan = Plan::quiet(8.0);
    plan.numbers.accounts = 60.0;
    plan.attacks = vec![(Kind::PhishedBurst, 1)];
    let world = World::new(&plan, 8);
    let thief = world.actors().iter().position(|actor| actor.kind == Kind::PhishedBurst);
    let thief = thief.expect("there is one");
    let account = world.actors()[thief].account.expect("he has one");
    let login = world.login(account).to_owned();
    let spam_until = |standing, from| {
        let mut world = World::new(&plan, 8);
        let mut guard = Stopping { login: &login, standing, from };
        let (mut sent, mut stopped, mut first, mut line) = (0, 0, None, Vec::new());
        while let Some(said) = world.next(&mut guard, &mut line) {
            match said.what {
                What::MessageOut { spam: true, .. } => {
                    first.get_or_insert(said.at_micros);
                    sent += 1;
                }
                What::MessageStopped { spam: true, .. } => stopped += 1,
                _ => {}
            }
        }
        let owners = world.actors().iter().filter(|actor| actor.account == Some(account));
        let owners = owners.filter(|actor| !actor.kind.is_attack());
        let harm: u64 = owners.map(|actor| actor.harm.locked + actor.harm.stopped).sum();
        (sent, stopped, first, harm)
    };
    let (all, _, first, _) = spam_until(Standing::Free, Micros::MAX);
    let from = first.expect("spam was sent") + HOUR / 6;
    let (held, stopped, _, _) = spam_until(Standing::Held, from);
    assert!(held < all && stopped > 0, "{held} of {all}, {stopped} held");
    let (slowed, stopped, _, _) = spam_until(Standing::Throttled, from);
    assert!(slowed < all && stopped > 0, "{slowed} of {all}, {stopped} put off");
    let (locked, stopped, _, harm) = spam_until(Standing::Locked, from);
    assert!(locked < all && stopped == 0 && harm > 0, "{locked} of {all}, harm {harm}");
}

/// What the honest do, but for the mail server, which works for all.
fn honest_life(plan: &Plan, guard: &mut dyn Guard) -> Vec<(Micros, Kind, Option<IpAddr>, What)> {
    let mut world = World::new(plan, 9);
    let (mut life, mut line) = (Vec::new(), Vec::new());
    while let Some(said) = world.next(guard, &mut line) {
        let kind = world.actors()[said.actor.0 as usize].kind;
        if !kind.is_attack() && kind != Kind::MailHost {
            life.push((said.at_micros, kind, said.client, said.what));
        }
    }
    life.sort_by_key(|(at, kind, client, what)| (*at, *kind, *client, what.name()));
    life
}

/// Refuses whoever is not of the honest.
struct Knowing(std::collections::BTreeSet<IpAddr>);

impl Guard for Knowing {
    fn is_refused(&mut self, client: IpAddr, _: Micros) -> bool {
        !self.0.contains(&client)
    }
}

#[test]
fn attackers_and_what_is_decided_on_them_change_nothing_for_the_honest() {
    let mut attacked = small(3.0);
    // What befalls a provider befalls messages of the honest, too (`tests/attacks.rs`).
    attacked.attacks.retain(|(kind, _)| kind.is_attack());
    let quiet = Plan { attacks: Vec::new(), ..attacked.clone() };
    let life = honest_life(&quiet, &mut Nobody);
    assert!(life.len() > 10_000);
    assert!(life == honest_life(&attacked, &mut Nobody), "under attack");
    let clients = life.iter().filter_map(|(_, _, client, _)| *client).collect();
    assert!(life == honest_life(&attacked, &mut Knowing(clients)), "with all attackers banned");
}

#[test]
fn any_number_may_be_nothing() {
    for name in testkit::world::Numbers::NAMES {
        let mut plan = small(0.3);
        plan.numbers.newsletter_recipients = 20.0;
        assert!(plan.set(name, 0.0), "{name}");
        let mut world = World::new(&plan, 10);
        let (mut line, mut lines) = (Vec::new(), 0u32);
        while world.next(&mut Nobody, &mut line).is_some() {
            lines += 1;
            assert!(lines < 1_000_000, "{name} = 0: no end");
        }
    }
}
