//! A console over a made-up day, to look at: every outcome and reason, many countries, and names
//! that strangers would choose to break a page. `empty` has nothing, `one` a single kind of event.
//!
//!     cargo run -p console --example gallery -- full
//!
//! It prints its address and serves until its standard input ends. It is open, on loopback only.

use console::access::{Access, Role, Who};
use console::{Console, Host, HostError, Options, Order, SignIn};
use event::{
    Concerned, Decision, Event, Evidence, Finding, Incident, IncidentState, Kind, Measure, Mode,
    Network, Origin, Outcome, Protocol, Reason, Server, Standing, Subject, Text, Timestamp,
    Vocabulary,
};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use store::{Found, Journal, Policy, Reader, Row};

/// When the day begins: 2026-11-20.
const BEGIN_S: i64 = 1_795_132_800;
const DAY_S: u64 = 86_400;
const EVENTS: u64 = 6_000;
const SEEN: [&[u8; 2]; 12] =
    [b"DE", b"US", b"CN", b"RU", b"BR", b"VN", b"IN", b"NL", b"FJ", b"ZA", b"XK", b"AU"];

/// Names that want to be more than text, or to be too much of it.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>document.title='x'</script>",
        "\"><img src=x onerror=alert(1)>",
        "=cmd|'/C calc'!A0",
        "bob\u{202e}gro.elpmaxe@\u{2066}",
        "\u{1b}[31mred\u{7}\0",
        "مستخدم@مثال.إختبار",
        "J\u{fc}rgen@example.org",
        "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}@zalgo.example",
        "outcome:allowed client:127.0.0.1",
        "null",
        "{{ 7*7 }} ${7*7} %s %n",
        "a b\tc\nd",
    ]
    .map(str::to_owned)
    .into();
    names.push("x".repeat(64 << 10));
    names.push(format!("{}@example.org", "very-long-local-part-".repeat(12)));
    names
}

/// A number that looks like chance and is the same on every run.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 16
}

fn full(journal: &mut Journal) {
    let source = journal.source("journal:<b>mail</b>.log");
    let hostile = hostile();
    for seq in 1..=EVENTS {
        let chance = mixed(seq);
        let at = Timestamp::from_seconds(BEGIN_S + (seq * DAY_S / EVENTS) as i64);
        let is_attack = chance % 5 < 2 || (seq > EVENTS / 2 && seq < EVENTS / 2 + 400);
        let outcome = match is_attack {
            true => Outcome::Rejected,
            false => *pick(Outcome::ALL, (chance >> 8) % 11),
        };
        let account = match chance % 4 {
            0 => pick(&hostile, chance >> 10).clone(),
            _ => format!("user{}@example.org", (chance >> 12) % 40),
        };
        let kind = *pick(&[Kind::Auth, Kind::Auth, Kind::Message, Kind::Envelope], chance >> 16);
        let service = Text::from("submission/smtpd");
        let mut event = Event::new(at, Server::Postfix, service, kind, outcome);
        event.protocol = *pick(Protocol::ALL, chance >> 6);
        event.reason = (outcome != Outcome::Allowed).then(|| *pick(Reason::ALL, chance >> 20));
        event.client = Some(client(chance));
        event.origin = Origin {
            operator: 64_500 + (chance >> 9) as u32 % 20,
            country: **pick(&SEEN, (chance >> 24) % SEEN.len() as u64 * (chance >> 30) % 12),
        };
        event.account = Some(Text::from(account.as_str()));
        event.helo = Some(Text::from(pick(&hostile, chance >> 5).as_str()));
        event.hostile = is_attack;
        let line = format!(
            "Nov 20 10:00:00 mx1 postfix/submission/smtpd[7]: NOQUEUE: {outcome}: {account}"
        );
        journal.append_event(seq, source, &event, line.as_bytes());
        if seq % 250 == 0 {
            found(journal, seq, at, client(chance), &account);
        }
    }
}

fn pick<T>(list: &[T], number: u64) -> &T {
    &list[(number % list.len() as u64) as usize]
}

fn client(chance: u64) -> IpAddr {
    match chance % 7 {
        0 => format!("2001:db8:{:x}:{:x}::{:x}", chance % 9, chance % 5, chance % 0xffff)
            .parse()
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => Ipv4Addr::new(203, 0, (chance >> 7) as u8 % 9, (chance >> 13) as u8).into(),
    }
}

