use super::*;
use event::Server;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A made-up host.
struct Host {
    root: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Host { root: tempfile::tempdir().unwrap() };
        host.file("proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n")
            .file("proc/sys/kernel/hostname", "mx1\n")
            .file("proc/net/fib_trie", FIB_TRIE)
            .file("proc/net/tcp", TCP_HEAD)
            .process(1, "systemd", "/sbin/init\0", &[])
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn process(self, pid: u32, name: &str, title: &str, sockets: &[u64]) -> Self {
        let host = self
            .file(&format!("proc/{pid}/comm"), &format!("{name}\n"))
            .file(&format!("proc/{pid}/cmdline"), title);
        let descriptors = host.root.path().join(format!("proc/{pid}/fd"));
        fs::create_dir_all(&descriptors).unwrap();
        for (number, inode) in sockets.iter().enumerate() {
            symlink(format!("socket:[{inode}]"), descriptors.join(number.to_string())).unwrap();
        }
        host
    }

    fn look(&self) -> Surroundings {
        look(self.root.path(), None)
    }

    fn places(&self) -> Vec<String> {
        let place = |choice: LogChoice| match choice.place {
            LogPlace::File(path) => path.display().to_string(),
            LogPlace::Journald { matches, .. } => format!("journald {}", matches.join(" ")),
        };
        self.look().logs.into_iter().map(place).collect()
    }
}

const FIB_TRIE: &str = "Local:
  +-- 0.0.0.0/0 3 0 5
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.2
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
";

const TCP_HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

/// A line of `/proc/net/tcp` as a little-endian machine prints it.
fn tcp(local: &str, peer: &str, state: &str, inode: u64) -> String {
    format!(
        "   0: {local} {peer} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100 0 0 10 0\n"
    )
}

