use super::*;
use ::event::{Kind, Outcome, Server, Text, Timestamp};
use std::net::Ipv4Addr;

fn event(client: u32, outcome: Outcome) -> Event<'static> {
    let mut event =
        Event::new(Timestamp(0), Server::Postfix, Text::from("smtpd"), Kind::Auth, outcome);
    event.client = Some(Ipv4Addr::from_bits(client).into());
    event
}

fn take(bucket: &mut Bucket, catalogue: &mut Catalogue, event: &Event<'_>) {
    let number = catalogue.number(event);
    bucket.take(Dimension::Client, event, catalogue, number);
}

#[test]
fn a_crowd_that_is_allowed_hides_no_attacker_and_sums_stay_right() {
    let (mut bucket, mut catalogue) = (Bucket::default(), Catalogue::default());
    for client in 0..3_000 {
        for _ in 0..5 {
            take(&mut bucket, &mut catalogue, &event(client, Outcome::Allowed));
        }
    }
    take(&mut bucket, &mut catalogue, &event(9_999, Outcome::Rejected));
    bucket.prune(64, |number| catalogue.is_allowed(number));
    assert_eq!(bucket.len(), 64);
    assert!(bucket.values.contains_key(&b"0.0.39.15"[..]));
    let sum: u64 = bucket.values.values().map(|counted| counted.events.sum(|_| true)).sum();
    assert_eq!(sum + bucket.rest.sum(|_| true), 15_001);
}

#[test]
fn more_values_than_fit_go_to_the_rest() {
    let (mut bucket, mut catalogue) = (Bucket::default(), Catalogue::default());
    let count = 3 * VALUES_MAX as u32;
    for client in 0..count {
        take(&mut bucket, &mut catalogue, &event(client, Outcome::Rejected));
        assert!(bucket.values.len() <= VALUES_MAX);
    }
    let kept = bucket.values.len() as u64;
    assert_eq!(kept + bucket.rest.sum(|_| true), u64::from(count));
}

#[test]
fn what_is_stored_is_what_was_counted_and_damage_is_noticed() {
    let (mut bucket, mut catalogue) = (Bucket::default(), Catalogue::default());
    for client in 0..100 {
        let mut event = event(client % 7, Outcome::Rejected);
        event.origin = Origin { operator: 64_500 + client % 7, country: *b"DE" };
        let name = format!("user{client}");
        event.account = Some(Text::from(&*name));
        take(&mut bucket, &mut catalogue, &event);
    }
    bucket.prune(5, |number| catalogue.is_allowed(number));
    let blob = bucket.encode();
    assert_eq!(Bucket::decode(&blob).unwrap(), bucket);
    for place in 0..blob.len() {
        let mut damaged = blob.clone();
        damaged[place] ^= 4;
        assert_eq!(Bucket::decode(&damaged), None, "byte {place}");
        assert_eq!(Bucket::decode(&blob[..place]), None);
    }
    let mut twice = bucket.clone();
    twice.merge(bucket);
    let leader = twice.values.values().next().unwrap();
    let others = leader.others.count();
    assert!((13..=16).contains(&others), "the same accounts: {others}");
    assert!(leader.events.sum(|_| true) >= 28);
}

#[test]
fn values_that_a_stranger_made_long_are_cut() {
    let (mut bucket, mut catalogue) = (Bucket::default(), Catalogue::default());
    let name = vec![b'x'; 64 << 10];
    let mut long = event(1, Outcome::Rejected);
    long.account = Some(Text(&name));
    let number = catalogue.number(&long);
    bucket.take(Dimension::Account, &long, &catalogue, number);
    assert_eq!(bucket.values.keys().next().unwrap().len(), VALUE_MAX);
}