fn found(journal: &mut Journal, seq: u64, at: Timestamp, client: IpAddr, account: &str) {
    let mut evidence = Evidence::default();
    evidence.push(seq);
    let of_account = Subject::Account(account.to_ascii_lowercase().into_bytes().into());
    let (detector, subject) = match seq % 1000 {
        0 => ("takeover", of_account),
        250 => ("password-spray", Subject::Network(Network::of(client, 24))),
        _ => ("brute-force", Subject::Client(client)),
    };
    let finding =
        Finding { at, detector: detector.into(), subject: subject.clone(), score: 12.0, evidence };
    journal.append_finding(seq, &finding);
    let decision = Decision {
        at,
        measure: Measure::Ban,
        subject,
        until: Some(at.plus_seconds(2 * DAY_S as i64)),
        rule: detector.into(),
        offence: 1,
        score: 12.0,
        mode: Mode::Enforce,
        evidence,
    };
    journal.append_decision(seq, &decision);
    journal.set_hold(&decision);
}

/// One whose every text a stranger chose.
fn incident(number: u64, at: Timestamp) -> Incident {
    let text = || hostile()[number as usize % hostile().len()].clone();
    let concerned = (0..Incident::CONCERNED_MAX as u64).map(|one| Concerned {
        subject: match one {
            0 => Subject::Account(text().into_bytes().into()),
            _ => Subject::Client(client(one * 1_237)),
        },
        since: at,
        standing: Standing::ALL[(one % 3) as usize],
    });
    Incident {
        latest_at: at.plus_seconds(600),
        state: IncidentState::ALL[number as usize % 3],
        opened_by: text().into(),
        title: text().into(),
        detectors: vec!["brute-force".into(), "prefix".into()],
        concerned: concerned.collect(),
        findings_more: 12,
        findings: 40,
        decisions: 31,
        score_max: 12.0,
        evidence: std::iter::once(number).collect(),
        acknowledged_at: Some(at.plus_seconds(60)),
        contained_at: Some(at.plus_seconds(3)),
        resolved_at: Some(at.plus_seconds(500)),
        acted_by: text().into(),
        end: text().into(),
        ..Incident::new(number, at)
    }
}

/// Orders with reasons that people, or programs in their name, may write.
fn orders(journal: &mut Journal) {
    for (number, name) in hostile().into_iter().enumerate() {
        let reason: String = name.chars().take(1_000).collect();
        let subject = match number % 2 {
            0 => Subject::Client(client(number as u64)),
            _ => Subject::Account(reason.as_bytes().into()),
        };
        let order = match number % 3 {
            0 => event::Order::Ban { subject, duration_s: Some(3_600) },
            _ => event::Order::Unban { subject },
        };
        let operator: Box<str> = reason.chars().take(64).collect::<String>().into();
        let at = Timestamp::from_seconds(BEGIN_S + number as i64 * 4_000);
        let command = event::Command { at, operator, reason: reason.into(), order };
        journal.append_command(EVENTS, &command);
    }
}

/// One outcome with one reason: rings that are whole.
fn one(journal: &mut Journal) {
    let source = journal.source("a");
    for seq in 1..=40 {
        let at = Timestamp::from_seconds(BEGIN_S + seq as i64 * 1_800);
        let service = Text::from("imap-login");
        let mut event = Event::new(at, Server::Dovecot, service, Kind::Auth, Outcome::Rejected);
        event.reason = Some(Reason::AuthFailed);
        event.client = Some(client(1));
        event.account = Some(Text::from("bob@example.org"));
        journal.append_event(seq, source, &event, b"imap-login: failed");
    }
}

fn made(dir: &Path, what: &str) -> Result<(), Box<dyn Error>> {
    let (mut journal, _) = Journal::open(dir, store::Options::default())?;
    match what {
        "full" => {
            full(&mut journal);
            orders(&mut journal);
            let at = |number: u64| Timestamp::from_seconds(BEGIN_S + number as i64 * 3_000);
            (1..20).for_each(|number| journal.set_incident(incident(number, at(number))));
        }
        "one" => one(&mut journal),
        "empty" => {}
        _ => return Err("full, one or empty?".into()),
    }
    journal.commit(&[])?;
    let end = Timestamp::from_seconds(BEGIN_S + DAY_S as i64);
    journal.maintainer(Policy::default()).maintain(end)?;
    Ok(())
}

