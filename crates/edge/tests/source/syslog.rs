//! Syslog over the loopback, of senders that keep to the rules and of such that do not.

use crate::second;
use edge::clock::Moment;
use edge::source::{Progress, Source, SyslogAddress, SyslogOptions, SyslogSource};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

struct World {
    source: SyslogSource,
    udp: SocketAddr,
    tcp: SocketAddr,
}

/// Listens for these peers.
fn listen(peers: &[&str], connections_max: usize) -> World {
    let addresses = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"];
    let addresses = addresses.map(|address| SyslogAddress::named(address).unwrap());
    let peers = peers.iter().map(|peer| peer.parse().unwrap()).collect();
    let options = SyslogOptions { peers, connections_max, tls: None };
    let source = SyslogSource::listen(&addresses, options).unwrap();
    match source.addresses()[..] {
        [SyslogAddress::Udp(udp), SyslogAddress::Tcp(tcp)] => World { source, udp, tcp },
        ref other => panic!("{other:?}"),
    }
}

impl World {
    /// Lines with their writers, until this many came or nothing comes any more.
    fn lines(&mut self, wanted: usize, now: Moment) -> Vec<(u8, String)> {
        let mut lines = Vec::new();
        for _ in 0..200 {
            while self.source.read(now, 100, &mut |line| {
                lines.push((line.writer, String::from_utf8_lossy(line.bytes).into_owned()));
            }) == Progress::More
            {}
            if lines.len() >= wanted {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        lines
    }

    fn texts(&mut self, wanted: usize, now: Moment) -> Vec<String> {
        self.lines(wanted, now).into_iter().map(|(_, text)| text).collect()
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.tcp).unwrap()
    }
}

fn sender(address: &str) -> UdpSocket {
    UdpSocket::bind((address.parse::<IpAddr>().unwrap(), 0)).unwrap()
}

pub const LINE: &str =
    "<22>Nov 21 16:02:10 mx postfix/smtpd[7]: connect from unknown[198.51.100.7]";

#[test]
fn datagrams_of_listed_peers_are_lines_and_others_are_counted() {
    let mut world = listen(&["127.0.0.2", "127.0.1.0/24"], 8);
    for (from, text) in [
        ("127.0.0.2", "<22>one\n"),
        ("127.0.0.3", "<22>stranger"),
        ("127.0.1.7", "<22>two\nNov 21 16:02:10 forged: x\0"),
        ("127.0.0.2", "<22>three"),
    ] {
        sender(from).send_to(text.as_bytes(), world.udp).unwrap();
    }
    let two = "<22>two#012Nov 21 16:02:10 forged: x".to_owned();
    let mut lines = world.lines(3, second(0));
    lines.sort();
    let expected = [(1, "<22>one".to_owned()), (1, "<22>three".to_owned()), (2, two)];
    assert_eq!(lines, expected);
    let news = world.source.news(second(0)).unwrap();
    assert_eq!(news, "syslog: 1 of peers that are not listed, latest 127.0.0.3");
    sender("127.0.0.3").send_to(b"x", world.udp).unwrap();
    assert!(world.lines(1, second(1)).is_empty());
    assert_eq!(world.source.news(second(59)), None, "once a minute");
    assert!(world.source.news(second(60)).is_some());
}

#[test]
fn a_flood_of_one_starves_no_other() {
    let mut world = listen(&["127.0.0.2", "127.0.0.3"], 8);
    let (flooder, other) = (sender("127.0.0.2"), sender("127.0.0.3"));
    let long = vec![b'x'; 4000];
    for _ in 0..50 {
        flooder.send_to(&long, world.udp).unwrap();
    }
    other.send_to(LINE.as_bytes(), world.udp).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let mut lines = Vec::new();
    world.source.read(second(0), 40, &mut |line| lines.push(line.writer));
    assert!(lines.contains(&2), "{lines:?}");
    for _ in 0..200 {
        flooder.send_to(&long, world.udp).unwrap();
    }
    let mut kept = 0;
    world.source.read(second(0), 0, &mut |_| kept += 1);
    assert!(world.source.news(second(0)).unwrap().contains("dropped, sent faster than read"));
    assert!(world.lines(1, second(0)).len() <= 256 * 1024 / 4000);
}

#[test]
fn both_framings_of_connections_are_read() {
    let mut world = listen(&["127.0.0.1"], 8);
    let (mut counted, mut lines) = (world.connect(), world.connect());
    counted.write_all(format!("{} {LINE}7 <22>a\nb", LINE.len()).as_bytes()).unwrap();
    lines.write_all(format!("{LINE}\n{LINE}\nhalf").as_bytes()).unwrap();
    let mut found = world.texts(4, second(0));
    found.sort_by_key(|line| line.len());
    assert_eq!(found, ["<22>a#012b", LINE, LINE, LINE].map(str::to_owned));
}

#[test]
fn slow_silent_and_broken_connections_are_closed() {
    let mut world = listen(&["127.0.0.1"], 16);
    let (mut silent, mut slow, mut broken, mut good) =
        (world.connect(), world.connect(), world.connect(), world.connect());
    slow.write_all(b"<22>whole\n<22>begun").unwrap();
    broken.write_all(b"5 <22>a and this is no count").unwrap();
    good.write_all(b"<22>good\n").unwrap();
    assert_eq!(world.lines(3, second(0)).len(), 3);
    slow.write_all(b" and").unwrap();
    world.lines(1, second(59));
    world.lines(1, second(60));
    for closed in [&mut silent, &mut slow, &mut broken] {
        closed.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert!(matches!(closed.read(&mut [0; 9]), Ok(0) | Err(_)));
    }
    good.write_all(b"<22>still\n").unwrap();
    assert_eq!(world.texts(1, second(90)), ["<22>still"]);
    assert!(world.source.news(second(90)).unwrap().contains("3 slow, silent or broken"));
}

#[test]
fn one_peer_has_a_quarter_of_the_connections_and_the_silent_give_way() {
    let mut world = listen(&["127.0.0.1"], 8);
    let mut open: Vec<TcpStream> = (0..3).map(|_| world.connect()).collect();
    open[0].write_all(b"<22>one\n").unwrap();
    open[1].write_all(b"<22>two\n").unwrap();
    assert_eq!(world.lines(2, second(0)).len(), 2);
    assert_eq!(world.source.descriptors().len(), 2 + 2);
    assert!(world.source.news(second(0)).unwrap().contains("1 refused"));
    let mut late = world.connect();
    late.write_all(b"<22>late\n").unwrap();
    assert_eq!(world.texts(1, second(70)), ["<22>late"]);
    assert_eq!(world.source.descriptors().len(), 2 + 2);
}

/// In a process of its own: the limit is one of the whole process.
#[test]
fn without_descriptors_its_listeners_rest_for_a_second() {
    const ALONE: &str = "MAILWARD_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", "syslog::without_descriptors_its_listeners_rest_for_a_second"]);
        let ran = alone.env(ALONE, "").output().unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let mut world = listen(&["127.0.0.1"], 8);
    let mut client = world.connect();
    client.write_all(b"<22>late\n").unwrap();
    let before = getrlimit(Resource::Nofile);
    let none_left = Rlimit { current: Some(3), maximum: before.maximum };
    setrlimit(Resource::Nofile, none_left).unwrap();
    let nothing = |world: &mut World, now| {
        assert_eq!(world.source.read(now, 100, &mut |_| panic!("a line")), Progress::Waiting);
        assert_eq!(world.source.descriptors().len(), 1, "only that of datagrams");
    };
    nothing(&mut world, second(0));
    assert_eq!(world.source.deadline(), Some(second(1)));
    nothing(&mut world, second(0).plus(Duration::from_millis(999)));
    nothing(&mut world, second(1));
    assert_eq!(world.source.deadline(), Some(second(2)));
    let news = world.source.news(second(1)).unwrap();
    assert!(news.contains("2 times no connection could be taken: Too many open files"), "{news}");
    setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(world.texts(1, second(2)), ["<22>late"]);
    assert_eq!(world.source.descriptors().len(), 3);
}

