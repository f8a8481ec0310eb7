//! The Debian packages that the chores need, installed where they are missing.

use crate::{Outcome, process};
use std::process::Command;

/// One package and what it is for.
pub struct Package {
    /// Its name in Debian 12.
    pub name: &'static str,
    /// Why it is needed.
    pub reason: &'static str,
}

/// Needed by `cargo xtask test`. The range names its own (`range/packages`).
pub const FOR_TESTS: &[Package] = &[
    Package { name: "g++", reason: "links the fuzz targets, builds the bundled SQLite" },
    Package { name: "nftables", reason: "the enforcer's tests check the kernel with nft" },
    Package { name: "iproute2", reason: "tests that touch the network run in a namespace" },
];

/// Needed by `cargo xtask bench`.
pub const FOR_BENCHES: &[Package] =
    &[Package { name: "ripgrep", reason: "the baseline of the reading figures" }];

/// Installs what is missing: says what and why, then asks apt-get, as root or by sudo.
pub fn ensure(wanted: &[Package]) -> Outcome {
    let missing: Vec<&Package> = wanted.iter().filter(|package| !installed(package.name)).collect();
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

fn installed(name: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", name]).output();
    query.is_ok_and(|answer| answer.stdout == b"installed")
}
