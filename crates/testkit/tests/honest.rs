//! Honest people and machines do in the lines what is said of them.

use std::collections::{BTreeMap, BTreeSet};
use testkit::world::{ActorId, Habit, Kind, Micros, Nobody, Plan, Said, Trade, What, World};

const SECOND: Micros = 1_000_000;
const HOUR: Micros = 3_600 * SECOND;
const DAY: Micros = 24 * HOUR;

/// A site, with some of its numbers changed; all that its lines tell.
fn lived(days: f64, accounts: f64, numbers: &[(&str, f64)], seed: u64) -> (World, Vec<Said>) {
    let mut plan = Plan::quiet(days);
    plan.numbers.accounts = accounts;
    plan.numbers.workstations = 5.0;
    for (name, value) in numbers {
        assert!(plan.set(name, *value), "{name}");
    }
    let mut world = World::new(&plan, seed);
    let (mut said, mut line) = (Vec::new(), Vec::new());
    while let Some(one) = world.next(&mut Nobody, &mut line) {
        if one.what != What::Detail {
            said.push(one);
        }
    }
    (world, said)
}

fn by_actor(said: &[Said]) -> BTreeMap<ActorId, Vec<Said>> {
    let mut by: BTreeMap<ActorId, Vec<Said>> = BTreeMap::new();
    for one in said {
        by.entry(one.actor).or_default().push(*one);
    }
    by
}

fn is_wrong(said: &Said) -> bool {
    matches!(said.what, What::LoginWrong { .. })
}

#[test]
fn a_stale_phone_goes_on_for_days_among_right_logins_of_its_owner() {
    let numbers = [("stale_share", 12.0), ("outages_per_year", 0.0), ("leaves_share", 0.0)];
    let (world, said) = lived(30.0, 40.0, &numbers, 1);
    let mut stale = 0;
    for (id, said) in by_actor(&said) {
        let actor = world.actor(id).expect("an actor");
        if actor.kind != Kind::Phone || !actor.habits.contains(&Habit::StalePassword) {
            continue;
        }
        let wrong: Vec<&Said> = said.iter().filter(|one| is_wrong(one)).collect();
        let (Some(first), Some(last)) = (wrong.first(), wrong.last()) else { continue };
        let places: BTreeSet<_> = wrong.iter().filter_map(|one| one.client).collect();
        let is_long = last.at_micros - first.at_micros > DAY && wrong.len() > 30;
        stale += usize::from(is_long && places.len() > 2);
        let right = |one: &&Said| matches!(one.what, What::LoginRight { .. });
        assert!(said.iter().any(|one| right(&one)), "it was right before");
    }
    assert!(stale >= 5, "{stale} stale phones that fail for days from several places");
}

#[test]
fn people_mistype_forget_leave_and_expire() {
    let numbers = [
        ("webmail_share", 0.5),
        ("forgets_share", 3.0),
        ("leaves_share", 2.0),
        ("expires_share", 2.0),
        ("caps_share", 0.3),
    ];
    let (world, said) = lived(60.0, 60.0, &numbers, 2);
    let by = by_actor(&said);
    let with = |habit: Habit, kinds: &[Kind], count: fn(&Said) -> bool| -> usize {
        let of = by.iter().filter(|(id, _)| {
            let actor = world.actor(**id);
            actor.is_some_and(|a| a.habits.contains(&habit) && kinds.contains(&a.kind))
        });
        of.map(|(_, said)| said.iter().filter(|one| count(one)).count()).sum()
    };
    let is_shut = |said: &Said| matches!(said.what, What::LoginShut { .. });
    assert!(with(Habit::Forgets, &[Kind::Webmail, Kind::Desktop], is_wrong) > 10);
    assert!(with(Habit::CapsLock, &[Kind::Webmail, Kind::Desktop], is_wrong) > 10);
    assert!(with(Habit::Leaves, &[Kind::Phone, Kind::Desktop], is_shut) > 100);
    assert!(with(Habit::Expires, &[Kind::Phone, Kind::Desktop], is_shut) > 100);
    let unknown = said.iter().filter(|one| one.what == What::LoginWrong { account: None });
    assert!(unknown.count() > 0, "names are mistyped, too");
    let all = said.iter().filter(|one| matches!(one.what, What::LoginRight { .. })).count();
    let wrong = said.iter().filter(|one| is_wrong(one)).count();
    assert!(wrong * 5 < all, "most logins are right: {wrong} wrong, {all} right");
}

