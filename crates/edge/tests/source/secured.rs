//! Syslog over TLS: of openssl's client, of a real rsyslogd, and of those who may not send.

use crate::second;
use crate::syslog::LINE;
use edge::source::{
    Progress, Source, SyslogAddress, SyslogError, SyslogOptions, SyslogSource, SyslogTls,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Keys and certificates of an authority, a receiver, a sender, and a sender whom nobody knows.
fn authority() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    openssl(dir.path(), "req -x509 -subj /CN=authority -days 2 -keyout ca.key -out ca.pem");
    for (name, more) in [
        ("receiver", "-addext subjectAltName=DNS:mailward.example.net,IP:127.0.0.1"),
        ("sender", "-addext subjectAltName=DNS:mx.example.net"),
    ] {
        let signed = format!("-CA ca.pem -CAkey ca.key -keyout {name}.key -out {name}.pem");
        let who = format!("-subj /CN={name}.example.net -days 2 {more}");
        openssl(dir.path(), &format!("req -x509 {who} -addext basicConstraints=CA:FALSE {signed}"));
    }
    openssl(
        dir.path(),
        "req -x509 -subj /CN=stranger -days 2 -keyout stranger.key -out stranger.pem",
    );
    dir
}

fn openssl(dir: &Path, words: &str) {
    let (command, rest) = words.split_once(' ').unwrap();
    let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let ran = Command::new("openssl")
        .current_dir(dir)
        .arg(command)
        .args(new)
        .args(rest.split(' '))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn options(dir: &Path, senders_ca: bool) -> SyslogOptions {
    let tls = SyslogTls {
        certificate: dir.join("receiver.pem"),
        key: dir.join("receiver.key"),
        senders_ca: senders_ca.then(|| dir.join("ca.pem")),
    };
    let peers = vec!["127.0.0.1".parse().unwrap()];
    SyslogOptions { peers, connections_max: 64, tls: Some(tls) }
}

fn listen(options: SyslogOptions) -> (SyslogSource, SocketAddr) {
    let any = SyslogAddress::named("tls:127.0.0.1:0").unwrap();
    let source = SyslogSource::listen(&[any], options).unwrap();
    match source.addresses()[..] {
        [SyslogAddress::Tls(address)] => (source, address),
        ref other => panic!("{other:?}"),
    }
}

/// The daemon of most hosts.
const RSYSLOGD: &str = "/usr/sbin/rsyslogd";

/// Reads until this many lines came, or for a minute.
fn lines(source: &mut SyslogSource, wanted: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..12_000 {
        while source.read(second(0), 100, &mut |line| {
            lines.push(String::from_utf8_lossy(line.bytes).into_owned());
        }) == Progress::More
        {}
        if lines.len() >= wanted {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    lines
}

/// Reads until the source has something to tell.
fn news(source: &mut SyslogSource) -> String {
    for _ in 0..12_000 {
        assert_eq!(lines(source, 0), Vec::<String>::new());
        if let Some(news) = source.news(second(0)) {
            return news;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no news");
}

/// openssl's client, to which can be written what is to be sent.
struct Client(Child);

impl Client {
    fn connect(dir: &Path, to: SocketAddr, more: &[&str]) -> Client {
        let child = Command::new("openssl")
            .current_dir(dir)
            .args(["s_client", "-quiet", "-connect", &to.to_string(), "-CAfile", "ca.pem"])
            .args(["-verify_return_error"])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Client(child.unwrap())
    }

    fn send(&mut self, text: &str) {
        self.0.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn senders_with_a_certificate_are_read_in_each_version_of_tls() {
    let dir = authority();
    let (mut source, address) = listen(options(dir.path(), true));
    for version in ["-tls1_2", "-tls1_3"] {
        let shown = [version, "-cert", "sender.pem", "-key", "sender.key"];
        let mut client = Client::connect(dir.path(), address, &shown);
        client.send(&format!("{} {LINE}7 <22>a\nb", LINE.len()));
        assert_eq!(lines(&mut source, 2), [LINE, "<22>a#012b"], "{version}");
        // More than one record, and more than is read at once.
        let many = 3000;
        client.send(&format!("{} {LINE}", LINE.len()).repeat(many));
        assert_eq!(lines(&mut source, many).len(), many, "{version}");
    }
    assert_eq!(source.news(second(0)), None);
}

#[test]
fn who_shows_no_certificate_of_the_authority_is_not_read() {
    let dir = authority();
    for shown in [&[][..], &["-cert", "stranger.pem", "-key", "stranger.key"]] {
        let (mut source, address) = listen(options(dir.path(), true));
        let mut client = Client::connect(dir.path(), address, shown);
        client.send(&format!("{} {LINE}", LINE.len()));
        let news = news(&mut source);
        assert!(news.contains("1 connections without TLS as asked"), "{news}");
        assert!(news.contains("latest 127.0.0.1: "), "{news}");
        assert_eq!(source.descriptors().len(), 1, "closed");
    }
}

#[test]
fn where_no_authority_is_named_the_address_says_who_sends() {
    let dir = authority();
    let (mut source, address) = listen(options(dir.path(), false));
    let mut client = Client::connect(dir.path(), address, &[]);
    client.send(&format!("{LINE}\n"));
    assert_eq!(lines(&mut source, 1), [LINE]);
}

/// Only what the source asks to be woken by wakes it here.
#[test]
fn text_that_was_decrypted_does_not_wait_behind_a_flood_without_messages() {
    let dir = authority();
    let (mut source, address) = listen(options(dir.path(), false));
    let mut client = Client::connect(dir.path(), address, &[]);
    let flood = std::thread::spawn(move || {
        client.send(&"\n".repeat(3 << 20));
        client.send(&format!("{LINE}\n"));
        client
    });
    let mut found = Vec::new();
    while found.is_empty() {
        while source.read(second(0), 100, &mut |line| found.push(line.bytes.to_vec()))
            == Progress::More
        {}
        let descriptors = source.descriptors();
        let mut wanted: Vec<PollFd<'_>> = descriptors
            .iter()
            .map(|descriptor| PollFd::from_borrowed_fd(*descriptor, PollFlags::IN))
            .collect();
        let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
        let woken = found.is_empty().then(|| poll(&mut wanted, Some(&patience)).unwrap());
        assert_ne!(woken, Some(0), "nothing comes any more");
    }
    assert_eq!(found, [LINE.as_bytes()]);
    drop(flood.join().unwrap());
}

#[test]
fn what_is_no_tls_is_told_and_closed() {
    let dir = authority();
    let (mut source, address) = listen(options(dir.path(), false));
    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(format!("{LINE}\n").as_bytes()).unwrap();
    assert!(news(&mut source).contains("without TLS as asked"));
    plain.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut rest = Vec::new();
    assert!(plain.read_to_end(&mut rest).is_ok() || !rest.is_empty());
    // One that begins and never goes on has a minute.
    let mut silent = TcpStream::connect(address).unwrap();
    silent.write_all(&[22, 3, 1]).unwrap();
    lines(&mut source, 0);
    std::thread::sleep(Duration::from_millis(20));
    lines(&mut source, 0);
    assert_eq!(source.descriptors().len(), 2);
    source.read(second(60), 100, &mut |_| {});
    assert_eq!(source.descriptors().len(), 1);
    assert!(source.news(second(60)).unwrap().contains("1 slow, silent or broken"));
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let dir = authority();
    let good = options(dir.path(), true);
    let any = SyslogAddress::named("tls:127.0.0.1:0").unwrap();
    let ca_key: PathBuf = dir.path().join("ca.key");
    let spoil: [fn(&mut SyslogTls, PathBuf); 4] = [
        |tls, other| tls.certificate = other,
        |tls, other| tls.senders_ca = Some(other),
        |tls, other| tls.key = other,
        |tls, _| tls.key = "/nonexistent".into(),
    ];
    for spoil in spoil {
        let mut options = good.clone();
        spoil(options.tls.as_mut().unwrap(), ca_key.clone());
        let tried = options.check(&[any]).unwrap_err().to_string();
        let error = SyslogSource::listen(&[any], options).unwrap_err();
        assert!(matches!(error, SyslogError::File { .. }), "{error}");
        assert!(error.to_string().contains('/'), "{error}");
        assert_eq!(error.to_string(), tried);
    }
    good.check(&[any]).unwrap();
    let none = SyslogOptions { tls: None, ..good };
    let error = SyslogSource::listen(&[any], none).unwrap_err();
    assert!(matches!(error, SyslogError::NoCertificate(_)));
}

/// A real rsyslogd that sends all that comes into its socket.
fn rsyslogd(dir: &Path, to: SocketAddr) -> Client {
    let port = to.port();
    let place = dir.display();
    let text = format!(
        r#"global(workDirectory="{place}" defaultNetstreamDriver="gtls"
       defaultNetstreamDriverCAFile="{place}/ca.pem"
       defaultNetstreamDriverCertFile="{place}/sender.pem"
       defaultNetstreamDriverKeyFile="{place}/sender.key")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{place}/log" RateLimit.Interval="0")
action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted"
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
       StreamDriverPermittedPeers="mailward.example.net" Template="RSYSLOG_SyslogProtocol23Format"
       action.resumeInterval="1")
"#
    );
    let config = dir.join("rsyslog.conf");
    std::fs::write(&config, text).unwrap();
    let child = Command::new(RSYSLOGD)
        .arg("-n")
        .arg("-f")
        .arg(&config)
        .arg("-i")
        .arg(dir.join("pid"))
        .stderr(Stdio::null())
        .spawn();
    Client(child.unwrap())
}

/// Whether it can be told to use GnuTLS: Debian has that in a package of its own.
fn speaks_tls() -> bool {
    let dirs = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|dir| dir.path());
    let mut dirs = dirs.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")]);
    dirs.any(|dir| dir.join("rsyslog/lmnsd_gtls.so").is_file())
}

#[test]
fn a_real_rsyslogd_is_read() {
    if !Path::new(RSYSLOGD).is_file() || !speaks_tls() {
        assert!(std::env::var_os("CI").is_none(), "rsyslog is wanted");
        eprintln!("skipped: needs rsyslog and rsyslog-gnutls (range/install has them)");
        return;
    }
    let dir = authority();
    let (mut source, address) = listen(options(dir.path(), true));
    let _rsyslogd = rsyslogd(dir.path(), address);
    let socket = dir.path().join("log");
    for _ in 0..6000 {
        if socket.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let logged = Command::new("logger")
        .arg("--socket")
        .arg(&socket)
        .args(["--tag", "postfix/smtpd", "--id=7", "--priority", "mail.info", "--"])
        .arg("connect from unknown[198.51.100.7]")
        .status();
    assert!(logged.unwrap().success());
    let lines = lines(&mut source, 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("<22>1 "), "{lines:?}");
    assert!(lines[0].contains("connect from unknown[198.51.100.7]"), "{lines:?}");
}
