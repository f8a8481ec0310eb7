use super::*;
use proptest::prelude::*;

fn civil(text: &str) -> Civil {
    let at: DateTime = text.parse().unwrap();
    Civil {
        year: at.year().into(),
        month: at.month() as u8,
        day: at.day() as u8,
        hour: at.hour() as u8,
        minute: at.minute() as u8,
        second: at.second() as u8,
        micros: at.subsec_nanosecond() as u32 / 1000,
    }
}

fn utc(text: &str) -> Timestamp {
    civil(text).utc()
}

/// Completes stamps that tell no year, in a log that ends at `end`.
fn until(zone: &str, end: &str, stamps: &[&str]) -> Vec<String> {
    let mut completer = Completer::new(Zone::named(zone).unwrap(), Years::Until(utc(end)));
    let year_is_ignored = |text: &str| civil(&format!("2000-{text}"));
    stamps
        .iter()
        .map(|stamp| completer.local(None, year_is_ignored(stamp), None).at.to_string())
        .collect()
}

/// Completes stamps with a year.
fn dated(zone: &str, stamps: &[&str]) -> Vec<String> {
    let mut completer = Completer::new(Zone::named(zone).unwrap(), Years::From(2026));
    let complete = |text: &&str| {
        let reading = civil(text);
        completer.local(Some(reading.year), reading, None).at.to_string()
    };
    stamps.iter().map(complete).collect()
}

#[test]
fn the_year_is_that_of_the_end_of_the_log() {
    assert_eq!(
        until(
            "UTC",
            "2026-01-02T06:00:00",
            &["12-31T23:59:59", "01-01T00:00:00", "12-31T23:59:59", "01-02T05:00:00"]
        ),
        [
            "2025-12-31T23:59:59.000000Z",
            "2026-01-01T00:00:00.000000Z",
            "2025-12-31T23:59:59.000000Z",
            "2026-01-02T05:00:00.000000Z"
        ]
    );
    // A day ahead of the end is a clock or zone that differs; more is the year before.
    assert_eq!(
        until("UTC", "2026-06-10T00:00:00", &["06-10T23:00:00", "06-12T00:00:00"]),
        ["2026-06-10T23:00:00.000000Z", "2025-06-12T00:00:00.000000Z"]
    );
    // At the turn of the year, the day ahead is the next year's.
    assert_eq!(
        until("UTC", "2025-12-31T23:59:58", &["12-31T23:59:57", "01-01T00:00:01"]),
        ["2025-12-31T23:59:57.000000Z", "2026-01-01T00:00:01.000000Z"]
    );
}

#[test]
fn the_29th_of_february_is_of_a_leap_year() {
    assert_eq!(
        until("UTC", "2026-11-21T00:00:00", &["02-29T12:00:00"]),
        ["2024-02-29T12:00:00.000000Z"]
    );
    assert_eq!(
        until("UTC", "2100-11-21T00:00:00", &["02-29T12:00:00"]),
        ["2096-02-29T12:00:00.000000Z"],
        "1900 and 2100 are none"
    );
}

#[test]
fn a_first_year_moves_on_at_new_year() {
    let mut completer = Completer::new(Zone::UTC, Years::From(2023));
    let mut year =
        |text: &str| completer.local(None, civil(&format!("2000-{text}")), None).at.civil().year;
    assert_eq!(year("11-30T10:00:00"), 2023);
    assert_eq!(year("12-31T23:59:59"), 2023);
    assert_eq!(year("01-01T00:00:01"), 2024);
    assert_eq!(year("12-31T23:59:58"), 2023, "a late line of the old year");
    assert_eq!(year("05-01T00:00:00"), 2024);
    assert_eq!(year("09-01T00:00:00"), 2024);
    assert_eq!(year("12-31T00:00:00"), 2024);
    assert_eq!(year("01-02T00:00:00"), 2025);
}