#[test]
fn people_share_addresses_travel_and_sleep() {
    let (world, said) = lived(14.0, 150.0, &[("travels_share", 0.6)], 3);
    let mut users: BTreeMap<_, BTreeSet<u32>> = BTreeMap::new();
    let (mut night, mut day) = (0, 0);
    for one in &said {
        let (What::LoginRight { account }, Some(client)) = (one.what, one.client) else { continue };
        let actor = world.actor(one.actor).expect("an actor");
        let is_person = matches!(actor.kind, Kind::Phone | Kind::Desktop | Kind::Tablet);
        if !is_person {
            continue;
        }
        users.entry(client).or_default().insert(account);
        match (one.at_micros / HOUR) % 24 {
            1..4 => night += 1,
            9..12 => day += 1,
            _ => {}
        }
    }
    let most = |trade: Trade| {
        let of =
            users.iter().filter(|(ip, _)| world.operator(**ip).is_some_and(|o| o.trade == trade));
        of.map(|(_, users)| users.len()).max().unwrap_or(0)
    };
    assert!(most(Trade::Offices) >= 30, "an office of {}", most(Trade::Offices));
    assert!(most(Trade::Phones) >= 10, "a carrier's address of {}", most(Trade::Phones));
    assert!(night * 4 < day, "{night} at night, {day} by day");
    let home = world.actors()[0].addresses.len();
    assert_eq!(home, 1, "the mail server asks from one address");
    let countries: BTreeSet<_> =
        users.keys().filter_map(|ip| world.operator(*ip)).map(|o| o.country).collect();
    assert!(countries.len() >= 4, "{countries:?}");
}

#[test]
fn in_an_outage_nobody_comes_in_and_then_all_do() {
    let (world, said) = lived(20.0, 120.0, &[("outages_per_year", 400.0)], 4);
    let right = |one: &&Said| matches!(one.what, What::LoginRight { .. });
    let between = |from: Micros, until: Micros| {
        said.iter().filter(move |one| (from..until).contains(&one.at_micros))
    };
    let (mut unchecked, mut before, mut behind) = (0, 0, 0);
    for (from, until) in world.outages() {
        let during = between(from + 5 * SECOND, *until);
        unchecked += during.clone().filter(|one| one.what.name() == "login-unchecked").count();
        assert_eq!(during.clone().filter(right).count(), 0, "nobody comes in");
        before += between(from - 60 * SECOND, *from).filter(right).count();
        behind += between(*until, until + 60 * SECOND).filter(right).count();
    }
    assert!(unchecked > 300, "{unchecked}");
    assert!(behind > before * 3 / 2, "{before} in the minute before, {behind} in the one behind");
}

#[test]
fn machines_keep_their_times() {
    let (world, said) = lived(15.0, 60.0, &[("broken_copiers", 1.0)], 5);
    let by = by_actor(&said);
    let of = |kind: Kind| -> Vec<&Vec<Said>> {
        by.iter()
            .filter(|(id, _)| world.actor(**id).is_some_and(|a| a.kind == kind))
            .map(|(_, s)| s)
            .collect()
    };
    let wrong = &of(Kind::WrongMonitor)[0];
    assert!((4_000..4_500).contains(&wrong.len()) && wrong.iter().all(is_wrong), "{}", wrong.len());
    let backup = of(Kind::Backup)[0];
    let nights: BTreeSet<_> = backup.iter().map(|one| one.at_micros / DAY).collect();
    assert!(nights.len() >= 13, "{} nights", nights.len());
    let sent: usize = of(Kind::Newsletter)[0]
        .iter()
        .filter(|one| matches!(one.what, What::MessageOut { spam: false, .. }))
        .count();
    assert_eq!(sent, 4_000, "two issues to two thousand");
    let broken = of(Kind::BrokenCopier)[0];
    assert!(broken.iter().all(|one| one.what == What::LoginDisallowed) && broken.len() > 50);
    let asks = |kind: Kind| {
        let asks = |one: &&Said| matches!(one.what, What::Question { mx: true, .. });
        of(kind).iter().flat_map(|said| said.iter()).filter(asks).count()
    };
    assert!(asks(Kind::MailHost) > 4_000 && asks(Kind::SecondServer) > 1_000);
    assert!(asks(Kind::Workstation) < 20, "{}", asks(Kind::Workstation));
}

#[test]
fn december_brings_greetings() {
    let mut plan = Plan::named("everything-month").expect("it has a name");
    plan.attacks.clear();
    plan.numbers.accounts = 60.0;
    plan.numbers.greets_share = 0.5;
    plan.numbers.newsletters = 0.0;
    let mut world = World::new(&plan, 6);
    let (mut line, mut largest) = (Vec::new(), 0);
    while let Some(said) = world.next(&mut Nobody, &mut line) {
        if let What::MessageOut { recipients, spam: false, .. } = said.what {
            largest = largest.max(recipients);
        }
    }
    assert!(largest >= 150, "the largest went to {largest}");
}

#[test]
fn mailboxes_answer_are_forwarded_and_are_read_from_elsewhere() {
    let numbers = [("answers_share", 1.0), ("forward_share", 0.3), ("fetch_share", 0.3)];
    let (world, said) = lived(30.0, 60.0, &numbers, 7);
    let by = by_actor(&said);
    let here = |one: &&Said| matches!(one.what, What::MessageHere { .. });
    let answers = by[&ActorId(0)].iter().filter(here).count();
    assert!(answers > 60, "{answers} by the house, 30 of them letters to root");
    let fetchers = world.actors().iter().filter(|actor| actor.kind == Kind::Fetcher);
    let most = fetchers.map(|actor| actor.addresses.len()).max();
    assert!(most > Some(60), "from {most:?} addresses");
    let unwanted = said.iter().filter(|one| {
        let kind = world.actors()[one.actor.0 as usize].kind;
        one.what == What::Bounced && matches!(kind, Kind::Provider | Kind::Forwarder)
    });
    assert!(unwanted.count() > 5, "spam that is forwarded comes back");
}
