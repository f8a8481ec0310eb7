use super::*;

fn ban(number: u32) -> Ban {
    let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number));
    Ban { network: Network::host(address), remaining_s: Some(60) }
}

fn drain(socket: &OwnedFd) -> Vec<Order> {
    let mut buffer = vec![0; MESSAGE_MAX];
    let mut orders = Vec::new();
    while let Ok((length, _)) = recv(socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
        orders.push(Order::decode(&buffer[..length]).unwrap().1);
    }
    orders
}

#[test]
fn a_quick_enforcer_hears_each_change_at_once() {
    let (mut handle, other) = Handle::pair().unwrap();
    handle.ban(&[ban(1)]).unwrap();
    handle.unban(&[ban(1).network]).unwrap();
    assert!(!handle.wants_write());
    assert_eq!(drain(&other), [Order::Ban(vec![ban(1)]), Order::Unban(vec![ban(1).network])]);
}

#[test]
fn a_slow_enforcer_gets_the_latest_word_only() {
    let (mut handle, other) = Handle::pair().unwrap();
    while !handle.wants_write() {
        handle.ask_counters().unwrap();
    }
    for _ in 0..10 {
        handle.ban(&[ban(1), ban(2)]).unwrap();
        handle.unban(&[ban(1).network]).unwrap();
    }
    drain(&other);
    handle.flush().unwrap();
    assert!(!handle.wants_write());
    let orders: Vec<Order> =
        drain(&other).into_iter().filter(|order| *order != Order::AskCounters).collect();
    assert_eq!(orders, [Order::Unban(vec![ban(1).network]), Order::Ban(vec![ban(2)])]);
}

#[test]
fn too_many_changes_end_in_a_snapshot() {
    let (mut handle, other) = Handle::pair().unwrap();
    while !handle.wants_write() {
        handle.ask_counters().unwrap();
    }
    let many: Vec<Ban> = (0..=WAITING_MAX as u32).map(ban).collect();
    handle.ban(&many).unwrap();
    assert!(handle.needs_snapshot());
    drain(&other);
    handle.snapshot(many.iter().copied()).unwrap();
    assert!(!handle.needs_snapshot());
    let mut heard = 0;
    loop {
        for order in drain(&other) {
            if let Order::SnapshotPart(bans) = order {
                heard += bans.len();
            }
        }
        if !handle.wants_write() {
            break;
        }
        handle.flush().unwrap();
    }
    assert_eq!(heard, many.len());
}

#[test]
fn a_dead_enforcer_is_noticed() {
    let (mut handle, other) = Handle::pair().unwrap();
    drop(other);
    assert!(matches!(handle.receive(&mut Vec::new()), Err(HandleError::Gone)));
    assert!(matches!(handle.ban(&[ban(1)]), Err(HandleError::Gone)));
}

#[test]
fn a_ruleset_that_is_too_long_is_refused_here() {
    let (mut handle, other) = Handle::pair().unwrap();
    let network = ban(1).network;
    let ruleset = |length| Ruleset { allow: vec![network; length], ..Ruleset::default() };
    assert!(matches!(handle.ruleset(&ruleset(BANS_MAX + 1)), Err(HandleError::TooLarge)));
    handle.ruleset(&ruleset(BANS_MAX)).unwrap();
    assert_eq!(drain(&other), [Order::Ruleset(ruleset(BANS_MAX))]);
}