#[test]
fn an_hour_that_the_clock_skips() {
    // Berlin, 2026-03-29: 02:00 +01:00 becomes 03:00 +02:00.
    assert_eq!(
        dated(
            "Europe/Berlin",
            &["2026-03-29T01:59:59", "2026-03-29T02:30:00", "2026-03-29T03:00:00"]
        ),
        [
            "2026-03-29T00:59:59.000000Z",
            "2026-03-29T01:30:00.000000Z",
            "2026-03-29T01:00:00.000000Z"
        ]
    );
}

#[test]
fn an_hour_that_the_clock_repeats_keeps_its_order() {
    // Berlin, 2026-10-25: 03:00 +02:00 becomes 02:00 +01:00.
    assert_eq!(
        dated(
            "Europe/Berlin",
            &[
                "2026-10-25T01:59:00",
                "2026-10-25T02:00:00",
                "2026-10-25T02:30:00",
                "2026-10-25T02:29:58",
                "2026-10-25T02:59:59",
                "2026-10-25T02:00:00",
                "2026-10-25T02:30:00",
                "2026-10-25T02:59:59",
                "2026-10-25T03:00:00"
            ]
        ),
        [
            "2026-10-24T23:59:00.000000Z",
            "2026-10-25T00:00:00.000000Z",
            "2026-10-25T00:30:00.000000Z",
            "2026-10-25T00:29:58.000000Z",
            "2026-10-25T00:59:59.000000Z",
            "2026-10-25T01:00:00.000000Z",
            "2026-10-25T01:30:00.000000Z",
            "2026-10-25T01:59:59.000000Z",
            "2026-10-25T02:00:00.000000Z"
        ]
    );
}

#[test]
fn an_arrival_tells_the_pass_of_a_repeated_hour() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    let reading = civil("2026-10-25T02:10:00");
    for (arrival, expected) in [
        ("2026-10-25T00:10:01", "2026-10-25T00:10:00"),
        ("2026-10-25T01:10:01", "2026-10-25T01:10:00"),
    ] {
        let mut completer = Completer::new(berlin.clone(), Years::From(2026));
        let completed = completer.local(None, reading, Some(utc(arrival)));
        assert_eq!(completed.at, utc(expected));
        assert!(!completed.clamped);
    }
}

#[test]
fn half_hour_changes() {
    // Lord Howe, 2026-04-05: 02:00 +11:00 becomes 01:30 +10:30.
    assert_eq!(
        dated(
            "Australia/Lord_Howe",
            &["2026-04-05T01:20:00", "2026-04-05T01:50:00", "2026-04-05T01:31:00"]
        ),
        [
            "2026-04-04T14:20:00.000000Z",
            "2026-04-04T14:50:00.000000Z",
            "2026-04-04T15:01:00.000000Z"
        ]
    );
}

#[test]
fn the_future_is_clamped_and_the_past_is_told() {
    let mut completer = Completer::new(Zone::UTC, Years::Until(utc("2026-11-21T00:00:00")));
    let arrived = utc("2026-11-21T16:00:00");
    let arrival = Some(arrived);
    let fine = completer.utc(utc("2026-11-21T15:59:59"), arrival);
    assert_eq!(fine, Completed { at: utc("2026-11-21T15:59:59"), clamped: false, back_s: 0 });
    let future = completer.local(Some(2099), civil("2099-01-01T00:00:00"), arrival);
    assert_eq!(future, Completed { at: arrived, clamped: true, back_s: 0 });
    let past = completer.local(Some(1970), civil("1970-01-01T00:00:00"), arrival);
    assert_eq!((past.at, past.clamped), (Timestamp(0), false));
    assert!(past.back_s > 1_000_000_000);
    let slow = completer.utc(utc("2026-11-21T15:59:30"), arrival);
    assert_eq!(slow.back_s, 0, "half a minute is disorder, not a clock set back");
    let back = completer.utc(utc("2026-11-21T15:00:00"), arrival);
    assert_eq!(back.back_s, 3600);
}

