use super::*;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString;
use event::{Evidence, Measure};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + seconds)
}

fn client(number: u8) -> Subject {
    Subject::Client([198, 51, 100, number].into())
}

fn account(name: &str) -> Subject {
    Subject::Account(name.as_bytes().into())
}

fn finding(seconds: i64, detector: &'static str, subject: Subject) -> Output {
    Output::Finding(Finding {
        at: at(seconds),
        detector: Cow::Borrowed(detector),
        subject,
        score: 5.0,
        evidence: [7, 9].into_iter().collect(),
    })
}

fn decision(seconds: i64, rule: &'static str, subject: Subject, mode: Mode) -> Output {
    Output::Decision(Decision {
        at: at(seconds),
        measure: Measure::Ban,
        subject,
        until: None,
        rule: Cow::Borrowed(rule),
        offence: 1,
        score: 5.0,
        mode,
        evidence: Evidence::default(),
    })
}

fn lifted(seconds: i64, subject: Subject) -> Output {
    Output::Expiry(Expiry {
        at: at(seconds),
        subject,
        measure: Measure::Lock,
        mode: Mode::Observe,
        rule: "takeover".into(),
        cause: OPERATOR.into(),
    })
}

/// Says these things one after the other, as they come of one input each.
fn say(incidents: &mut Incidents, seconds: i64, outputs: &[Output]) {
    outputs.iter().for_each(|output| incidents.take(output));
    incidents.settle(at(seconds));
}

fn ban(incidents: &mut Incidents, seconds: i64, detector: &'static str, subject: Subject) {
    let outputs = [
        finding(seconds, detector, subject.clone()),
        decision(seconds, detector, subject, Mode::Enforce),
    ];
    say(incidents, seconds, &outputs);
}

fn order(
    incidents: &mut Incidents,
    seconds: i64,
    order: Order,
    stored: Option<Incident>,
) -> Result<Option<u64>, IncidentError> {
    let command = Command { at: at(seconds), operator: "ann".into(), reason: "seen".into(), order };
    incidents.order(&command, stored)
}

#[test]
fn findings_of_one_detector_that_are_close_in_time_are_one_incident_which_ends_by_itself() {
    let mut incidents = Incidents::default();
    for minute in 0..10 {
        ban(&mut incidents, minute * 600, "guessing", client(minute as u8));
    }
    ban(&mut incidents, 5_500, "relay-probe", client(77));
    let first = incidents.get(1).unwrap();
    assert_eq!((first.findings, first.decisions, first.clients()), (10, 10, 10));
    assert_eq!(first.contained_at, Some(at(0)), "each was answered as it was found");
    assert_eq!(first.evidence.lines(), [7, 9]);
    assert_eq!(incidents.get(2).unwrap().detectors, ["relay-probe"]);
    assert_eq!(incidents.changed().len(), 2);
    assert_eq!(incidents.changed().len(), 0);

    say(&mut incidents, 5_400 + GAP_S, &[]);
    assert_eq!(incidents.len(), 2);
    say(&mut incidents, 5_600 + GAP_S + LOOK_EVERY_S, &[]);
    let over = incidents.changed();
    assert!(incidents.is_empty());
    let words: Vec<_> = over.iter().map(|one| (one.number, one.state, &*one.end)).collect();
    assert_eq!(
        words,
        [(1, IncidentState::Resolved, "quiet"), (2, IncidentState::Resolved, "quiet")]
    );

    ban(&mut incidents, 90_000, "guessing", client(3));
    assert_eq!(incidents.get(3).unwrap().findings, 1);
}

