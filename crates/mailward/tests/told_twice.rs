//! A failed login of which a server tells on two lines counts once, and with its account: lines of
//! the corpora through parser and engine.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use edge::source::Line;
use edge::stamp::{Completer, Years, Zone};
use engine::{Attempts, Config, Engine, Input, Output};
use event::{Decision, Subject, Timestamp};
use mailward::understand::{Reading, Told};
use std::path::Path;

const CLIENT: &str = "203.0.113.66";

/// The first line of a corpus that has these words, at one time with all others: so scores do not
/// fade.
fn line(file: &str, words: &str) -> String {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpora");
    let text = std::fs::read_to_string(corpora.join(file)).unwrap();
    let found = text.lines().find(|line| line.contains(words) && !line.starts_with(['#', '=']));
    let found = found.unwrap_or_else(|| panic!("no line of {file} has {words}"));
    let late = ["16:02:15", "16:02:20", "16:02:11", "16:02:12", "16:03:10", "16:05:10"];
    late.iter().fold(found.to_owned(), |line, late| line.replace(late, "16:02:10"))
}

fn played(lines: &[String], config: Config) -> (Engine, Vec<Output>) {
    let (mut engine, mut out) = (Engine::new(config), Vec::new());
    play(&mut engine, 1, lines, &mut out);
    (engine, out)
}

fn play(engine: &mut Engine, first: u64, lines: &[String], out: &mut Vec<Output>) {
    let until = Timestamp::from_seconds(1_795_300_000);
    let mut reading = Reading::new(Completer::new(Zone::UTC, Years::Until(until)));
    for (seq, line) in (first..).zip(lines) {
        let line = Line { bytes: line.as_bytes(), cut: false, offset_end: 0, writer: 0 };
        reading.understand(&line, None, |understood| match understood.told() {
            Told::Event(event) => {
                let joined = engine.join(&event);
                let event = joined.as_ref().map_or(event, |joined| joined.fill(&event));
                engine.step(seq, &Input::Event(&event), out);
            }
            Told::Noise(_) => {}
            _ => panic!("no grammar knows {line:?}"),
        });
    }
}

/// Failed logins, as a summary counts them.
fn counted(lines: &[String]) -> u32 {
    let until = Timestamp::from_seconds(1_795_300_000);
    let mut reading = Reading::new(Completer::new(Zone::UTC, Years::Until(until)));
    let mut attempts = Attempts::new(&Config::default());
    let count = |line: &String| {
        let line = Line { bytes: line.as_bytes(), cut: false, offset_end: 0, writer: 0 };
        reading.understand(&line, None, |understood| match understood.told() {
            Told::Event(event) => attempts.count(&event).attempts,
            _ => 0,
        })
    };
    lines.iter().map(count).sum()
}

fn score(lines: &[String]) -> f32 {
    let (engine, _) = played(lines, zimbra_believed());
    let explained = engine.explain(&Subject::Client(CLIENT.parse().unwrap()));
    let found = explained.scores.iter().find(|standing| standing.detector == "brute-force");
    found.map_or(0.0, |standing| standing.score)
}

fn rules(lines: &[String], config: Config) -> Vec<String> {
    let (_, out) = played(lines, config);
    out.into_iter()
        .filter_map(|output| match output {
            Output::Decision(Decision { rule, .. }) => Some(rule.to_string()),
            _ => None,
        })
        .collect()
}

/// Either line alone counts. Both lines of each attempt count as the first does, or within what
/// both count alone: a name that is told later makes the next attempt weigh more.
fn assert_pairs(first: impl Fn(usize) -> String, second: impl Fn(usize) -> String) {
    let both = |number| [first(number), second(number)];
    let turned = |number| [second(number), first(number)];
    let firsts: Vec<String> = (0..3).map(&first).collect();
    let seconds: Vec<String> = (0..3).map(&second).collect();
    let (alone, also_alone) = (score(&firsts), score(&seconds));
    assert!(score(&firsts[..2]) < alone && score(&seconds[..2]) < also_alone);
    let all: Vec<String> = (0..3).flat_map(both).collect();
    assert!((score(&all) - alone).abs() < 0.01, "{} for {alone}", score(&all));
    assert_eq!(counted(&all), counted(&firsts).max(counted(&seconds)));
    let all: Vec<String> = (0..3).flat_map(turned).collect();
    let (least, most) = (alone.min(also_alone) - 0.01, alone.max(also_alone) + 0.01);
    assert!((least..most).contains(&score(&all)), "{} for {also_alone}", score(&all));
}

