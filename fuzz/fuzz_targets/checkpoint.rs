#![no_main]
//! A checkpoint that was changed: an error or an engine that goes on, never a panic.
//!
//! The input patches the checkpoint of an engine that has seen an attack: three bytes are a place,
//! and what to put there. (Under `cfg(fuzzing)` the checksum does not hide what lies behind it.)

use engine::{Config, Engine, Input};
use event::{Event, Kind, Outcome, Reason, Server, Text, Timestamp};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

static CHECKPOINT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut engine = Engine::new(config());
    attack(&mut engine, 0, 200);
    let mut bytes = Vec::new();
    engine.checkpoint(&mut bytes);
    bytes
});

fuzz_target!(|patches: &[u8]| {
    let mut bytes = CHECKPOINT.clone();
    for patch in patches.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % bytes.len();
        bytes[place] = patch[2];
    }
    let cut = patches.len() % 7;
    if cut == 1 {
        bytes.truncate(bytes.len() / 2);
    }
    let Ok(mut engine) = Engine::restore(&bytes, config()) else { return };
    let start = engine.now().seconds();
    attack(&mut engine, start, 50);
    let mut out = Vec::new();
    engine.finish(&mut out);
    let mut again = Vec::new();
    engine.checkpoint(&mut again);
    assert!(Engine::restore(&again, config()).is_ok(), "its own checkpoint is refused");
});

/// Small tables: a checkpoint of few bytes, and eviction soon.
fn config() -> Config {
    let mut config = Config::default();
    for key in engine::KEYS.iter().filter(|key| key.path.starts_with("table.")) {
        let small = engine::Value::Integer(key.min as i64);
        key.set(&mut config, &small).expect("the smallest capacity is allowed");
    }
    config
}

fn attack(engine: &mut Engine, start_s: i64, events: u64) {
    let mut out = Vec::new();
    for number in 0..events {
        let at = Timestamp::from_seconds(start_s.saturating_add(number as i64));
        let account = [b'a' + (number % 7) as u8];
        let event = Event {
            hostile: number % 5 != 0,
            client: Some(IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 + (number % 23) as u32))),
            account: Some(Text(&account)),
            attempts: 1,
            reason: (number % 5 != 0).then_some(Reason::AuthFailed),
            ..Event::new(
                at,
                Server::Dovecot,
                Text(b"imap-login"),
                Kind::Auth,
                if number % 5 == 0 { Outcome::Allowed } else { Outcome::Rejected },
            )
        };
        engine.step(number + 1, &Input::Event(&event), &mut out);
        out.clear();
    }
}
