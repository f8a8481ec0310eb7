//! `mailward allow`: networks that are never banned.

use super::{Command, config, config_argument, flag, reason_argument};
use crate::control::{self, Request};
use crate::failure::Failure;
use crate::subject;
use clap::{Arg, ArgMatches};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "allow",
    summary: "Put a network on the allowlist, or take it off",
    about: "Asks the running guard never to ban a network. What holds for addresses in it ends at once. The \
            allowlist of the configuration (allow.networks) is separate and needs no order.",
    examples: &[
        ("mailward allow 192.0.2.0/24 --reason office", "for ever"),
        ("mailward allow 203.0.113.9 --for 8h", "for a day's work"),
        ("mailward allow 192.0.2.0/24 --remove", "take it off again"),
    ],
    arguments: |command| {
        config_argument(reason_argument(command))
            .arg(
                Arg::new("network")
                    .value_name("NETWORK")
                    .required(true)
                    .help("An address or a network"),
            )
            .arg(
                Arg::new("for")
                    .long("for")
                    .value_name("TIME")
                    .help("How long: 90s, 10m, 4h, 3d, 2w (default: for ever)"),
            )
            .arg(flag("remove", "Take the network off the allowlist").conflicts_with("for"))
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let text = matches.get_one::<String>("network").cloned().unwrap_or_default();
    let network = subject::network(&text)?.to_string();
    let reason = matches.get_one::<String>("reason").cloned().unwrap_or_default();
    let request = if matches.get_flag("remove") {
        Request::Disallow { network, reason }
    } else {
        let duration_s =
            matches.get_one::<String>("for").map(|text| subject::term_s(text)).transpose()?;
        Request::Allow { network, duration_s, reason }
    };
    println!("{}", control::order(&config(matches)?.state_dir()?, &request)?.text);
    Ok(ExitCode::SUCCESS)
}
