//! What bans cost in the kernel, beside what `nft` takes for the same.
//!
//! `cargo bench -p edge --bench enforce`, as root: works in a network namespace of its own. With
//! `-- heal` only what `nft flush ruleset` leaves to do.

// A measurement that cannot go on ends with a panic.
#![allow(clippy::unwrap_used, clippy::panic)]

use edge::enforce::kernel::{Kernel as _, Netfilter};
use edge::enforce::reconcile::Reconciler;
use edge::enforce::skeleton::BanSets;
use edge::enforce::table::{ElementKey, Mask};
use edge::enforce::{Ban, Handle, Report, Ruleset, serve};
use event::Network;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SINGLE: u32 = 10_000;

fn main() {
    if !rustix::process::geteuid().is_root() {
        println!("needs root");
        return;
    }
    let name = format!("mwbench{}", std::process::id());
    ip(&["netns", "add", &name]);
    let namespace = File::open(format!("/run/netns/{name}")).unwrap();
    let work = std::thread::spawn(move || {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), network).unwrap();
        measure();
    });
    let result = work.join();
    ip(&["netns", "del", &name]);
    result.unwrap();
}

fn measure() {
    if std::env::args().any(|argument| argument == "heal") {
        for count in [1_000, 100_000, 1_000_000] {
            heal(count);
        }
        return;
    }
    for count in [100_000, 1_000_000] {
        let direct = restore_directly(count);
        println!("{count} bans into an empty table, reconciler alone: {direct}");
        let whole = through_the_process(count);
        println!("{count} bans, guard to kernel and back: {}", whole.restored);
        println!("  the same list again: {}", whole.again);
        println!("  after a restart of the enforcer, without a gap: {}", whole.restarted);
        println!("  after `nft flush ruleset`, until all are back: {}", whole.healed);
        whole.single.print(&format!("  one ban beside {count}, guard to kernel and back"));
        whole.kernel.print("    of it in the enforcer");
        if count == 100_000 {
            let nft = with_nft(count);
            let ratio = nft.as_secs_f64() / whole.restored.wall.as_secs_f64();
            println!("  `nft -f` with the same bans: {nft:.3?}, {ratio:.1} times as long");
        }
    }
    alone();
}

/// `nft flush ruleset` beside so many bans: until one of the latest is back, and until all are.
fn heal(count: u32) {
    let (mut handle, other) = Handle::pair().unwrap();
    let thread = std::thread::spawn(move || serve(other).unwrap());
    handle.ruleset(&Ruleset::default()).unwrap();
    let sequence = handle.snapshot(bans(count)).unwrap();
    applied(&mut handle, sequence);
    let latest = ban(2_000_000);
    let sequence = handle.ban(&[latest]).unwrap();
    applied(&mut handle, sequence);
    let set = BanSets { counted: Ruleset::default().counters_per_ban, ..BanSets::default() };
    let set = set.name(Mask::of(&latest.network));
    let key = ElementKey::Address(latest.network.address());
    let mut kernel = Netfilter::open().unwrap();
    for _ in 0..3 {
        assert!(kernel.find(&set, key).unwrap().is_some());
        let flushing = Spent::begin();
        flush();
        let flushed = flushing.end();
        let begun = Spent::begin();
        while kernel.find(&set, key).unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        let first = begun.wall.elapsed();
        wait(&mut handle, |report| matches!(report, Report::Healed { .. }).then_some(()));
        let all = begun.end();
        println!(
            "{count} bans: `nft` took {flushed}, then the latest back in {first:.1?}, all in {all}"
        );
        // The second look, and what the kernel still frees.
        std::thread::sleep(Duration::from_secs(2));
    }
    drop(handle);
    thread.join().unwrap();
    flush();
}

/// One ban at a time, without the socket between the processes.
fn alone() {
    let mut reconciler = Reconciler::new(Netfilter::open().unwrap());
    reconciler.ruleset(Ruleset::default(), 0).unwrap();
    fill(&mut reconciler, 1_000_000);
    let mut times = Times::default();
    for number in 0..SINGLE {
        let begun = Instant::now();
        reconciler.ban(&[ban(2_000_000 + number)], 0).unwrap();
        times.0.push(begun.elapsed());
    }
    times.print("one ban beside 1000000, reconciler alone");
    flush();
}

fn restore_directly(count: u32) -> Spent {
    let mut reconciler = Reconciler::new(Netfilter::open().unwrap());
    reconciler.ruleset(Ruleset::default(), 0).unwrap();
    let parts: Vec<Vec<Ban>> = bans(count).chunks(4096).map(<[Ban]>::to_vec).collect();
    let begun = Spent::begin();
    reconciler.snapshot_begin();
    for part in parts {
        reconciler.snapshot_part(&part, 0);
    }
    reconciler.snapshot_end(0).unwrap();
    let spent = begun.end();
    flush();
    spent
}

