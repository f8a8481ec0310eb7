//! A live run and the replay of its log decide the same, byte for byte.
//!
//! Compared are all findings and all decisions with all their fields, as `query` prints them from
//! the journal and `replay` from the log. Not compared are the ends of decisions: live, time goes
//! on behind the last line.

use crate::world::{Guard, Place, World, failed, now, stamp, wait_until};
use event::Timestamp;
use std::time::Duration;

/// Read all of the log; nobody waits a minute for a test.
const GRACE: &str = "source.from_beginning = true\ndistributed-guessing.grace_s = 1";

/// Findings and decisions, as printed.
fn verdicts(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| {
            line.starts_with("{\"type\": \"finding\"")
                || line.starts_with("{\"type\": \"decision\"")
        })
        .collect()
}

/// What a stopped guard decided, and a replay of its log.
fn assert_the_same(world: &World, decisions_min: usize) {
    let live = live(world);
    let replayed = replayed(world);
    let (live, replayed) = (verdicts(&live), verdicts(&replayed));
    let decisions = replayed.iter().filter(|line| line.contains("\"decision\"")).count();
    assert!(decisions >= decisions_min, "only {decisions} decisions");
    for (number, (live, replayed)) in live.iter().zip(&replayed).enumerate() {
        assert_eq!(live, replayed, "live and replay, number {number}");
    }
    assert_eq!(live.len(), replayed.len());
}

fn live(world: &World) -> String {
    world.ask(&["query", "--actions", "--format", "json", "--limit", "100000"]).good().out
}

fn replayed(world: &World) -> String {
    let logs: Vec<String> = world.logs().iter().map(|log| log.display().to_string()).collect();
    let words: Vec<&str> =
        ["replay", "--format", "json"].into_iter().chain(logs.iter().map(String::as_str)).collect();
    world.ask(&words).good().out
}

/// Waits until all lines are read, and time has gone by the grace periods that were pending at the
/// last one, as a replay does at the end of a log.
fn read_out(world: &World, guard: Guard, lines: u64) {
    guard.reads(lines);
    let expected = verdicts(&replayed(world)).len();
    wait_until("the last grace period is over", || verdicts(&live(world)).len() >= expected);
    guard.stop();
}

/// The micros between the first line of the recorded day and this one.
fn offset(line: &str, first: &str) -> i64 {
    let micros = |line: &str| -> i64 {
        let number = |from: usize, to: usize| line[from..to].parse::<i64>().unwrap();
        ((number(11, 13) * 60 + number(14, 16)) * 60 + number(17, 19)) * 1_000_000 + number(20, 26)
    };
    micros(line) - micros(first)
}

/// The recorded day, with addresses that the guard does not take for its own: protection by the
/// surroundings is the one thing that a replay cannot know of.
fn day() -> Vec<String> {
    crate::world::day().iter().map(|line| line.replace("192.0.2.", "198.18.2.")).collect()
}

/// The day as if its last line had been written just now.
fn day_until(end: Timestamp) -> String {
    let lines = day();
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    let length = offset(last, first);
    let at = |line: &str| stamp(Timestamp(end.0 - length + offset(line, first)));
    lines.iter().map(|line| format!("{}{}\n", at(line), &line[32..])).collect()
}

#[test]
fn a_backlog_is_judged_by_the_times_of_its_lines() {
    let world = World::with(GRACE);
    world.append(&day_until(now().plus_seconds(-1)));
    let guard = world.guard(Place::Powerless);
    read_out(&world, guard, 34_995);
    assert_the_same(&world, 300);
}

/// Several logs are read as one: all that happened in the second would else count as happening at
/// the end of the first.
#[test]
fn a_backlog_of_several_logs_is_judged_by_the_times_of_its_lines() {
    let world = World::with_logs(vec!["log/a.log", "log/b.log", "log/c.log"], GRACE);
    let mut parts = [String::new(), String::new(), String::new()];
    for line in day_until(now().plus_seconds(-1)).split_inclusive('\n') {
        let part = match line {
            _ if line.contains(" dovecot: ") => 0,
            _ if line.contains(" exim[") => 1,
            _ => 2,
        };
        parts[part].push_str(line);
    }
    for (log, part) in world.logs().iter().zip(parts) {
        std::fs::write(log, part).unwrap();
    }
    let guard = world.guard(Place::Powerless);
    read_out(&world, guard, 34_995);
    assert_the_same(&world, 300);
}