#[test]
fn a_debian_host_with_postfix_and_dovecot() {
    let host = Host::new()
        .file("etc/postfix/main.cf", "myhostname = mx1\n")
        .file("etc/dovecot/dovecot.conf", "!include conf.d/*.conf\n")
        .file("etc/dovecot/conf.d/10-logging.conf", "#log_path = /var/log/x.log\n")
        .file(
            "etc/rsyslog.conf",
            "*.*;auth,authpriv.none -/var/log/syslog\nmail.* -/var/log/mail.log\n",
        )
        .file("etc/timezone", "Europe/Berlin\n")
        .file("run/log/journal/x", "")
        .file("lib/systemd/system/postfix@.service", "")
        .process(20, "rsyslogd", "/usr/sbin/rsyslogd\0-n\0", &[])
        .process(30, "master", "/usr/lib/postfix/sbin/master\0-w\0", &[100, 101])
        .process(40, "dovecot", "/usr/sbin/dovecot\0-F\0", &[102, 103]);
    let table = [
        tcp("00000000:0019", "00000000:0000", "0A", 100),
        tcp("0100007F:2729", "00000000:0000", "0A", 101),
        tcp("020200C0:0A29", "00000000:0000", "0A", 102),
        tcp("00000000:0050", "00000000:0000", "0A", 999),
    ];
    let host = host.file("proc/net/tcp", &format!("{TCP_HEAD}{}", table.concat())).file(
        "proc/net/tcp6",
        &format!(
            "{TCP_HEAD}{}",
            tcp(
                "00000000000000000000000000000000:03E1",
                "00000000000000000000000000000000:0000",
                "0A",
                103
            )
        ),
    );
    let found = host.look();
    assert_eq!(found.lacks, []);
    assert_eq!(found.host.as_deref(), Some("mx1"));
    let servers: Vec<_> = found.servers.iter().map(|one| (one.server, one.runs)).collect();
    assert_eq!(servers, [(Server::Postfix, true), (Server::Dovecot, true)]);
    assert_eq!(found.logs.len(), 1, "both log to one file, the journal is not read as well");
    assert_eq!(found.logs[0].place, LogPlace::File(PathBuf::from("/var/log/mail.log")));
    assert_eq!(found.logs[0].servers, [Server::Postfix, Server::Dovecot]);
    assert!(found.logs[0].why.contains("the journal holds the same lines"));
    let listeners: Vec<_> = found.listeners.iter().map(|one| (one.port(), one.server)).collect();
    assert_eq!(
        listeners,
        [(25, Some(Server::Postfix)), (2601, Some(Server::Dovecot)), (993, Some(Server::Dovecot))]
    );
    assert_eq!(found.ports, [25, 110, 143, 465, 587, 993, 995, 2601, 4190]);
    assert_eq!(found.neighbours.own, [ip("127.0.0.1"), ip("192.0.2.2")]);
    assert_eq!(found.zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(found.units, ["postfix@.service"]);
    assert_eq!(found.privileges, Privileges { root: true, net_admin: true, read_all: true });
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_journal_is_read_where_no_daemon_writes_a_file() {
    let host = Host::new()
        .file("etc/postfix/main.cf", "")
        .file("var/log/journal/x", "")
        .file("var/log/mail.log", "left over from before")
        .file("usr/bin/journalctl", "");
    assert_eq!(host.places(), ["journald SYSLOG_FACILITY=2"]);
    // A user who gives a process of his that name has no stale file read.
    let host = host
        .file("proc/19/status", "Name:\trsyslogd\nUid:\t1000\t1000\t1000\t1000\n")
        .process(19, "rsyslogd", "/usr/sbin/rsyslogd\0-n\0", &[]);
    assert_eq!(host.places(), ["journald SYSLOG_FACILITY=2"]);
    let lacks = |host: &Host| -> Vec<String> {
        host.look().lacks.iter().map(ToString::to_string).collect()
    };
    let told = lacks(&host).into_iter().find(|lack| lack.contains("/log/journal")).unwrap();
    assert!(told.contains("no such file") && told.contains("see that systemd-journald runs"));
    let host = host
        .file("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        .file("run/log/journal/0123456789abcdef0123456789abcdef/system.journal", "");
    assert!(!lacks(&host).iter().any(|lack| lack.contains("/log/journal")), "{:?}", lacks(&host));
    let host = host.file("proc/20/status", "Name:\trsyslogd\nUid:\t104\t104\t104\t104\n").process(
        20,
        "rsyslogd",
        "/usr/sbin/rsyslogd\0-n\0",
        &[],
    );
    assert_eq!(host.places(), ["/var/log/mail.log"], "now a daemon writes it");
}

#[test]
fn servers_with_files_of_their_own() {
    let host = Host::new()
        .file(
            "etc/postfix/main.cf",
            "# comment\nlogs = /srv/log\nmaillog_file =\n  $logs/${kind}.log\nkind = postfix\n",
        )
        .file(
            "etc/dovecot/dovecot.conf",
            "log_path = /var/log/dovecot.log\n!include_try local.conf\n",
        )
        .file("etc/dovecot/local.conf", "info_log_path = /var/log/dovecot-info.log # told there\n")
        .file("etc/exim4/exim4.conf.template", "log_file_path = /var/log/e/%slog : syslog\n")
        .file("var/log/journal/x", "");
    assert_eq!(
        host.places(),
        [
            "/srv/log/postfix.log",
            "/var/log/dovecot-info.log",
            "/var/log/dovecot.log",
            "/var/log/e/mainlog"
        ]
    );
}

#[test]
fn exim_without_main_log_is_read_from_its_reject_log() {
    let host = Host::new().file("etc/exim4/update-exim4.conf.conf", "");
    assert_eq!(host.places(), ["/var/log/exim4/mainlog"], "it will come");
    let host = host.file("var/log/exim4/rejectlog", "");
    assert_eq!(host.places(), ["/var/log/exim4/rejectlog"]);
    let host = host.file("var/log/exim4/mainlog", "");
    assert_eq!(host.places(), ["/var/log/exim4/mainlog"]);
}

#[test]
fn what_cannot_be_followed_is_said() {
    let host = Host::new().file("etc/postfix/main.cf", "maillog_file = /dev/stdout\n");
    let found = host.look();
    assert_eq!(found.logs, []);
    assert!(found.lacks.iter().any(|lack| lack.what.contains("postfix logs to /dev/stdout")));
    let nothing = Host::new().look();
    assert!(nothing.lacks.iter().any(|lack| lack.what.contains("no mail server")));
    let nowhere = Host::new().file("etc/smtpd.conf", "").look();
    assert!(nowhere.lacks.iter().any(|lack| lack.what.contains("opensmtpd logs to syslog")));
}

#[test]
fn logs_that_are_here_without_a_server() {
    let host = Host::new().file("var/log/maillog", "").file("var/log/mail.info", "");
    assert_eq!(host.places(), ["/var/log/maillog"]);
}

#[test]
fn logs_of_web_interfaces() {
    let host = Host::new()
        .file("etc/postfix/main.cf", "maillog_file = /var/log/mail.log\n")
        .file("var/log/sogo/sogo.log", "")
        .file("var/log/roundcube/userlogins.log", "")
        .file("var/log/roundcube/errors.log", "")
        .file("var/log/roundcube/sendmail.log", "")
        .file("var/log/horde/horde.log", "");
    let places = host.places();
    let expected = [
        "/var/log/mail.log",
        "/var/log/sogo/sogo.log",
        "/var/log/roundcube/errors.log",
        "/var/log/horde/horde.log",
    ];
    assert_eq!(places, expected);
    let found = host.look();
    let sogo = &found.logs[1];
    assert_eq!((&sogo.servers[..], sogo.is_syslog), (&[Server::Sogo][..], false));
    assert_eq!(found.servers.len(), 1, "no mail server");
    assert_eq!(Host::new().file("var/log/sogo/other", "").places(), [] as [&str; 0]);
}

/// A connection to port 22 of 192.0.2.2 from 198.51.100.NUMBER, whose socket has that inode and
/// was made by a user.
fn session(number: u8, uid: u32) -> String {
    let line = tcp("020200C0:0016", &format!("{number:02X}6433C6:D001"), "01", number.into());
    line.replace("     0        0 ", &format!("     {uid}        0 "))
}

/// A process of sshd, or of one who poses as one.
struct Sshd<'a> {
    name: &'a str,
    title: &'a str,
    uid: &'a str,
    /// Below the root; who owns it.
    program: (&'a str, u32),
}

const OF_ROOT: &str = "0\t0\t0\t0";
const OF_ALICE: &str = "1000\t1000\t1000\t1000";
const SSHD: (&str, u32) = ("usr/sbin/sshd", 0);

impl Host {
    fn sshd(self, pid: u32, sockets: &[u64], sshd: &Sshd<'_>) -> Self {
        let Sshd { name, title, uid, program: (program, owner) } = *sshd;
        let host = self
            .process(pid, name, &format!("{title}\0"), sockets)
            .file(&format!("proc/{pid}/status"), &format!("Name:\t{name}\nUid:\t{uid}\n"))
            .file(program, "a program");
        let path = host.root.path().join(program);
        std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
        symlink(path, host.root.path().join(format!("proc/{pid}/exe"))).unwrap();
        host
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can make files of root");
    }
    is_root
}

#[test]
fn only_sessions_with_a_login_are_administrators() {
    if !is_root() {
        return;
    }
    // .1 and .4 are logged in, .2 is guessing, .3 is logged in over IPv6-mapped IPv4, .5 is root.
    let table = [1, 2, 4, 5].map(|number| session(number, 0)).concat();
    let mapped = tcp(
        "0000000000000000FFFF0000020200C0:0016",
        "0000000000000000FFFF0000036433C6:D003",
        "01",
        3,
    );
    let process = |title, uid| Sshd { name: "sshd", title, uid, program: SSHD };
    let newer = |title, uid| Sshd {
        name: "sshd-session",
        title,
        uid,
        program: ("usr/lib/openssh/sshd-session", 0),
    };
    let host = Host::new()
        .file("proc/net/tcp", &format!("{TCP_HEAD}{table}"))
        .file("proc/net/tcp6", &format!("{TCP_HEAD}{mapped}"))
        .sshd(10, &[1], &process("sshd: alice [priv]", OF_ROOT))
        .sshd(11, &[1], &process("sshd: alice@pts/0", OF_ALICE))
        .sshd(12, &[2], &process("sshd: root [priv]", OF_ROOT))
        .sshd(13, &[2], &process("sshd: root [net]", "110\t110\t110\t110"))
        .sshd(14, &[3], &newer("sshd-session: alice [priv]", OF_ROOT))
        .sshd(15, &[3], &newer("sshd-session: alice@notty", OF_ALICE))
        .sshd(16, &[4], &process("sshd: bob [priv]", OF_ROOT))
        .sshd(17, &[4], &process("sshd: bob@pts/1", OF_ALICE))
        .sshd(18, &[5], &process("sshd: root@pts/2", OF_ROOT));
    // The program was replaced by an update since .4 came.
    for pid in [16, 17] {
        let exe = host.root.path().join(format!("proc/{pid}/exe"));
        let old = host.root.path().join("usr/sbin/sshd (deleted)");
        fs::write(&old, "the old program").unwrap();
        fs::remove_file(&exe).unwrap();
        symlink(old, exe).unwrap();
    }
    let expected = ["198.51.100.1", "198.51.100.3", "198.51.100.4", "198.51.100.5"].map(ip);
    assert_eq!(host.look().administrators, expected);
    let found = look(host.root.path(), Some("2001:db8::7 5022 192.0.2.2 22"));
    assert_eq!(found.administrators, [&expected[..], &[ip("2001:db8::7")]].concat());
}

#[test]
fn nobody_but_root_can_say_who_is_an_administrator() {
    if !is_root() {
        return;
    }
    const OWN: (&str, u32) = ("home/alice/sshd", 1000);
    const SU: (&str, u32) = ("usr/bin/su", 0);
    let sshd = |title, uid, program| Sshd { name: "sshd", title, uid, program };
    let fakes = [
        // A program of his own, by that name and title, or a copy of the real one.
        (1000, sshd("sshd: x@pts/0", OF_ALICE, OWN)),
        // Another program of the host's by a link of that name.
        (1000, sshd("sshd: x@pts/0", OF_ALICE, ("usr/bin/perl", 0))),
        // The real sshd, started by him, on a port of his; or what his session forwards.
        (1000, sshd("sshd: alice@pts/0", OF_ALICE, SSHD)),
        // The same where the socket was root's, such as one that a service handed to him.
        (0, sshd("sshd: alice@pts/0", OF_ALICE, SSHD)),
        // A program that is root's by its set-user-id bit holds a socket of his.
        (1000, sshd("sshd: x@pts/0", "1000\t0\t0\t0", SU)),
        (1000, sshd("sshd: x@pts/0", "1000\t0\t0\t0", SSHD)),
        // Even root's sshd, where the socket is not.
        (1000, sshd("sshd: alice@pts/0", OF_ROOT, SSHD)),
    ];
    for (uid, fake) in fakes {
        let host = Host::new()
            .file("proc/net/tcp", &format!("{TCP_HEAD}{}", session(1, uid)))
            .sshd(10, &[1], &fake)
            .sshd(11, &[], &sshd("sshd: alice [priv]", OF_ROOT, SSHD));
        assert_eq!(host.look().administrators, [] as [IpAddr; 0], "{} {}", fake.title, fake.uid);
    }
}

#[test]
fn gateways_and_resolvers() {
    let route = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\neth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n";
    let zero = "0".repeat(32);
    let route6 = format!(
        "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003 eth0\n\
20010db8000000000000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth0\n"
    );
    let host = Host::new()
        .file("proc/net/route", route)
        .file("proc/net/ipv6_route", &route6)
        .file("proc/net/if_inet6", "20010db8000000000000000000000002 04 40 00 82     eth0\n")
        .file("etc/resolv.conf", "# x\nnameserver 127.0.0.53\nnameserver fe80::5%eth0\nsearch a\n")
        .file("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\n");
    let found = host.look();
    assert_eq!(found.neighbours.gateways, [ip("192.0.2.1"), ip("fe80::1")]);
    assert_eq!(found.neighbours.resolvers, [ip("127.0.0.53"), ip("192.0.2.53"), ip("fe80::5")]);
    let protected = found.protected();
    for address in ["127.5.5.5", "::1", "192.0.2.1", "192.0.2.2", "2001:db8::2", "192.0.2.53"] {
        assert!(protected.iter().any(|network| network.contains(ip(address))), "{address}");
    }
    assert!(!protected.iter().any(|network| network.contains(ip("203.0.113.9"))));
}

#[test]
fn without_proc_it_says_so_and_goes_on() {
    let empty = tempfile::tempdir().unwrap();
    let found = look(empty.path(), None);
    assert!(found.lacks.len() >= 3, "{:?}", found.lacks);
    assert_eq!(found.privileges, Privileges::default());
    assert_eq!(found.ports, PORTS_MAIL);
}

#[test]
fn this_machine_can_be_looked_at() {
    let found = look(Path::new("/"), None);
    assert!(found.neighbours.own.contains(&ip("127.0.0.1")), "{:?}", found.neighbours);
    assert!(found.host.is_some());
}

#[test]
fn tables_of_rubbish_are_no_tables() {
    let rubbish =
        "x\n\u{0}: : :\n 0: 0:0 0:0 0A 0\n 1: 0100007F:FFFFF 0100007F:0001 01 0:0 0:0 0 0 0 1\n";
    let host = Host::new()
        .file("proc/net/tcp", rubbish)
        .file("proc/net/route", rubbish)
        .file("proc/net/ipv6_route", rubbish)
        .file("proc/net/if_inet6", rubbish)
        .file("etc/resolv.conf", "nameserver\nnameserver nonsense\n")
        .file("etc/postfix/main.cf", "  continuation of nothing\nmaillog_file = $maillog_file\n")
        .file("etc/dovecot/dovecot.conf", "!include dovecot.conf\nlog_path\n");
    let found = host.look();
    assert_eq!(found.listeners, []);
    assert_eq!(found.neighbours.gateways, [] as [IpAddr; 0]);
}

#[test]
fn a_host_with_nothing_but_loopback_is_told_so() {
    let trie = "Local:\n  +-- 127.0.0.0/8 2 0 2\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
    let told = |trie: &str| {
        let host = Host::new().file("proc/net/fib_trie", trie).file("proc/net/if_inet6", "");
        let lacks = host.look().lacks;
        lacks.iter().map(|lack| lack.what.clone()).collect::<Vec<_>>().join("; ")
    };
    assert!(told(trie).contains("no address but loopback"));
    assert!(!told(trie).contains("not known"));
    assert!(told("").contains("own addresses are not known"));
}
