//! `replay` on a directory of the logs of several servers: what it counts, what it names, what it
//! leaves out, and that it says so.

use crate::world::{Place, Ran, World, run};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CONNECT: &str =
    "2026-11-21T10:00:01+00:00 mx postfix/smtpd[7]: connect from unknown[203.0.113.9]\n";

/// Lines with a time in the minute of 10:00 and a host before each.
fn lines(messages: &[&str]) -> String {
    let line = |(second, message): (usize, &&str)| {
        format!("2026-11-21T10:00:{second:02}+00:00 mx {message}\n")
    };
    messages.iter().enumerate().map(line).collect()
}

/// What is said of the logs in `logs`, by a program that sees no other configuration.
fn summed_up(world: &World) -> Value {
    ask(world, &["--format", "json", "--totals"]).good().objects().pop().unwrap()
}

fn ask(world: &World, options: &[&str]) -> Ran {
    let logs = world.path("logs").display().to_string();
    world.ask(&[&["replay", &logs], options].concat())
}

fn with_logs() -> World {
    let world = World::new();
    fs::create_dir(world.path("logs")).unwrap();
    world
}

fn left_out(summary: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = summary["left_out"].as_array().unwrap().iter();
    let name = |log: &Value| text(log).rsplit('/').next().unwrap().to_owned();
    all.map(|left_out| (name(&left_out["log"]), text(&left_out["why"]))).collect()
}

#[test]
fn an_attempt_of_which_two_servers_tell_on_five_lines_counts_once() {
    let world = with_logs();
    let failed = "postfix/smtpd[7]: warning: unknown[203.0.113.9]: SASL LOGIN authentication \
                  failed: UGFzc3dvcmQ6, sasl_username=bob@example.org";
    let mismatch = "dovecot: auth: passwd-file(bob@example.org,203.0.113.9): Password mismatch";
    world.file(
        "logs/mail.log",
        lines(&["postfix/smtpd[7]: connect from unknown[203.0.113.9]", failed, failed,
            "postfix/smtpd[7]: disconnect from unknown[203.0.113.9] ehlo=1 auth=0/2 quit=1 commands=2/4"])
        .as_bytes(),
    );
    world.file("logs/dovecot.log", lines(&["x", mismatch, mismatch]).as_bytes());
    let summary = summed_up(&world);
    assert_eq!(summary["failed"], 2, "{summary}");
    assert_eq!((&summary["failed_accounts"], &summary["failed_clients"]), (&1.into(), &1.into()));
    let of = |server: &str| summary["servers"][server]["failed"].as_u64().unwrap();
    assert_eq!(of("postfix") + of("dovecot"), 2);
    let most = &summary["most_clients"][0];
    assert_eq!((&most["client"], &most["failed"]), (&"203.0.113.9".into(), &2.into()));
    let most = &summary["most_accounts"][0];
    assert_eq!((&most["account"], &most["failed"]), (&"bob@example.org".into(), &2.into()));
    assert_eq!((&summary["connections"], &summary["clients"]), (&1.into(), &1.into()));
    assert_eq!(summary["from"], "2026-11-21T10:00:00.000000Z");
    assert_eq!(summary["until"], "2026-11-21T10:00:03.000000Z");
}