/// Zimbra's `mailbox.log` is believed only where it is listed: a stranger can write lines into it.
fn zimbra_believed() -> Config {
    Config { forwarded_servers: vec![event::Server::Zimbra], ..Config::default() }
}

/// Whatever the number of lines, five accounts are a spray, one bait is enough, and so is one
/// account from everywhere.
fn assert_seen(attempt: impl Fn(&str, &str) -> Vec<String>) {
    let spray: Vec<String> =
        (0..6).flat_map(|number| attempt(CLIENT, &format!("guess{number}"))).collect();
    assert!(rules(&spray, zimbra_believed()).iter().any(|rule| rule == "password-spray"));
    let config = Config { bait_accounts: vec!["guess7".into()], ..zimbra_believed() };
    assert_eq!(rules(&attempt(CLIENT, "guess7"), config), ["bait-account"]);
    let clients = (0..16).map(|number| format!("203.0.{number}.66"));
    let many: Vec<String> = clients.flat_map(|client| attempt(&client, "guess")).collect();
    let (_, out) = played(&many, zimbra_believed());
    let is_found = |output: &Output| matches!(output, Output::Finding(finding) if finding.detector == "distributed-guessing");
    assert!(out.iter().any(is_found));
}

fn exchange(words: &str) -> String {
    line("exchange/smtp.txt", words)
}

fn exchange_name(name: &str) -> String {
    exchange("User Name: bob").replace("bob@example.org", name)
}

fn exchange_end() -> String {
    exchange(",-,").replace("08DB994D2DD18DC1", "08DB994D2DD18DBF")
}

#[test]
fn exchange_names_and_answers_are_one_attempt_each() {
    let answer = || exchange(">,535 5.7.3");
    let name = |number: usize| exchange_name(&format!("guess{number}"));
    // Who does not wait for answers: the end of the connection has the last name count.
    let mut names: Vec<String> = (0..3).map(name).collect();
    names.push(exchange_end());
    let last = exchange("Too many errors");
    let session = [name(0), answer(), name(1), answer(), name(2), last];
    assert!((score(&session) - score(&names)).abs() < 0.01);
    assert!(score(&names) > score(&names[..3]) && score(&names[..3]) > score(&names[..2]));
    // The same name again is another attempt, once the first was answered.
    let again = [name(0), answer(), name(0), answer()];
    assert!(score(&again) > score(&again[..2]));
    assert_seen(|client, name| {
        [exchange_name(name), answer()].map(|line| line.replace(CLIENT, client)).to_vec()
    });
}

#[test]
fn exchange_excuses_no_answer_that_belongs_to_no_name() {
    let answer = || exchange(">,535 5.7.3");
    let name = || exchange_name("bob");
    let one = score(&[name(), answer()]);
    assert!(score(&[name(), answer(), answer()]) > one, "a second answer");
    assert!(score(&[name(), answer(), exchange("User Name: NULL"), answer()]) > one, "no name");
    let elsewhere = answer().replace("08DB994D2DD18DBF", "08DB994D2DD18DFF");
    assert!(score(&[name(), elsewhere, exchange_end()]) > one, "another session");
    let imap = line("exchange/mailbox.txt", "NO LOGIN failed");
    let imap = imap.replace("08DB994D2DD18DC0", "08DB994D2DD18DBF");
    assert!(score(&[imap.clone(), answer()]) > score(&[imap]), "another protocol");
    let refused = exchange("504 5.7.4");
    assert!(score(&[name(), refused, answer()]) > one, "another refusal");
}

