//! In whatever order lines come, an attempt counts once.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{Config, Engine, Input, Output};
use event::{
    Command, Event, Kind, Order, Outcome, Protocol, Reason, Server, Subject, Text, Timestamp,
};
use std::net::{IpAddr, Ipv4Addr};

/// 2026-11-02T08:00:00Z.
const START: Timestamp = Timestamp(1_793_606_400_000_000);
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66));

fn failure(server: Server, service: &'static str, kind: Kind, attempts: u32) -> Event<'static> {
    Event {
        protocol: Protocol::Imap,
        host: Some(Text(b"mx")),
        pid: Some(100),
        client: Some(CLIENT),
        account: Some(Text(b"bob")).filter(|_| kind == Kind::Auth),
        reason: Some(Reason::AuthFailed),
        hostile: true,
        attempts,
        ..Event::new(START, server, Text(service.as_bytes()), kind, Outcome::Rejected)
    }
}

fn connect() -> Event<'static> {
    Event {
        outcome: Outcome::Allowed,
        reason: None,
        hostile: false,
        ..failure(Server::Postfix, "smtpd", Kind::Connect, 0)
    }
}

fn has_ban(out: &[Output]) -> bool {
    out.iter().any(|output| matches!(output, Output::Decision(_)))
}

fn unban(engine: &mut Engine, at_s: i64) {
    let (operator, reason) = ("root".into(), "test".into());
    let order = Order::Unban { subject: Subject::Client(CLIENT) };
    let command = Command { at: START.plus_seconds(at_s), operator, reason, order };
    engine.step(50, &Input::Command(&command), &mut Vec::new());
}

