//! Plays every story of `scenarios/` and holds the engine to what the story expects.
//!
//! The format is described in `scenarios/README.md`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

mod scenario;

use scenario::{Scenario, play};
use std::fs;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn stories() -> Vec<(String, String)> {
    let mut stories: Vec<(String, String)> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| name != "words")
        .collect();
    stories.sort();
    stories
}

fn words() -> String {
    fs::read_to_string(directory().join("words.txt")).unwrap()
}

#[test]
fn all_stories_end_as_they_must() {
    let words = words();
    let mut faults = Vec::new();
    for (name, text) in stories() {
        let scenario = Scenario::read(&words, &text).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(!scenario.expectations.is_empty(), "{name} expects nothing");
        let played = play(&scenario);
        let missed = scenario.expectations.iter().filter_map(|expected| expected.fault(&played));
        faults.extend(missed.map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_detector_has_a_story() {
    let all: String = stories().into_iter().map(|(_, text)| text).collect();
    for spec in engine::DETECTORS {
        let tells = [format!(" by {}", spec.name), format!("expect finding {}", spec.name)];
        assert!(tells.iter().any(|text| all.contains(text)), "{} has no story", spec.name);
    }
}

/// A story that expects the contrary must fail: the runner itself is able to.
#[test]
fn the_runner_can_fail() {
    let words = words();
    let text = "repeat 40 every 1s fail client=198.51.100.7 account=alice\n\
                expect no ban 198.51.100.7\n\
                expect ban 198.51.100.8\n\
                expect ban 198.51.100.7 by scan\n\
                expect ban 198.51.100.7 within 3 attempts\n\
                expect finding scan about 198.51.100.7\n\
                expect expiry 198.51.100.7 by login\n";
    let scenario = Scenario::read(&words, text).unwrap();
    let played = play(&scenario);
    for expected in &scenario.expectations {
        assert!(expected.fault(&played).is_some(), "{}", expected.line);
    }
    for bad in
        ["fly 7\n", "fail client=x.y account=a\n", "expect rain\n", "repeat x every 1s fail\n"]
    {
        assert!(Scenario::read(&words, bad).is_err(), "{bad}");
    }
}
