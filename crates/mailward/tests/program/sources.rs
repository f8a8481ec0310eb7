//! Lines that come by other ways than a file of lines.

use crate::world::{Guard, Place, World, failed, now, run, wait_until};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A failed login as a mail server logs it.
fn line(account: &str) -> String {
    failed(now(), "203.0.113.9", account).trim_end().to_owned()
}

/// The same as Docker keeps it.
fn entry(account: &str) -> String {
    let log = line(account).replace('"', "\\\"");
    let time = now();
    format!("{{\"log\":\"{log}\\n\",\"stream\":\"stdout\",\"time\":\"{time}\"}}\n")
}

fn accounts(world: &World) -> Vec<String> {
    let events = world.objects(&["query", "--limit", "1000"]);
    events.iter().map(|event| event["account"].as_str().unwrap().to_owned()).collect()
}

/// A program within the guard's network.
fn inside(guard: &Guard, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    command.args(["--net", "--target", &guard.pid().to_string(), program]);
    command
}

/// Has logger(1) send a failed login from within the guard's network.
fn log(guard: &Guard, to: &str, protocol: &[&str], account: &str) {
    let message = line(account);
    let (_, message) = message.split_once("]: ").unwrap();
    let mut logger = inside(guard, "logger");
    logger.args(["--port", PORT]);
    logger.args(["--tag", "postfix/smtpd", "--id=260", "--priority", "mail.info"]);
    logger.args(protocol).args(["--server", to, "--", message]);
    assert!(logger.status().unwrap().success());
}

const PORT: &str = "5514";

#[test]
fn syslog_of_a_listed_peer_is_read_by_a_confined_guard() {
    let world = World::with(&format!(
        "source.syslog.listen = [\"udp:0.0.0.0:{PORT}\", \"tcp:0.0.0.0:{PORT}\"]\n\
         source.syslog.peers = [\"127.0.0.1\"]"
    ));
    world.append("");
    for place in [Place::Powerless, Place::Namespace] {
        let guard = world.guard(place);
        let lines = guard.lines();
        // From its own address, which is none of those.
        log(&guard, "192.0.2.10", &["--udp", "--rfc5424"], "stranger");
        log(&guard, "127.0.0.1", &["--udp", "--rfc5424"], "udp");
        guard.reads(lines + 1);
        log(&guard, "127.0.0.1", &["--tcp", "--rfc5424", "--octet-count"], "counted");
        guard.reads(lines + 2);
        log(&guard, "127.0.0.1", &["--tcp", "--rfc5424"], "line");
        guard.reads(lines + 3);
        guard.stop();
    }
    assert_eq!(accounts(&world), ["udp", "counted", "line", "udp", "counted", "line"]);
}

/// A certificate that signs itself, and its key.
fn certificate(dir: &Path) {
    let made = Command::new("openssl")
        .current_dir(dir)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=mailward.example.net", "-keyout", "tls.key", "-out", "tls.pem"])
        .output();
    assert!(made.unwrap().status.success());
}

#[test]
fn syslog_over_tls_is_read_by_a_confined_guard() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    let place = dir.path().display();
    let world = World::with(&format!(
        "source.syslog.listen = [\"tls:127.0.0.1:{PORT}\"]\n\
         source.syslog.peers = [\"127.0.0.1\"]\n\
         source.syslog.certificate = \"{place}/tls.pem\"\n\
         source.syslog.key = \"{place}/tls.key\""
    ));
    world.append("");
    let guard = world.guard(Place::Namespace);
    let lines = guard.lines();
    let mut client = inside(&guard, "openssl")
        .args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{PORT}")])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let sent = format!("<22>{}\n", line("secured"));
    client.stdin.as_mut().unwrap().write_all(sent.as_bytes()).unwrap();
    guard.reads(lines + 1);
    client.kill().unwrap();
    client.wait().unwrap();
    guard.stop();
    assert_eq!(accounts(&world), ["secured"]);
}

/// What sogod writes of a user name with two line breaks, between which a stranger put a line of
/// Postfix, and one of SOGo.
const BROKEN: &str = "Nov 21 16:02:10 sogod [96]: SOGoRootPage Login from '203.0.113.9' for user 'x
Nov 21 16:02:10 mx postfix/smtpd[7]: warning: unknown[192.0.2.66]: SASL LOGIN authentication failed: no
Nov 21 16:02:10 mx roundcube: <0123abcd> IMAP Error: Login failed for bob against localhost from 192.0.2.66. AUTHENTICATE PLAIN: failed in x.php on line 211 (POST /?_task=login&_action=login)
Nov 21 16:02:10 sogod [96]: SOGoRootPage Login from '192.0.2.66' for user 'bob' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0
' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0
";

