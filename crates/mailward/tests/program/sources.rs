//! Lines that come by other ways than a file of lines.

use crate::world::{Guard, Place, World, failed, now, run};
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
    crate::world::wait_until("the questions are on record", || !query().is_empty());
    guard.stop();
    let asked = query();
    assert!(asked.iter().any(|event| event["query_type"] == "MX"), "{asked:?}");
    assert!(asked.iter().all(|event| event["client"] == "127.0.0.1"), "{asked:?}");
}
