//! `mailward query`: the journal.

use super::{Command, config, config_argument, flag, format_argument, is_json};
use crate::failure::Failure;
use crate::gather;
use crate::recover::{failure, reader};
use crate::story;
use crate::subject;
use crate::terminal::{self, Style};
use clap::{Arg, ArgMatches};
use edge::clock;
use event::{Kind, Outcome, Protocol, Reason, Server, Timestamp, Vocabulary};
use std::process::ExitCode;
use store::{Filter, Found, What};

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "query",
    summary: "Search the journal: events, findings, decisions, orders",
    about: "Searches everything on record, newest last. All conditions must hold. Times are RFC 3339 \
            (2026-11-21T16:00:00Z) or a length of time before now (4h, 3d). Terms say what is meant as the console's \
            filter bar does: field:value, field!=value, several values with commas, names with * at an end, a word \
            alone for a text of the line.",
    examples: &[
        ("mailward query --client 203.0.113.9", "what one address did"),
        (
            "mailward query --client 198.51.100.0/24 --since 3d --outcome rejected",
            "a network's rejections",
        ),
        (
            "mailward query --account bob@example.org --kind auth --lines",
            "logins of an account, with the log lines",
        ),
        (
            "mailward query --since 1h 'outcome!=allowed account:info*,*@example.org'",
            "all that was not allowed on some accounts",
        ),
        ("mailward query --actions --since 1d", "what was found, decided and ordered"),
        (
            "mailward query session 4D3C66C6",
            "the whole story of a message or session, by any of its ids",
        ),
    ],
    arguments,
    run,
    hidden: false,
};

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn word<V: Vocabulary>(name: &'static str, help: &'static str) -> Arg {
    let words: Vec<&'static str> = V::ALL.iter().map(|word| word.name()).collect();
    Arg::new(name)
        .long(name)
        .value_name("WORD")
        .value_parser(words)
        .hide_possible_values(true)
        .help(help)
}

fn arguments(command: clap::Command) -> clap::Command {
    config_argument(format_argument(command))
        .arg(
            Arg::new("terms")
                .value_name("TERM")
                .num_args(0..)
                .help("Events that meet all of these: outcome!=allowed, client:198.51.100.0/24, \"no such user\""),
        )
        .arg(option("client", "ADDRESS|NETWORK", "Of this client or of clients in this network"))
        .arg(option("account", "NAME", "Of this account"))
        .arg(option("since", "TIME", "Not before"))
        .arg(option("until", "TIME", "Before"))
        .arg(word::<Outcome>(
            "outcome",
            "With this outcome: allowed, deferred, rejected, dropped, ...",
        ))
        .arg(word::<Reason>("reason", "With this reason: auth-failed, relay-denied, ..."))
        .arg(word::<Kind>("kind", "Of this kind: auth, connect, envelope, message, ..."))
        .arg(word::<Server>("server", "Told by this server: postfix, dovecot, exim, ..."))
        .arg(word::<Protocol>("protocol", "Of this protocol: smtp, submission, imap, pop3, ..."))
        .arg(option("text", "TEXT", "Whose log line holds this text"))
        .arg(flag("hostile", "That count against their client"))
        .arg(flag("actions", "Findings, decisions, expiries, orders and notes instead of events"))
        .arg(flag("all", "Both events and actions"))
        .arg(flag("lines", "Show the log lines"))
        .arg(
            option("limit", "N", "The newest N")
                .value_parser(clap::value_parser!(usize))
                .default_value("1000"),
        )
        .subcommand(config_argument(format_argument(
            clap::Command::new("session")
                .about(
                    "The story of one session or message, over all servers that logged parts of it",
                )
                .arg(Arg::new("id").value_name("ID").required(true).help(
                    "A session id of Dovecot or OpenSMTPD, or a queue id, as it stands in a line",
                )),
        )))
}

