//! A mail host and a hostile network, in two network namespaces made for one test.
//!
//! Needs root, `ip` and `nft`. Without root a test says that it was skipped; as root it must work.

use edge::enforce::{Counter, Handle, Held, Report, Ruleset, confine_enforcer, serve};
use event::Network;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The mail host.
pub const HOST: [&str; 2] = ["192.0.2.1", "2001:db8:1::1"];
/// An honest client, in each family.
pub const HONEST: &str = "192.0.2.2";
pub const HONEST6: &str = "2001:db8:1::2";
/// Ports on which the mail host answers.
pub const PORTS: [u16; 4] = [25, 143, 993, 8080];
/// How long a dropped packet is waited for.
const PATIENCE: Duration = Duration::from_millis(350);
/// How long something that must come is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

static WORLDS: AtomicU32 = AtomicU32::new(0);

pub struct World {
    host: String,
    clients: String,
}

/// Where code runs.
#[derive(Clone, Copy)]
pub enum Side {
    Host,
    Clients,
}

impl World {
    /// A new world, or `None` (and a word about it) without root.
    pub fn new() -> Option<World> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: network namespaces need root");
            return None;
        }
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let name = format!("mw{}-{number}", std::process::id());
        let world = World { host: format!("{name}h"), clients: format!("{name}c") };
        world.build();
        world.listen();
        // Neighbours must have found each other before a lost packet can mean anything.
        for source in [HONEST, HONEST6, "198.51.100.254", "203.0.113.254", "2001:db8:bad:ffff::1"] {
            assert!((0..30).any(|_| world.answers(source, 25)), "no way from {source}");
        }
        Some(world)
    }

    fn build(&self) {
        let World { host, clients } = self;
        for line in [
            format!("ip netns add {host}"),
            format!("ip netns add {clients}"),
            format!("ip netns exec {host} sysctl -qw net.ipv6.conf.default.accept_dad=0"),
            format!("ip netns exec {clients} sysctl -qw net.ipv6.conf.default.accept_dad=0"),
            format!("ip -n {host} link add m0 type veth peer name c0 netns {clients}"),
            format!("ip -n {host} addr add 192.0.2.1/24 dev m0"),
            format!("ip -n {host} addr add 2001:db8:1::1/64 dev m0 nodad"),
            format!("ip -n {clients} addr add 192.0.2.2/24 dev c0"),
            format!("ip -n {clients} addr add 2001:db8:1::2/64 dev c0 nodad"),
            format!("ip -n {host} link set lo up"),
            format!("ip -n {host} link set m0 up"),
            format!("ip -n {clients} link set lo up"),
            format!("ip -n {clients} link set c0 up"),
            // Every address of these prefixes is a client's.
            format!("ip -n {host} route add 198.51.100.0/24 via 192.0.2.2"),
            format!("ip -n {host} route add 203.0.113.0/24 via 192.0.2.2"),
            format!("ip -n {host} -6 route add 2001:db8:bad::/48 via 2001:db8:1::2"),
            format!("ip -n {clients} route add local 198.51.100.0/24 dev lo"),
            format!("ip -n {clients} route add local 203.0.113.0/24 dev lo"),
            format!("ip -n {clients} -6 route add local 2001:db8:bad::/48 dev lo"),
            format!("ip netns exec {clients} sysctl -qw net.ipv6.ip_nonlocal_bind=1"),
        ] {
            run(&line);
        }
    }

    /// Answers on all ports, both families: a greeting, then an echo.
    fn listen(&self) {
        for port in PORTS {
            serve_in(&self.host, port);
        }
    }

    /// Runs something in a thread on one side.
    pub fn within<T: Send + 'static>(
        &self,
        side: Side,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let name = match side {
            Side::Host => &self.host,
            Side::Clients => &self.clients,
        };
        within(name, work)
    }

    /// Connects from an address; `None` when nothing answers.
    pub fn connect(&self, source: &str, port: u16) -> Option<TcpStream> {
        let source: IpAddr = source.parse().unwrap();
        let work = move || connect_from(source, port);
        self.within(Side::Clients, work).join().unwrap()
    }

    /// How many of so many connections come through; they stay open until the result is dropped.
    pub fn connect_many(&self, source: &str, port: u16, tries: usize) -> Vec<TcpStream> {
        let source: IpAddr = source.parse().unwrap();
        let work = move || (0..tries).filter_map(|_| connect_from(source, port)).collect();
        self.within(Side::Clients, work).join().unwrap()
    }

    /// True where a new connection comes through.
    pub fn answers(&self, source: &str, port: u16) -> bool {
        self.connect(source, port).is_some()
    }

    /// Runs `nft` on the mail host.
    pub fn nft(&self, arguments: &str) -> String {
        run(&format!("ip netns exec {} nft {arguments}", self.host))
    }

    /// A container behind destination NAT: each pair is a published port and the container's.
    pub fn container(&self, ports: &[(u16, u16)]) {
        let World { host, clients } = self;
        let container = format!("{host}b");
        for line in [
            format!("ip netns add {container}"),
            format!("ip -n {host} link add b0 type veth peer name e0 netns {container}"),
            format!("ip -n {host} addr add 10.9.0.1/24 dev b0"),
            format!("ip -n {host} link set b0 up"),
            format!("ip -n {container} addr add 10.9.0.2/24 dev e0"),
            format!("ip -n {container} link set e0 up"),
            format!("ip -n {container} route add default via 10.9.0.1"),
            format!("ip netns exec {host} sysctl -qw net.ipv4.ip_forward=1"),
            format!("ip -n {clients} route replace default via 192.0.2.1"),
        ] {
            run(&line);
        }
        self.nft("add table ip nat");
        self.nft("add chain ip nat pre { type nat hook prerouting priority -100; }");
        for (published, port) in ports {
            let to = format!("10.9.0.2:{port}");
            self.nft(&format!("add rule ip nat pre iif m0 tcp dport {published} dnat to {to}"));
            serve_in(&container, *port);
        }
    }

    /// Starts an enforcer on the mail host, confined as in earnest.
    pub fn enforcer(&self) -> Enforcer {
        let (handle, other) = Handle::pair().unwrap();
        let thread = self.within(Side::Host, move || {
            confine_enforcer().unwrap();
            serve(other).unwrap();
        });
        Enforcer { handle: Some(handle), thread: Some(thread), heard: Vec::new() }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for name in [&self.host, &self.clients, &format!("{}b", self.host)] {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

/// The guard's end, with everything that was heard.
pub struct Enforcer {
    handle: Option<Handle>,
    thread: Option<JoinHandle<()>>,
    pub heard: Vec<Report>,
}

impl Enforcer {
    pub fn handle(&mut self) -> &mut Handle {
        self.handle.as_mut().unwrap()
    }

    /// Sets the rules and an empty list of bans, and waits until both are in force.
    pub fn begin(&mut self, ruleset: &Ruleset) {
        self.handle().ruleset(ruleset).unwrap();
        let sequence = self.handle().snapshot([]).unwrap();
        self.applied(sequence);
    }

    /// Bans for an hour, and waits until it is done.
    pub fn ban(&mut self, network: &str) {
        let network: Network = network.parse().unwrap();
        let ban = edge::enforce::Ban { network, remaining_s: Some(3600) };
        let sequence = self.handle().ban(&[ban]).unwrap();
        self.applied(sequence);
    }

    pub fn unban(&mut self, network: &str) {
        let sequence = self.handle().unban(&[network.parse().unwrap()]).unwrap();
        self.applied(sequence);
    }

    pub fn applied(&mut self, wanted: u32) {
        self.wait(|report| match report {
            Report::Applied { sequence, .. } => (*sequence == wanted).then_some(()),
            Report::Failed { text, .. } => panic!("{text}"),
            _ => None,
        });
    }

    pub fn counter(&mut self, name: &str) -> u64 {
        self.handle().ask_counters().unwrap();
        let counters: Vec<Counter> = self.wait(|report| match report {
            Report::Counters { counters, .. } => Some(counters.clone()),
            _ => None,
        });
        counters.iter().find(|counter| counter.name == name).map_or(0, |counter| counter.packets)
    }

    pub fn held(&mut self, address: &str) -> Option<Held> {
        let address: IpAddr = address.parse().unwrap();
        self.handle().ask_address(address).unwrap();
        self.wait(|report| match report {
            Report::Address { address: about, held } if *about == address => Some(*held),
            _ => None,
        })
    }

    /// Waits for a report; those that come before it are kept in `heard`.
    pub fn wait<T>(&mut self, wanted: impl Fn(&Report) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let handle = self.handle.as_mut().unwrap();
            handle.flush().unwrap();
            let mut reports = Vec::new();
            handle.receive(&mut reports).unwrap();
            let mut found = None;
            for report in reports {
                found = found.or_else(|| wanted(&report));
                self.heard.push(report);
            }
            if let Some(found) = found {
                return found;
            }
            assert!(begun.elapsed() < DEADLINE, "nothing came; heard {:?}", self.heard);
            let mut fds = [PollFd::new(self.handle.as_ref().unwrap(), PollFlags::IN)];
            let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            poll(&mut fds, Some(&tick)).unwrap();
        }
    }

    /// Ends the enforcer's process.
    pub fn stop(mut self) {
        drop(self.handle.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

fn within<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let namespace = File::open(format!("/run/netns/{name}")).unwrap();
    std::thread::spawn(move || {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), network).unwrap();
        work()
    })
}

/// Greets and echoes on a port of a namespace, unless something does so already.
fn serve_in(name: &str, port: u16) {
    let bound = within(name, move || TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).ok());
    let Some(listener) = bound.join().unwrap() else { return };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || echo(stream));
        }
    });
}

