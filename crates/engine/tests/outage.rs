//! A server that cannot test passwords, or refuses a user for its own reasons, and its users:
//! whatever it writes of their logins, nobody is found, and no account is under attack.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use engine::{Config, Engine, Input};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Subject, Text, Timestamp};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

/// 2026-11-02T08:00:00Z.
const START: Timestamp = Timestamp(1_793_606_400_000_000);

/// Lines of one login.
type Login = fn(Who<'_>, Timestamp) -> Vec<Event<'_>>;

#[derive(Clone, Copy)]
struct Who<'a> {
    client: IpAddr,
    name: &'a str,
    /// The connection's id and process, each login's own.
    session: &'a str,
    pid: u32,
}

fn event<'a>(
    who: Who<'a>,
    at: Timestamp,
    server: Server,
    service: &'static str,
    kind: Kind,
    reason: Reason,
) -> Event<'a> {
    let is_wrong = reason == Reason::AuthFailed;
    Event {
        protocol: Protocol::Smtp,
        host: Some(Text(b"mx")),
        client: Some(who.client),
        reason: Some(reason),
        hostile: is_wrong,
        attempts: u32::from(is_wrong),
        ..Event::new(at, server, Text(service.as_bytes()), kind, Outcome::Rejected)
    }
}

/// `SASL LOGIN authentication failed: Connection lost to authentication server`, and at the end
/// `disconnect ... auth=0/2`.
fn postfix(who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
    let line = |kind, reason| Event {
        pid: Some(who.pid),
        ..event(who, at, Server::Postfix, "submission/smtpd", kind, reason)
    };
    let untested = line(Kind::Auth, Reason::AuthUnavailable);
    let counts = Event {
        attempts: 2,
        outcome: Outcome::Allowed,
        ..line(Kind::Disconnect, Reason::AuthFailed)
    };
    vec![untested, untested, counts]
}

/// The login was given up before a password was sent, and is in the counts, too.
fn postfix_aborted(who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
    let aborted = |line: &Event<'_>| line.reason == Some(Reason::AuthUnavailable);
    let mut lines = postfix(who, at);
    for line in lines.iter_mut().filter(|line| aborted(line)) {
        line.reason = Some(Reason::AuthAborted);
    }
    lines
}

/// Dovecot knows that the user may not log in; Postfix, which asks it, that the login failed.
fn postfix_disabled(who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
    let line = |server, service, kind, reason| Event {
        account: Some(Text(who.name.as_bytes())).filter(|_| kind == Kind::Auth),
        pid: (server == Server::Postfix).then_some(who.pid),
        ..event(who, at, server, service, kind, reason)
    };
    let failed = |kind| line(Server::Postfix, "submission/smtpd", kind, Reason::AuthFailed);
    vec![
        line(Server::Dovecot, "auth", Kind::Auth, Reason::AccountDisabled),
        failed(Kind::Auth),
        failed(Kind::Disconnect),
    ]
}

/// The password driver does not answer; the login process counts what was tried.
fn dovecot(who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
    let line = |service, reason| Event {
        account: Some(Text(who.name.as_bytes())),
        session: Some(Text(who.session.as_bytes())),
        ..event(who, at, Server::Dovecot, service, Kind::Auth, reason)
    };
    let untested = line("auth", Reason::AuthUnavailable);
    let counts = Event { attempts: 2, ..line("imap-login", Reason::AuthFailed) };
    vec![untested, untested, counts]
}

/// `User Name: bob`, then `454 4.7.0 Temporary authentication failure`.
fn exchange(who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
    let line = |kind, reason| Event {
        session: Some(Text(who.session.as_bytes())),
        ..event(who, at, Server::Exchange, "EX1\\Client", kind, reason)
    };
    let named =
        Event { account: Some(Text(who.name.as_bytes())), ..line(Kind::Auth, Reason::AuthFailed) };
    let untested = line(Kind::Auth, Reason::AuthUnavailable);
    let end = Event { reason: None, ..line(Kind::Disconnect, Reason::AuthUnavailable) };
    vec![named, untested, named, untested, Event { outcome: Outcome::Allowed, ..end }]
}

/// Of a locked user the SMTP server says no more than that the login failed.
fn domino(who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
    let line = |service, reason| Event {
        account: Some(Text(who.name.as_bytes())),
        ..event(who, at, Server::Domino, service, Kind::Auth, reason)
    };
    vec![line("smtp", Reason::AccountDisabled), line("SMTP Server", Reason::AuthFailed)]
}

