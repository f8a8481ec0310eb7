//! The processes that `mailward up` starts: the guard, and the enforcer. Each finds its end of the
//! socket between them as standard input.

use super::{Command, config, config_argument};
use crate::failure::{Context as _, Failure};
use crate::guard::Start;
use crate::link::ToParent;
use crate::screen::Screen;
use crate::supervise;
use clap::ArgMatches;
use edge::enforce::{self, Handle};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// The guard: reads hostile bytes, has no privilege.
pub const GUARD: Command = Command {
    name: "guard",
    summary: "The process that reads logs (started by up)",
    about: "Reads logs, decides, keeps the journal. Started by `mailward up` with the socket to the enforcer as \
            standard input.",
    examples: &[],
    arguments: config_argument,
    run: guard,
    hidden: true,
};

/// The enforcer: touches the kernel, reads only typed messages.
pub const ENFORCER: Command = Command {
    name: "enforcer",
    summary: "The process that touches the kernel (started by up)",
    about: "Carries decisions out. Started by `mailward up` with the socket to the guard as standard input.",
    examples: &[],
    arguments: config_argument,
    run: enforcer,
    hidden: true,
};

fn socket() -> Result<OwnedFd, Failure> {
    std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context(|| "standard input".to_owned())
        .map_err(|failure| failure.remedy("this process is started by `mailward up`"))
}

/// A SIGHUP to all processes of this name is for the parent to answer.
fn left_to_parent() -> Result<UnixStream, Failure> {
    crate::guard::signals(&[signal_hook::consts::SIGHUP])
}

fn guard(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Err(failure) = guarded(matches) else { return Ok(ExitCode::SUCCESS) };
    // Its parent waits for its end, so a terminal that stands still must not put it off.
    let mut screen = Screen::on(std::io::stderr()).context(|| "a thread".to_owned())?;
    screen.show(format!("mailward guard: {failure}\n"));
    Ok(failure.exit_code())
}

fn guarded(matches: &ArgMatches) -> Result<(), Failure> {
    supervise::end_with_parent()?;
    let _hang_up = left_to_parent()?;
    let (parent, enforcer) = ToParent::begin(socket()?)?;
    let enforcer = Ok(Handle::new(enforcer));
    Start { config: config(matches)?, enforcer, path: None, parent: Some(parent) }.guard()?.run()
}

fn enforcer(_: &ArgMatches) -> Result<ExitCode, Failure> {
    let socket = socket()?;
    let _hang_up = left_to_parent()?;
    // It ends when the guard's end of the socket closes: the terminal's ctrl-c is for the guard,
    // which commits first.
    let _signals = crate::guard::signals(&crate::guard::ENDING)?;
    enforce::confine_enforcer().context(|| "the enforcer cannot be confined".to_owned())?;
    enforce::serve(socket).context(|| "the enforcer".to_owned())?;
    Ok(ExitCode::SUCCESS)
}
