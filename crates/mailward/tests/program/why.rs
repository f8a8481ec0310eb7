//! The stories that `mailward why` tells of accounts and cohorts, and what is proposed.

use crate::world::{Place, World, failed, now};
use event::Timestamp;

const HOUR_S: i64 = 3_600;

fn line(at: Timestamp, text: &str) -> String {
    format!("{at} mx {text}\n")
}

fn login(at: Timestamp, client: &str, account: &str) -> String {
    line(
        at,
        &format!(
            "dovecot: imap-login: Login: user=<{account}>, method=PLAIN, rip={client}, lip=192.0.2.10, mpid=7, TLS, session=<x{}>",
            at.0
        ),
    )
}

/// A submission of one message to so many, and what Postfix says of it.
fn message(at: Timestamp, client: &str, account: &str, id: u32, recipients: u32) -> String {
    let id = format!("{id:010X}");
    let mut text = line(
        at,
        &format!(
            "postfix/submission/smtpd[9]: {id}: client=unknown[{client}], sasl_method=PLAIN, sasl_username={account}"
        ),
    );
    text += &line(
        at,
        &format!(
            "postfix/qmgr[8]: {id}: from=<{account}>, size=900, nrcpt={recipients} (queue active)"
        ),
    );
    for number in 0..recipients {
        text += &line(
            at,
            &format!(
                "postfix/smtp[7]: {id}: to=<r{id}-{number}@example.net>, relay=mx.example.net[192.0.2.99]:25, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 ok)"
            ),
        );
    }
    text
}

/// This, or the end of the day before where the last hour began there: what an account sent is told
/// by days of UTC.
fn before_midnight(at: Timestamp) -> Timestamp {
    let of_day_s = at.seconds().rem_euclid(24 * HOUR_S);
    if of_day_s < HOUR_S { at.plus_seconds(-1 - of_day_s) } else { at }
}

/// Ten days of Bob at home, thirty strangers that fail on him, one of them that gets in and sends.
fn taken_over(world: &World) -> u64 {
    let end = before_midnight(now());
    let back = |seconds: i64| end.plus_seconds(-seconds);
    let mut text = String::new();
    for day in (1..=10).rev() {
        text += &login(back(day * 24 * HOUR_S), "198.51.100.7", "bob@example.org");
    }
    let thief = "203.0.113.9";
    for number in 0..30i64 {
        let stranger = format!("10.{}.{}.1", number + 1, number);
        text += &failed(back(3 * HOUR_S - number * 60), &stranger, "bob@example.org");
    }
    text += &failed(back(HOUR_S), thief, "bob@example.org");
    text += &login(back(1_800), thief, "bob@example.org");
    for number in 0..80 {
        text +=
            &message(back(1_500 - i64::from(number) * 5), thief, "bob@example.org", number + 1, 1);
    }
    world.append(&text);
    text.lines().count() as u64
}

#[test]
fn the_story_of_an_account_says_who_got_in_and_what_to_do() {
    let world = World::with("source.from_beginning = true");
    let lines = taken_over(&world);
    let guard = world.guard(Place::Powerless);
    guard.reads(lines);
    let why = world.ask(&["why", "bob@example.org"]).good().out;
    for words in [
        "31 strange addresses in 31 networks",
        "distributed-guessing",
        "PERHAPS: 203.0.113.9 logged in at",
        "and 80 times since, never seen before, after 1 failure from there",
        "198.51.100.0/24",
        "80 messages to 80 recipients",
        "That is unusual",
        "lock account bob@example.org (takeover",
        "echo 'bob@example.org:' >> /etc/dovecot/deny-users",
        "outbound-surge",
        "mailward unban bob@example.org",
    ] {
        assert!(why.replace('\n', " ").contains(words), "{words}: {why}");
    }
    let story = why.split("On record, the newest").next().unwrap();
    let is_command = |line: &str| line.starts_with("    ");
    let too_long = |line: &&str| line.chars().count() > 80 && !is_command(line);
    assert_eq!(story.lines().find(too_long), None);
    // The owner's own logins are no news; the stranger's first is.
    let records = why.split("On record, the newest").nth(1).unwrap();
    assert!(!records.contains("198.51.100.7") && records.contains("203.0.113.9"), "{records}");

    let told = world.objects(&["why", "bob@example.org"]);
    let account = told.iter().find(|object| object["type"] == "account").unwrap();
    assert_eq!(account["strange_networks"], 31);
    let suspects = account["places"].as_array().unwrap();
    let suspects: Vec<_> = suspects.iter().filter(|place| place["suspect"] == true).collect();
    assert_eq!(suspects.len(), 1);
    assert_eq!(suspects[0]["client"], "203.0.113.9");
    assert_eq!(account["held"][0]["type"], "proposal");

    let bans = world.ask(&["bans"]).good().out;
    assert!(bans.contains("Proposed, and not done") && bans.contains("bob@example.org"), "{bans}");
    let proposals = world.objects(&["bans"]);
    assert!(proposals.iter().any(|object| object["type"] == "proposal"));
    assert_eq!(guard.status().unwrap()["proposals"], 1);
    assert!(guard.said().contains("proposed   to lock account bob"), "{}", guard.said());

    let cohort = world.ask(&["why", "distributed-guessing"]).good().out;
    for words in ["About account bob@example.org", "They tried 1 account", "Who took part"] {
        assert!(cohort.contains(words), "{words}: {cohort}");
    }
    let told = world.ask(&["unban", "bob@example.org"]).good().out;
    assert!(told.contains("was proposed for bob@example.org has ended"), "{told}");
    assert_eq!(guard.status().unwrap()["proposals"], 0);
    guard.stop();
}

#[test]
fn a_quiet_account_has_a_quiet_story_and_names_may_be_of_senders() {
    let world = World::with("source.from_beginning = true");
    let end = now();
    let mut text = String::new();
    for hour in (1..50).rev() {
        text += &login(end.plus_seconds(-hour * HOUR_S), "198.51.100.7", "ann@example.org");
    }
    world.append(&text);
    let guard = world.guard(Place::Powerless);
    guard.reads(49);
    let why = world.ask(&["why", "ANN@example.org"]).good().out;
    for words in ["No stranger.", "No: every login", "Nothing, as far as is on record."] {
        assert!(why.contains(words), "{words}: {why}");
    }
    assert!(!why.contains("Proposed"), "{why}");
    let none = world.ask(&["why", "nobody@example.org"]).good().out;
    assert!(none.contains("Nothing on record about nobody@example.org"), "{none}");
    let none = world.ask(&["why", "sender:x@example.org"]).good().out;
    assert!(none.contains("Nothing on record about x@example.org"), "{none}");
    let none = world.ask(&["why", "password-spray"]).good().out;
    assert!(none.contains("password-spray has found nothing"), "{none}");
    guard.stop();
}