/// What a stranger's line break makes in nginx's own file, in the form that its syslog has.
const BROKEN_NGINX: &str = "Nov 21 16:02:10 mx nginx: 2026/11/21 16:02:10 [info] 1#1: *5 client login failed: \"Authentication credentials invalid\" while in http auth state, client: 192.0.2.66, server: 0.0.0.0:143, login: \"bob\"
";

#[test]
fn in_the_log_of_a_web_interface_strangers_lines_blame_nobody() {
    for (server, listed, lines, believed) in [
        ("sogo", "\"roundcube\"", BROKEN, false),
        ("sogo", "\"sogo\"", BROKEN, true),
        ("nginx", "\"sogo\"", BROKEN_NGINX, false),
    ] {
        let world = World::new();
        let log = world.path("log/web.log");
        let file = format!("{server}={}", log.display());
        world.configure(&format!("source.web_files = [{file:?}]\nforwarded.servers = [{listed}]"));
        std::fs::write(&log, "").unwrap();
        world.append("");
        let guard = world.guard(Place::Powerless);
        let before = guard.lines();
        std::fs::write(&log, lines).unwrap();
        guard.reads(before + lines.lines().count() as u64);
        guard.stop();
        let events = world.objects(&["query", "--limit", "1000"]);
        assert!(events.iter().all(|event| event["server"] == server), "{events:?}");
        let any = |field: &str| events.iter().any(|event| event[field] == "192.0.2.66");
        assert_eq!((any("client"), any("forwarded")), (believed, !believed), "{events:?}");
    }
}