fn play(engine: &mut Engine, lines: &[(i64, Event<'_>)]) -> Vec<Output> {
    let mut out = Vec::new();
    for (number, (at_s, event)) in (1..).zip(lines) {
        let event = Event { at: START.plus_seconds(*at_s), ..*event };
        engine.step(number, &Input::Event(&event), &mut out);
    }
    out
}

fn score(lines: &[(i64, Event<'_>)]) -> f32 {
    let mut engine = Engine::new(Config::default());
    play(&mut engine, lines);
    let scores = engine.explain(&Subject::Client(CLIENT)).scores;
    let found = scores.iter().find(|standing| standing.detector == "brute-force");
    found.map_or(0.0, |standing| standing.score)
}

/// Dovecot's `auth` writes to another file than its login process, and that file is read later.
#[test]
fn dovecot_tells_of_each_attempt_once_whichever_process_is_read_first() {
    let line = |service, attempts| {
        let event = failure(Server::Dovecot, service, Kind::Auth, attempts);
        (0, Event { session: Some(Text(b"abc")), ..event })
    };
    let (each, all) = (line("auth", 1), line("imap-login", 3));
    let named = |name: &'static str| (0, Event { account: Some(Text(name.as_bytes())), ..each.1 });
    let names = [named("bob"), named("eve"), named("ann")];
    let one = score(&names);
    let [bob, eve, ann] = names;
    assert!((score(&[bob, eve, ann, all]) - one).abs() < 0.01);
    let orders = [[all, bob, eve, ann], [bob, all, eve, ann], [bob, eve, all, ann]];
    for order in orders {
        assert!(score(&order) <= one + 0.01, "{} for {one}", score(&order));
    }
    let more = line("imap-login", 5);
    let late = score(&[bob, eve, ann, more]);
    assert!(
        late > one && score(&[more, bob, eve, ann]) <= late + 0.01,
        "two were told by one only"
    );
}

/// Where a syslog daemon writes no process, several connections of a client cannot be told apart.
#[test]
fn counts_of_connections_without_a_process_have_what_their_lines_told() {
    let without = |event: Event<'static>| (0, Event { pid: None, account: None, ..event });
    let each = without(failure(Server::Postfix, "smtpd", Kind::Auth, 1));
    let counts = |count| without(failure(Server::Postfix, "smtpd", Kind::Disconnect, count));
    let one = score(&[each, each, each]);
    assert!((score(&[each, each, each, counts(1), counts(2)]) - one).abs() < 0.01);
    assert!((score(&[each, each, counts(2), each, counts(1)]) - one).abs() < 0.01);
    assert!(score(&[each, each, counts(2), counts(1)]) > score(&[each, each, counts(2)]));
}

/// What an honest client does over hours, read at once: a sender's queue after an outage of the
/// network.
#[test]
fn what_was_written_over_hours_and_is_read_at_once_is_no_burst() {
    let connect = connect();
    let typo = failure(Server::Postfix, "smtpd", Kind::Auth, 1);
    let names = ["bob", "eve", "ann"].map(|name| Some(Text(name.as_bytes())));
    let monitor: Vec<_> = (0..1440).map(|number| (number * 30, connect)).collect();
    let office: Vec<_> = (0..8)
        .map(|number| (number * 600, Event { account: names[number as usize % 3], ..typo }))
        .collect();
    // A monitor that tries every door, each minute.
    let doors = ["smtpd", "submission/smtpd", "smtps/smtpd", "postscreen", "587/smtpd"];
    let left = Event { outcome: Outcome::Dropped, reason: Some(Reason::ConnectionLost), ..connect };
    let doors: Vec<_> = (0..600)
        .map(|number| {
            let service = Text(doors[number as usize % 5].as_bytes());
            (number / 5 * 60, Event { kind: Kind::Disconnect, service, ..left })
        })
        .collect();
    for lines in [monitor, office, doors] {
        for (late_s, is_queue) in [(0, false), (43_200, true)] {
            let mut engine = Engine::new(Config::default());
            engine.step(0, &Input::Tick(START.plus_seconds(late_s)), &mut Vec::new());
            assert_eq!(play(&mut engine, &lines), [], "{is_queue}");
        }
    }
}

/// A host whose clock is in the wrong zone is as late with each line: its attackers gain nothing,
/// nor do those that go from it to another, however little their clocks or logs differ.
#[test]
fn a_host_that_is_always_late_is_judged_as_any_other() {
    let each = failure(Server::Postfix, "smtpd", Kind::Auth, 1);
    for zone_s in [1, 60, 300, 900, 1_200, 1_800, 3_600, 7_200] {
        for is_turn_about in [false, true] {
            let mut engine = Engine::new(Config::default());
            let mut out = Vec::new();
            for number in 0..20 {
                let now = START.plus_seconds(7_200 + number * 2);
                let is_late = !is_turn_about || number % 2 == 0;
                let at = now.plus_seconds(if is_late { -zone_s } else { 0 });
                engine.step(0, &Input::Tick(now), &mut out);
                engine.step(1, &Input::Event(&Event { at, ..each }), &mut out);
            }
            assert!(has_ban(&out), "{zone_s} {is_turn_about}");
        }
    }
}

/// A log that is behind others by less than what counts as a burst: whoever connects to both of two
/// servers floods them as one does who connects to one.
#[test]
fn a_log_that_lags_behind_another_hides_no_flood() {
    let connect = connect();
    for lag_s in [0, 10, 60, 600] {
        let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
        for number in 0..400 {
            let now = START.plus_seconds(number / 20);
            engine.step(0, &Input::Tick(now), &mut out);
            let at = now.plus_seconds(-lag_s * (number % 2));
            engine.step(1, &Input::Event(&Event { at, ..connect }), &mut out);
        }
        assert!(has_ban(&out), "{lag_s}");
    }
}

/// A log that is read every few seconds, some of its lines late each time: no more time passes in
/// it than on the clock.
#[test]
fn a_log_that_is_read_by_turns_hides_no_flood() {
    let connect = connect();
    for turn_s in [1, 5, 30] {
        let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
        for number in 0..600 {
            let written_s = number / 2;
            let now = START.plus_seconds(written_s / turn_s * turn_s + turn_s);
            engine.step(0, &Input::Tick(now), &mut out);
            let at = START.plus_seconds(written_s);
            engine.step(1, &Input::Event(&Event { at, ..connect }), &mut out);
        }
        assert!(has_ban(&out), "{turn_s}");
    }
}

/// Roundcube's two logs tell of one attempt, and so do Horde and its IMP. Who goes to and fro
/// between both of them is excused by neither.
#[test]
fn lines_of_one_webmail_excuse_none_of_another() {
    let line = |server, service| (0, failure(server, service, Kind::Auth, 1));
    let roundcube = ["errors", "userlogins"].map(|service| line(Server::Roundcube, service));
    let horde = ["imp", "horde"].map(|service| line(Server::Horde, service));
    assert_eq!(score(&roundcube), score(&roundcube[..1]));
    assert_eq!(score(&horde), score(&horde[..1]));
    for (one, other) in [(roundcube[0], horde[1]), (roundcube[1], horde[0])] {
        assert_eq!(score(&[one, other]), score(&[one, one]));
    }
}

/// All that failed before a ban is lifted is done with: also what the connection's counts say of it
/// when it ends later.
#[test]
fn what_was_tried_before_a_ban_was_lifted_bans_nobody_again() {
    for server in [Server::Postfix, Server::Dovecot] {
        let (service, kind) = match server {
            Server::Postfix => ("smtpd", Kind::Disconnect),
            _ => ("imap-login", Kind::Auth),
        };
        let each_service = if server == Server::Postfix { "smtpd" } else { "auth" };
        let session = Some(Text(b"abc")).filter(|_| server == Server::Dovecot);
        let each = Event { session, ..failure(server, each_service, Kind::Auth, 1) };
        let counts = Event { session, ..failure(server, service, kind, 40) };
        let mut engine = Engine::new(Config::default());
        let tries: Vec<_> = (0..40).map(|number| (number * 2, each)).collect();
        let out = play(&mut engine, &tries);
        assert!(has_ban(&out), "{server}");
        let subject = Subject::Client(CLIENT);
        unban(&mut engine, 80);
        let out = play(&mut engine, &[(90, counts)]);
        assert!(out.is_empty(), "{server}: {out:?}");
        assert_eq!(engine.explain(&subject).scores, [], "{server}");
    }
}

/// The same of what Exim refused, which its other log tells again when that is read later.
#[test]
fn what_exim_refused_before_a_ban_was_lifted_bans_nobody_again() {
    let refused = Event {
        attempts: 0,
        reason: Some(Reason::RelayDenied),
        recipient: Some(Text(b"eve@example.net")),
        ..failure(Server::Exim, "exim", Kind::Envelope, 0)
    };
    let mut engine = Engine::new(Config::default());
    let all: Vec<_> = (0..40).map(|number| (number * 2, refused)).collect();
    let out = play(&mut engine, &all);
    assert!(has_ban(&out));
    unban(&mut engine, 80);
    assert_eq!(play(&mut engine, &all), []);
}
