//! `mailward console`: who may look at the web console.

use super::{Command, config, config_argument, flag, running};
use crate::config::Config;
use crate::console::{When, certificate, serve};
use crate::failure::Failure;
use crate::terminal::Style;
use clap::{Arg, ArgMatches};
use console::access::{Access, AccessError, LINK_S, Role, Scope};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "console",
    summary: "Say who may look at the web console, and who may act there",
    about: "The console itself runs under `mailward up`. Here links are made that sign in once, users are listed and \
            removed, and tokens for programs are made. A user is added by a link, with which a password is set.",
    examples: &[
        ("mailward console link", "a link that signs in once, as an operator"),
        ("mailward console link --name alice --role reader", "a link for somebody else"),
        ("mailward console users", "who can sign in by name"),
        ("mailward console token add grafana --scope metrics", "a token for a program"),
        ("mailward console certificate", "its certificate, as console.acme says"),
    ],
    arguments,
    run,
    hidden: false,
};

fn name() -> Arg {
    Arg::new("name").value_name("NAME").required(true)
}

fn arguments(command: clap::Command) -> clap::Command {
    let sub = |name: &'static str, about: &'static str| {
        config_argument(clap::Command::new(name).about(about))
    };
    let roles = [Role::Operator.name(), Role::Reader.name()];
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let token = clap::Command::new("token")
        .about("Tokens for programs")
        .subcommand_required(true)
        .subcommand(
            sub("add", "Make a token, which is shown this once").arg(name()).arg(
                Arg::new("scope")
                    .long("scope")
                    .value_name("SCOPE")
                    .action(clap::ArgAction::Append)
                    .value_parser(scopes)
                    .required(true)
                    .help("What it may: read, act, metrics"),
            ),
        )
        .subcommand(sub("remove", "Remove a token").arg(name()))
        .subcommand(sub("list", "List all"));
    command
        .subcommand_required(true)
        .subcommand(
            sub("link", "Make a link that signs in once")
                .arg(
                    Arg::new("name")
                        .long("name")
                        .value_name("NAME")
                        .default_value("admin")
                        .help("As whom"),
                )
                .arg(
                    Arg::new("role")
                        .long("role")
                        .value_name("ROLE")
                        .value_parser(roles)
                        .default_value(Role::Operator.name())
                        .help("reader: may look; operator: may act, too"),
                ),
        )
        .subcommand(sub("users", "List who can sign in by name: with a password or a passkey"))
        .subcommand(sub("remove", "Remove a user, and end the sessions").arg(name()))
        .subcommand(token)
        .subcommand(
            sub("certificate", "Fetch its certificate, as console.acme says, where one is due")
                .arg(flag("now", "Fetch another whatever there is"))
                .arg(flag("in-time", "Say nothing where none is due (started by up)").hide(true)),
        )
        .subcommand(
            sub("serve", "Serve it (started by up)")
                .hide(true)
                .arg(flag("recorded", "The journal is of a recorded day"))
                .arg(flag("alone", "Nobody hands a renewed certificate over")),
        )
}

fn obtain(config: &Config, matches: &ArgMatches) -> Result<(), Failure> {
    let when = match ["in-time", "now"].map(|flag| matches.get_flag(flag)) {
        [true, _] => When::InTime,
        [false, true] => When::Now,
        [false, false] => When::Due,
    };
    certificate::obtain(config, when)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: AccessError) -> Failure {
    Failure::new(error.to_string())
}

fn text<'m>(matches: &'m ArgMatches, name: &str) -> &'m str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Some((deed, matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    if let ("token", Some((deed, matches))) = (deed, matches.subcommand()) {
        return token(deed, matches).map(|()| ExitCode::SUCCESS);
    }
    let config = config(matches)?;
    if deed == "serve" {
        let [recorded, alone] = ["recorded", "alone"].map(|flag| matches.get_flag(flag));
        return serve(&config, recorded, alone).map(|()| ExitCode::SUCCESS);
    }
    if deed == "certificate" {
        return obtain(&config, matches).map(|()| ExitCode::SUCCESS);
    }
    let dir = config.state_dir()?;
    let access = Access::open(&dir).map_err(told)?;
    match deed {
        "link" => {
            let role = Role::from_name(text(matches, "role"));
            let path = access.link(text(matches, "name"), role, LINK_S).map_err(told)?;
            let own = &config.console;
            let is_tls = own.certificate.is_some() || own.acme.directory.is_some();
            let url = console::url(&own.listen, &own.names, is_tls).unwrap_or_default();
            println!("{url}{path}");
            if running(&dir).is_none() {
                eprintln!("no guard runs now: start it with `mailward up` within 15 minutes");
            }
        }
        "remove" => access.remove_user(text(matches, "name")).map_err(told)?,
        _ => {
            let users = access.users().map_err(told)?;
            let rows =
                users.iter().map(|user| vec![user.name.clone(), user.role.name().to_owned()]);
            print!("{}", Style::stdout().table(&["user", "role"], rows));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn token(deed: &str, matches: &ArgMatches) -> Result<(), Failure> {
    let access = Access::open(&config(matches)?.state_dir()?).map_err(told)?;
    match deed {
        "add" => {
            let words = matches.get_many::<String>("scope").into_iter().flatten();
            let scopes: Vec<Scope> = words.filter_map(|word| Scope::from_name(word)).collect();
            println!("{}", access.add_token(text(matches, "name"), &scopes).map_err(told)?);
        }
        "remove" => access.remove_token(text(matches, "name")).map_err(told)?,
        _ => {
            let tokens = access.tokens().map_err(told)?;
            let scopes = |token: &console::access::Token| {
                let names: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
                names.join(" ")
            };
            let rows = tokens.iter().map(|token| vec![token.name.clone(), scopes(token)]);
            print!("{}", Style::stdout().table(&["token", "may"], rows));
        }
    }
    Ok(())
}
