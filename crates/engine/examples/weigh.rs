//! How fast the engine is and how much memory it takes.
//!
//!     cargo run --release -p engine --example weigh -- speed
//!     cargo run --release -p engine --example weigh -- speed "ever new"
//!     cargo run --release -p engine --example weigh -- memory 1000000 botnet
//!     cargo run --release -p engine --example weigh -- memory 1000000 spread
//!     cargo run --release -p engine --example weigh -- account 1
//!     cargo run --release -p engine --example weigh -- bounds
//!
//! `speed` prints nanoseconds of processor time per event for kinds of traffic (all, or those whose
//! names have the words), and each as a multiple of the first. `memory` makes so many distinct
//! addresses fail once each, every tenth of them a second time, and prints the resident memory
//! before and after, and per address that the tables still know. `account` prints what an account
//! costs that logs in at so many places, fails and sends. `bounds` lets a million accounts log in,
//! fail from five million addresses and send, and prints the memory every fifth of the way; it ends
//! with 1 where a table holds more than its capacity or the memory still grows at the end.

use engine::{Config, Engine, Input, Output};
use event::{Event, Kind, Outcome, Protocol, Reason, Server, Text, Timestamp};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const START: Timestamp = Timestamp(1_793_606_400_000_000);

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["speed"] => speed(""),
        ["speed", words] => speed(words),
        ["memory", addresses, kind @ ("botnet" | "spread")] => match addresses.parse() {
            Ok(addresses) => memory(addresses, *kind == "botnet"),
            Err(_) => usage(),
        },
        ["account", places] => match places.parse() {
            Ok(places) => account(places),
            Err(_) => usage(),
        },
        ["bounds"] => bounds(),
        _ => usage(),
    }
}

fn usage() -> std::io::Result<()> {
    writeln!(
        std::io::stderr(),
        "usage: weigh speed [WORDS] | weigh memory ADDRESSES botnet|spread | weigh account PLACES | weigh bounds"
    )?;
    std::process::exit(2)
}

/// User and system time of this process so far, nanoseconds (`/proc/self/schedstat`).
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Resident memory, kB.
fn resident_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The same sequence of numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ self.0 >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 20
    }
}

/// An address of the internet, never a special one.
fn address(number: u64) -> IpAddr {
    if number.is_multiple_of(5) {
        let high = 0x2a00_0000_0000_0000 | number << 16 & 0x00ff_ffff_ffff_0000;
        return IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | 1));
    }
    let first = 20 + (number >> 24) as u32 % 80;
    IpAddr::V4(Ipv4Addr::from_bits(first << 24 | number as u32 & 0x00ff_ffff))
}

const NAMES: [&str; 8] = [
    "alice@example.org",
    "bob@example.org",
    "carol@example.org",
    "dave@example.org",
    "info@example.org",
    "sales@example.org",
    "office@example.org",
    "eve@example.org",
];

fn base<'a>(at: Timestamp, client: IpAddr, kind: Kind, outcome: Outcome) -> Event<'a> {
    Event {
        protocol: Protocol::Imap,
        client: Some(client),
        host: Some(Text(b"mail")),
        pid: Some(4711),
        ..Event::new(at, Server::Dovecot, Text(b"imap-login"), kind, outcome)
    }
}

fn failure(at: Timestamp, client: IpAddr, name: &str) -> Event<'_> {
    Event {
        reason: Some(Reason::AuthFailed),
        hostile: true,
        account: Some(Text(name.as_bytes())),
        attempts: 1,
        ..base(at, client, Kind::Auth, Outcome::Rejected)
    }
}

fn measure(
    name: &str,
    (words, first): &mut (&str, f64),
    make: impl Fn(u64, Timestamp) -> Event<'static>,
) -> std::io::Result<()> {
    if !name.contains(*words) {
        return Ok(());
    }
    const COUNT: u64 = 1_000_000;
    // Events are made before the clock runs, in parts that fit the memory.
    let mut engine = Engine::new(Config::default());
    let mut out: Vec<Output> = Vec::new();
    let mut numbers = Numbers(42);
    let (mut spent, mut outputs) = (0, 0);
    for part in 0..COUNT / 50_000 {
        let events: Vec<Event<'static>> = (0..50_000)
            .map(|step| {
                make(numbers.next(), Timestamp(START.0 + (part * 50_000 + step) as i64 * 1000))
            })
            .collect();
        let before = processor_ns();
        for (step, event) in events.iter().enumerate() {
            engine.step(part * 50_000 + step as u64, &Input::Event(event), &mut out);
            // As the program does: they are handed on with each line.
            outputs += out.len();
            out.clear();
        }
        spent += processor_ns() - before;
    }
    let each = spent as f64 / COUNT as f64;
    if *first == 0.0 {
        *first = each;
    }
    let held = engine.holds().count();
    writeln!(
        std::io::stdout(),
        "{name:44} {each:8.1} ns  {:6.1} x  {outputs:7} outputs  {held:6} held",
        each / *first
    )
}