#[test]
fn a_backlog_that_came_while_no_guard_ran_is_judged_by_the_times_of_its_lines() {
    let world = World::with(GRACE);
    let text = day_until(now().plus_seconds(-1));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (before, after) = lines.split_at(12_000);
    world.append(&before.concat());
    let guard = world.guard(Place::Powerless);
    guard.reads(12_000);
    guard.stop();
    world.append(&after.concat());
    let guard = world.guard(Place::Powerless);
    read_out(&world, guard, 34_995);
    assert_the_same(&world, 300);
}

/// Lines of the day with the time of their writing, in pieces that end anywhere.
fn write_live(world: &World, guard: &Guard, lines: &[String]) -> Result<(), Duration> {
    for (number, chunk) in lines.chunks(97).enumerate() {
        // No line is stamped later than it is written: such a stamp would be given its arrival.
        let begin = Timestamp(now().0 - chunk.len() as i64);
        let text: String = (0..)
            .zip(chunk)
            .map(|(n, line)| format!("{}{}\n", stamp(Timestamp(begin.0 + n)), &line[32..]))
            .collect();
        // Also a line that is written in two halves is one line.
        let cut = (number * 7_919) % text.len();
        let cut = (0..=cut).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        world.append(&text[..cut]);
        if number % 8 == 0 {
            guard.status();
        }
        world.append(&text[cut..]);
        let late = Duration::from_micros((now().0 - begin.0).max(0).cast_unsigned());
        if late > Duration::from_millis(1_500) {
            return Err(late);
        }
    }
    Ok(())
}

#[test]
fn lines_that_are_read_as_they_are_written_are_judged_as_in_a_replay() {
    // A line that reaches the guard two seconds late may come behind a tick of the clock: then it
    // counts as happening at the tick. Where the machine is that busy, begin again.
    for _ in 0..20 {
        let world = World::with(GRACE);
        world.append("");
        let guard = world.guard(Place::Powerless);
        let lines: Vec<String> = day().into_iter().step_by(3).collect();
        if let Err(late) = write_live(&world, &guard, &lines) {
            eprintln!("a piece took {late:?} to write: once more");
            continue;
        }
        read_out(&world, guard, lines.len() as u64);
        return assert_the_same(&world, 20);
    }
    panic!("this machine is too busy to write a log");
}

#[test]
fn with_an_enforcer_too() {
    let world = World::with(GRACE);
    world.append(&day_until(now().plus_seconds(-1)));
    let guard = world.guard(Place::Namespace);
    read_out(&world, guard, 34_995);
    assert_the_same(&world, 300);
}

