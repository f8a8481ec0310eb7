//! Every attack does in the lines what its kind says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use testkit::world::{Kind, Micros, Nobody, Plan, Refusal, Said, Trade, What, World};

const SECOND: Micros = 1_000_000;
const HOUR: Micros = 3_600 * SECOND;
const DAY: Micros = 24 * HOUR;

/// One campaign, as its lines tell it.
struct Campaign {
    world: World,
    said: Vec<Said>,
    lines: Vec<String>,
}

impl Campaign {
    /// Of one kind, in a site with few others.
    fn of(kind: Kind, days: f64, seed: u64) -> Self {
        let mut plan = Plan::quiet(days);
        plan.numbers.accounts = 150.0;
        plan.numbers.bots = 300.0;
        // Enough honest ones to share an address with, and no more.
        plan.numbers.device_share = 0.15;
        plan.numbers.inbound_per_day = 0.1;
        for name in ["monitors", "wrong_monitors", "newsletters", "lists", "bulk_senders"] {
            assert!(plan.set(name, 0.0));
        }
        for name in ["workstations", "second_servers", "marketing_tools", "backups"] {
            assert!(plan.set(name, 0.0));
        }
        plan.numbers.outages_per_year = 0.0;
        plan.numbers.offices = 2.0;
        plan.attacks = vec![(kind, 1)];
        let mut world = World::new(&plan, seed);
        let (mut said, mut lines, mut line) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(one) = world.next(&mut Nobody, &mut line) {
            if world.actor(one.actor).is_some_and(|actor| actor.group.is_some()) {
                said.push(one);
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
        }
        assert!(!said.is_empty(), "{} seed {seed}: no line", kind.name());
        Campaign { world, said, lines }
    }

    /// Guesses: when, from where, whose.
    fn guesses(&self) -> Vec<(Micros, IpAddr, Option<u32>)> {
        let guess = |said: &Said| match said.what {
            What::LoginWrong { account } => Some((said.at_micros, said.client?, account)),
            What::LoginShut { account } => Some((said.at_micros, said.client?, Some(account))),
            _ => None,
        };
        self.said.iter().filter_map(guess).collect()
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        self.said.iter().filter_map(|said| said.client).collect()
    }

    fn count(&self, wanted: impl Fn(&What) -> bool) -> usize {
        self.said.iter().filter(|said| wanted(&said.what)).count()
    }
}

/// Two seeds for each, so that no one seed's luck is tested.
fn each(kind: Kind, days: f64, check: impl Fn(&Campaign)) {
    for seed in [11, 12] {
        check(&Campaign::of(kind, days, seed));
    }
}

fn victims(guesses: &[(Micros, IpAddr, Option<u32>)]) -> BTreeSet<Option<u32>> {
    guesses.iter().map(|(_, _, account)| *account).collect()
}

fn mean_gap_s(guesses: &[(Micros, IpAddr, Option<u32>)]) -> f64 {
    let (first, last) = (guesses[0].0, guesses[guesses.len() - 1].0);
    (last - first) as f64 / SECOND as f64 / (guesses.len() - 1) as f64
}

#[test]
fn fast_guessers_are_fast_and_slow_ones_are_as_slow_as_they_say() {
    each(Kind::FastOne, 6.0, |campaign| {
        let guesses = campaign.guesses();
        assert!(guesses.len() >= 200 && victims(&guesses).len() == 1);
        assert!(campaign.addresses().len() == 1 && mean_gap_s(&guesses) < 20.0);
    });
    each(Kind::FastList, 6.0, |campaign| {
        let guesses = campaign.guesses();
        assert!(guesses.len() >= 200 && victims(&guesses).len() > 3);
    });
    for (kind, days, low_s, high_s) in [
        (Kind::SlowMinute, 8.0, 45.0, 80.0),
        (Kind::SlowHour, 20.0, 900.0, 1_600.0),
        (Kind::SlowDay, 40.0, 2_700.0, 4_700.0),
        (Kind::SlowWeek, 60.0, 12_000.0, 27_000.0),
    ] {
        each(kind, days, |campaign| {
            let gap_s = mean_gap_s(&campaign.guesses());
            assert!((low_s..high_s).contains(&gap_s), "{}: {gap_s} s", kind.name());
            assert_eq!(campaign.addresses().len(), 1);
        });
    }
    each(Kind::UnderThreshold, 20.0, |campaign| {
        let guesses = campaign.guesses();
        assert!(guesses[guesses.len() - 1].0 - guesses[0].0 > 5 * DAY);
        let most = guesses.windows(5).map(|five| five[4].0 - five[0].0).min();
        assert!(most > Some(6 * 60 * SECOND), "five within {most:?}");
    });
}

#[test]
fn connections_that_are_held_carry_many_guesses() {
    each(Kind::OpenConnection, 5.0, |campaign| {
        let guesses = campaign.guesses().len();
        let is_end = |line: &&String| {
            line.contains(" disconnect from ") || line.contains(": Disconnected: ")
        };
        let ends = campaign.lines.iter().filter(is_end).count();
        assert!(guesses > 2 * ends, "{guesses} guesses on {ends} connections");
        let pairs = campaign.said.windows(2);
        let at_once = pairs.filter(|two| two[1].at_micros - two[0].at_micros < SECOND).count();
        assert!(at_once > 30, "{at_once} at once: several connections are open");
    });
}

#[test]
fn distributed_guessers_use_an_address_once_and_aim_at_one() {
    for (kind, days, low, high) in
        [(Kind::DistributedHours, 8.0, HOUR, DAY), (Kind::DistributedDays, 30.0, DAY, 20 * DAY)]
    {
        each(kind, days, |campaign| {
            let guesses = campaign.guesses();
            assert_eq!(campaign.addresses().len(), guesses.len(), "one try from each");
            assert!(guesses.len() >= 290 && victims(&guesses).len() == 1);
            let length = guesses[guesses.len() - 1].0 - guesses[0].0;
            assert!((low..high).contains(&length), "{}: {} h", kind.name(), length / HOUR);
        });
    }
    each(Kind::DistributedLists, 14.0, |campaign| {
        let mut by: BTreeMap<IpAddr, BTreeSet<Option<u32>>> = BTreeMap::new();
        for (_, client, account) in campaign.guesses() {
            by.entry(client).or_default().insert(account);
        }
        assert!(by.len() > 25 && campaign.world.groups()[0].actors.len() == by.len());
        let all: usize = by.values().map(BTreeSet::len).sum();
        let union: BTreeSet<_> = by.values().flatten().collect();
        assert!(all > union.len() * 3 / 2, "lists overlap: {all}, {}", union.len());
    });
    each(Kind::LockOut, 10.0, |campaign| {
        let guesses = campaign.guesses();
        assert!(victims(&guesses).len() == 1 && campaign.addresses().len() > 200);
    });
}

#[test]
fn sprays_rotate_through_what_they_say_and_try_many() {
    let is_in = |length: u32, addresses: &BTreeSet<IpAddr>| {
        let bits = |ip: &IpAddr| match ip {
            IpAddr::V6(v6) => u128::from(*v6) >> (128 - length),
            IpAddr::V4(v4) => u128::from(u32::from(*v4) >> 8),
        };
        addresses.iter().map(bits).collect::<BTreeSet<_>>().len() == 1
    };
    for (kind, length) in
        [(Kind::Spray64, 64), (Kind::Spray48, 48), (Kind::Spray32, 32), (Kind::Spray24, 24)]
    {
        each(kind, 12.0, |campaign| {
            let (guesses, addresses) = (campaign.guesses(), campaign.addresses());
            assert!(victims(&guesses).len() > 80 && addresses.len() > 100);
            assert!(is_in(length, &addresses), "{}", kind.name());
            if (33..64).contains(&length) {
                assert!(!is_in(64, &addresses), "{}", kind.name());
            }
        });
    }
    each(Kind::SprayAddress, 12.0, |campaign| {
        assert!(campaign.addresses().len() == 1 && victims(&campaign.guesses()).len() > 80);
    });
    each(Kind::SprayBotnet, 12.0, |campaign| {
        assert!(campaign.addresses().len() > 100 && victims(&campaign.guesses()).len() > 80);
    });
    each(Kind::Stuffing, 12.0, |campaign| {
        let mut seen = BTreeMap::new();
        for (_, _, account) in campaign.guesses() {
            *seen.entry(account).or_insert(0) += u32::from(account.is_some());
        }
        assert!(seen.len() > 20 && seen.values().all(|count| *count <= 1), "each pair once");
    });
}

#[test]
fn who_hides_behind_others_shares_their_address() {
    for kind in [Kind::BehindOffice, Kind::BehindCarrier] {
        each(kind, 14.0, |campaign| {
            let own = campaign.addresses();
            let trades: Vec<_> =
                own.iter().filter_map(|ip| campaign.world.operator(*ip)).map(|o| o.trade).collect();
            let wanted = if kind == Kind::BehindOffice { Trade::Offices } else { Trade::Phones };
            assert!(trades.iter().all(|trade| *trade == wanted), "{trades:?}");
            let shared = campaign.world.actors().iter().any(|actor| {
                !actor.kind.is_attack() && actor.addresses.iter().any(|ip| own.contains(ip))
            });
            assert!(shared, "{}: nobody else is there", kind.name());
        });
    }
    each(Kind::Launderer, 12.0, |campaign| {
        let rights = campaign.count(|what| matches!(what, What::LoginRight { .. }));
        assert!(rights > 50 && campaign.guesses().len() > rights * 2);
    });
    each(Kind::OddNames, 10.0, |campaign| {
        assert!(victims(&campaign.guesses()).contains(&None));
    });
}

/// Spam of each day since the first.
fn by_day(campaign: &Campaign) -> Vec<usize> {
    let spam = |said: &&Said| matches!(said.what, What::MessageOut { spam: true, .. });
    let times: Vec<Micros> = campaign.said.iter().filter(spam).map(|said| said.at_micros).collect();
    let Some(first) = times.first() else { return Vec::new() };
    let mut days = vec![0; ((times[times.len() - 1] - first) / DAY) as usize + 1];
    for at in &times {
        days[((at - first) / DAY) as usize] += 1;
    }
    days
}

#[test]
fn takeovers_begin_with_a_right_login_and_go_on_as_they_say() {
    for kind in [Kind::GuessedBurst, Kind::GuessedQuiet] {
        each(kind, 30.0, |campaign| {
            let right = |said: &Said| matches!(said.what, What::LoginRight { .. });
            let entered = campaign.said.iter().position(right).expect("he comes in");
            let is_guess =
                |said: &Said| matches!(said.what, What::LoginWrong { .. } | What::LoginShut { .. });
            let before = campaign.said[..entered].iter().filter(|said| is_guess(said)).count();
            let behind = campaign.said[entered..].iter().filter(|said| is_guess(said)).count();
            assert!(before > 20 && behind == 0, "{}: {before}, {behind}", kind.name());
        });
    }
    for kind in [Kind::GuessedBurst, Kind::PhishedBurst] {
        each(kind, 30.0, |campaign| {
            let days = by_day(campaign);
            assert!(days.iter().sum::<usize>() >= 150 && days.len() <= 3, "{days:?}");
        });
    }
    for kind in [Kind::GuessedQuiet, Kind::PhishedQuiet] {
        each(kind, 30.0, |campaign| {
            assert!(by_day(campaign).is_empty());
            let reads = campaign.count(|what| matches!(what, What::LoginRight { .. }));
            assert!(reads > 10, "{reads} visits");
        });
    }
    each(Kind::PhishedRamp, 30.0, |campaign| {
        let days = by_day(campaign);
        assert!(days[0] < 20 && days.iter().max() > Some(&150), "{days:?}");
    });
    each(Kind::Poison, 60.0, |campaign| {
        let days = by_day(campaign);
        let first: usize = days[..5].iter().sum();
        let most = days.iter().max().copied().unwrap_or(0);
        assert!(days.len() > 12 && first < 60 && most > 100, "{days:?}");
    });
}

#[test]
fn a_wave_is_many_accounts_of_which_each_sends_a_little() {
    each(Kind::PhishedMany, 30.0, |campaign| {
        let mut hours: BTreeMap<(u32, i64), u32> = BTreeMap::new();
        for said in &campaign.said {
            if let What::MessageOut { account, recipients, spam: true } = said.what {
                *hours.entry((account, said.at_micros / 3_600_000_000)).or_default() += recipients;
            }
        }
        let accounts: BTreeSet<u32> = hours.keys().map(|(account, _)| *account).collect();
        let all: u32 = hours.values().sum();
        assert!(accounts.len() >= 25 && all > 500, "{} accounts, {all}", accounts.len());
        assert!(all / hours.len() as u32 <= 15, "{all} in {} hours of accounts", hours.len());
    });
}

#[test]
fn at_port_25_they_try_what_they_say() {
    let refused = |campaign: &Campaign, wanted: Refusal| {
        campaign.count(|what| matches!(what, What::RecipientRefused { why } if *why == wanted))
    };
    each(Kind::RelayProbe, 8.0, |campaign| {
        assert!(refused(campaign, Refusal::Relay) > 5 && refused(campaign, Refusal::Unknown) == 0);
    });
    for (kind, days, least) in [
        (Kind::HarvestFast, 4.0, 400),
        (Kind::HarvestSlow, 30.0, 400),
        (Kind::HarvestNull, 8.0, 400),
        (Kind::HarvestBotnet, 12.0, 300),
    ] {
        each(kind, days, |campaign| {
            let count = refused(campaign, Refusal::Unknown);
            assert!(count >= least, "{}: {count}", kind.name());
            let alone = campaign.addresses().len() == 1;
            assert_eq!(alone, kind != Kind::HarvestBotnet);
        });
    }
    for (kind, least) in [(Kind::Scanner, 15), (Kind::Exploiter, 4), (Kind::Pipeliner, 15)] {
        each(kind, 16.0, |campaign| {
            let count = campaign.count(|what| matches!(what, What::Probe | What::Abuse));
            assert!(count >= least, "{}: {count}", kind.name());
            let strings = ["jndi", "() {", "${run{"];
            let exploits = campaign.lines.iter().any(|l| strings.iter().any(|s| l.contains(s)));
            assert_eq!(exploits, kind == Kind::Exploiter);
        });
    }
    each(Kind::EarlyTalker, 16.0, |campaign| {
        assert!(refused(campaign, Refusal::Protocol) > 20 && campaign.addresses().len() > 10);
    });
    each(Kind::SpamCampaign, 10.0, |campaign| {
        let spam = campaign.count(|what| matches!(what, What::MessageIn { spam: true }));
        assert!(spam > 300 && campaign.addresses().len() > 100, "{spam}");
        assert_eq!(campaign.world.groups()[0].actors.len(), 2, "bots, and stolen accounts");
        let told = campaign.lines.iter().filter_map(|line| line.split_once("header Subject: "));
        let shape = |subject: &str| subject.replace(|c: char| c.is_ascii_digit(), "");
        let (mut subjects, mut senders) = (BTreeSet::new(), BTreeSet::new());
        for (_, rest) in told {
            let (subject, rest) = rest.split_once(" from ").expect("a peer");
            // A subject may hold the word itself: its front tells the variants apart.
            subjects.insert(shape(subject));
            senders.insert(rest.split_once("; from=<").and_then(|(_, from)| from.split_once('>')));
        }
        let senders: BTreeSet<_> = senders.iter().flatten().map(|(sender, _)| *sender).collect();
        assert!(subjects.len() == 3 && senders.len() > 40, "{subjects:?}, {}", senders.len());
        let own = campaign.addresses();
        let neighbour = campaign.world.actors().iter().any(|actor| {
            actor.kind == Kind::SmallServer && actor.addresses.iter().any(|ip| own.contains(ip))
        });
        assert!(neighbour, "honest servers have stolen accounts, too");
    });
}

#[test]
fn a_host_of_the_house_asks_for_everybody() {
    for kind in [Kind::MxBurst, Kind::MxForged] {
        each(kind, 8.0, |campaign| {
            let asked = campaign.count(|what| matches!(what, What::Question { mx: true, .. }));
            let absent =
                campaign.count(|what| matches!(what, What::Question { mx: true, exists: false }));
            assert!(asked >= 80 && absent > 0, "{asked}, {absent}");
            assert_eq!(campaign.addresses().len() == 1, kind == Kind::MxBurst);
        });
    }
}

/// All lines of a site with what happens to it, and its happening.
fn site_with(kind: Option<Kind>, seed: u64) -> (World, Vec<Said>, Vec<String>) {
    let mut plan = Plan::quiet(8.0);
    plan.numbers.accounts = 120.0;
    plan.attacks = kind.map(|kind| (kind, 1)).into_iter().collect();
    let mut world = World::new(&plan, seed);
    let (mut said, mut lines, mut line) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(one) = world.next(&mut Nobody, &mut line) {
        said.push(one);
        lines.push(String::from_utf8_lossy(&line).into_owned());
    }
    (world, said, lines)
}

#[test]
fn a_flood_comes_at_once_from_a_botnet_and_all_of_it_is_refused() {
    for (kind, low, high) in [(Kind::FloodMild, 4.0, 9.0), (Kind::FloodStrong, 75.0, 105.0)] {
        each(kind, 8.0, |campaign| {
            let happening = &campaign.world.happenings()[0];
            let minutes = (happening.until - happening.from) as f64 / 60e6;
            let why = |wanted| {
                campaign
                    .count(|what| matches!(what, What::RecipientRefused { why } if *why == wanted))
            };
            let parts = [Refusal::Listed, Refusal::SenderUnknown, Refusal::BadHelo].map(why);
            let per_min = parts.iter().sum::<usize>() as f64 / minutes;
            assert!((low..high).contains(&per_min), "{}: {per_min} a minute", kind.name());
            assert!(parts.iter().all(|part| *part > 20), "{parts:?}");
            assert_eq!(campaign.count(|what| matches!(what, What::MessageIn { .. })), 0);
            assert!(campaign.addresses().len() > 100 && minutes >= 119.0);
            let first = campaign.said[0].at_micros;
            assert!(first - happening.from < 120 * SECOND, "it begins suddenly");
            let last = campaign.said[campaign.said.len() - 1].at_micros;
            assert!(last < happening.until + 60 * SECOND);
        });
    }
}

#[test]
fn a_provider_in_trouble_takes_no_mail_until_it_is_over_and_then_all() {
    for (kind, words) in [
        (Kind::RemoteTimeout, "Connection timed out"),
        (Kind::RemoteBusy, "4.3."),
        (Kind::BlockSoft, "451 4.7.1 Service temporarily unavailable; Client host ["),
        (Kind::BlockHard, "blocked using bl.example"),
    ] {
        let (world, said, lines) = site_with(Some(kind), 12);
        let happening = &world.happenings()[0];
        let during = happening.from..happening.until + 40 * SECOND;
        let recipient = |line: &str| {
            let (_, rest) = line.split_once(": to=<")?;
            Some(rest.split_once('>')?.0.to_owned())
        };
        let (mut stuck, mut taken, mut firsts) =
            (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        for (one, line) in said.iter().zip(&lines) {
            let Some(to) = recipient(line) else { continue };
            let id = line.split(": ").nth(1).unwrap_or_default().to_owned();
            if let What::NotTaken { group, is_first } = one.what {
                assert_eq!(group, happening.group);
                assert!(during.contains(&one.at_micros) && line.contains(words), "{line}");
                let domain = to.split_once('@').expect("a domain").1;
                assert!(happening.domains.contains(domain), "{line}");
                // A message may have one recipient twice, but each is new in the beginning.
                let is_known = firsts.contains(&(id.clone(), to.clone()));
                assert!(is_first || is_known, "{line}");
                firsts.insert((id.clone(), to.clone()));
                *stuck.entry((id, to)).or_insert(0) += 1;
            } else if matches!(one.what, What::Delivered | What::Bounced) {
                taken.insert((id, to));
            }
        }
        assert!(stuck.len() > 4, "{}: {} messages", kind.name(), stuck.len());
        let is_final = kind == Kind::BlockHard;
        assert!(stuck.keys().all(|one| taken.contains(one) != is_final), "{}", kind.name());
        let again = stuck.values().filter(|tries| **tries > 1).count();
        assert_eq!(again > stuck.len() / 2, !is_final, "{}: {again} tried again", kind.name());
    }
}

#[test]
fn what_happens_elsewhere_changes_nothing_in_the_lives_of_people() {
    let acts = |said: &[Said]| -> Vec<(Micros, u32, What)> {
        let is_act = |one: &&Said| {
            matches!(
                one.what,
                What::LoginRight { .. }
                    | What::LoginWrong { .. }
                    | What::MessageOut { .. }
                    | What::MessageIn { .. }
            )
        };
        said.iter().filter(is_act).map(|one| (one.at_micros, one.actor.0, one.what)).collect()
    };
    let mut quiet = acts(&site_with(None, 12).1);
    quiet.sort_by_key(|(at, actor, _)| (*at, *actor));
    for kind in [Kind::RemoteTimeout, Kind::BlockSoft, Kind::BlockHard] {
        let mut troubled = acts(&site_with(Some(kind), 12).1);
        troubled.sort_by_key(|(at, actor, _)| (*at, *actor));
        assert!(quiet.len() > 2_000 && quiet == troubled, "{}", kind.name());
    }
}
