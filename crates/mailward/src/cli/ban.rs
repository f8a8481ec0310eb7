//! `mailward ban`: an operator's decision.

use super::{Command, config, config_argument, reason_argument, subject_argument};
use crate::control::{self, Request};
use crate::failure::Failure;
use crate::subject;
use clap::{Arg, ArgMatches};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "ban",
    summary: "Ban an address or a network",
    about: "Asks the running guard to ban an address or a network. Protected addresses (this host, its gateway and \
            resolvers, the allowlist, live administrators) are refused, as are networks wider than /8 (IPv4) or /20 \
            (IPv6). An IPv6 address stands for its /64, in which it can take any other. The order goes to the audit trail with your name.",
    examples: &[
        ("mailward ban 203.0.113.9 --for 3d --reason complaint", "for three days"),
        ("mailward ban 198.51.100.0/24", "a network, until it is lifted"),
    ],
    arguments: |command| {
        let command = subject_argument(command, "An address or a network");
        config_argument(reason_argument(command)).arg(
            Arg::new("for")
                .long("for")
                .value_name("TIME")
                .help("How long: 90s, 10m, 4h, 3d, 2w (default: until it is lifted)"),
        )
    },
    run,
    hidden: false,
};

/// Whom a ban can keep out.
fn addresses(text: &str) -> Result<event::Subject, Failure> {
    subject::addresses(text).map_err(|failure| match subject::read(text) {
        Ok(account) => Failure::usage(format!(
            "{account}: only addresses and networks can be banned"
        ))
        .remedy(format!(
            "close the account in the mail server; `mailward why {account}` shows who tried it"
        )),
        Err(_) => failure,
    })
}

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let text = matches.get_one::<String>("subject").cloned().unwrap_or_default();
    let subject = addresses(&text)?;
    let duration_s =
        matches.get_one::<String>("for").map(|text| subject::term_s(text)).transpose()?;
    let answer = control::order(
        &config(matches)?.state_dir()?,
        &Request::Ban {
            subject: subject.to_string(),
            duration_s,
            reason: matches.get_one::<String>("reason").cloned().unwrap_or_default(),
        },
    )?;
    println!("{}", answer.text);
    Ok(ExitCode::SUCCESS)
}