/// A message goes through amavis, which gives it back under another id, and to Dovecot, which tells
/// of it, too. Others wait, come at last, bounce, or are refused.
#[test]
fn messages_are_joined_by_their_ids_and_each_recipient_has_one_end() {
    let world = with_logs();
    let sent = |id: &str, to: &str, how: &str| {
        format!(
            "postfix/smtp[9]: {id}: to=<{to}>, relay=x.example[198.51.100.7]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, {how}"
        )
    };
    let deferred = |id, to| {
        sent(id, to, "status=deferred (connect to x.example[198.51.100.7]:25: Connection refused)")
    };
    let inside = "postfix/smtp[9]: 4AAAAAAA: to=<ann@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4BBBBBBB)";
    let delivered = "postfix/lmtp[9]: 4BBBBBBB: to=<ann@example.org>, relay=mx[private/dovecot-lmtp], delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 <ann@example.org> mmOzDCbvAWt9AQAAwX/9vA Saved)";
    let rejected = "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <a@b.example>: Relay access denied; from=<x@y.example> to=<a@b.example> proto=ESMTP helo=<h>";
    let first = [
        "postfix/smtpd[7]: 4AAAAAAA: client=x.example[198.51.100.7]",
        "postfix/qmgr[8]: 4AAAAAAA: from=<joe@example.com>, size=338, nrcpt=1 (queue active)",
        "postfix/smtpd[7]: 4BBBBBBB: client=localhost[127.0.0.1]",
        "postfix/qmgr[8]: 4BBBBBBB: from=<joe@example.com>, size=338, nrcpt=1 (queue active)",
        inside,
        delivered,
        rejected,
    ];
    world.file("logs/mail.log", lines(&first).as_bytes());
    let filter = "amavis[85]: (00085-06) Passed CLEAN {RelayedInbound}, [198.51.100.7]:4711 [198.51.100.7] <joe@example.com> -> <ann@example.org>, Queue-ID: 4AAAAAAA, Message-ID: <one@example.com>, mail_id: BdX, Hits: -1, size: 415, queued_as: 4BBBBBBB, 86 ms";
    let store = "dovecot: lmtp(ann@example.org)<58501><mmOzDCbvAWt9AQAAwX/9vA>: msgid=<one@example.com>: saved mail to INBOX";
    world.file("logs/others.log", lines(&["x", "x", "x", filter, "x", store]).as_bytes());
    let from =
        "postfix/qmgr[8]: 4CCCCCCC: from=<ann@example.org>, size=338, nrcpt=3 (queue active)";
    let ok = "status=sent (250 2.0.0 Ok: queued as 4BBBBBBB)";
    let out = [
        from.to_owned(),
        deferred("4CCCCCCC", "late@example.com"),
        deferred("4CCCCCCC", "never@example.com"),
        sent(
            "4CCCCCCC",
            "no@example.com",
            "status=bounced (host x.example[198.51.100.7] said: 550 5.1.1 unknown)",
        ),
        from.to_owned(),
        sent("4CCCCCCC", "late@example.com", "status=sent (250 2.0.0 Ok: queued as 9XXXXXX)"),
        deferred("4CCCCCCC", "never@example.com"),
        // A stranger's server names an id of ours.
        "postfix/qmgr[8]: 4DDDDDDD: from=<ann@example.org>, size=338, nrcpt=1 (queue active)"
            .to_owned(),
        sent("4DDDDDDD", "liar@example.com", &ok.replace("4BBBBBBB", "4CCCCCCC")),
    ];
    let out: Vec<&str> = out.iter().map(String::as_str).collect();
    world.file("logs/out.log", lines(&out).as_bytes());
    let summary = summed_up(&world);
    for (key, expected) in [
        ("unknown", 0),
        ("messages", 3),
        ("senders", 2),
        ("recipients", 5),
        ("delivered", 3),
        ("deferred", 3),
        ("waiting", 1),
        ("bounced", 1),
        ("refused", 1),
        ("probes", 1),
    ] {
        assert_eq!(summary[key], expected, "{key} of {summary}");
    }
    assert_eq!(summary["probes_by"]["relay-denied"], 1);
    // Dovecot's log alone: nobody else tells what was delivered.
    fs::remove_file(world.path("logs/mail.log")).unwrap();
    fs::remove_file(world.path("logs/out.log")).unwrap();
    assert_eq!(summed_up(&world)["delivered"], 1);
}

