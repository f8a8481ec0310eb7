//! `mailward up`: guard this host.

use super::{Command, config, config_argument, flag};
use crate::config::Config;
use crate::failure::Failure;
use crate::guard::Start;
use crate::{demo, supervise};
use clap::{Arg, ArgMatches};
use edge::enforce::EnforcerLock;
use event::Mode;
use std::path::{Path, PathBuf};
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
            .arg(flag("no-console", "Without the web console"))
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
        let console = !matches.get_flag("no-console");
        return demo::play(config, speed, console).map(|()| ExitCode::SUCCESS);
    }
    let path = matches.get_one::<PathBuf>("config").cloned();
    let beside: supervise::StartBeside = match matches.get_flag("no-console") {
        true => |_| None,
        false => beside,
    };
    match lock(&config)? {
        Ok(lock) => supervise::run(path.as_deref(), &lock, beside),
        Err(why) => {
            // While it may be started: a guard alone gives up the right to.
            let console = !matches.get_flag("no-console");
            let _console = console.then(|| console_alone(&config, path.as_deref()));
            Start { config, enforcer: Err(why), path, parent: None }.guard()?.run()
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

/// The console, which is started again when it ends.
#[cfg(feature = "console")]
fn beside(path: Option<&Path>) -> supervise::Beside {
    use crate::console::{Child, certificate::Renewals};
    let mut renewals = Renewals::start(&crate::config::load(path).ok()?, path);
    let path = path.map(Path::to_path_buf);
    let start = move || {
        let config = crate::config::load(path.as_deref()).ok()?;
        Child::start(&config, path.as_deref(), false, false)
    };
    let mut child = start()?;
    Some(Box::new(move || {
        renewals.iter_mut().for_each(Renewals::look_after);
        if child.has_ended()
            && let Some(another) = start()
        {
            child = another;
        }
        child.look_after();
    }))
}

/// The console of a guard that starts it, and can do nothing for it after that.
#[cfg(feature = "console")]
fn console_alone(config: &Config, path: Option<&Path>) -> Option<crate::console::Child> {
    crate::console::Child::start(config, path, false, true)
}

/// Built without a console.
#[cfg(not(feature = "console"))]
const fn beside(_: Option<&Path>) -> supervise::Beside {
    None
}

/// The same.
#[cfg(not(feature = "console"))]
const fn console_alone(_: &Config, _: Option<&Path>) -> Option<()> {
    None
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
