//! The Debian packages that the chores need, installed where they are missing.

use crate::{Outcome, process};
use std::process::Command;

/// One package and what it is for.
pub struct Package {
    /// Its name in Debian 12.
    pub name: &'static str,
    /// Why it is needed.
    pub reason: &'static str,
    /// A program by which it is known to be there, whoever brought it; nothing: dpkg is asked.
    pub program: Option<&'static str>,
}

const fn package(name: &'static str, reason: &'static str) -> Package {
    Package { name, reason, program: None }
}

const fn program(name: &'static str, program: &'static str, reason: &'static str) -> Package {
    Package { name, reason, program: Some(program) }
}

/// Needed by `cargo xtask test`. The range names its own (`range/packages`).
pub const FOR_TESTS: &[Package] = &[
    package("g++", "links the fuzz targets, builds the bundled SQLite"),
    package("nftables", "the enforcer's tests check the kernel with nft"),
    package("iproute2", "tests that touch the network run in a namespace"),
    program("openssl", "openssl", "makes certificates and sends by TLS in tests of syslog"),
    program("nodejs", "node", "drives the browser that looks at the console"),
    program("npm", "npm", "brings the console's chart library, pinned by a lock file"),
    program("chromium", "chromium", "the browser that looks at the console"),
    program("pebble", "pebble", "the authority that issues the console's certificate in a test"),
];

/// Needed by `cargo xtask bench`.
pub const FOR_BENCHES: &[Package] = &[package("ripgrep", "the baseline of the reading figures")];

/// Installs what is missing: says what and why, then asks apt-get, as root or by sudo.
pub fn ensure(wanted: &[Package]) -> Outcome {
    let missing: Vec<&Package> = wanted.iter().filter(|package| !package.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("    installs these Debian packages with apt-get:");
    for package in &missing {
        println!("      {:<12} {}", package.name, package.reason);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    install(&names).map_err(|error| {
        format!("{error}; install by hand: apt-get install {}", names.join(" ")).into()
    })
}

fn install(names: &[&str]) -> Outcome {
    let mut words = vec!["apt-get", "install", "-y", "--no-install-recommends"];
    words.extend(names);
    // A bare machine's lists may be absent or old; if an update fails, the install tells.
    let _ = process::output(&mut elevated(&["apt-get", "update", "-q"])?);
    process::output(&mut elevated(&words)?).map(drop)
}

/// A program run as root: directly, or by a sudo that asks no password in CI.
fn elevated(words: &[&str]) -> Outcome<Command> {
    let (program, arguments) = words.split_first().ok_or("no program named")?;
    let mut command = if process::is_root() {
        Command::new(program)
    } else if process::found("sudo") {
        let mut sudo = Command::new("sudo");
        sudo.args(if process::in_ci() { &["-n"][..] } else { &[] }).arg(program);
        sudo
    } else {
        return Err("needs root or sudo".into());
    };
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

/// `rustfmt` and `clippy`, which a minimal toolchain lacks: asks rustup for those that are missing.
pub fn ensure_toolchain() -> Outcome {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if process::output(&mut process::cargo(&[subcommand, "--version"])).is_ok() {
            continue;
        }
        println!("    adds {component} to the toolchain with rustup");
        process::output(Command::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

impl Package {
    fn is_there(&self) -> bool {
        self.program.map_or_else(|| installed(self.name), process::found)
    }
}

fn installed(name: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", name]).output();
    query.is_ok_and(|answer| answer.stdout == b"installed")
}