#[test]
fn what_is_found_about_a_subject_joins_its_incident_and_a_prefix_that_of_its_client() {
    let mut incidents = Incidents::default();
    ban(&mut incidents, 0, "guessing", client(1));
    ban(&mut incidents, 7_200, "relay-probe", client(1));
    let network = Subject::Network("198.51.100.0/24".parse().unwrap());
    ban(&mut incidents, 7_200, PREFIX_RULE, network.clone());
    assert_eq!(incidents.len(), 1);
    let one = incidents.get(1).unwrap();
    assert_eq!(one.detectors, ["guessing", "relay-probe", PREFIX_RULE]);
    assert_eq!(one.concerned.len(), 2);
    ban(&mut incidents, 9_000, PREFIX_RULE, Subject::Network("192.0.2.0/24".parse().unwrap()));
    assert_eq!(incidents.len(), 2, "of no client that was banned at that time");
}

#[test]
fn one_that_waits_for_a_person_ends_by_a_person() {
    let mut incidents = Incidents::default();
    let outputs = [
        finding(0, "takeover", account("bob")),
        decision(0, "takeover", account("bob"), Mode::Observe),
    ];
    say(&mut incidents, 0, &outputs);
    say(&mut incidents, 90 * 86_400, &[]);
    let one = incidents.get(1).unwrap();
    assert_eq!((one.contained_at, one.waits()), (None, true));
    assert_eq!(incidents.waiting(), 1);
    assert_eq!(one.concerned[0].standing, Standing::Proposed);

    let take = |step| Order::Incident { number: 1, step };
    let done = order(&mut incidents, 90 * 86_400, take(IncidentStep::Acknowledge), None);
    assert_eq!(done, Ok(Some(1)));
    let again = order(&mut incidents, 90 * 86_400, take(IncidentStep::Acknowledge), None);
    assert_eq!(again, Err(IncidentError::Already(IncidentState::Acknowledged)));
    say(&mut incidents, 90 * 86_400 + 5, &[lifted(90 * 86_400 + 5, account("bob"))]);
    assert!(incidents.get(1).unwrap().contained_at.is_some());
    order(&mut incidents, 90 * 86_400 + 9, take(IncidentStep::Resolve), None).unwrap();
    assert!(incidents.is_empty());
    let over = incidents.changed().pop().unwrap();
    assert_eq!((&*over.acted_by, &*over.end), ("ann", "seen"));
    assert_eq!(over.resolved_at, Some(at(90 * 86_400 + 9)));

    let missing = order(&mut incidents, 0, take(IncidentStep::Reopen), None);
    assert_eq!(missing, Err(IncidentError::Missing));
    let twice = order(&mut incidents, 0, take(IncidentStep::Resolve), Some(over.clone()));
    assert_eq!(twice, Err(IncidentError::Already(IncidentState::Resolved)));
    assert!(incidents.is_empty(), "and it is not open by that");
    order(&mut incidents, 0, take(IncidentStep::Reopen), Some(over)).unwrap();
    assert_eq!(incidents.get(1).unwrap().resolved_at, None);
}

#[test]
fn one_that_a_person_opened_takes_in_what_is_found_about_its_subject_alone() {
    let mut incidents = Incidents::default();
    let opened = order(&mut incidents, 0, Order::OpenIncident { subject: client(9) }, None);
    assert_eq!(opened, Ok(Some(1)));
    ban(&mut incidents, 60, "guessing", client(9));
    ban(&mut incidents, 61, "guessing", client(8));
    assert_eq!(incidents.len(), 2);
    let one = incidents.get(1).unwrap();
    assert_eq!((&*one.title, &*one.opened_by, one.findings), ("seen", "ann", 1));
    say(&mut incidents, 400 * 86_400, &[]);
    assert!(incidents.get(1).is_some() && incidents.get(2).is_none());
}

