//! What must hold for any sequence of inputs.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{CheckpointError, Config, Engine, Input, Output};
use event::{
    Command, Event, Kind, Mode, Network, Order, Outcome, Protocol, Reason, Server, Subject, Text,
    Timestamp, Vocabulary,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// 2026-11-02T08:00:00Z.
const START: Timestamp = Timestamp(1_793_606_400_000_000);

/// A few networks with a few addresses, so that everything meets.
fn address(choice: u16) -> IpAddr {
    let host = choice % 40;
    match choice / 40 % 4 {
        0 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, host as u8)),
        1 => IpAddr::V4(Ipv4Addr::new(10, host as u8, 1, 1)),
        2 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, host, 0, 0, 0, choice)),
        _ => [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            "fe80::1".parse().unwrap(),
            "203.0.113.77".parse().unwrap(),
            "2001:db8:2:3::25".parse().unwrap(),
            "2001:db8:2:3::666".parse().unwrap(),
        ][usize::from(host) % 6],
    }
}

fn sheltered() -> Vec<Network> {
    ["203.0.113.0/24", "2001:db8:2:3::25", "198.51.100.7", "127.0.0.0/8", "::1", "fe80::/10"]
        .map(|text| text.parse().unwrap())
        .into()
}

#[derive(Clone, Debug)]
enum Step {
    Event {
        kind: u8,
        server: u8,
        reason: u8,
        client: u16,
        account: u8,
        attempts: u8,
        gap_s: u32,
        late_s: u32,
        text: u8,
    },
    Tick(u32),
    Unban(u16),
    Ban(u16),
    Allow(u16, bool),
    Config(u8),
}

