//! `mailward incidents`: findings that belong together, and what becomes of them.

use super::{Command, config, config_argument, flag, format_argument, is_json, reason_argument};
use crate::control::{self, Request};
use crate::failure::Failure;
use crate::json;
use crate::recover::{failure, reader};
use crate::subject;
use crate::terminal::{self, Style};
use clap::{Arg, ArgGroup, ArgMatches};
use event::{Incident, IncidentState, IncidentStep, Length, Timestamp};
use std::process::ExitCode;

/// Incidents of one answer.
const SHOWN_MAX: usize = 1_000;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "incidents",
    summary: "List incidents, take one on, end one",
    about: "An incident is what detectors found that belongs together: about one subject, or by one detector within half \
            an hour. Lists those that are not over, from the journal; with --all those that are, too. One whose clients \
            are all banned ends by itself when it is quiet; one that waits for a person (a measure is proposed, somebody \
            took it on or opened it) ends by --resolve only. Orders go to the running guard and into the audit trail.",
    examples: &[
        ("mailward incidents", "those that are not over, the newest first"),
        ("mailward incidents 17", "one of them, with everyone it concerns"),
        ("mailward incidents 17 --resolve --reason password-changed", "end it"),
        (
            "mailward incidents --open bob@example.org --reason odd-mail",
            "collect what is found about an account",
        ),
    ],
    arguments: |command| {
        let number = Arg::new("number")
            .value_name("NUMBER")
            .value_parser(clap::value_parser!(u64))
            .help("One incident");
        let open = Arg::new("open")
            .long("open")
            .value_name("SUBJECT")
            .conflicts_with("number")
            .help("Open one about an address, network or account");
        let steps = [
            flag("acknowledge", "Take it on: it ends by --resolve only").requires("number"),
            flag("resolve", "It is over").requires("number"),
            flag("reopen", "It is not over").requires("number"),
        ];
        config_argument(reason_argument(format_argument(command)))
            .arg(number)
            .arg(open)
            .args(steps)
            .arg(flag("all", "Those that are over, too"))
            .group(ArgGroup::new("step").args(["acknowledge", "resolve", "reopen"]))
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let number = matches.get_one::<u64>("number").copied();
    if let Some(request) = request(matches, number)? {
        println!("{}", control::order(&dir, &request)?.text);
        return Ok(ExitCode::SUCCESS);
    }
    let journal = reader(&dir)?;
    let incidents = match number {
        Some(number) => {
            let found = journal.incident(number).map_err(failure)?;
            vec![found.ok_or_else(|| {
                Failure::new(format!("there is no incident {number}"))
                    .remedy("`mailward incidents --all` lists them")
            })?]
        }
        None => {
            let ever = (Timestamp(i64::MIN), Timestamp(i64::MAX));
            let span = matches.get_flag("all").then_some(ever);
            journal.incidents(span, SHOWN_MAX).map_err(failure)?
        }
    };
    if is_json(matches) {
        for incident in &incidents {
            let mut line = String::new();
            json::incident(&mut line, incident);
            println!("{line}");
        }
    } else if let (Some(_), [incident]) = (number, incidents.as_slice()) {
        print!("{}", whole(Style::stdout(), incident));
    } else if incidents.is_empty() {
        println!("No incident is open.");
    } else {
        print!("{}", table(Style::stdout(), &incidents));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is ordered, where something is.
fn request(matches: &ArgMatches, number: Option<u64>) -> Result<Option<Request>, Failure> {
    let reason = matches.get_one::<String>("reason").cloned().unwrap_or_default();
    if let Some(text) = matches.get_one::<String>("open") {
        let subject = subject::read(text)?.to_string();
        return Ok(Some(Request::OpenIncident { subject, reason }));
    }
    let step = IncidentStep::ALL.into_iter().find(|step| matches.get_flag(step.name()));
    Ok(number.zip(step).map(|(number, step)| Request::Incident {
        number,
        step: step.name().to_owned(),
        reason,
    }))
}

fn state(incident: &Incident) -> String {
    let contained = incident.contained_at.is_some() && incident.state != IncidentState::Resolved;
    let waits = incident.waits() && incident.state == IncidentState::Open;
    let more = match (contained, waits) {
        (true, _) => ", contained",
        (false, true) => ", waits for you",
        (false, false) => "",
    };
    format!("{}{more}", incident.state)
}

fn table(style: Style, incidents: &[Incident]) -> String {
    let rows = incidents.iter().map(|incident| {
        vec![
            incident.number.to_string(),
            incident.called(&event::Text::from(&*incident.title).to_string()),
            state(incident),
            incident.clients().to_string(),
            incident.accounts().to_string(),
            incident.findings.to_string(),
            terminal::local(incident.opened_at),
            terminal::local(incident.latest_at),
        ]
    });
    let head = ["number", "what", "state", "clients", "accounts", "findings", "since", "latest"];
    style.table(&head, rows)
}

fn whole(style: Style, incident: &Incident) -> String {
    let mut text = table(style, std::slice::from_ref(incident));
    let by = |by: &str| {
        if by.is_empty() { "mailward".to_owned() } else { event::Text::from(by).to_string() }
    };
    let moments = [
        ("acknowledged", incident.acknowledged_at),
        ("contained", incident.contained_at),
        ("resolved", incident.resolved_at),
    ];
    for (what, at) in moments.into_iter().filter_map(|(what, at)| Some((what, at?))) {
        let after = Length(at.seconds() - incident.opened_at.seconds());
        text.push_str(&format!("\n{what} {}, {after} after its begin", terminal::local(at)));
    }
    if incident.state == IncidentState::Resolved {
        let end = event::Text::from(&*incident.end);
        text.push_str(&format!("\nended by {}: {end}", by(&incident.acted_by)));
    }
    text.push_str("\n\n");
    let rows = incident.concerned.iter().map(|one| {
        vec![one.subject.to_string(), one.standing.name().to_owned(), terminal::local(one.since)]
    });
    text.push_str(&style.table(&["who", "what was done", "since"], rows));
    if incident.findings_more > 0 {
        text.push_str(&format!("and {} findings about others\n", incident.findings_more));
    }
    text
}