#[test]
fn what_is_not_answered_is_not_contained_and_lasts_a_day() {
    let mut incidents = Incidents::default();
    ban(&mut incidents, 0, "guessing", client(1));
    let recorded =
        [finding(60, "guessing", client(2)), decision(60, "guessing", client(2), Mode::Observe)];
    say(&mut incidents, 60, &recorded);
    assert_eq!(incidents.get(1).unwrap().contained_at, None);
    say(&mut incidents, 120, &[decision(120, OPERATOR, client(2), Mode::Enforce)]);
    assert_eq!(incidents.get(1).unwrap().contained_at, Some(at(120)));
    say(&mut incidents, 180, &[finding(180, "guessing", client(3))]);
    say(&mut incidents, 180 + QUIET_S, &[]);
    assert_eq!(incidents.len(), 1);
    say(&mut incidents, 180 + QUIET_S + LOOK_EVERY_S, &[]);
    assert!(incidents.is_empty());
}

#[test]
fn one_that_goes_on_for_days_is_one_a_day() {
    let mut incidents = Incidents::default();
    for step in 0..300 {
        ban(&mut incidents, step * 900, "guessing", client((step % 250) as u8));
    }
    let over = incidents.changed();
    let ends: Vec<&str> = over.iter().map(|one| &*one.end).collect();
    assert_eq!(ends, ["long", "long", "long", ""][..ends.len()]);
    assert!(ends.len() >= 3 && incidents.len() == 1);
    let sum: u32 = over.iter().map(|one| one.findings).sum();
    assert_eq!(sum, 300, "none is lost");
}

#[test]
fn a_flood_of_actors_is_counted_in_bounded_memory() {
    let mut incidents = Incidents::default();
    for number in 0..5_000_u32 {
        let subject = Subject::Client(core::net::Ipv4Addr::from_bits(number).into());
        ban(&mut incidents, i64::from(number / 10), "guessing", subject);
    }
    let one = incidents.get(1).unwrap();
    assert_eq!(one.concerned.len(), Incident::CONCERNED_MAX);
    assert_eq!((one.findings_more, one.unanswered_more), (4_936, 0));
    assert!(one.is_contained());
    let name = "x".repeat(64 << 10);
    say(&mut incidents, 501, &[finding(501, "slow-guessing", account(&name))]);
    assert_eq!(incidents.get(2).unwrap().findings_more, 1);
    // And so are incidents themselves: those that wait stay longest.
    for number in 0..2 * OPEN_MAX {
        let name = number.to_string();
        let subject = account(&name);
        order(&mut incidents, 600, Order::OpenIncident { subject }, None).unwrap();
    }
    assert_eq!(incidents.len(), OPEN_MAX);
    assert!(incidents.get(1).is_none(), "it waits for nobody");
    assert!(incidents.places.len() <= OPEN_MAX * Incident::CONCERNED_MAX);
}

#[test]
fn it_goes_on_from_what_is_on_record() {
    let (mut incidents, mut stored) = (Incidents::default(), BTreeMap::new());
    let mut restarted = Incidents::default();
    for step in 0..200_i64 {
        let detector = ["guessing", "relay-probe", "takeover"][step as usize % 3];
        let subject = match step % 7 {
            0 => account(&format!("user{}", step % 5)),
            _ => client((step % 11) as u8),
        };
        let seconds = step * step * 9;
        let mode = if step % 4 == 0 { Mode::Observe } else { Mode::Enforce };
        let outputs = [
            finding(seconds, detector, subject.clone()),
            decision(seconds, detector, subject, mode),
        ];
        say(&mut incidents, seconds, &outputs);
        say(&mut restarted, seconds, &outputs);
        stored.extend(restarted.changed().into_iter().map(|one| (one.number, one)));
        let last = stored.keys().last().copied().unwrap_or(0);
        let open = stored.values().filter(|one| one.state != IncidentState::Resolved);
        restarted = Incidents::of(open.cloned(), last);
        restarted.look_at = incidents.look_at;
        restarted.before = incidents.before;
        let as_it_is: Vec<_> = restarted.open.values().collect();
        assert_eq!(as_it_is, incidents.open.values().collect::<Vec<_>>(), "step {step}");
        assert_eq!(restarted.places, incidents.places);
    }
    assert!(stored.len() > 5);
}
