//! `parse`, `replay` and the commands that need no guard: what they write, where, and how they end.

use crate::world::{Ran, World, attack, day, failed, objects, run};
use event::Timestamp;
use serde_json::Value;
use std::io::Write as _;

/// 2026-11-20 12:00:00 UTC.
const NOON: i64 = 1_795_176_000;

fn noon(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOON + seconds)
}

fn parse(arguments: &[&str], input: &[u8]) -> Ran {
    run(&[&["parse", "--format", "json"], arguments].concat(), input)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn numbers(objects: &[Value]) -> Vec<u64> {
    objects.iter().map(|object| object["line"].as_u64().unwrap()).collect()
}

#[test]
fn parse_writes_an_object_for_each_line_of_every_kind_of_file() {
    let world = World::new();
    let text = attack(noon(0), "203.0.113.9");
    let plain = world.file("plain.log", text.as_bytes());
    let gz = world.file("packed.log.gz", &gzip(text.as_bytes()));
    let zst = world.file("packed.log.zst", &zstd(text.as_bytes()));
    let from_file = parse(&[&plain], b"").good();
    assert_eq!(numbers(&from_file.objects()), (1..=12).collect::<Vec<_>>());
    assert_eq!(from_file.err, "");
    let event = &from_file.objects()[11]["event"];
    assert_eq!(event["at"], "2026-11-20T12:00:00.000000Z");
    assert_eq!(event["client"], "203.0.113.9");
    assert_eq!(event["account"], "user11@example.org");
    assert_eq!(event["hostile"], true);
    for same in [
        parse(&[&gz], b""),
        parse(&[&zst], b""),
        parse(&["-"], text.as_bytes()),
        parse(&[], text.as_bytes()),
    ] {
        assert_eq!(same.good().out, from_file.out);
    }
    let all = parse(&[&gz, &plain, "-", &zst], text.as_bytes()).good().objects();
    assert_eq!(numbers(&all), (1..=48).collect::<Vec<_>>(), "numbered over all files");
    assert!(all.iter().all(|object| object["event"]["kind"] == "auth"));
}

#[test]
fn parse_takes_bytes_that_are_no_text() {
    let mut input = failed(noon(0), "203.0.113.9", "\u{1b}[31mred\u{1b}]0;title\u{7}").into_bytes();
    input.extend(b"\0\0\0\n\xff\xfe\x80\n\n");
    input.extend(vec![b'A'; 1 << 20]);
    input.push(b'\n');
    let long = "x".repeat(1 << 20);
    input.extend(failed(noon(1), "203.0.113.9", &long).into_bytes());
    input.extend(
        b"2026-11-20T12:00:02+00:00 mail postfix/smtpd[1]: connect from unknown[203.0.113.9]",
    );
    let ran = parse(&[], &input).good();
    let objects = ran.objects();
    assert_eq!(numbers(&objects), (1..=7).collect::<Vec<_>>());
    assert!(!ran.out.contains(|c: char| c.is_control() && c != '\n'), "raw control characters");
    assert_eq!(objects[0]["event"]["account"], "\u{1b}[31mred\u{1b}]0;title\u{7}");
    for nothing in &objects[1..5] {
        assert_eq!((&nothing["event"], &nothing["why"]), (&Value::Null, &"unknown format".into()));
    }
    assert_eq!(objects[5]["event"]["client"], "203.0.113.9", "a long name hides nobody");
    assert_eq!(objects[6]["event"]["kind"], "connect", "the last line needs no newline");
    let human = run(&["parse"], &input).good();
    assert!(!human.out.contains('\u{1b}') && !human.err.contains('\u{1b}'));
}

#[test]
fn wrong_usage_ends_with_2_and_failures_with_1_and_a_remedy() {
    for wrong in [
        &["parse", "--nonsense"][..],
        &["nonsense"],
        &[],
        &["parse", "--tz", "Mars/Olympus", "-"],
        &["parse", "--year", "soon", "-"],
        &["parse", "--format", "xml"],
        &["ban"],
        &["ban", "198.51.100.0/77"],
        &["ban", "203.0.113.9", "--for", "a while"],
        &["allow", "not a network"],
        &["query", "--since", "yesterday"],
        &["query", "--outcome", "nonsense"],
        &["query", "--since", "4h", "--until", "8h"],
        &["rules", "nonsense"],
        &["rules", "nonsense", "--format", "json"],
        &["ban", "203.0.113.9", "--reason", &"x".repeat(1_001)],
    ] {
        let ran = run(wrong, b"").bad(2, &[]);
        assert!(!ran.err.is_empty(), "{wrong:?} says why");
    }
    let missing = "/nonexistent/mail.log";
    for command in ["parse", "replay"] {
        let ran = run(&[command, missing], b"").bad(1, &[missing, "what to do:"]);
        assert_eq!(ran.err.matches(missing).count(), 1, "said once: {}", ran.err);
    }
    run(&["parse", "--config", "/nonexistent/mailward.toml"], b"")
        .bad(1, &["/nonexistent/mailward.toml"]);
    assert_eq!(
        run(&["--version"], b"").good().out,
        format!("mailward {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(run(&["--help"], b"").good().out.contains("replay"));
}

#[test]
fn a_torn_archive_gives_what_comes_before_the_tear() {
    let world = World::new();
    // Noise, so that the packed form has many blocks.
    let text: String = (0..5_000)
        .map(|n| {
            failed(noon(n), &format!("203.0.113.{}", n * 7 % 250), &format!("u{}", n * n % 9_973))
        })
        .collect();
    let mut torn = gzip(text.as_bytes());
    torn.truncate(torn.len() / 2);
    let torn = world.file("torn.log.gz", &torn);
    let ran = parse(&[&torn], b"");
    assert_eq!(ran.code, Some(1));
    let whole = parse(&[], text.as_bytes()).good().out;
    let read = ran.out.lines().count();
    assert!(read > 100 && read < 5_000, "{read}");
    assert!(whole.starts_with(&ran.out), "the lines before the tear, whole");
    assert!(ran.err.contains("torn.log.gz") && ran.err.contains("what to do:"), "{}", ran.err);
    let replayed = run(&["replay", "--format", "json", &torn], b"");
    assert_eq!(replayed.code, Some(1));
    let last = replayed.objects().pop().unwrap();
    assert_eq!((&last["type"], last["lines"].as_u64()), (&"summary".into(), Some(read as u64)));
}

fn replay(arguments: &[&str]) -> Ran {
    run(&[&["replay", "--format", "json"], arguments].concat(), b"")
}

fn of<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["type"] == kind).collect()
}

#[test]
fn replay_writes_in_the_order_of_time_and_ends_with_counts_that_add_up() {
    let world = World::new();
    let log = world.file("day.log", (day().join("\n") + "\nrubbish\n").as_bytes());
    let ran = replay(&["--all", &log]).good();
    assert_eq!(ran.err, "");
    let objects = ran.objects();
    let (summary, told) = objects.split_last().unwrap();
    assert_eq!(summary["type"], "summary");
    let times: Vec<&str> = told.iter().map(|object| object["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(count("findings"), of(told, "finding").len() as u64);
    assert_eq!(count("decisions"), of(told, "decision").len() as u64);
    assert!(count("decisions") > 100, "the day is hostile");
    assert_eq!(count("parsed"), count("events") + count("noise"));
    assert_eq!(
        count("lines"),
        count("events") + count("noise") + count("unknown") + count("foreign") + count("unframed")
    );
    assert_eq!(count("unframed"), 1);
    for decision in of(told, "decision") {
        let lines = decision["evidence"].as_array().unwrap();
        assert!(
            !lines.is_empty() && lines.iter().all(|line| line.as_u64() <= Some(count("lines")))
        );
        let subject = decision["subject"].as_object().unwrap();
        assert_eq!(subject.len(), 1, "exactly one of client, network, account, sender, host");
    }
}

#[test]
fn logs_that_are_merged_by_time_decide_as_one_log() {
    let world = World::new();
    let lines = day();
    let mut parts = [String::new(), String::new(), String::new()];
    for line in &lines {
        // By the process that wrote it, as logs are split in real life.
        let part =
            if line.contains(" dovecot: ") { 0 } else { 1 + usize::from(line.contains(" exim[")) };
        parts[part].push_str(line);
        parts[part].push('\n');
    }
    let mut sorted = lines.clone();
    sorted.sort_by(|a, b| a[..32].cmp(&b[..32]));
    let one = world.file("one.log", (sorted.join("\n") + "\n").as_bytes());
    let [a, b, c] = [0, 1, 2].map(|n| world.file(&format!("{n}.log"), parts[n].as_bytes()));
    let without_lines = |ran: &Ran| {
        let mut objects: Vec<Value> = ran.objects();
        objects.pop();
        // Lines of the same microsecond may come in another order: their numbers differ.
        objects
            .iter_mut()
            .for_each(|object| drop(object.as_object_mut().unwrap().remove("evidence")));
        objects
    };
    let expected = without_lines(&replay(&[&one]).good());
    assert_eq!(without_lines(&replay(&[&a, &b, &c]).good()), expected);
    assert_eq!(without_lines(&replay(&[&c, &a, &b]).good()), expected);
}

#[test]
fn stamps_without_year_or_zone_are_completed_as_asked() {
    let line = b"Dec 31 23:59:59 mail postfix/smtpd[1]: connect from unknown[203.0.113.9]\nJan  1 00:00:01 mail postfix/smtpd[1]: connect from unknown[203.0.113.9]\n";
    let times = |arguments: &[&str]| -> Vec<String> {
        let ran = parse(arguments, line).good();
        ran.objects().iter().map(|o| o["event"]["at"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        times(&["--year", "2020", "--tz", "UTC", "-"]),
        ["2020-12-31T23:59:59.000000Z", "2021-01-01T00:00:01.000000Z"],
        "December is followed by the January of the next year"
    );
    assert_eq!(
        times(&["--year", "2020", "--tz", "Europe/Vienna", "-"]),
        ["2020-12-31T22:59:59.000000Z", "2020-12-31T23:00:01.000000Z"]
    );
}

#[test]
fn the_human_form_has_no_escape_sequences_when_nobody_watches() {
    let world = World::new();
    let log = world.file("a.log", attack(noon(0), "203.0.113.9").as_bytes());
    let ran = run(&["replay", &log], b"").good();
    assert!(ran.out.contains("203.0.113.9") && ran.out.contains("password-spray"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'));
}

#[test]
fn ten_errors_of_a_configuration_are_all_told_with_their_places() {
    let world = World::new();
    let text = "mode = \"enforced\"\nmod = 1\n[source]\nfind = 3\nfils = []\n[kernel]\nconnections_per_minute = -1\nports = [\"many\"]\n\
        [kernel.only]\n70000 = []\n993 = [\"192.0.2.0/99\"]\n[brute-force]\nscore_mux = 8\nhalf_life_s = \"soon\"\n";
    let config = world.file("wrong.toml", text.as_bytes());
    for command in [&["check"][..], &["rules"], &["up"], &["parse", "-"]] {
        let ran = run(&[command, &["--config", &config]].concat(), b"")
            .bad(1, &["has 10 errors", "what to do:"]);
        for place in ["1:8", "2:1", "4:8", "5:1", "7:26", "8:9", "10:1", "11:7", "13:1", "14:15"] {
            assert!(ran.err.contains(&format!("{config}:{place}: ")), "{place}: {}", ran.err);
        }
        for nearest in [
            "the nearest is mode",
            "the nearest is source.files",
            "the nearest is brute-force.score_max",
        ] {
            assert!(ran.err.contains(nearest), "{nearest}: {}", ran.err);
        }
    }
}

#[test]
fn tables_completions_and_man_pages() {
    let world = World::new();
    assert!(run(&["parsers"], b"").good().out.contains("postfix"));
    let parsers = run(&["parsers", "--format", "json"], b"").good().objects();
    assert!(parsers.iter().any(|parser| parser["parser"] == "dovecot"));
    assert!(run(&["rules"], b"").good().out.contains("password-spray"));
    assert!(run(&["rules", "brute-force"], b"").good().out.contains("brute-force.score_max"));
    run(&["rules", "brute-farce"], b"").bad(2, &["brute-farce"]);
    assert!(!run(&["rules", "all", "--format", "json"], b"").good().objects().is_empty());
    let script =
        world.file("completions", run(&["completions", "bash"], b"").good().out.as_bytes());
    let checked = std::process::Command::new("bash").args(["-n", &script]).status().unwrap();
    assert!(checked.success(), "bash reads the completions");
    let man = world.path("man").display().to_string();
    run(&["completions", "--man", &man], b"").good();
    let page = std::fs::read_to_string(world.path("man/mailward-replay.1")).unwrap();
    assert!(page.contains("\\-\\-format"));
    let checked = world.ask(&["check", "--format", "json"]);
    assert!(matches!(checked.code, Some(0 | 1)), "{}", checked.err);
    let findings = objects(&checked.out);
    assert!(findings.iter().any(|finding| finding["what"] == "configuration"));
    let log = findings.iter().find(|finding| finding["what"] == "log").unwrap();
    assert_eq!(log["ok"], false, "the log of this world is not there yet");
    assert!(!world.state().exists(), "check changes nothing");
}

#[test]
fn lines_of_standard_input_are_walked_one_by_one() {
    let line =
        b"Nov 21 16:02:10 mx postfix/smtpd[7]: lost connection after AUTH from x[203.0.113.9]\n";
    for arguments in [&["walk"][..], &["walk", "-"]] {
        let told = run(arguments, line).good().out;
        assert!(told.contains("client\": \"203.0.113.9"), "{told}");
    }
}

#[test]
fn check_says_what_the_list_the_hook_and_the_geo_files_lack() {
    let world = World::new();
    world.append("");
    let looks = |more: &str| {
        world.configure(more);
        let checked = world.ask(&["check", "--format", "json"]).objects();
        let bad = checked.iter().filter(|finding| finding["ok"] == false);
        bad.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let list = format!("export.list = {:?}", world.path("nowhere/bans"));
    assert!(looks(&list).contains(&"list".to_owned()));
    let geo = format!("geo.files = [{:?}]", world.file("countries.mmdb", b"no such file"));
    assert!(looks(&geo).contains(&"geo".to_owned()));
    let plain = world.file("plain.sh", b"");
    for hook in ["nonexistent-program", "/nonexistent/program", &plain] {
        assert!(looks(&format!("export.hook = [{hook:?}]")).contains(&"hook".to_owned()), "{hook}");
    }
    for hook in ["sh", "/bin/sh"] {
        let list = world.path("bans");
        let looked = looks(&format!("export.hook = [{hook:?}]\nexport.list = {list:?}"));
        assert!(!looked.contains(&"hook".to_owned()), "{looked:?}");
    }
}

#[test]
fn without_a_guard_and_without_a_journal_each_command_says_what_to_do() {
    let world = World::new();
    for command in [&["bans"][..], &["query"], &["why", "203.0.113.9"]] {
        let ran = world.ask(command).bad(1, &["no journal", "what to do:"]);
        assert!(ran.err.contains(&world.state().display().to_string()), "{}", ran.err);
    }
    for command in [
        &["status"][..],
        &["ban", "203.0.113.9"],
        &["unban", "203.0.113.9"],
        &["allow", "192.0.2.0/24"],
    ] {
        world.ask(command).bad(1, &["no guard runs", "mailward up"]);
    }
    assert!(!world.state().exists(), "asking makes nothing");
}

#[test]
fn a_directory_of_logs_of_several_servers_is_one_story() {
    let world = World::new();
    std::fs::create_dir_all(world.path("logs/old")).unwrap();
    world.file(
        "logs/mail.log",
        b"2026-11-21T10:00:01+00:00 mx postfix/smtpd[7]: connect from unknown[203.0.113.9]\n",
    );
    world.file("logs/old/mainlog", b"2026-11-21 09:00:00 +0000 SMTP connection from [203.0.113.8]:4711 (TCP/IP connection count = 1)\n");
    world.file("logs/wtmp", b"\0\0\0\0\n");
    world.file("logs/smtpd.log", b"2026-11-21T10:00:00+00:00 mx smtpd[7]: fedf7b162a029014 smtp connected address=203.0.113.7 host=<unknown>\n");
    let logs = world.path("logs").display().to_string();
    let shown = world.ask(&["replay", &logs]).good().out;
    for wanted in ["3  3 events", "mail.log", "old/mainlog", "postfix", "exim", "opensmtpd"] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(shown.contains("wtmp: no text"), "{shown}");
}