fn fill(reconciler: &mut Reconciler<Netfilter>, count: u32) {
    reconciler.snapshot_begin();
    for part in bans(count).chunks(4096) {
        reconciler.snapshot_part(part, 0);
    }
    reconciler.snapshot_end(0).unwrap();
}

/// Time that passed, and CPU time of this process, which a busy machine does not stretch as much.
struct Spent {
    wall: Duration,
    cpu: Duration,
}

struct Clocks {
    wall: Instant,
    cpu: Duration,
}

fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl Spent {
    fn begin() -> Clocks {
        Clocks { wall: Instant::now(), cpu: cpu() }
    }
}

impl Clocks {
    fn end(self) -> Spent {
        Spent { wall: self.wall.elapsed(), cpu: cpu() - self.cpu }
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.3?} ({:.3?} of CPU)", self.wall, self.cpu)
    }
}

struct Whole {
    restored: Spent,
    again: Spent,
    restarted: Spent,
    healed: Spent,
    single: Times,
    kernel: Times,
}

fn through_the_process(count: u32) -> Whole {
    let bans = bans(count);
    let begin = || {
        let (mut handle, other) = Handle::pair().unwrap();
        let thread = std::thread::spawn(move || serve(other).unwrap());
        let sequence = handle.ruleset(&Ruleset::default()).unwrap();
        applied(&mut handle, sequence);
        (handle, thread)
    };
    let started = Instant::now();
    let snapshot = |handle: &mut Handle| {
        let begun = Spent::begin();
        let remaining_s = Some(3600 - started.elapsed().as_secs() as u32);
        let sequence = handle.snapshot(bans.iter().map(|b| Ban { remaining_s, ..*b })).unwrap();
        applied(handle, sequence);
        begun.end()
    };
    let (mut handle, thread) = begin();
    let restored = snapshot(&mut handle);
    let again = snapshot(&mut handle);
    drop(handle);
    thread.join().unwrap();
    let (mut handle, thread) = begin();
    let restarted = snapshot(&mut handle);
    let mut single = Times::default();
    let mut kernel = Times::default();
    for number in 0..SINGLE {
        let begun = Instant::now();
        let sequence = handle.ban(&[ban(2_000_000 + number)]).unwrap();
        let micros = applied(&mut handle, sequence);
        single.0.push(begun.elapsed());
        kernel.0.push(Duration::from_micros(micros.into()));
    }
    let begun = Spent::begin();
    flush();
    wait(&mut handle, |report| matches!(report, Report::Healed { .. }).then_some(()));
    let healed = begun.end();
    drop(handle);
    thread.join().unwrap();
    flush();
    Whole { restored, again, restarted, healed, single, kernel }
}

fn with_nft(count: u32) -> Duration {
    let mut text = String::from("add table inet other\n");
    text.push_str("add set inet other bans { type ipv4_addr; flags timeout; }\n");
    for part in bans(count).chunks(1000) {
        text.push_str("add element inet other bans { ");
        for ban in part {
            text.push_str(&format!("{} timeout 3600s, ", ban.network.address()));
        }
        text.push_str("}\n");
    }
    let begun = Instant::now();
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success());
    let elapsed = begun.elapsed();
    flush();
    elapsed
}

fn bans(count: u32) -> Vec<Ban> {
    (0..count).map(ban).collect()
}

/// Addresses far apart, as attackers' are, and all different: the factor is odd.
fn ban(number: u32) -> Ban {
    let address =
        Ipv4Addr::from_bits(0x1000_0000 + (number.wrapping_mul(0x9e37_79b1) & 0x07ff_ffff));
    Ban { network: Network::host(IpAddr::V4(address)), remaining_s: Some(3600) }
}

fn applied(handle: &mut Handle, wanted: u32) -> u32 {
    wait(handle, |report| match report {
        Report::Applied { sequence, micros, .. } if *sequence == wanted => Some(*micros),
        Report::Failed { text, .. } => panic!("{text}"),
        _ => None,
    })
}

fn wait<T>(handle: &mut Handle, wanted: impl Fn(&Report) -> Option<T>) -> T {
    let mut reports = Vec::new();
    loop {
        handle.flush().unwrap();
        handle.receive(&mut reports).unwrap();
        if let Some(found) = reports.drain(..).find_map(|report| wanted(&report)) {
            return found;
        }
        let write = if handle.wants_write() { PollFlags::OUT } else { PollFlags::empty() };
        poll(&mut [PollFd::new(handle, PollFlags::IN | write)], None).unwrap();
    }
}

fn flush() {
    assert!(Command::new("nft").args(["flush", "ruleset"]).status().unwrap().success());
}

fn ip(arguments: &[&str]) {
    assert!(Command::new("ip").args(arguments).status().unwrap().success());
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn print(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |share: f64| self.0[(self.0.len() as f64 * share) as usize];
        println!("{what}: p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}", at(0.5), at(0.99), at(0.999));
    }
}