/// One message comes from outside, passes rspamd and goes to Dovecot; one of a user goes by Exim of
/// this host; a third is refused at its end, when it has an id. Counted by hand, whichever log is
/// missing.
#[test]
fn a_message_counts_when_it_was_taken_in_and_once_whoever_handles_it() {
    let world = with_logs();
    let spam = "4FFFFFFF: milter-reject: END-OF-MESSAGE from spam.example.com[198.51.100.99]: 5.7.1 \
                Spam; from=<s@example.com> to=<bob@example.org> proto=ESMTP helo=<h>";
    let sent = |id: &str, to: &str, relay: &str, answer: &str| {
        format!(
            "postfix/lmtp[9]: {id}: to=<{to}>, relay={relay}, delay=1, delays=0/0/0/1, dsn=2.0.0, \
             status=sent (250 {answer})"
        )
    };
    let postfix = [
        "postfix/smtpd[7]: 4AAAAAAA: client=x.example[198.51.100.7]",
        "postfix/qmgr[8]: 4AAAAAAA: from=<joe@example.com>, size=3, nrcpt=2 (queue active)",
        &sent("4AAAAAAA", "ann@example.org", "mx[private/dovecot-lmtp]", "2.0.0 <ann> x Saved"),
        &sent("4AAAAAAA", "bob@example.org", "mx[private/dovecot-lmtp]", "2.0.0 <bob> x:2 Saved"),
        "postfix/smtpd[7]: 4EEEEEEE: client=h.example[203.0.113.20], sasl_method=PLAIN, \
         sasl_username=ann@example.org",
        "postfix/qmgr[8]: 4EEEEEEE: from=<ann@example.org>, size=9, nrcpt=1 (queue active)",
        &sent(
            "4EEEEEEE",
            "kim@example.net",
            "127.0.0.1[127.0.0.1]:26",
            "OK id=1vMkQj-000000001aB-2Xyz",
        ),
        "postfix/smtpd[7]: 4FFFFFFF: client=spam.example.com[198.51.100.99]",
        &format!("postfix/cleanup[7]: {spam}"),
        // Nothing came after the recipient.
        "postfix/smtpd[7]: 4ABABABA: client=x.example[198.51.100.7]",
    ];
    world.file("logs/mail.log", lines(&postfix).as_bytes());
    let scanned = |second: u8, id: &str, client: &str, verdict: &str| {
        format!(
            "2026-11-21 10:00:{second:02} #19(normal) <4f275{second}>; task; rspamd_task_write_log: \
             id: <m{second}@x>, qid: <{id}>, ip: {client}, from: <x@example.com>, (default: \
             {verdict}: [1.00/15.00] [X(0.00){{}}]), len: 9, time: 1.3ms, dns req: 2, digest: \
             <54eb8cf8a7e29e3655b5f865ca03d4bb>\n"
        )
    };
    let rspamd = scanned(1, "4AAAAAAA", "198.51.100.7", "F (no action)")
        + &scanned(5, "4EEEEEEE", "203.0.113.20", "F (no action)")
        + &scanned(8, "4FFFFFFF", "198.51.100.99", "F (no action)");
    world.file("logs/rspamd.log", rspamd.as_bytes());
    let exim = "2026-11-21 10:00:06 1vMkQj-000000001aB-2Xyz <= ann@example.org H=localhost (mx) \
                [127.0.0.1] P=esmtp S=11 id=two@example.org\n\
                2026-11-21 10:00:09 1vMkQj-000000001aB-2Xyz => kim@example.net R=dnslookup \
                T=remote_smtp H=mx.example.net [203.0.113.99] C=\"250 2.0.0 Ok: queued as 9Z\"\n";
    world.file("logs/mainlog", exim.as_bytes());
    let counts = |summary: &Value| {
        ["messages", "delivered", "refused"].map(|key| summary[key].as_u64().unwrap())
    };
    let summed = || {
        let options = ["--tz", "UTC", "--format", "json", "--totals"];
        ask(&world, &options).good().objects().pop().unwrap()
    };
    let summary = summed();
    assert_eq!(counts(&summary), [2, 3, 1], "{summary}");
    fs::remove_file(world.path("logs/rspamd.log")).unwrap();
    assert_eq!(counts(&summed()), [2, 3, 1]);
    fs::remove_file(world.path("logs/mainlog")).unwrap();
    assert_eq!(counts(&summed()), [2, 3, 1]);
    // A filter's log alone tells of each message once.
    fs::remove_file(world.path("logs/mail.log")).unwrap();
    world.file("logs/rspamd.log", (rspamd.clone() + &rspamd).as_bytes());
    assert_eq!(counts(&summed())[0], 3);
}

#[test]
fn a_line_is_named_by_its_log_and_its_number_there() {
    let world = with_logs();
    let attack: String = (0..12)
        .map(|n| {
            format!("2026-11-21T10:00:{n:02}+00:00 mx postfix/smtpd[7]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: x, sasl_username=u{n}@example.org\n")
        })
        .collect();
    world.file("logs/attack.log", attack.as_bytes());
    let quiet: String = (0..100)
        .map(|n| CONNECT.replace("10:00:01", &format!("09:{:02}:{:02}", n / 60, n % 60)))
        .collect();
    world.file("logs/quiet.log", quiet.replace("203.0.113.9", "192.0.2.77").as_bytes());
    let objects = ask(&world, &["--format", "json"]).good().objects();
    let decision = objects.iter().find(|object| object["type"] == "decision").unwrap();
    let last = decision["evidence"].as_array().unwrap().last().unwrap().as_u64().unwrap();
    assert!(last > 100, "over all logs");
    let shown = ask(&world, &[]).good().out;
    let wanted = format!("attack.log:{}", last - 100);
    assert!(
        shown.lines().any(|line| line.contains("203.0.113.9") && line.contains(&wanted)),
        "{shown}"
    );
    let alone = world.path("logs/attack.log").display().to_string();
    let shown = world.ask(&["replay", &alone]).good().out;
    assert!(shown.contains(&format!("{alone}:{}", last - 100)), "{shown}");
}