#[test]
fn syslog_without_peers_is_refused() {
    let world = World::with("source.syslog.listen = [\"udp:127.0.0.1:0\"]");
    let ran = world.ask(&["up"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("source.syslog.peers is empty"), "{}", ran.err);
    for wrong in
        ["source.syslog.listen = [\"127.0.0.1:514\"]", "source.journal_namespaces = [\"-x\"]"]
    {
        let ran = World::with(wrong).ask(&["check"]);
        assert_ne!(ran.code, Some(0), "{wrong}");
        assert!(ran.err.contains("source."), "{}", ran.err);
    }
}

/// The address is of no use either, so that no guard stays: what is said first tells.
#[test]
fn connections_of_syslog_leave_descriptors_for_all_else() {
    let world = World::with(
        "source.syslog.listen = [\"tcp:203.0.113.1:5514\"]\n\
         source.syslog.peers = [\"127.0.0.1\"]\n\
         source.syslog.connections_max = 200",
    );
    let limits = [
        ("250:250", "raise LimitNOFILE="),
        ("250:400", "name an address of this host"),
        ("300:300", "name an address of this host"),
    ];
    for (limit, wanted) in limits {
        let mut up = Command::new("prlimit");
        up.arg(format!("--nofile={limit}")).args([env!("CARGO_BIN_EXE_mailward"), "up"]);
        let ran = up.arg("--config").arg(world.config()).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{limit}: {told}");
        assert!(told.contains(wanted), "{limit}: {told}");
    }
}

#[test]
fn logs_of_containers_are_followed_as_they_come() {
    let world = World::new();
    let containers = world.path("containers");
    world.configure(&format!("source.containers = {containers:?}\nsource.from_beginning = true"));
    world.append("");
    let log = |id: &str, text: &str| {
        std::fs::create_dir_all(containers.join(id)).unwrap();
        std::fs::write(containers.join(id).join(format!("{id}-json.log")), text).unwrap();
    };
    log("a", &entry("first"));
    let guard = world.guard(Place::Powerless);
    guard.reads(1);
    log("b", &entry("second"));
    guard.reads(2);
    guard.stop();
    assert_eq!(accounts(&world), ["first", "second"]);
    let guard = world.guard(Place::Powerless);
    let mut first = std::fs::OpenOptions::new();
    let mut first = first.append(true).open(containers.join("a/a-json.log")).unwrap();
    first.write_all(entry("third").as_bytes()).unwrap();
    std::fs::remove_dir_all(containers.join("b")).unwrap();
    guard.reads(3);
    guard.stop();
}

#[test]
fn logs_of_containers_that_are_excepted_are_not_followed() {
    let world = World::new();
    let containers = world.path("containers");
    world.configure(&format!(
        "source.containers = {containers:?}\nsource.containers_except = [\"web\"]\n\
         source.from_beginning = true"
    ));
    world.append("");
    let container = |id: &str, description: Option<&str>| {
        std::fs::create_dir_all(containers.join(id)).unwrap();
        if let Some(description) = description {
            std::fs::write(containers.join(id).join("config.v2.json"), description).unwrap();
        }
        std::fs::write(containers.join(id).join(format!("{id}-json.log")), entry(id)).unwrap();
    };
    container("a", Some("{\"ID\": \"a\", \"Name\": \"/web\"}"));
    container("b", None);
    container("c", Some("{\"Name\": \"/web"));
    container("d", Some("{\"Config\": {\"Name\": \"/web\"}, \"Name\": \"/mail\"}"));
    let guard = world.guard(Place::Powerless);
    guard.reads(1);
    // The name of one that came a moment ago may not be written yet.
    std::fs::write(containers.join("b/config.v2.json"), "{\"Name\": \"/web2\"}").unwrap();
    guard.reads(2);
    guard.stop();
    assert_eq!(accounts(&world), ["d", "b"]);
    let notes = world.ask(&["query", "--actions", "--format", "json"]).good().out;
    let told = |id: &str| notes.matches(&format!("{id}-json.log: not read")).count();
    assert_eq!([told("a"), told("b"), told("c"), told("d")], [0, 1, 1, 0], "{notes}");
}

#[test]
fn entries_are_numbered_as_the_lines_of_the_input() {
    let text = entry("one") + "{\"level\":\"info\"}\n" + &entry("two");
    let ran = run(&["parse", "--format", "json"], text.as_bytes()).good();
    let objects = ran.objects();
    assert_eq!(objects[0]["event"]["account"], "one");
    assert_eq!(objects[1]["why"], "unknown format");
    assert_eq!((&objects[2]["line"], &objects[2]["event"]["account"]), (&3.into(), &"two".into()));
    assert_eq!(ran.err, "");
}

#[test]
fn a_log_that_cannot_be_one_is_told_and_a_right_one_is_not() {
    let cat = "connect from unknown[203.0.113.9]\n".repeat(250);
    let foreign = "Nov 21 16:02:10 mx cron[1]: x\n".repeat(30);
    let half = line("a") + "\n" + &line("b") + "\n" + &foreign[..60];
    for command in ["parse", "replay"] {
        let told = run(&[command, "--format", "json"], cat.as_bytes()).good();
        assert!(told.err.contains("of its first 200 lines 200 have no time"), "{}", told.err);
        assert_eq!(told.err.lines().count(), 1);
        let told = run(&[command, "--format", "json"], foreign.as_bytes()).good();
        assert!(told.err.contains("of its first 30 lines 0 have no time"), "{}", told.err);
        assert_eq!(run(&[command, "--format", "json"], half.as_bytes()).good().err, "");
    }
}

/// What BIND wrote into such a socket (crates/edge/tests/dnstap.fstrm), sent again with the
/// handshake of a server (Frame Streams: READY, ACCEPT, START, frames, STOP, FINISH).
#[test]
fn what_a_dns_server_is_asked_comes_by_dnstap() {
    let world = World::new();
    let socket = world.path("dnstap.sock");
    world.configure(&format!("source.dnstap = {socket:?}"));
    world.append("");
    let guard = world.guard(Place::Powerless);
    let capture =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../edge/tests/dnstap.fstrm");
    let capture = std::fs::read(capture).unwrap();
    // The capture begins with START; its content type is that of READY, too.
    let start = 8 + u32::from_be_bytes(capture[4..8].try_into().unwrap()) as usize;
    let mut ready = capture[..start].to_vec();
    ready[8..12].copy_from_slice(&4_u32.to_be_bytes());
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    stream.write_all(&ready).unwrap();
    let mut accept = vec![0; start];
    std::io::Read::read_exact(&mut stream, &mut accept).unwrap();
    assert_eq!(accept[8..12], 1_u32.to_be_bytes(), "ACCEPT");
    stream.write_all(&capture).unwrap();
    let query = || world.objects(&["query", "--kind", "query", "--server", "dnstap"]);
    wait_until("the questions are on record", || !query().is_empty());
    guard.stop();
    let asked = query();
    assert!(asked.iter().any(|event| event["query_type"] == "MX"), "{asked:?}");
    assert!(asked.iter().all(|event| event["client"] == "127.0.0.1"), "{asked:?}");
}

/// A journal of this machine that has these entries, where it can be made. Without any it is no
/// journal, but a file of that name.
fn journal(world: &World, entries: &str) -> Option<std::path::PathBuf> {
    use std::process::Stdio;
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let kept = world.path("journal").join(id.trim());
    std::fs::create_dir_all(&kept).unwrap();
    let path = kept.join("system.journal");
    if entries.is_empty() {
        std::fs::write(&path, "").unwrap();
        return Some(path);
    }
    let remote = "/lib/systemd/systemd-journal-remote";
    if !std::path::Path::new(remote).exists() {
        eprintln!("skipped: {remote} is not installed (package systemd-journal-remote)");
        return None;
    }
    let mut remote = Command::new(remote);
    remote.arg("--output").arg(&path).arg("-").stdin(Stdio::piped()).stderr(Stdio::null());
    let mut made = remote.spawn().unwrap();
    made.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
    assert!(made.wait().unwrap().success());
    Some(path)
}

#[test]
fn a_journal_that_may_not_be_read_is_told_by_check_up_and_status() {
    use std::os::unix::fs::PermissionsExt as _;
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root, to be somebody else");
    }
    let world = World::with("source.journal = true");
    world.append("");
    let file = journal(&world, "").unwrap();
    // The guard's own directory must be reached, the journal's file must not.
    let permit = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(&world.path("journal"), 0o755);
    permit(&world.path("."), 0o755);
    permit(&file, 0o640);
    let told = "system.journal: no permission to read";
    let remedy = "start as root, or add the user to the group systemd-journal";
    let ran = world.ask_in(Place::User, &["check"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains(told) && ran.out.contains(remedy), "{}{}", ran.out, ran.err);
    let guard = world.guard(Place::User);
    wait_until("it says what it reads", || guard.said().contains("never banned"));
    assert!(guard.said().contains(told) && guard.said().contains(remedy), "{}", guard.said());
    let ran = world.ask(&["status"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("failing") && ran.out.contains(told), "{}", ran.out);
    assert!(ran.out.contains(remedy), "{}", ran.out);
    guard.stop();
    // None is kept at all.
    std::fs::remove_file(&file).unwrap();
    let guard = world.guard(Place::User);
    let ran = world.ask(&["status"]);
    assert!(ran.out.contains("missing") && ran.out.contains("systemd-journald"), "{}", ran.out);
    drop(guard);
}

/// `logger -t postfix/smtpd` of any user makes such entries, the user apart. They are of an earlier
/// boot: what was logged before a restart of the machine is read, too.
#[test]
fn what_users_write_to_the_journal_bans_nobody() {
    let world = World::with("source.journal = true\nsource.from_beginning = true");
    world.append("");
    let entry = |number: u32, user: u32, client: &str| {
        let at = now().0 - 60_000_000 + i64::from(number) * 1_000;
        format!(
            "__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={}\n\
             _BOOT_ID=0123456789abcdef0123456789abcdef\n_MACHINE_ID={}\n_HOSTNAME=mx1\n\
             SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=postfix/smtpd\n_PID=77\n_UID={user}\nMESSAGE=warning: \
             unknown[{client}]: SASL LOGIN authentication failed: (reason unavailable), \
             sasl_username=user{number}@example.org\n\n",
            1_000_000 + number,
            std::fs::read_to_string("/etc/machine-id").unwrap().trim(),
        )
    };
    let entries: String = (0..24)
        .map(|number| match number % 2 {
            0 => entry(number, 1_000, "198.51.100.7"),
            _ => entry(number, 101, "203.0.113.9"),
        })
        .collect();
    if journal(&world, &entries).is_none() {
        return;
    }
    let guard = world.guard(Place::Powerless);
    let source = || {
        let status = guard.status().unwrap();
        let sources = status["sources"].as_array().unwrap();
        sources.iter().find(|source| source["name"] == "journald").unwrap().clone()
    };
    wait_until("all is read", || source()["passed_over"] == 12 && source()["lines"] == 12);
    let bans = world.objects(&["bans"]);
    assert_eq!(bans.len(), 1, "{bans:?}");
    assert_eq!(bans[0]["subject"]["client"], "203.0.113.9");
    let ran = world.ask(&["status"]);
    let told = "journald: 12 lines of users who are no service of this system passed over";
    assert!(ran.out.contains(told), "{}", ran.out);
    let notes = || world.ask(&["query", "--actions"]).good().out;
    wait_until("it is on record", || notes().contains("latest of the user 1000"));
}
