//! The console in a real Chromium (Debian's), with the demo playing: what a newcomer does, and
//! every page looked at, light and dark, wide and narrow, with axe.
#![cfg(feature = "console")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// A program that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        // One that does not end must not hold the tests.
        for _ in 0..1200 {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
        if !std::thread::panicking() {
            panic!("the demo did not end by SIGTERM");
        }
    }
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// What the tests want from npm, pinned by the console's lock file; kept for the next run.
fn tools(dir: &Path) {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../console/web");
    std::fs::create_dir_all(dir).unwrap();
    let files = ["package.json", "package-lock.json"];
    let is_there = dir.join("node_modules/puppeteer-core").is_dir();
    let same = |file| std::fs::read(web.join(file)).ok() == std::fs::read(dir.join(file)).ok();
    if is_there && files.into_iter().all(same) {
        return;
    }
    for file in files {
        std::fs::copy(web.join(file), dir.join(file)).unwrap();
    }
    let ran = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Starts the demo with a console on a free port; gives its one-time link.
fn demo(config: &Path, speed: &str) -> (Running, String) {
    let text = "[console]\nlisten = [\"127.0.0.1:0\"]\n";
    std::fs::write(config, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["up", "--demo", "--speed", speed, "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let link = lines.find_map(|line| line.strip_prefix("console: ").map(str::to_owned));
    // What it says later is read, so that it goes on.
    std::thread::spawn(move || lines.for_each(drop));
    (Running(child), link.unwrap())
}

/// Lets a script do with the console of a demo what people do.
fn play(script: &str, speed: &str) {
    if !found("chromium") || !found("node") || !found("npm") {
        assert!(std::env::var_os("CI").is_none(), "chromium, nodejs and npm are wanted");
        eprintln!("skipped: needs chromium, nodejs and npm (cargo xtask test installs them)");
        return;
    }
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let file = format!("{script}.mjs");
    let tools_dir = target.join("browser-tools");
    let shots = target.join("browser-shots").join(script);
    {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock();
        tools(&tools_dir);
        // Not while the other test reads one of them.
        for name in [file.as_str(), "look.mjs"] {
            let (from, to) = (source.join(name), tools_dir.join(name));
            if std::fs::read(&from).ok() != std::fs::read(&to).ok() {
                std::fs::copy(from, to).unwrap();
            }
        }
    }
    let _ = std::fs::remove_dir_all(&shots);
    std::fs::create_dir_all(&shots).unwrap();
    let world = tempfile::tempdir().unwrap();
    let (_demo, link) = demo(&world.path().join("mailward.toml"), speed);
    let script = tools_dir.join(file);
    let ran = Command::new("node").arg(&script).arg(&link).arg(&shots).output().unwrap();
    let told = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(ran.status.success(), "{}\n{}", told[0], told[1]);
    println!("{}screenshots: {}", told[0], shots.display());
}

#[test]
fn a_newcomer_sees_an_attack_and_bans_its_prefix() {
    play("newcomer", "4000");
}

#[cfg(feature = "passkeys")]
#[test]
fn a_passkey_is_made_signs_in_and_is_revoked() {
    play("passkeys", "4000");
}
