use super::*;
use proptest::prelude::*;

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        (any::<u32>(), 0u8..=32).prop_map(|(bits, prefix)| Network::of(
            IpAddr::from(std::net::Ipv4Addr::from_bits(bits)),
            prefix
        )),
        (any::<u128>(), 0u8..=128)
            .prop_map(|(bits, prefix)| Network::of(
                IpAddr::from(std::net::Ipv6Addr::from_bits(bits)),
                prefix
            ))
            .prop_filter("mapped", |n| n.address().is_ipv4() || n.prefix() >= 1),
    ]
    .prop_filter("canonical", |n| Network::of(n.address(), n.prefix()) == *n)
}

fn ban() -> impl Strategy<Value = Ban> {
    (network(), proptest::option::of(0..u32::MAX))
        .prop_map(|(network, remaining_s)| Ban { network, remaining_s })
}

fn ruleset() -> impl Strategy<Value = Ruleset> {
    (
        prop_oneof![Just(Mode::Off), Just(Mode::Observe), Just(Mode::Enforce)],
        any::<[bool; 3]>(),
        proptest::collection::vec(1u16.., 0..9),
        proptest::collection::vec(network(), 0..9),
        proptest::collection::vec(network(), 0..9),
        proptest::collection::vec((1u16.., proptest::collection::vec(network(), 0..4)), 0..4),
        any::<[u32; 6]>(),
        proptest::collection::vec(network(), 0..4),
    )
        .prop_map(
            |(mode, [all, published, counters_per_ban], ports, allow, protect, only, l, more)| {
                Ruleset {
                    mode,
                    scope: if all { Scope::All } else { Scope::MailPorts },
                    ports,
                    allow,
                    protect,
                    allow_only: only
                        .into_iter()
                        .map(|(port, networks)| AllowOnly { port, networks })
                        .collect(),
                    limits: Limits {
                        connections_per_minute_per_address: l[0],
                        burst_per_address: l[1],
                        connections_per_minute_per_prefix: l[2],
                        burst_per_prefix: l[3],
                        concurrent_per_address: l[4],
                        concurrent_per_prefix: l[5],
                    },
                    unlimited: more,
                    published,
                    counters_per_ban,
                }
            },
        )
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        ruleset().prop_map(Order::Ruleset),
        proptest::collection::vec(ban(), 0..50).prop_map(Order::Ban),
        proptest::collection::vec(network(), 0..50).prop_map(Order::Unban),
        Just(Order::SnapshotBegin),
        proptest::collection::vec(ban(), 0..50).prop_map(Order::SnapshotPart),
        Just(Order::SnapshotEnd),
        Just(Order::AskCounters),
        any::<IpAddr>().prop_map(Order::AskAddress),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    let held = (network(), proptest::option::of(0..u32::MAX), any::<Option<u64>>())
        .prop_map(|(network, remaining_s, packets)| Held { network, remaining_s, packets });
    let counter = ("[a-z0-9-]{0,20}", any::<u64>(), any::<u64>())
        .prop_map(|(name, packets, bytes)| Counter { name, packets, bytes });
    prop_oneof![
        any::<[u32; 3]>().prop_map(|[sequence, changes, micros]| Report::Applied {
            sequence,
            changes,
            micros
        }),
        (any::<u32>(), network(), 0..Refusal::ALL.len()).prop_map(|(sequence, network, r)| {
            Report::Refused { sequence, network, refusal: Refusal::ALL[r] }
        }),
        (any::<u32>(), ".{0,200}").prop_map(|(sequence, text)| Report::Failed { sequence, text }),
        (".{0,200}", any::<u32>()).prop_map(|(text, micros)| Report::Healed { text, micros }),
        (any::<u64>(), proptest::collection::vec(counter, 0..9))
            .prop_map(|(bans, counters)| Report::Counters { bans, counters }),
        (any::<IpAddr>(), proptest::option::of(held))
            .prop_map(|(address, held)| Report::Address { address, held }),
        any::<u32>().prop_map(|sockets| Report::Closed { sockets }),
    ]
}

proptest! {
    #[test]
    fn orders_come_back(order in order(), sequence: u32) {
        prop_assert_eq!(Order::decode(&order.encode(sequence)), Ok((sequence, order)));
    }

    #[test]
    fn reports_come_back(report in report()) {
        prop_assert_eq!(Report::decode(&report.encode()), Ok(report));
    }

    #[test]
    fn a_cut_or_longer_message_is_an_error(order in order(), cut in 0usize..64) {
        let mut bytes = order.encode(1);
        bytes.push(0);
        prop_assert_eq!(Order::decode(&bytes), Err(MessageError::Length));
        bytes.truncate((bytes.len() - 1).saturating_sub(cut + 1));
        prop_assert!(Order::decode(&bytes).is_err());
    }

    #[test]
    fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0u8..12) {
        let _ = Order::decode(&bytes);
        let _ = Report::decode(&bytes);
        bytes.splice(..bytes.len().min(2), [VERSION, kind]);
        let _ = Order::decode(&bytes);
        let _ = Report::decode(&bytes);
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let good =
        Order::Ban(vec![Ban { network: "192.0.2.0/24".parse().unwrap(), remaining_s: None }]);
    let mut bytes = good.encode(7);
    assert_eq!(Order::decode(&bytes), Ok((7, good)));
    let last_octet = bytes.len() - 6;
    bytes[last_octet] = 1;
    assert_eq!(Order::decode(&bytes), Err(MessageError::Field("network")), "host bits");
    bytes[last_octet] = 0;
    bytes[last_octet + 1] = 33;
    assert_eq!(Order::decode(&bytes), Err(MessageError::Field("network")), "prefix");
    bytes[0] = 9;
    assert_eq!(Order::decode(&bytes), Err(MessageError::Version(9)));
}