/// Nobody is banned because a directory does not answer, and nobody gains a guess by it.
#[test]
fn exchange_that_could_not_test_a_password_counts_no_attempt() {
    let session = "08DB994D2DD18DBF";
    let untested = exchange("454 4.7.0").replace("08DB994D2DD18DC1", session);
    let untested = untested.replace("203.0.113.9", CLIENT);
    let answer = || exchange(">,535 5.7.3");
    let name = |number: usize| exchange_name(&format!("guess{number}"));
    let outage: Vec<String> = (0..30).flat_map(|n| [name(n), untested.clone()]).collect();
    let ended = [outage.clone(), vec![exchange_end()]].concat();
    assert!(score(&ended) < 0.01 && rules(&ended, Config::default()).is_empty());
    let guesses = |count: usize| (0..count).flat_map(|n| [name(n), answer()]).collect::<Vec<_>>();
    let behind = [outage, guesses(4)].concat();
    assert!((score(&behind) - score(&guesses(4))).abs() < 0.01);
    // An answer that no name was told for excuses nothing.
    let answers = [vec![untested; 9], guesses(4)].concat();
    assert!((score(&answers) - score(&guesses(4))).abs() < 0.01);
}

/// Where Dovecot does not answer Postfix, the counts at the end of the connection have what failed,
/// too.
#[test]
fn postfix_that_could_not_test_a_password_counts_no_attempt() {
    let client = |line: String| line.replace("198.51.100.7", CLIENT);
    let untested = client(line("postfix/sasl.txt", "SASL LOGIN authentication failed: Connection"));
    let counts = line("postfix/connections.txt", "auth=0/3 quit=1");
    let connection = [untested.clone(), untested.clone(), untested.clone(), counts.clone()];
    let outage: Vec<String> = (0..20).flat_map(|_| connection.clone()).collect();
    assert!(score(&outage) < 0.01 && rules(&outage, Config::default()).is_empty());
    // What was tested in the same connection counts.
    let one = [untested.clone(), untested.clone(), counts.clone()];
    assert!(score(&one) > 0.5 && score(&[counts]) > score(&one));
}

fn domino_task(name: &str) -> String {
    line("domino/console.txt", "smtp: postmaster").replace("postmaster", name)
}

fn domino_server(name: &str) -> String {
    line("domino/console.txt", "user guest ; connecting host 203").replace("guest", name)
}

#[test]
fn domino_counts_an_smtp_login_once_and_either_line_alone() {
    let names = |number: usize| format!("guess{number}");
    assert_pairs(|n| domino_task(&names(n)), |n| domino_server(&names(n)));
    assert_seen(|client, name| {
        [domino_task(name), domino_server(name)].map(|line| line.replace(CLIENT, client)).to_vec()
    });
    assert_seen(|client, name| vec![domino_server(name).replace(CLIENT, client)]);
}

#[test]
fn domino_excuses_nothing_but_the_same_attempt() {
    let one = score(&[domino_task("bob")]);
    // Of one attempt, one line may have the short name and the other the full one.
    let full = score(&[domino_task("CN=Bob Low/O=Org"), domino_server("blow")]);
    assert!((full - one).abs() < 0.01, "two names of one account");
    let web = line("domino/console.txt", "http: bob@").replace("bob@example.org", "bob");
    assert!(score(&[web, domino_server("bob")]) > one, "another protocol");
    let elsewhere = domino_task("bob").replace(CLIENT, "203.0.113.67");
    assert!((score(&[elsewhere, domino_server("bob")]) - one).abs() < 0.01, "another client");
    let twice = [domino_server("bob"), domino_server("bob"), domino_task("bob")];
    assert!(score(&twice) > one, "one of the other kind for one");
    // A locked user is no fault of who tries.
    let locked = line("domino/console.txt", "Ann Bell/Org [").replace("http:", "smtp:");
    let server = domino_server("Ann Bell/Org").replace(CLIENT, "203.0.113.9");
    let lines = [locked, server].map(|line| line.replace("203.0.113.9]", "203.0.113.66]"));
    let lines = lines.map(|line| line.replace("host 203.0.113.9", "host 203.0.113.66"));
    assert!(score(&lines[1..]) > 0.0 && score(&lines) < 0.01);
}