#[test]
fn without_arrival_the_future_is_the_line_before() {
    let mut completer = Completer::new(Zone::UTC, Years::Until(utc("2026-11-21T00:00:00")));
    let first = completer.utc(utc("2026-11-20T00:00:00"), None);
    let future = completer.utc(utc("2099-01-01T00:00:00"), None);
    assert_eq!((future.at, future.clamped), (first.at, true));
}

#[test]
fn a_zone_without_a_year_is_of_the_latest_year_that_fits() {
    let end = utc("2027-01-01T00:10:00");
    for (zone, reading, east_s, expected) in [
        ("Europe/Vienna", "2000-12-31T23:59:00", 0, "2026-12-31T23:59:00.000000Z"),
        ("UTC", "2000-01-01T01:05:00", 3600, "2027-01-01T00:05:00.000000Z"),
        ("UTC", "2000-12-31T18:35:00", -19_800, "2027-01-01T00:05:00.000000Z"),
    ] {
        let mut completer = Completer::new(Zone::named(zone).unwrap(), Years::Until(end));
        assert_eq!(completer.zoned(civil(reading), east_s, None).at.to_string(), expected);
        let arrived = completer.zoned(civil(reading), east_s, Some(end));
        assert_eq!((arrived.at.to_string(), arrived.clamped), (expected.to_owned(), false));
    }
}

#[test]
fn a_line_without_time_is_of_its_reading_or_of_the_line_before() {
    let (end, before) = (utc("2026-11-21T18:00:00"), utc("2026-11-21T16:02:10"));
    let mut completer = Completer::new(Zone::UTC, Years::Until(end));
    let missing = |completer: &mut Completer| completer.missing(None).at;
    assert_eq!(missing(&mut completer), end);
    assert_eq!(completer.utc(before, None).back_s, 0, "the end of the log is no line's time");
    assert_eq!(missing(&mut completer), before);
    assert_eq!(completer.missing(Some(end)).at, end);
    let mut completer = Completer::new(Zone::UTC, Years::From(2026));
    assert_eq!(missing(&mut completer), utc("2026-01-01T00:00:00"));
}

#[test]
fn leap_seconds_do_not_go_back() {
    assert_eq!(dated("Europe/Berlin", &["2017-01-01T00:59:58"])[0], "2016-12-31T23:59:58.000000Z");
    let mut completer = Completer::new(Zone::named("Europe/Berlin").unwrap(), Years::From(2017));
    let leap = Civil { second: 60, ..civil("2017-01-01T00:59:00") };
    let at = completer.local(Some(2017), leap, None).at;
    assert!(at >= utc("2016-12-31T23:59:59") && at <= utc("2017-01-01T00:00:00"), "{at}");
}

proptest! {
    /// The cache never changes an answer: a log completed line by line is what the long way gives.
    #[test]
    fn the_cache_changes_nothing(
        start in 1_700_000_000i64..1_900_000_000,
        steps in prop::collection::vec(0i64..4000, 1..200),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    ) {
        let zone = Zone::named(zone).unwrap();
        let mut completer = Completer::new(zone.clone(), Years::From(2026));
        let mut at = start;
        for step in steps {
            at += step;
            let local = zone.0.to_datetime(jiff::Timestamp::from_second(at).unwrap());
            let reading = civil(&local.to_string());
            let arrival = Some(Timestamp::from_seconds(at + 1));
            // Without the year, from the arrival: the way back must be the point it came from.
            let completed = completer.local(None, reading, arrival);
            prop_assert_eq!(completed, Completed { at: Timestamp::from_seconds(at), clamped: false, back_s: 0 });
        }
    }

    /// No reading that the calendar allows fails or moves by more than a day.
    #[test]
    fn every_reading_has_a_time(year in 1i32..9999, month in 1u8..=12, day in 1u8..=28, hour in 0u8..24, minute in 0u8..60, second in 0u8..=60) {
        let reading = Civil { year, month, day, hour, minute, second, micros: 5 };
        let mut completer = Completer::new(Zone::named("Europe/Berlin").unwrap(), Years::From(year));
        let at = completer.local(Some(year), reading, None).at;
        prop_assert!((at.0 - reading.utc().0).abs() < DAY);
    }
}