/// Writes until the other side takes no more.
fn stuff(client: &mut TcpStream, bytes: &[u8]) -> usize {
    client.set_nonblocking(true).unwrap();
    let mut sent = 0;
    for _ in 0..1000 {
        match client.write(bytes) {
            Ok(count) => sent += count,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        if sent > 2 << 20 {
            break;
        }
    }
    sent
}

#[test]
fn a_flood_without_messages_ends_a_turn_and_starves_no_other() {
    let mut world = listen(&["127.0.0.1"], 16);
    let (mut flooder, mut other) = (world.connect(), world.connect());
    let sent = stuff(&mut flooder, &[b'\n'; 65_536]);
    assert!(sent > 2 << 20, "{sent}: more than is read at once");
    other.write_all(b"<22>one\n").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let mut count = 0;
    assert_eq!(world.source.read(second(0), 100, &mut |_| count += 1), Progress::More);
    assert_eq!(count, 1, "the other had its turn");
    flooder.set_nonblocking(false).unwrap();
    flooder.write_all(b"<22>at last\n").unwrap();
    assert_eq!(world.texts(1, second(0)), ["<22>at last"]);
}

/// What logger(1) of util-linux sends.
#[test]
fn a_real_logger_is_understood() {
    let mut world = listen(&["127.0.0.1"], 8);
    for (protocol, address) in [("--udp", world.udp), ("--tcp", world.tcp)] {
        for extra in [&["--rfc3164"][..], &["--rfc5424"], &["--rfc5424", "--octet-count"]] {
            let port = address.port().to_string();
            let mut logger = Command::new("logger");
            logger.args(["--server", "127.0.0.1", "--port", &port, protocol, "--id=7"]);
            logger.args(["--tag", "postfix/smtpd", "--priority", "mail.info"]).args(extra);
            match logger.arg("connect from unknown[198.51.100.7]").status() {
                Ok(status) => assert!(status.success()),
                Err(error) => return eprintln!("skipped: logger: {error}"),
            }
            let lines = world.texts(1, second(0));
            if protocol == "--udp" && extra.len() > 1 {
                continue;
            }
            assert!(lines[0].starts_with("<22>"), "{lines:?}");
            assert!(lines[0].ends_with("connect from unknown[198.51.100.7]"), "{lines:?}");
        }
    }
}