#[test]
fn kerio_counts_a_login_once_whatever_it_tells_of_it() {
    let of = |words: &str| line("kerio/security.txt", words);
    let failed = |_| of("Failed SMTP login");
    let name = |text: &str, number: usize| {
        text.replace("bob@", &format!("guess{number}@")).replace("IMAP: ", "SMTP: ")
    };
    for words in ["SMTP: User bob", "IMAP: Invalid password"] {
        assert_pairs(|n| name(&of(words), n), failed);
    }
    let wrong = || of("IMAP: Invalid password");
    let one = score(&[wrong()]);
    assert!(score(&[wrong(), failed(0)]) > one, "another protocol");
    assert!(score(&[wrong(), wrong()]) > one, "the same line");
    assert_seen(|client, who| {
        let named = wrong().replace("bob@example.org", who).replace("IMAP: ", "SMTP: ");
        [failed(0), named].map(|line| line.replace(CLIENT, client)).to_vec()
    });
}

#[test]
fn zimbra_counts_what_both_of_its_logs_tell_once() {
    let audit = |name: &str| {
        line("zimbra/audit.txt", "protocol=imap; error").replace("bob@example.org", name)
    };
    let mailbox = |name: &str| {
        let told = line("zimbra/mailbox.txt", "imap - authentication failed for [bob");
        told.replace("bob@example.org", name)
    };
    let names = |number: usize| format!("guess{number}@example.org");
    assert_pairs(|n| audit(&names(n)), |n| mailbox(&names(n)));
    // The account has another name than the one that was typed.
    let alias = |number: usize| format!("alias{number}");
    let resolved = |number: usize| format!("account={};", names(number));
    assert_pairs(
        |n| audit(&alias(n)).replace(&format!("account={};", alias(n)), &resolved(n)),
        |n| mailbox(&alias(n)),
    );
    let both = |n| {
        [
            audit(&alias(n)).replace(&format!("account={};", alias(n)), &resolved(n)),
            mailbox(&alias(n)),
        ]
    };
    let typed: Vec<String> = (0..4).flat_map(both).collect();
    assert!(rules(&typed, zimbra_believed()).is_empty(), "an alias is no second account");
    let one = score(&[audit("bob")]);
    assert!(score(&[audit("bob"), mailbox("eve")]) > one, "another account");
    let pop = line("zimbra/mailbox.txt", "pop - authentication failed");
    let pop = pop.replace("bob@example.org", "bob");
    assert!(score(&[audit("bob"), pop]) > one, "another protocol");
    assert_seen(|client, name| {
        [mailbox(name), audit(name)].map(|line| line.replace(CLIENT, client)).to_vec()
    });
}

/// What a checkpoint keeps of a half-told attempt: a guard that was restarted between its two lines
/// counts it once, too.
#[test]
fn a_restart_between_two_lines_changes_nothing() {
    let lines = [
        exchange_name("bob"),
        domino_task("bob"),
        line("kerio/security.txt", "SMTP: User bob"),
        line("zimbra/audit.txt", "protocol=imap; error"),
        exchange("454 4.7.0").replace("08DB994D2DD18DC1", "08DB994D2DD18DBF"),
        exchange(">,535 5.7.3"),
        domino_server("bob"),
        line("kerio/security.txt", "Failed SMTP login"),
        line("zimbra/mailbox.txt", "imap - authentication failed for [bob"),
    ];
    let whole = checkpoint(&played(&lines, zimbra_believed()).0);
    for cut in 0..lines.len() {
        let (engine, _) = played(&lines[..cut], zimbra_believed());
        let mut engine = Engine::restore(&checkpoint(&engine), zimbra_believed()).unwrap();
        play(&mut engine, cut as u64 + 1, &lines[cut..], &mut Vec::new());
        assert!(checkpoint(&engine) == whole, "cut at {cut}");
    }
}

fn checkpoint(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.checkpoint(&mut bytes);
    bytes
}