#[test]
fn what_is_not_read_is_named_with_the_reason() {
    let world = with_logs();
    let logs = world.path("logs");
    world.file("logs/mail.log", CONNECT.as_bytes());
    world.file("logs/empty.log", b"");
    world.file("logs/notes.txt", b"one\ntwo\n");
    world.file("logs/others.log", lines(&["cron[1]: a job"]).as_bytes());
    world.file("logs/a.xz", b"\xfd7zXZ\0\0\0");
    world.file("logs/b.bz2", b"BZh91AY&SY");
    world.file("logs/f", b"SQLite format 3\0");
    world.file("logs/c.zip", b"PK\x03\x04\x14\0");
    world.file("logs/d", b"\x7fELF\x02\x01\x01\0");
    world.file("logs/e", b"\x01\x02\x03\0\x04\x05");
    world.file("logs/system.journal", b"LPKSHHRH");
    world.file("logs/wtmp.1", b"\0\0\0\0\n");
    symlink("mail.log", logs.join("same.log")).unwrap();
    fs::hard_link(logs.join("mail.log"), logs.join("twin.log")).unwrap();
    symlink("nothing", logs.join("gone")).unwrap();
    symlink("circle", logs.join("circle")).unwrap();
    fs::create_dir(logs.join("old")).unwrap();
    symlink("..", logs.join("old/up")).unwrap();
    let pipe = logs.join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let summary = summed_up(&world);
    assert_eq!((&summary["lines"], &summary["events"]), (&4.into(), &1.into()), "{summary}");
    let left_out = left_out(&summary);
    for (name, why) in [
        ("a.xz", "packed by xz"),
        ("b.bz2", "packed by bzip2"),
        ("c.zip", "a zip archive"),
        ("d", "a program"),
        ("e", "no text"),
        ("f", "a database"),
        ("system.journal", "journal"),
        ("wtmp.1", "no text"),
        ("same.log", "the same file as"),
        ("twin.log", "the same file as"),
        ("gone", "a link to nothing"),
        ("circle", "a link that leads to itself"),
        ("up", "the same directory as"),
        ("pipe", "no file"),
    ] {
        let found = left_out.iter().find(|(left_out, _)| left_out == name);
        assert!(found.is_some_and(|(_, told)| told.contains(why)), "{name} in {left_out:?}");
    }
    assert_eq!(left_out.len(), 14, "{left_out:?}");
    let shown = ask(&world, &[]).good().out;
    for wanted in ["xzcat", "not read: 14 files", "- empty", "- no log", "- other programs"] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    let understood = shown.lines().filter(|line| line.contains("100.00 %")).count();
    assert_eq!(understood, 2, "of mail.log, and of all: {shown}");
    let packed = logs.join("a.xz").display().to_string();
    for command in ["parse", "replay"] {
        world.ask(&[command, &packed]).bad(1, &["packed by xz", "xzcat"]);
    }
}

#[test]
fn a_directory_without_a_log_and_what_may_not_be_read_are_failures() {
    let world = with_logs();
    let logs = world.path("logs");
    ask(&world, &[]).bad(1, &["no file is in it", "what to do:"]);
    let secret = world.file("logs/secret.log", CONNECT.as_bytes());
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    let named = logs.display().to_string();
    if rustix::process::geteuid().is_root() {
        world.ask_in(Place::Plain, &["replay", &named]).bad(1, &["secret.log", "adm"]);
        world.ask_in(Place::Plain, &["replay", &secret]).bad(1, &["secret.log", "adm"]);
    }
    world.file("logs/open.log", CONNECT.as_bytes());
    fs::create_dir_all(logs.join("1/2/3/4")).unwrap();
    world.file("logs/1/2/3/deep.log", CONNECT.as_bytes());
    world.file("logs/1/2/3/4/deeper.log", CONNECT.as_bytes());
    let ran = ask(&world, &["--format", "json"]);
    assert_eq!(ran.code, Some(1), "a directory too far down was not read");
    let summary = ran.objects().pop().unwrap();
    assert_eq!(summary["lines"], 3);
    assert!(summary["left_out"][0]["remedy"].as_str().unwrap().contains("mailward replay"));
    if rustix::process::geteuid().is_root() {
        let ran = world.ask_in(Place::Plain, &["replay", &named]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.out.contains("secret.log: permission denied"), "{}", ran.out);
        assert!(ran.out.contains("open.log"), "the rest is read: {}", ran.out);
    }
}