fn speed(words: &str) -> std::io::Result<()> {
    let c = &mut (words, 0.0);
    measure("delivery (concerns no detector)", c, |number, at| {
        base(at, address(number % 2000), Kind::Delivery, Outcome::Allowed)
    })?;
    measure("connect, 2 000 clients", c, |number, at| {
        base(at, address(number % 2000), Kind::Connect, Outcome::Allowed)
    })?;
    measure("message, 2 000 clients", c, |number, at| {
        base(at, address(number % 2000), Kind::Message, Outcome::Allowed)
    })?;
    measure("login, 2 000 places", c, |number, at| Event {
        account: Some(Text(NAMES[number as usize % 8].as_bytes())),
        attempts: 1,
        ..base(at, address(number % 2000), Kind::Auth, Outcome::Allowed)
    })?;
    measure("mixed: 80 % honest, 20 % failures", c, |number, at| match number % 10 {
        0..3 => base(at, address(number % 2000), Kind::Connect, Outcome::Allowed),
        3..6 => base(at, address(number % 2000), Kind::Delivery, Outcome::Allowed),
        6 => base(at, address(number % 2000), Kind::Message, Outcome::Allowed),
        7 => Event {
            account: Some(Text(NAMES[number as usize % 8].as_bytes())),
            attempts: 1,
            ..base(at, address(number % 500), Kind::Auth, Outcome::Allowed)
        },
        _ => failure(at, address(20_000 + number % 20_000), NAMES[number as usize % 8]),
    })?;
    measure("failures of 1 000 clients (soon all held)", c, |number, at| {
        failure(at, address(number % 1000), NAMES[number as usize % 8])
    })?;
    measure("failures of 1 M clients, 8 accounts", c, |number, at| {
        failure(at, address(number % 1_000_000), NAMES[number as usize % 8])
    })?;
    measure("failures of ever new clients, no account", c, |number, at| Event {
        account: None,
        ..failure(at, address(number), "")
    })?;
    measure("rubbish of ever new clients", c, |number, at| Event {
        reason: Some(Reason::NonSmtpCommand),
        hostile: true,
        detail: Some(Text(b"GET / HTTP/1.1")),
        ..base(at, address(number), Kind::Command, Outcome::Rejected)
    })
}

fn memory(addresses: u64, is_botnet: bool) -> std::io::Result<()> {
    let idle = resident_kb();
    let mut engine = Engine::new(Config::default());
    let mut out = Vec::new();
    let (mut decisions, mut evictions) = (0u64, 0u64);
    let accounts = if is_botnet { 20_000 } else { u64::MAX };
    for number in 0..addresses {
        let at = Timestamp(START.0 + number as i64 * 20_000);
        // Every tenth address comes a second time.
        let again = (number % 10 == 9).then(|| number - 9);
        for number in [number].into_iter().chain(again) {
            // Multiplication by an odd number visits every address once, scattered.
            let client = address(number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff);
            let name = format!("user{}@example.org", number % accounts);
            engine.step(number, &Input::Event(&failure(at, client, &name)), &mut out);
        }
        for output in out.drain(..) {
            match output {
                Output::Decision(_) => decisions += 1,
                Output::Evicted(evicted) => evictions += evicted.entries,
                _ => {}
            }
        }
    }
    let full = resident_kb();
    let mut stdout = std::io::stdout();
    let statistics = engine.statistics();
    let each = (full - idle) as f64 * 1024.0 / addresses as f64;
    writeln!(
        stdout,
        "resident before {idle} kB, after {full} kB: {each:.0} bytes for each address"
    )?;
    writeln!(stdout, "{addresses} addresses, {decisions} decisions, {evictions} evictions told")?;
    for table in statistics.tables {
        writeln!(
            stdout,
            "  {:10} {:8} of {:8}, {:8} evicted",
            table.name, table.entries, table.capacity, table.evicted
        )?;
    }
    let mut bytes = Vec::new();
    let before = processor_ns();
    engine.checkpoint(&mut bytes);
    let written = processor_ns();
    let restored = Engine::restore(&bytes, Config::default()).is_ok();
    let read = processor_ns();
    writeln!(
        stdout,
        "checkpoint {} kB, written in {} ms, restored ({restored}) in {} ms",
        bytes.len() / 1024,
        (written - before) / 1_000_000,
        (read - written) / 1_000_000
    )
}