/// `query session ID`.
fn session(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let id = matches.get_one::<String>("id").cloned().unwrap_or_default();
    let found = gather::story(&reader(&config(matches)?.state_dir()?)?, id.as_bytes())?;
    if !is_json(matches) {
        print!("{}", gather::summary(&found));
    }
    print(&found, is_json(matches), true);
    if found.rows.is_empty() && !is_json(matches) {
        println!("Nothing on record with the id {}.", event::Text::from(&*id));
    }
    if found.cut && !is_json(matches) {
        eprintln!("there is more than is shown");
    }
    Ok(ExitCode::SUCCESS)
}

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    if let Some(("session", matches)) = matches.subcommand() {
        return session(matches);
    }
    let dir = config(matches)?.state_dir()?;
    let filter = filter(matches)?;
    let limit = matches.get_one::<usize>("limit").copied().unwrap_or(1000);
    let journal = reader(&dir)?;
    let (from, until) = (filter.from, filter.until);
    let terms = journal.resolved(
        &filter.terms,
        from.unwrap_or(Timestamp(i64::MIN)),
        until.unwrap_or(Timestamp(i64::MAX)),
    );
    let filter = Filter { terms: terms.map_err(failure)?, ..filter };
    let mut found = journal.query(&filter, limit).map_err(failure)?;
    found.rows.reverse();
    print(&found, is_json(matches), matches.get_flag("lines"));
    if found.rows.is_empty() && !is_json(matches) {
        eprintln!("nothing on record");
    }
    if found.cut && !is_json(matches) {
        eprintln!("the newest {limit}; --limit shows more");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints rows, and what could not be read.
pub fn print(found: &Found, json: bool, lines: bool) {
    let style = Style::stdout();
    for row in &found.rows {
        if json {
            if let Some(line) = story::as_json(row) {
                println!("{line}");
            }
        } else if let Some(text) = story::as_text(row, style, lines) {
            print!("{text}");
        }
    }
    for loss in &found.losses {
        eprintln!("mailward: {}: {}", loss.path.display(), loss.what);
    }
}

fn filter(matches: &ArgMatches) -> Result<Filter, Failure> {
    let text = |name: &str| matches.get_one::<String>(name);
    let client = text("client").map(|text| subject::network(text)).transpose()?;
    let from = text("since").map(|text| time(text)).transpose()?;
    let until = text("until").map(|text| time(text)).transpose()?;
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(Failure::usage(format!("nothing is between {from} and {until}"))
            .remedy("name an earlier --since, or a later --until"));
    }
    let terms = matches.get_many::<String>("terms").into_iter().flatten();
    let terms = terms.map(String::as_str).collect::<Vec<_>>().join(" ");
    let terms = store::terms::parse(&terms).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Filter {
        terms,
        what: match (matches.get_flag("all"), matches.get_flag("actions")) {
            (true, _) => What::All,
            (false, true) => What::Actions,
            (false, false) => What::Events,
        },
        client,
        account: text("account").map(|account| account.as_bytes().to_vec()),
        from,
        until,
        outcome: text("outcome").and_then(|word| Outcome::from_name(word)),
        reason: text("reason").and_then(|word| Reason::from_name(word)),
        kind: text("kind").and_then(|word| Kind::from_name(word)),
        server: text("server").and_then(|word| Server::from_name(word)),
        protocol: text("protocol").and_then(|word| Protocol::from_name(word)),
        hostile: matches.get_flag("hostile").then_some(true),
        text: text("text").map(|text| text.as_bytes().to_vec()),
        ..Filter::default()
    })
}

/// A point in time, or a length of time before now.
fn time(text: &str) -> Result<Timestamp, Failure> {
    if let Some(at) = terminal::time(text) {
        return Ok(at);
    }
    let seconds = subject::duration_s(text).map_err(|_| {
        Failure::usage(format!("{text}: neither a time nor a length of time"))
            .remedy("write 2026-11-21T16:00:00Z, or 4h for four hours ago")
    })?;
    Ok(clock::now().plus_seconds(-i64::from(seconds)))
}
