//! The score of small worlds: a guesser is caught, nobody else is, and the same seed says the same.

use testkit::score::{self, DetectorRow, Report};
use testkit::world::{Kind, Plan};

fn of(attacks: &[(Kind, u32)], seed: u64) -> Report {
    let mut plan = Plan::quiet(3.0);
    plan.numbers.accounts = 40.0;
    plan.numbers.bots = 60.0;
    plan.attacks = attacks.to_vec();
    score::report(&score::run(&plan, seed, true, &mut |_| {}))
}

#[test]
fn a_fast_guesser_is_caught_and_his_answered_guesses_are_counted() {
    let report = of(&[(Kind::FastOne, 2)], 5);
    let row = report.attacks.first().unwrap();
    assert_eq!((row.kind, row.caught, row.of, row.is_met), (Kind::FastOne, 2, 2, Some(true)));
    assert!(row.guesses > 2 && row.times_s.len() == 2, "{row:?}");
    let detector = report.detectors.iter().find(|row| row.detector == "brute-force").unwrap();
    assert_eq!((detector.caught, detector.honest), (2, 0), "{detector:?}");
    assert_eq!(report.unknown, 0);
}

#[test]
fn what_no_detector_sees_is_a_miss() {
    // On its first days the guard knows nobody, so to it all are strangers.
    let report = of(&[(Kind::SpamCampaign, 1)], 5);
    let row = report.attacks.first().unwrap();
    assert!(row.of > 50 && row.caught < row.of && row.is_met == Some(false), "{row:?}");
    assert!(!report.is_met());
}

#[test]
fn a_score_follows_from_its_seed() {
    let json = |seed| score::json(&of(&[(Kind::Spray64, 1)], seed)).to_string();
    assert_eq!(json(3), json(3));
    assert_ne!(json(3), json(4));
}

#[test]
fn the_table_fits_a_hundred_columns() {
    let text = score::human(&of(&[(Kind::Spray64, 1), (Kind::PhishedBurst, 1)], 3));
    let heads = text.lines().take_while(|line| !line.starts_with("honest sources"));
    heads.for_each(|line| assert!(line.chars().count() <= 100, "{line}"));
}

#[test]
fn the_host_is_told_of_a_flood_and_of_an_outage_elsewhere_and_of_nothing_else() {
    let troubles = [Kind::FloodStrong, Kind::RemoteTimeout, Kind::BlockHard];
    let mut plan = Plan::quiet(10.0);
    plan.numbers.accounts = 250.0;
    plan.numbers.bots = 200.0;
    plan.numbers.flood_strong_per_min = 40.0;
    plan.attacks = troubles.map(|kind| (kind, 1)).to_vec();
    let surges = |plan: &Plan| {
        let report = score::report(&score::run(plan, 5, true, &mut |_| {}));
        let is_surge = |row: &DetectorRow| row.detector.ends_with("ed-surge");
        let surges: Vec<DetectorRow> =
            report.detectors.iter().filter(|row| is_surge(row)).cloned().collect();
        (report, surges)
    };
    let (report, told) = surges(&plan);
    for kind in troubles {
        let row = report.attacks.iter().find(|row| row.kind == kind).unwrap();
        assert_eq!((row.unit, row.caught, row.of, row.is_met), ("hosts", 1, 1, Some(true)));
        assert_eq!(row.messages > 0, kind.is_trouble(), "{row:?}");
    }
    assert!(told.iter().all(|row| row.honest == 0 && row.caught == row.of), "{told:?}");
    assert!(told.iter().map(|row| row.decided).sum::<u64>() >= 3, "{told:?}");
    assert_eq!(report.unknown, 0);
    // The same site on ordinary days.
    plan.attacks.clear();
    assert_eq!(surges(&plan).1, [], "nothing to tell of");
}