fn echo(mut stream: TcpStream) {
    let _ = stream.write_all(b"220 mail\r\n");
    let mut buffer = [0; 256];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// True where a held connection still answers.
pub fn alive(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = [0; 6];
    stream.write_all(b"NOOP\r\n").is_ok() && stream.read_exact(&mut answer).is_ok()
}

/// True where the other side has closed a held connection.
pub fn is_reset(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    matches!(stream.read(&mut [0; 16]), Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset)
}

pub fn connect_from(source: IpAddr, port: u16) -> Option<TcpStream> {
    let (family, host) = match source {
        IpAddr::V4(_) => (AddressFamily::INET, HOST[0]),
        IpAddr::V6(_) => (AddressFamily::INET6, HOST[1]),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None).unwrap();
    bind(&socket, &SocketAddr::new(source, 0)).unwrap();
    match connect(&socket, &SocketAddr::new(host.parse().unwrap(), port)) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => panic!("connect: {error}"),
    }
    let mut fds = [PollFd::new(&socket, PollFlags::OUT)];
    let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.as_nanos() as i64 };
    if poll(&mut fds, Some(&patience)).unwrap() == 0 {
        return None;
    }
    if sockopt::socket_error(&socket).unwrap().is_err() {
        return None;
    }
    let mut stream = TcpStream::from(socket);
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut greeting = [0; 10];
    stream.read_exact(&mut greeting).unwrap();
    Some(stream)
}

fn run(line: &str) -> String {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
