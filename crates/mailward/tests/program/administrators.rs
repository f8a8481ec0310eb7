//! Whom the running program takes for an administrator at work.

use crate::world::{Place, World, signal, wait_until};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Holds both ends of a connection from an address (its first argument) to a port of its own:
/// of several that listen at one port one would take another's connection, or find it taken.
const HOLD: &str = "use IO::Socket::INET; my $at = '192.0.2.10'; \
    my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => $at) or die; \
    my $out = IO::Socket::INET->new( \
        LocalAddr => $ARGV[0], PeerAddr => $at, PeerPort => $listener->sockport) or die; \
    my $in = $listener->accept or die; close $listener; sleep 120";

/// A process in the network namespace of another.
struct Process(Child);

impl Process {
    fn within(pid: u32, arguments: &[&str]) -> Self {
        let mut command = Command::new("nsenter");
        command.args(["-t", &pid.to_string(), "-n", "--"]).args(arguments);
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// One that calls itself a session of sshd with a login, and holds a connection from `address`.
    fn session(pid: u32, program: &Path, uid: &str, address: &str) -> Self {
        let text = "exec -a 'sshd: alice@pts/0' \"$0\" -e \"$1\" \"$2\"";
        let program = program.to_str().unwrap();
        let user = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--"];
        let shell = ["bash", "-c", text, program, HOLD, address];
        Process::within(pid, &[&user[..], &shell].concat())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone.
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            signal(self.0.id(), rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// Why an address is never banned, as the running guard says.
fn protection(world: &World, address: &str) -> String {
    let why = world.objects(&["why", address]);
    let now = why.iter().find(|object| object["type"] == "now").unwrap();
    now["state"]["protection"].as_str().unwrap_or_default().to_owned()
}

/// Whoever can start a process can name it, and can hold a connection from anywhere.
#[test]
fn a_user_cannot_pose_as_an_administrator() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let world = World::new();
    world.append("");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path(""), mode).unwrap();
    // Root's own file and process stand for the real sshd.
    let genuine = world.path("sshd");
    std::fs::copy("/usr/bin/perl", &genuine).unwrap();
    let link = world.path("log/sshd");
    std::os::unix::fs::symlink("/usr/bin/perl", &link).unwrap();
    let guard = world.guard(Place::Namespace);
    // Addresses that this host answers by, and that are not its own.
    let route = ["ip", "route", "add", "local", "198.51.100.0/24", "dev", "lo"];
    assert!(Process::within(guard.pid(), &route).0.wait().unwrap().success());
    let _forged = [
        Process::session(guard.pid(), &link, "65534", "198.51.100.1"),
        // The very program of the real ones.
        Process::session(guard.pid(), &genuine, "65534", "198.51.100.2"),
        Process::session(guard.pid(), &link, "0", "198.51.100.3"),
    ];
    let table = || std::fs::read_to_string(format!("/proc/{}/net/tcp", guard.pid())).unwrap();
    wait_until("the forged ones hold their connections", || {
        let table = table();
        // The local end, the other end, and that it stands (01).
        let held = |number| {
            table.lines().any(|line| {
                let mut words = line.split_whitespace().skip(1);
                words.next().is_some_and(|own| own.starts_with("0A0200C0:"))
                    && words
                        .next()
                        .is_some_and(|other| other.starts_with(&format!("0{number}6433C6:")))
                    && words.next() == Some("01")
            })
        };
        (1..=3).all(held)
    });
    let _real = Process::session(guard.pid(), &genuine, "0", "198.51.100.9");
    wait_until("the session of the real one is seen", || {
        protection(&world, "198.51.100.9").contains("administrator")
    });
    for forged in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        assert_eq!(protection(&world, forged), "", "{forged}");
        world.ask(&["ban", forged, "--for", "1h"]).good();
    }
    world.ask(&["ban", "198.51.100.9"]).bad(1, &["an administrator at work"]);
    guard.stop();
}