#[test]
fn rotated_logs_are_in_the_order_of_time_whatever_their_names_are() {
    let world = with_logs();
    let gzip = |text: &str| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let failed = |hour: u32| -> String {
        (0..9)
            .map(|n| format!("2026-11-21T{hour:02}:00:{n:02}+00:00 mx postfix/smtpd[7]: warning: unknown[203.0.113.{hour}]: SASL LOGIN authentication failed: x, sasl_username=u{n}@example.org\n"))
            .collect()
    };
    world.file("logs/mail.log", failed(12).as_bytes());
    world.file("logs/mail.log.1.gz", &gzip(&failed(11)));
    world.file("logs/mail.log.10.gz", &gzip(&failed(9)));
    world.file("logs/mail.log.2.gz", &gzip(&failed(10)));
    let objects = ask(&world, &["--format", "json"]).good().objects();
    let banned: Vec<&str> = objects
        .iter()
        .filter(|object| object["type"] == "decision")
        .map(|decision| decision["subject"]["client"].as_str().unwrap())
        .collect();
    assert_eq!(banned, ["203.0.113.9", "203.0.113.10", "203.0.113.11", "203.0.113.12"]);
    // Who packs a file and keeps it has the same log twice.
    let kept = world.path("logs/mail.log.1");
    fs::write(&kept, failed(11)).unwrap();
    let packed = File::open(world.path("logs/mail.log.1.gz")).unwrap();
    let changed = packed.metadata().unwrap().modified().unwrap();
    OpenOptions::new().append(true).open(&kept).unwrap().set_modified(changed).unwrap();
    let summary = summed_up(&world);
    assert_eq!((&summary["lines"], left_out(&summary).len()), (&36.into(), 1), "{summary}");
    OpenOptions::new()
        .append(true)
        .open(&kept)
        .unwrap()
        .set_modified(changed + Duration::from_secs(9))
        .unwrap();
    assert_eq!(summed_up(&world)["lines"], 45, "another time, another log");
}

#[test]
fn names_of_whatever_bytes_are_shown_and_harm_no_terminal() {
    let world = with_logs();
    for name in [&b"a\x1b[31m\n.log"[..], b"\xff\xfe.log", b" blank .log"] {
        fs::write(world.path("logs").join(OsStr::from_bytes(name)), CONNECT.repeat(11)).unwrap();
        let foreign = lines(&["cron[1]: a job"; 20]);
        let name = [name, b"2"].concat();
        fs::write(world.path("logs").join(OsStr::from_bytes(&name)), foreign).unwrap();
    }
    let ran = ask(&world, &[]).good();
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 3, "a doubt for each of three: {}", ran.err);
    let summary = summed_up(&world);
    assert_eq!((&summary["lines"], &summary["events"]), (&93.into(), &33.into()));
    assert_eq!(summary["logs"].as_array().unwrap().len(), 6);
}

#[test]
fn a_log_that_grows_is_read_to_where_it_ends_then() {
    let world = with_logs();
    let log = world.file("logs/mail.log", CONNECT.repeat(1_000).as_bytes());
    let is_over = AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = OpenOptions::new().append(true).open(&log).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                log.write_all(CONNECT.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let ran = ask(&world, &["--format", "json"]);
        is_over.store(true, Ordering::Relaxed);
        ran
    });
    let summary = ran.good().objects().pop().unwrap();
    assert!(summary["lines"].as_u64().unwrap() >= 1_000 && summary["unframed"] == 0, "{summary}");
}

#[test]
fn a_reader_that_went_away_ends_it_without_a_word() {
    let world = with_logs();
    let attack: String = (0..200)
        .map(|n| format!("2026-11-21T10:00:{:02}+00:00 mx postfix/smtpd[7]: warning: unknown[203.0.113.{n}]: SASL LOGIN authentication failed: x, sasl_username=u{n}@example.org\n", n % 60).repeat(20))
        .collect();
    world.file("logs/mail.log", attack.as_bytes());
    world.file("logs/mail.log.1", CONNECT.as_bytes());
    for options in [&["--limit", "100000"][..], &["--format", "json"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
            .arg("replay")
            .arg(world.path("logs"))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut first = [0; 1];
        out.read_exact(&mut first).unwrap();
        drop(out);
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), err.as_str()), (Some(0), ""));
    }
}