const LOGINS: [(&str, Login); 6] = [
    ("postfix", postfix),
    ("postfix, given up", postfix_aborted),
    ("postfix, disabled", postfix_disabled),
    ("dovecot", dovecot),
    ("exchange", exchange),
    ("domino", domino),
];

/// Who comes: by number, client and name.
fn play(login: Login, comers: impl IntoIterator<Item = (IpAddr, String, i64)>) -> Vec<String> {
    let (mut engine, mut out) = (Engine::new(Config::default()), Vec::new());
    let mut seen = Vec::new();
    for (number, (client, name, at_s)) in (0..).zip(comers) {
        let session = format!("s{number}");
        let who = Who { client, name: &name, session: &session, pid: number };
        for event in login(who, START.plus_seconds(at_s)) {
            let joined = engine.join(&event);
            let event = joined.as_ref().map_or(event, |joined| joined.fill(&event));
            engine.step(u64::from(number) + 1, &Input::Event(&event), &mut out);
        }
        seen.push((client, name));
    }
    engine.finish(&mut out);
    let mut found: Vec<String> = out.iter().map(|output| format!("{output:?}")).collect();
    for (client, name) in seen {
        // A login that is given up is a weak sign of a scan; no number of them is enough.
        let mut of_client = engine.explain(&Subject::Client(client)).scores;
        of_client.retain(|score| score.detector != "scan");
        found.extend(of_client.iter().map(|score| format!("{client} {score:?}")));
        let account = Subject::Account(name.as_bytes().into());
        let of_account = engine.explain(&account).scores;
        found.extend(
            of_account
                .iter()
                .filter(|score| score.score > 0.0)
                .map(|score| format!("{name} {score:?}")),
        );
    }
    found
}

fn client(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + number))
}

/// An office behind one address, all of it asked for its passwords again and again.
#[test]
fn many_names_of_one_client() {
    for (server, login) in LOGINS {
        let office = (0..60).map(|n| (client(66), format!("user{}", n % 30), i64::from(n)));
        let found = play(login, office);
        assert!(found.is_empty(), "{server}: {found:#?}");
    }
}

/// The devices of one account, wherever they are.
#[test]
fn many_clients_of_one_account() {
    for (server, login) in LOGINS {
        let everywhere = (0..60).map(|n| (client(n % 30 * 256), "info".into(), i64::from(n)));
        let found = play(login, everywhere);
        assert!(found.is_empty(), "{server}: {found:#?}");
    }
}

/// A provider's prefix with users of many names.
#[test]
fn many_clients_of_a_prefix_with_many_names() {
    for (server, login) in LOGINS {
        let prefix = (0..90).map(|n| (client(n % 30), format!("user{}", n % 30), i64::from(n)));
        let found = play(login, prefix);
        assert!(found.is_empty(), "{server}: {found:#?}");
    }
}

proptest! {
    /// In whatever order they come.
    #[test]
    fn nobody_is_found(
        login in prop::sample::select(&LOGINS[..]),
        comers in prop::collection::vec((0..2000u32, 0..20u8, 0..90i64), 0..80),
    ) {
        let mut at_s = 0;
        let comers = comers.into_iter().map(|(number, name, after_s)| {
            at_s += after_s;
            (client(number), format!("user{name}"), at_s)
        });
        let found = play(login.1, comers.collect::<Vec<_>>());
        prop_assert!(found.is_empty(), "{}: {found:#?}", login.0);
    }
}

/// The same lines, with the words for a wrong password, ban.
#[test]
fn who_guesses_is_found() {
    fn guessed(login: Login, who: Who<'_>, at: Timestamp) -> Vec<Event<'_>> {
        let mut lines = login(who, at);
        for line in &mut lines {
            let is_excuse = matches!(
                line.reason,
                Some(Reason::AuthUnavailable | Reason::AuthAborted | Reason::AccountDisabled)
            );
            if line.kind == Kind::Auth && is_excuse {
                line.reason = Some(Reason::AuthFailed);
                (line.hostile, line.attempts) = (true, 1);
            }
        }
        lines
    }
    let guesses: [Login; 6] = [
        |who, at| guessed(postfix, who, at),
        |who, at| guessed(postfix_aborted, who, at),
        |who, at| guessed(postfix_disabled, who, at),
        |who, at| guessed(dovecot, who, at),
        |who, at| guessed(exchange, who, at),
        |who, at| guessed(domino, who, at),
    ];
    for (login, (server, _)) in guesses.into_iter().zip(LOGINS) {
        let office = (0..60).map(|n| (client(66), format!("user{}", n % 30), i64::from(n)));
        let found = play(login, office);
        assert!(found.iter().any(|said| said.contains("Decision")), "{server}");
    }
}
