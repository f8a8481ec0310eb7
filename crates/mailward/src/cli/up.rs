//! `mailward up`: guard this host.

use super::{Command, config, config_argument, flag};
use crate::config::Config;
use crate::failure::Failure;
use crate::guard::Start;
use crate::{demo, supervise};
use clap::{Arg, ArgMatches};
use edge::enforce::EnforcerLock;
use event::Mode;
use std::path::PathBuf;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "up",
    summary: "Guard this host: find its logs, ban attackers, until ctrl-c",
    about: "Finds the mail logs, mail servers, ports and addresses of this host, follows the logs, and bans who \
            attacks. As root with nftables the kernel drops their packets; otherwise decisions are only recorded. \
            Needs no configuration. With --demo it plays a recorded hostile day instead and changes nothing.",
    examples: &[
        ("mailward up", "guard this host"),
        ("mailward up --config /etc/mailward/mailward.toml", "with a configuration"),
        ("mailward up --demo --speed 3600", "an hour of the recorded day each second"),
    ],
    arguments: |command| {
        config_argument(command)
            .arg(flag("demo", "Play a recorded hostile day; nothing is changed"))
            .arg(
                Arg::new("speed")
                    .long("speed")
                    .value_name("FACTOR")
                    .value_parser(clap::value_parser!(u32).range(0..=1_000_000))
                    .default_value("2880")
                    .help("With --demo: so many times faster than it was; 0: as fast as possible"),
            )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = config(matches)?;
    if matches.get_flag("demo") {
        let speed = matches.get_one::<u32>("speed").copied().unwrap_or(2880);
        return demo::play(config, speed).map(|()| ExitCode::SUCCESS);
    }
    let path = matches.get_one::<PathBuf>("config").cloned();
    match lock(&config)? {
        Ok(lock) => supervise::run(path.as_deref(), &lock),
        Err(why) => Start { config, enforcer: Err(why), path, parent: None }.guard()?.run(),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// The right to drive the kernel, or why this guard has it not and observes instead.
///
/// # Errors
/// When another guard has it, and this one is to enforce.
fn lock(config: &Config) -> Result<Result<EnforcerLock, String>, Failure> {
    if let Err(error) = edge::enforce::probe() {
        return Ok(Err(format!("none: {error}; {}", supervise::remedy(&error))));
    }
    match supervise::lock() {
        Ok(lock) => Ok(Ok(lock)),
        Err(failure) if config.mode == Mode::Enforce => Err(failure),
        Err(failure) => Ok(Err(format!("none: {}; this one observes", failure.what))),
    }
}