/// What an account does in a world of many.
struct Crowd {
    engine: Engine,
    out: Vec<Output>,
    seq: u64,
}

impl Crowd {
    fn new() -> Crowd {
        Crowd { engine: Engine::new(Config::default()), out: Vec::new(), seq: 0 }
    }

    fn step(&mut self, event: &Event<'_>) {
        self.seq += 1;
        self.engine.step(self.seq, &Input::Event(event), &mut self.out);
        self.out.clear();
    }

    fn at(&self) -> Timestamp {
        Timestamp(START.0 + self.seq as i64 * 10_000)
    }

    fn login(&mut self, account: &str, client: IpAddr) {
        let event = base(self.at(), client, Kind::Auth, Outcome::Allowed);
        let account = Some(Text(account.as_bytes()));
        self.step(&Event { account, attempts: 1, ..event });
    }

    /// A message to one recipient: the submission, the queue manager's line, the delivery.
    fn send(&mut self, account: &str, client: IpAddr) {
        let (id, recipient) = (format!("{:010X}", self.seq), format!("r{}@example.net", self.seq));
        let queue_id = Some(Text(id.as_bytes()));
        let account = Some(Text(account.as_bytes()));
        let event = base(self.at(), client, Kind::Auth, Outcome::Allowed);
        self.step(&Event { account, queue_id, server: Server::Postfix, ..event });
        let event = Event { client: None, queue_id, server: Server::Postfix, ..event };
        self.step(&Event { kind: Kind::Message, recipients: 1, ..event });
        let recipient = Some(Text(recipient.as_bytes()));
        self.step(&Event { kind: Kind::Delivery, recipient, ..event });
    }

    fn fail(&mut self, account: &str, client: IpAddr) {
        self.step(&failure(self.at(), client, account));
    }
}

/// A scattered number: an odd factor visits each once.
const fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff
}

fn account(places: u64) -> std::io::Result<()> {
    const ACCOUNTS: u64 = 60_000;
    let mut crowd = Crowd::new();
    let idle = resident_kb();
    for number in 0..ACCOUNTS {
        let name = format!("user{number}@example.org");
        for place in 0..places {
            crowd.login(&name, address(scattered(number * 16 + place)));
        }
        // A few strangers fail on all: what is theirs hardly weighs.
        crowd.fail(&name, address(1 + number % 997));
        for _ in 0..20 {
            crowd.send(&name, address(scattered(number * 16)));
        }
    }
    let each = (resident_kb() - idle) as f64 * 1024.0 / ACCOUNTS as f64;
    let mut stdout = std::io::stdout();
    writeln!(
        stdout,
        "{each:.0} bytes for each of {ACCOUNTS} accounts, its places included: {places}"
    )?;
    tables(&crowd.engine).map(|_| ())
}

/// Prints the tables; true where each is within its capacity.
fn tables(engine: &Engine) -> std::io::Result<bool> {
    let mut is_within = true;
    for table in engine.statistics().tables {
        is_within &= table.entries <= table.capacity;
        writeln!(
            std::io::stdout(),
            "  {:10} {:8} of {:8}, {:8} evicted",
            table.name,
            table.entries,
            table.capacity,
            table.evicted
        )?;
    }
    Ok(is_within)
}

fn bounds() -> std::io::Result<()> {
    const ACCOUNTS: u64 = 1_000_000;
    const ADDRESSES: u64 = 5_000_000;
    let mut crowd = Crowd::new();
    let mut resident = vec![resident_kb()];
    for number in 0..ADDRESSES {
        let name = format!("user{}@example.org", scattered(number) % ACCOUNTS);
        let client = address(scattered(number));
        crowd.fail(&name, client);
        if number % 5 == 0 {
            let home = address(scattered(ADDRESSES + number % ACCOUNTS));
            crowd.login(&name, home);
            crowd.send(&name, home);
        }
        if (number + 1) % (ADDRESSES / 5) == 0 {
            resident.push(resident_kb());
        }
    }
    let is_within = tables(&crowd.engine)?;
    let shown: Vec<String> = resident.iter().map(|kb| format!("{} MB", kb / 1000)).collect();
    writeln!(
        std::io::stdout(),
        "{ACCOUNTS} accounts, {ADDRESSES} addresses: resident {} (idle, then each fifth)",
        shown.join(", ")
    )?;
    let grows = match resident.as_slice() {
        [.., before, last] => last.saturating_sub(*before) > before / 50,
        _ => true,
    };
    std::process::exit(i32::from(!is_within || grows))
}
