#![no_main]
//! The engine's checkpoint from any bytes: an error or an engine that goes on, never a panic.

use engine::{Config, Engine, Input};
use event::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut engine) = Engine::restore(bytes, Config::default()) else { return };
    let mut out = Vec::new();
    let later = engine.now().plus_seconds(86_400);
    engine.step(1, &Input::Tick(Timestamp(later.0)), &mut out);
    engine.finish(&mut out);
    let mut again = Vec::new();
    engine.checkpoint(&mut again);
    assert!(Engine::restore(&again, Config::default()).is_ok(), "its own checkpoint is refused");
});