/// Views of whoever looks, and of somebody else for everybody: by hostile names, too.
fn saved(dir: &Path) -> Result<(), Box<dyn Error>> {
    let access = Access::open(dir)?;
    let mut names: Vec<String> = hostile().into_iter().take(3).collect();
    names.push("W\u{202e}".repeat(32));
    names.extend([
        "Guessed passwords".to_owned(),
        "The new mail host, without its tests".to_owned(),
    ]);
    for (place, name) in names.iter().enumerate() {
        let user = if place % 2 == 0 { "anybody" } else { "alice" };
        let who = Who { name: user.to_owned(), role: Role::Operator, session: None, scopes: None };
        let terms = "outcome:rejected reason:auth-failed account:*@example.org";
        let query = format!("last={}&q={terms}", if place == 0 { "7d" } else { "24h" });
        access.save_view(&who, name, &query, place % 3 != 0 || user == "alice")?;
    }
    Ok(())
}

/// A guard that has the same to say every time.
struct Painted;

impl Host for Painted {
    fn status(&self) -> Result<Value, HostError> {
        Ok(json!({
            "enforcing": true, "holds": 24, "lines": 34_995,
            "kernel": { "bans": 24, "counters": [{ "name": "banned", "packets": 1234, "bytes": 98_765 }] },
            "sources": [{
                "name": hostile()[1], "state": "reading", "lines": 34_995, "events": 30_000,
                "unknown": 12, "understood_percent": 99.9, "lag_bytes": 0, "losses": 0,
            }],
        }))
    }

    fn last_logins(&self, accounts: &[String]) -> Result<Vec<Option<Timestamp>>, HostError> {
        let days_ago = |days| Timestamp::from_seconds(BEGIN_S + (1 - days) * DAY_S as i64 - 600);
        let last =
            |place: usize| (!place.is_multiple_of(3)).then(|| days_ago((place % 3 - 1) as i64));
        Ok((0..accounts.len()).map(last).collect())
    }

    fn why(&self, subject: &str) -> Result<String, HostError> {
        let line = format!("  2026-11-20 10:00:00  {subject} failed to log in\n");
        Ok(format!("{subject} is banned until 2026-11-22 10:00:00\n\n{}", line.repeat(30)))
    }

    fn order(&self, operator: &str, reason: &str, order: &Order) -> Result<String, HostError> {
        Ok(format!("{operator} ordered {order:?} because {reason}"))
    }

    fn story(&self, reader: &Reader, id: &[u8]) -> Result<Found, HostError> {
        let filter = store::Filter { text: Some(id.to_vec()), ..store::Filter::default() };
        reader.query(&filter, 100).map_err(|error| HostError(error.to_string()))
    }

    fn json(&self, row: &Row) -> Option<String> {
        Some(json!({ "type": "event", "text": Text(row.line()?).to_string() }).to_string())
    }

    fn signed_in(&self, _tried: &SignIn<'_>) {}

    fn warn(&self, _: &str) {}

    fn incident(&self, _: &event::Incident) -> String {
        "{}".to_owned()
    }

    fn user(&self, uid: u32) -> String {
        format!("uid {uid}")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let what = std::env::args().nth(1).unwrap_or_else(|| "full".to_owned());
    let dir = tempfile::tempdir()?;
    made(dir.path(), &what)?;
    if what == "full" {
        saved(dir.path())?;
    }
    let options = Options {
        listen: vec!["127.0.0.1:0".parse()?],
        socket: None,
        dir: dir.path().to_owned(),
        tls: None,
        names: Vec::new(),
        is_open: true,
        is_recorded: true,
        any_port: false,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.send(());
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let console = Console::listen(options, Arc::new(Painted)).await?;
        println!("{}", console.url().unwrap_or_default());
        std::io::stdout().flush()?;
        console.serve(async { drop(stopped.await) }).await;
        Ok(())
    })
}