#[test]
fn more_logs_than_a_process_may_hold_open_at_first_are_read() {
    let world = with_logs();
    for number in 0..100 {
        world.file(&format!("logs/{number}.log"), CONNECT.as_bytes());
    }
    let script = "ulimit -Sn 64 && exec \"$0\" replay \"$1\"";
    let ran = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mailward")])
        .arg(world.path("logs"))
        .output()
        .unwrap();
    let shown = String::from_utf8(ran.stdout).unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    assert_eq!((ran.status.code(), err.as_str()), (Some(0), ""), "{shown}");
    assert!(shown.contains("100  100 events") && shown.contains("and 80 more"), "{shown}");
}

#[test]
fn nothing_but_other_lines_is_told_to_be_no_mail_log() {
    let shown = run(&["replay", "-"], b"one\ntwo\n").good().out;
    assert!(shown.contains("No event of a mail server") && !shown.contains("100.00 %"), "{shown}");
    let shown = run(&["replay"], b"").good().out;
    assert!(shown.contains("- empty"), "{shown}");
}

/// What is torn off an entry of the journal is told where all that was not read is told, once.
#[test]
fn what_is_skipped_of_a_torn_log_is_named() {
    let world = with_logs();
    let entry = "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1795282302887933\n_HOSTNAME=mx\n\
                 SYSLOG_IDENTIFIER=postfix/smtpd\nMESSAGE=connect from unknown[203.0.113.9]\n\n";
    world.file("logs/torn.export", format!("MESSAGE=torn\n\n{entry}").as_bytes());
    let why = "1 piece that is no whole entry, 14 bytes, the first at byte 0";
    for other in ["", CONNECT] {
        world.file("logs/mail.log", other.as_bytes());
        let ran = ask(&world, &["--format", "json"]).good();
        let summary = ran.objects().pop().unwrap();
        assert_eq!(left_out(&summary), [("torn.export".to_owned(), why.to_owned())]);
        assert_eq!(ran.err, "", "told twice");
        assert!(ask(&world, &[]).good().out.contains("torn.export: 1 piece that is no whole"));
    }
    let torn = world.path("logs/torn.export").display().to_string();
    let alone = world.ask(&["replay", "--format", "json", &torn]).good().objects().pop().unwrap();
    assert_eq!(left_out(&alone), [("torn.export".to_owned(), why.to_owned())]);
    let parsed = world.ask(&["parse", &torn]).good();
    assert!(parsed.err.contains(&format!("torn.export: not read: {why}")), "{}", parsed.err);
}

/// Exchange tells a name first, and its answer or the connection's end whether that failed.
#[test]
fn a_login_of_exchange_is_counted_when_its_answer_comes() {
    let world = with_logs();
    let mut log = String::new();
    for (session, name, ends) in [
        ("A1", "bob", [">,535 5.7.3 Authentication unsuccessful,", "-,,Local"]),
        ("A2", "eve", ["-,,Remote(ConnectionReset)", ""]),
        ("A3", "ann", ["*,ann@example.org,authenticated", "-,,Local"]),
    ] {
        let name = format!("*,,User Name: {name}@example.org");
        for said in [&*name].into_iter().chain(ends).filter(|said| !said.is_empty()) {
            log += &format!(
                "2026-11-21T10:00:{:02}.000Z,EX1\\Client Frontend EX1,08DB994D2DD18D{session},8,\
                 192.0.2.10:587,203.0.113.66:51898,{said}\n",
                log.lines().count(),
            );
        }
    }
    world.file("logs/RECV.LOG", log.as_bytes());
    let summary = summed_up(&world);
    let counts = ["failed", "failed_accounts", "logins"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [2, 2, 1].map(Some), "{summary}");
    let of_exchange = &summary["servers"]["exchange"];
    assert_eq!((&of_exchange["failed"], &of_exchange["logins"]), (&2.into(), &1.into()));
    let accounts = summary["most_accounts"].to_string();
    assert!(accounts.contains("bob") && accounts.contains("eve") && !accounts.contains("ann"));
}
