use super::*;
use crate::SourceId;
use ::event::{
    Decision, Evidence, Kind, Measure, Mode, Outcome, Protocol, Reason, Server, Timestamp,
};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Few addresses, so that questions often meet them.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0_u32..8, 0_u32..4, 0_u32..4, 0_u32..4).prop_map(|(a, b, c, d)| {
            IpAddr::V4(Ipv4Addr::from_bits(a << 29 | b << 16 | c << 8 | d << 2))
        }),
        (0_u128..4, 0_u128..4, 0_u128..4, 0_u128..4).prop_map(|(a, b, c, d)| {
            IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | a << 96 | b << 80 | c << 60 | d))
        }),
        (0_u8..4).prop_map(|d| IpAddr::V6(Ipv4Addr::new(192, 0, 2, d).to_ipv6_mapped())),
    ]
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(b"Bob@example.org".to_vec()), "[aAbB\u{e4}]{0,3}".prop_map(String::into_bytes)]
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        address().prop_map(Subject::Client),
        (address(), 0_u8..=128).prop_map(|(a, prefix)| Subject::Network(Network::of(a, prefix))),
        name().prop_map(|name| Subject::Account(name.into())),
        name().prop_map(|name| Subject::Sender(name.into())),
        name().prop_map(|name| Subject::Host(name.into())),
    ]
}

#[derive(Clone, Debug)]
enum Made {
    Event(Option<IpAddr>, Option<Vec<u8>>, Option<Vec<u8>>, bool),
    Decision(Subject),
}

fn made() -> impl Strategy<Value = Made> {
    let some = || proptest::option::of(name());
    prop_oneof![
        (proptest::option::of(address()), some(), some(), any::<bool>()).prop_map(
            |(client, account, sender, denied)| Made::Event(client, account, sender, denied)
        ),
        subject().prop_map(Made::Decision),
    ]
}

fn record(made: &Made) -> Record<'_> {
    match made {
        Made::Event(client, account, sender, denied) => {
            let mut event = Event::new(
                Timestamp(0),
                Server::Exim,
                Text(b"smtp"),
                Kind::Auth,
                if *denied { Outcome::Rejected } else { Outcome::Allowed },
            );
            event.reason = denied.then_some(Reason::AuthFailed);
            event.client = *client;
            event.account = account.as_deref().map(Text);
            event.sender = sender.as_deref().map(Text);
            Record::Event { seq: 1, source: SourceId(1), event, line: b"" }
        }
        Made::Decision(subject) => Record::Decision {
            seq: 1,
            decision: Decision {
                at: Timestamp(0),
                measure: Measure::Ban,
                subject: subject.clone(),
                until: None,
                rule: "test".into(),
                offence: 1,
                score: 1.0,
                mode: Mode::Enforce,
                evidence: Evidence::from_iter([1]),
            },
        },
    }
}

fn question() -> impl Strategy<Value = Filter> {
    use proptest::option::of as some;
    let network = (address(), 0_u8..=128).prop_map(|(a, prefix)| Network::of(a, prefix));
    let words =
        (some(Just(Outcome::Rejected)), some(Just(Server::Exim)), some(Just(Protocol::Imap)));
    (some(network), some(name()), some(subject()), words).prop_map(
        |(client, account, subject, (outcome, server, protocol))| Filter {
            what: crate::What::All,
            client,
            account,
            subject,
            outcome,
            server,
            protocol,
            ..Filter::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_there_is_never_denied(made in proptest::collection::vec(made(), 0..12), filter in question()) {
        let mut summing = Summing::of(made.len());
        made.iter().for_each(|made| summing.add(&record(made)));
        let summary = summing.finish();
        if let Some(asked) = Asked::by(&filter)
            && made.iter().any(|made| filter.matches(&record(made)))
        {
            prop_assert!(asked.may_be_in(&summary));
        }
    }

    #[test]
    fn damage_never_denies(
        at in any::<prop::sample::Index>(), xor in 1_u8.., cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
    ) {
        let client = IpAddr::from([198, 51, 100, 7]);
        let mut summing = Summing::of(1);
        summing.add(&record(&Made::Event(Some(client), None, None, true)));
        let mut summary = summing.finish();
        if cuts {
            summary.truncate(cut.index(summary.len()));
        } else {
            let at = at.index(summary.len());
            summary[at] ^= xor;
        }
        let filter = Filter { client: Some(Network::host(client)), ..Filter::default() };
        prop_assert!(Asked::by(&filter).unwrap().may_be_in(&summary));
    }
}

/// Of questions about what is not there, how many in a thousand are not answered with no.
fn perhaps(summary: &[u8], question: impl Fn(u32) -> Filter) -> usize {
    (0..1000).filter(|n| Asked::by(&question(*n)).unwrap().may_be_in(summary)).count()
}

#[test]
fn what_is_not_there_is_denied() {
    let mut summing = Summing::of(4000);
    for number in 0..4000_u32 {
        let client = IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + number * 97));
        let account = format!("user{number}@example.org").into_bytes();
        summing.add(&record(&Made::Event(Some(client), Some(account), None, true)));
    }
    // Bans of whole networks, as the detector of prefixes makes them.
    for number in 0..20_u32 {
        let network = Network::of(Ipv4Addr::from_bits(0xC633_0000 + (number << 8)).into(), 24);
        summing.add(&record(&Made::Decision(Subject::Network(network))));
    }
    let summary = summing.finish();
    let strange = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(0x2000_0000 + n * 70_001));
    let by_client = |prefix| {
        move |n| Filter { client: Some(Network::of(strange(n), prefix)), ..Filter::default() }
    };
    assert!(perhaps(&summary, by_client(32)) < 50);
    assert!(perhaps(&summary, by_client(27)) < 50);
    assert!(perhaps(&summary, by_client(24)) < 50);
    assert!(perhaps(&summary, by_client(16)) < 30);
    assert_eq!(perhaps(&summary, by_client(12)), 1000, "so wide a network is not known");
    let account = |n| Filter { account: Some(format!("u{n}").into_bytes()), ..Filter::default() };
    assert!(perhaps(&summary, account) < 30);
    let word = |_| Filter { reason: Some(Reason::RelayDenied), ..Filter::default() };
    assert_eq!(perhaps(&summary, word), 0);
    assert!(summary.len() < 20_000, "{} bytes", summary.len());
}

#[test]
fn a_question_without_such_conditions_asks_nothing() {
    assert!(Asked::by(&Filter { text: Some(b"x".to_vec()), ..Filter::default() }).is_none());
    assert!(Asked::by(&Filter::lines(&[1])).is_none());
}