/// Mostly a few clients that fail on one account within seconds, so that scores are reached.
fn happening() -> impl Strategy<Value = Step> {
    let client = prop_oneof![0..160u16, 80..84u16, 0..3u16];
    let account = prop_oneof![3 => Just(0u8), 1 => 0..6u8];
    let gap_s = prop_oneof![6 => 0..3u32, 1 => 0..900u32];
    let late_s = prop_oneof![20 => Just(0u32), 1 => 0..3u32, 1 => 0..5_000u32];
    let server = prop_oneof![2 => 0..4u8, 1 => 0..SERVERS.len() as u8];
    (0..12u8, server, any::<u8>(), client, account, 0..4u8, gap_s, late_s, 0..5u8).prop_map(
        |(kind, server, reason, client, account, attempts, gap_s, late_s, text)| Step::Event {
            kind,
            server,
            reason,
            client,
            account,
            attempts,
            gap_s,
            late_s,
            text,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => happening(),
        1 => prop_oneof![4 => 0..100u32, 1 => 0..100_000u32].prop_map(Step::Tick),
        1 => (0..160u16).prop_map(Step::Unban),
        1 => (0..160u16).prop_map(Step::Ban),
        1 => (0..160u16, any::<bool>()).prop_map(|(client, on)| Step::Allow(client, on)),
        1 => any::<u8>().prop_map(Step::Config),
    ]
}

const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave@example.org", "Bait", "eve"];
const TEXTS: [&str; 5] = ["", "DATA", "http request", "${run{x}}", "plain"];

/// All that tell of one attempt on more than one line, and one that does not.
const SERVERS: [(Server, &str); 18] = [
    (Server::Dovecot, "imap-login"),
    (Server::Dovecot, "auth"),
    (Server::Postfix, "smtpd"),
    (Server::Exim, "exim"),
    (Server::Exchange, "EX1\\Client"),
    (Server::Exchange, "EX2\\Client"),
    (Server::Domino, "smtp"),
    (Server::Domino, "SMTP Server"),
    (Server::Kerio, "SMTP"),
    (Server::Zimbra, "security"),
    (Server::Zimbra, "account"),
    (Server::Pam, "dovecot"),
    (Server::Saslauthd, "saslauthd"),
    (Server::Roundcube, "errors"),
    (Server::Roundcube, "userlogins"),
    (Server::Horde, "imp"),
    (Server::Horde, "horde"),
    (Server::Courier, "imapd"),
];

/// Why a login failed for no fault of the client's.
const EXCUSES: [Reason; 3] =
    [Reason::AuthUnavailable, Reason::AccountDisabled, Reason::AuthAborted];

/// An event of any shape that parsers could make, and some that they would not.
fn event<'a>(step: &Step, at: Timestamp) -> Option<Event<'a>> {
    let Step::Event { kind, server, reason, client, account, attempts, late_s, text, .. } = step
    else {
        return None;
    };
    let name = NAMES[usize::from(*account)];
    let (server, service) = SERVERS[usize::from(*server)];
    let is_excused = *kind == 4 && *reason < 64;
    let at = at.plus_seconds(-i64::from(*late_s));
    let (kind, outcome) = match kind {
        0..=4 => (Kind::Auth, Outcome::Rejected),
        5 if *client >= 40 && *client < 80 => (Kind::Auth, Outcome::Allowed),
        6 => (Kind::Connect, Outcome::Allowed),
        7 => (Kind::Message, Outcome::Allowed),
        8 => (Kind::Disconnect, Outcome::Dropped),
        _ => (Kind::Envelope, Outcome::Rejected),
    };
    let is_attempt = kind == Kind::Auth && outcome == Outcome::Rejected;
    let reasons = Reason::ALL;
    let reason = match (is_attempt, is_excused) {
        (true, true) => EXCUSES[usize::from(*reason) % EXCUSES.len()],
        (true, false) => Reason::AuthFailed,
        _ => reasons[*reason as usize % reasons.len()],
    };
    let is_mail = server == Server::Exchange;
    let text = Text(TEXTS[usize::from(*text)].as_bytes());
    Some(Event {
        protocol: if is_mail { Protocol::Smtp } else { Protocol::Imap },
        reason: (outcome != Outcome::Allowed).then_some(reason),
        hostile: outcome != Outcome::Allowed && !is_excused,
        client: Some(address(*client)),
        account: (*account != 5).then_some(Text(name.as_bytes())),
        attempts: match *attempts {
            _ if is_excused => 0,
            attempts if kind == Kind::Auth || attempts == 3 => attempts.into(),
            _ => 0,
        },
        times: if *attempts == 2 { 2 } else { 1 },
        pid: Some(u32::from(*client)),
        session: (*attempts == 2 || is_mail).then_some(Text(name.as_bytes())),
        sender: Some(Text(name.as_bytes())),
        recipient: (kind == Kind::Envelope).then_some(text),
        detail: Some(text),
        ..Event::new(at, server, Text(service.as_bytes()), kind, outcome)
    })
}

/// A login of the owner of the account that most strangers fail on, or a typo of his.
fn owner<'a>(at: Timestamp, client: IpAddr, outcome: Outcome) -> Event<'a> {
    let is_failed = outcome == Outcome::Rejected;
    Event {
        protocol: Protocol::Imap,
        reason: is_failed.then_some(Reason::AuthFailed),
        hostile: is_failed,
        client: Some(client),
        account: Some(Text(NAMES[0].as_bytes())),
        attempts: 1,
        ..Event::new(at, Server::Dovecot, Text(b"imap-login"), Kind::Auth, outcome)
    }
}

fn config(variant: u8) -> Config {
    let mut config = Config {
        allow_networks: vec!["203.0.113.0/24".parse().unwrap()],
        bait_accounts: vec!["bait".into()],
        ..Config::default()
    };
    // Low thresholds, so that everything happens within a short story.
    config.distributed_guessing.prefixes_min = 6;
    config.distributed_guessing.clients_min = 8;
    config.prefix.clients_min = 3;
    config.password_spray.prefix_accounts_min = 3;
    config.ban.longest_s = 300;
    config.scan.rule.mode = [Mode::Enforce, Mode::Observe, Mode::Off][usize::from(variant % 3)];
    if variant & 4 != 0 {
        config.allow_networks.push("10.0.0.0/12".parse().unwrap());
    }
    let table = &mut config.table;
    (table.clients, table.probes, table.sessions, table.bans) = (16, 16, 16, 12);
    (table.pairs, table.accounts, table.places, table.users) = (16, 16, 32, 16);
    (table.joins, table.traffic) = (16, 16);
    config
}

fn protect() -> Command {
    let networks = sheltered().into();
    let order = Order::Protect { networks };
    Command { at: START, operator: "test".into(), reason: "".into(), order }
}

/// Plays steps from a number on; returns the time reached.
fn play(
    engine: &mut Engine,
    steps: &[Step],
    from: usize,
    mut at: Timestamp,
    out: &mut Vec<Output>,
) -> Timestamp {
    for (position, step) in steps.iter().enumerate() {
        let seq = (from + position + 1) as u64;
        let order = |order| Command { at, operator: "test".into(), reason: "".into(), order };
        match step {
            Step::Event { gap_s, .. } => {
                at = at.plus_seconds(i64::from(*gap_s));
                if let Some(event) = event(step, at) {
                    let joined = engine.join(&event);
                    let event = joined.as_ref().map_or(event, |joined| joined.fill(&event));
                    engine.step(seq, &Input::Event(&event), out);
                }
            }
            Step::Tick(gap_s) => {
                at = at.plus_seconds(i64::from(*gap_s));
                engine.step(seq, &Input::Tick(at), out);
            }
            Step::Unban(client) => {
                let subject = Subject::Client(address(*client));
                engine.step(seq, &Input::Command(&order(Order::Unban { subject })), out);
            }
            Step::Ban(client) => {
                let network = Network::of(address(*client), 20);
                let subject = Subject::Network(network);
                let duration_s = Some(300);
                engine.step(seq, &Input::Command(&order(Order::Ban { subject, duration_s })), out);
            }
            Step::Allow(client, on) => {
                let network = Network::host(address(*client));
                let until = Some(at.plus_seconds(60));
                let what = match on {
                    true => Order::Allow { network, until },
                    false => Order::Disallow { network },
                };
                engine.step(seq, &Input::Command(&order(what)), out);
            }
            Step::Config(variant) => engine.step(seq, &Input::Config(at, &config(*variant)), out),
        }
    }
    at
}

fn started() -> (Engine, Vec<Output>) {
    let (mut engine, mut out) = (Engine::new(config(0)), Vec::new());
    engine.step(0, &Input::Command(&protect()), &mut out);
    (engine, out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nobody_who_is_protected_is_decided_on(steps in prop::collection::vec(step(), 0..600)) {
        let (mut engine, mut out) = started();
        play(&mut engine, &steps, 0, START, &mut out);
        engine.finish(&mut out);
        for output in &out {
            let Output::Decision(decision) = output else { continue };
            let Some(network) = decision.subject.network() else { continue };
            prop_assert!(sheltered().iter().all(|net| !net.overlaps(&network)), "{decision:?}");
        }
        for table in engine.statistics().tables {
            prop_assert!(table.entries <= table.capacity, "{table:?}");
        }
    }

    /// Whatever strangers do on an account, nobody is banned for it who logged in to it lately and
    /// does nothing else: not its address, nor a network around it.
    #[test]
    fn what_strangers_do_on_an_account_bans_none_of_its_places(
        steps in prop::collection::vec(step(), 0..500),
        homes in prop::collection::btree_set(0..40u8, 1..6),
        owner_fails in any::<bool>(),
    ) {
        let (mut engine, mut out) = started();
        let mut config = config(0);
        // With room for all places: what gives way there is another property's.
        (config.table.places, config.table.users, config.table.clients) = (4096, 4096, 4096);
        engine.step(0, &Input::Config(START, &config), &mut out);
        let home = |number: &u8| IpAddr::V4(Ipv4Addr::new(192, 0, 2 + number % 2, *number));
        let mut at = START;
        for number in &homes {
            at = at.plus_seconds(60);
            engine.step(0, &Input::Event(&owner(at, home(number), Outcome::Allowed)), &mut out);
        }
        let is_stranger = |step: &&Step| !matches!(step, Step::Ban(_) | Step::Config(_));
        let steps: Vec<Step> = steps.iter().filter(is_stranger).cloned().collect();
        for (part, steps) in steps.chunks(20).enumerate() {
            at = play(&mut engine, steps, part * 20, at, &mut out);
            if owner_fails && part < 2 {
                let typo = owner(at, home(homes.first().unwrap()), Outcome::Rejected);
                engine.step((part * 20 + 21) as u64, &Input::Event(&typo), &mut out);
            }
        }
        engine.finish(&mut out);
        for output in &out {
            let Output::Decision(decision) = output else { continue };
            let Some(network) = decision.subject.network() else { continue };
            prop_assert!(homes.iter().all(|number| !network.contains(home(number))), "{decision:?}");
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(steps in prop::collection::vec(step(), 0..300)) {
        let run = || {
            let (mut engine, mut out) = started();
            play(&mut engine, &steps, 0, START, &mut out);
            engine.finish(&mut out);
            let mut state = Vec::new();
            engine.checkpoint(&mut state);
            (out, state)
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_restored_engine_goes_on_as_if_never_stopped(
        steps in prop::collection::vec(step(), 0..500),
        stop in 0..500usize,
    ) {
        let stop = stop.min(steps.len());
        let (first, rest) = steps.split_at(stop);
        let (mut engine, mut out) = started();
        let at = play(&mut engine, first, 0, START, &mut out);
        let last = first.iter().rev().find_map(|step| match step {
            Step::Config(variant) => Some(*variant),
            _ => None,
        });
        let mut bytes = b"before".to_vec();
        engine.checkpoint(&mut bytes);
        let mut restored = Engine::restore(&bytes[6..], config(last.unwrap_or(0))).unwrap();
        prop_assert!(engine.holds().eq(restored.holds()));
        let (mut expected, mut got) = (Vec::new(), Vec::new());
        play(&mut engine, rest, stop, at, &mut expected);
        play(&mut restored, rest, stop, at, &mut got);
        engine.finish(&mut expected);
        restored.finish(&mut got);
        prop_assert_eq!(expected, got);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        engine.checkpoint(&mut one);
        restored.checkpoint(&mut other);
        prop_assert!(one == other);
    }

    #[test]
    fn a_damaged_checkpoint_is_an_error(
        steps in prop::collection::vec(step(), 0..60),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut engine, mut out) = started();
        play(&mut engine, &steps, 0, START, &mut out);
        let mut bytes = Vec::new();
        engine.checkpoint(&mut bytes);
        let cut = cut.index(bytes.len());
        prop_assert!(Engine::restore(&bytes[..cut], config(0)).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Engine::restore(&bytes, config(0)).is_err());
    }

    #[test]
    fn any_bytes_are_no_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Engine::restore(&bytes, config(0)).is_err());
    }

    /// Evidence that is keyed by an account never bans a place that is known-good for anything.
    #[test]
    fn an_account_under_attack_costs_no_user_the_access(
        strangers in prop::collection::vec((1..250u8, 1..250u8, 0..400u32), 20..200),
        failures in 0..6u32,
    ) {
        let mut engine = Engine::new(Config::default());
        let mut out = Vec::new();
        let auth = |at: Timestamp, client: IpAddr, name: &'static str, good: bool| {
            let outcome = if good { Outcome::Allowed } else { Outcome::Rejected };
            let service = Text(b"imap-login");
            Event {
                reason: (!good).then_some(Reason::AuthFailed),
                hostile: !good,
                client: Some(client),
                account: Some(Text(name.as_bytes())),
                attempts: 1,
                ..Event::new(at, Server::Dovecot, service, Kind::Auth, outcome)
            }
        };
        let user = |n| IpAddr::V4(Ipv4Addr::new(203, 0, 113, n));
        let users: Vec<IpAddr> = (1..=5).map(user).collect();
        let mut at = START;
        for user in &users {
            engine.step(1, &Input::Event(&auth(at, *user, "carol", true)), &mut out);
        }
        for (high, low, gap_s) in strangers {
            at = at.plus_seconds(i64::from(gap_s));
            let stranger = IpAddr::V4(Ipv4Addr::new(10, high, low, 1));
            engine.step(2, &Input::Event(&auth(at, stranger, "alice", false)), &mut out);
            for user in users.iter().take(failures as usize) {
                engine.step(3, &Input::Event(&auth(at, *user, "carol", false)), &mut out);
            }
        }
        // Users of another account fail once on the one under attack.
        for user in &users {
            engine.step(4, &Input::Event(&auth(at, *user, "alice", false)), &mut out);
        }
        engine.finish(&mut out);
        for output in &out {
            let Output::Decision(decision) = output else { continue };
            let network = decision.subject.network().unwrap();
            prop_assert!(users.iter().all(|user| !network.contains(*user)), "{decision:?}");
        }
    }
}

/// The properties above would hold of an engine that decides nothing: this one decides, by many
/// rules.
#[test]
fn the_steps_reach_what_they_are_to_test() {
    let mut rules = BTreeSet::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..160 {
        let steps = prop::collection::vec(step(), 600).new_tree(&mut runner).unwrap().current();
        let (mut engine, mut out) = started();
        play(&mut engine, &steps, 0, START, &mut out);
        engine.finish(&mut out);
        for output in out {
            rules.insert(match output {
                Output::Finding(finding) => format!("finding {}", finding.detector),
                Output::Decision(decision) => format!("decision {}", decision.rule),
                Output::Expiry(expiry) => format!("expiry {}", expiry.cause),
                Output::Evicted(evicted) => format!("evicted {}", evicted.table),
            });
        }
    }
    let missing: Vec<&str> = WANTED.into_iter().filter(|rule| !rules.contains(*rule)).collect();
    assert!(missing.is_empty(), "{missing:?} of {rules:?}");
}

const WANTED: [&str; 15] = [
    "decision brute-force",
    "decision slow-guessing",
    "decision password-spray",
    "decision distributed-guessing",
    "decision scan",
    "decision exploit-attempt",
    "decision bait-account",
    "decision prefix",
    "decision operator",
    "expiry expired",
    "expiry operator",
    "expiry allowlist",
    "expiry capacity",
    "evicted clients",
    "evicted pairs",
];

#[test]
fn a_checkpoint_of_another_version_says_so() {
    let mut bytes = Vec::new();
    Engine::new(Config::default()).checkpoint(&mut bytes);
    bytes[8] = 99;
    assert_eq!(
        Engine::restore(&bytes, Config::default()).err(),
        Some(CheckpointError::Version(99))
    );
    assert_eq!(Engine::restore(b"{}", Config::default()).err(), Some(CheckpointError::Foreign));
}

#[test]
fn evictions_are_told_once_a_minute() {
    let (mut engine, mut out) = started();
    for client in 0..5000u32 {
        let at = START.plus_seconds(i64::from(client / 10));
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + client * 256));
        let event = Event {
            client: Some(address),
            attempts: 1,
            hostile: true,
            reason: Some(Reason::AuthFailed),
            ..Event::new(at, Server::Dovecot, Text(b"imap-login"), Kind::Auth, Outcome::Rejected)
        };
        engine.step(u64::from(client), &Input::Event(&event), &mut out);
    }
    engine.finish(&mut out);
    let reports: Vec<u64> = out
        .iter()
        .filter_map(|output| match output {
            Output::Evicted(evicted) if evicted.table == "clients" => Some(evicted.entries),
            _ => None,
        })
        .collect();
    assert_eq!(reports.iter().sum::<u64>(), 5000 - 16);
    assert!(reports.len() <= 10, "{reports:?}");
}