/// Merged line by line, a copied and emptied log whose copy ends without a newline gives its last
/// line and the first one of the log itself: each read for itself.
#[test]
fn a_copied_log_without_a_last_newline_loses_no_line_of_a_merged_backlog() {
    let world = World::with_logs(vec!["log/a.log", "log/b.log"], GRACE);
    let lines = |first: u32, count: u32| -> String {
        let line = |n: u32| {
            let at = now().plus_seconds(i64::from(n) - 60);
            failed(at, "203.0.113.9", &format!("user{n:02}@example.org"))
        };
        (first..first + count).map(line).collect()
    };
    let append = |log: &str, text: &str| {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.append(true).create(true).open(world.path(log)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append("log/a.log", &lines(0, 5));
    append("log/b.log", &lines(5, 5));
    let guard = world.guard(Place::Powerless);
    guard.reads(10);
    guard.stop();
    append("log/a.log", lines(10, 3).trim_end());
    std::fs::copy(world.path("log/a.log"), world.path("log/a.log.1")).unwrap();
    std::fs::write(world.path("log/a.log"), "").unwrap();
    append("log/a.log", &lines(13, 3));
    append("log/b.log", &lines(16, 4));
    let guard = world.guard(Place::Powerless);
    guard.reads(20);
    guard.stop();
    let events = world.objects(&["query", "--limit", "1000"]);
    let mut accounts: Vec<&str> =
        events.iter().map(|event| event["account"].as_str().unwrap()).collect();
    accounts.sort_unstable();
    let expected: Vec<String> = (0..20).map(|n| format!("user{n:02}@example.org")).collect();
    assert_eq!(accounts, expected);
}

/// What a stranger makes whole lines of in a log that is no other server's: five guesses of one
/// client, as Postfix tells of them, and as Zimbra and SOGo do.
fn forged(form: &str) -> String {
    let line = |n: u32| {
        let at = now().plus_seconds(i64::from(n) - 90);
        let (client, name) = ("203.0.113.9", format!("user{n:02}@example.org"));
        let zimbra = stamp(at).replace('T', " ");
        let zimbra = zimbra.get(..19).unwrap();
        match form {
            "postfix" => failed(at, client, &name),
            "zimbra" => format!(
                "{zimbra},123 WARN  [ImapServer-1] [ip={client};] security - cmd=Auth; account={name}; protocol=imap; error=authentication failed for [{name}], invalid password;\n"
            ),
            "mailbox" => format!(
                "{zimbra},123 INFO  [ImapServer-1] [ip={client};] imap - authentication failed for [{name}] (invalid password)\n"
            ),
            _ => format!(
                "{} mx sogod[9]: SOGoRootPage Login from '{client}' for user '{name}' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0\n",
                stamp(at)
            ),
        }
    };
    (0..40).map(line).collect()
}

/// Strangers can write whole lines into the logs of web interfaces: whom the guard does not believe
/// there, a replay must not.
#[test]
fn in_the_logs_of_web_interfaces_a_replay_believes_whom_the_guard_does() {
    const ZIMBRA: &str = "source.web_files";
    const SOGO: &str = "forwarded.servers";
    for (log, server, more, form, is_believed, told) in [
        ("log/sogo.log", "sogo", "", "postfix", false, ""),
        ("log/sogo.log", "sogo", "", "sogo", false, ""),
        ("log/sogo.log", "sogo", "\nforwarded.servers = [\"sogo\"]", "sogo", true, ""),
        ("log/sogo.log", "", "", "sogo", false, SOGO),
        ("log/audit.log", "zimbra", "", "zimbra", true, ""),
        ("log/audit.log", "zimbra", "", "mailbox", false, ""),
        ("log/audit.log", "zimbra", "", "postfix", false, ""),
        ("log/mailbox.log", "zimbra", "", "zimbra", false, ""),
        ("log/audit.log", "", "", "zimbra", false, ZIMBRA),
        ("log/audit.log", "", "\nforwarded.servers = [\"zimbra\"]", "zimbra", true, ""),
        ("log/mail.log", "", "", "postfix", true, ""),
    ] {
        let case = format!("{form} in {log} of {server:?} {more}");
        let world = World::with_logs(vec![log], "");
        let files = match server {
            "" => String::new(),
            _ => format!("source.web_files = [\"{server}={}\"]", world.path(log).display()),
        };
        world.configure(&format!("{GRACE}\n{files}{more}"));
        std::fs::write(world.path(log), forged(form)).unwrap();
        let guard = world.guard(Place::Powerless);
        read_out(&world, guard, 40);
        assert_the_same(&world, 0);
        let log = world.path(log).display().to_string();
        let replay = world.ask(&["replay", "--format", "json", &log]).good();
        let is_banned = replay.out.lines().any(|line| {
            line.starts_with("{\"type\": \"decision\"") && line.contains("\"203.0.113.9\"")
        });
        assert_eq!(is_banned, is_believed, "{case}");
        assert!(replay.err.contains(told), "{case}: {}", replay.err);
        let notes = replay.err.matches("line breaks").count();
        assert_eq!(notes, usize::from(server.is_empty() && form != "postfix"), "{case}");
    }
}

/// What a log was rotated to is its own, as well.
#[test]
fn a_rotated_log_of_a_web_interface_is_its_own_too() {
    let world = World::with_logs(vec![], "");
    let named = world.path("log/sogo.log");
    world.configure(&format!("source.web_files = [\"sogo={}\"]", named.display()));
    for (name, decisions) in [("sogo.log.1", 0), ("sogo.log-20261128", 0), ("sogo.log2", 1)] {
        let log = world.file(&format!("log/{name}"), forged("postfix").as_bytes());
        let replayed = world.ask(&["replay", "--format", "json", &log]).good().out;
        let found = verdicts(&replayed).iter().filter(|line| line.contains("\"decision\"")).count();
        assert_eq!(found.min(1), decisions, "{name}");
    }
}
