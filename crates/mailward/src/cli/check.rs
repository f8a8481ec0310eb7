//! `mailward check`: configuration and surroundings, each problem with its remedy.

use super::{Command, config, config_argument, format_argument, is_json};
use crate::failure::Failure;
use crate::guard;
use crate::json::Object;
use crate::supervise;
use crate::terminal::{Style, Tone};
use clap::ArgMatches;
use edge::surroundings::LogPlace;
use event::Mode;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "check",
    summary: "Check the configuration and this host, each problem with its remedy",
    about: "Reads the configuration and looks at this host as `up` would, changes nothing, and says what is found, \
            what is missing and what to do about it. Exits with 1 where something is missing.",
    examples: &[
        ("mailward check", "before the first start"),
        ("mailward check --config new.toml", "a configuration before it is used"),
    ],
    arguments: |command| config_argument(format_argument(command)),
    run,
    hidden: false,
};

struct Finding {
    good: bool,
    what: String,
    text: String,
}

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = config(matches)?;
    let findings = look(&config);
    let good = findings.iter().all(|finding| finding.good);
    let style = Style::stdout();
    for finding in &findings {
        if is_json(matches) {
            let mut line = String::new();
            let mut object = Object::open(&mut line);
            object
                .plain("ok", finding.good)
                .text("what", finding.what.as_bytes())
                .text("text", finding.text.as_bytes());
            object.close();
            println!("{line}");
        } else {
            let (mark, tone) =
                if finding.good { ("ok  ", Tone::Good) } else { ("look", Tone::Warning) };
            println!("{} {:<14}{}", style.paint(tone, mark), finding.what, finding.text);
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn look(config: &crate::config::Config) -> Vec<Finding> {
    let found = guard::surroundings();
    let mut findings = Vec::new();
    let mut add = |good: bool, what: &str, text: String| {
        findings.push(Finding { good, what: what.to_owned(), text });
    };
    add(true, "configuration", "no errors".to_owned());
    if config.mode != Mode::Enforce {
        add(true, "mode", "observe: decisions are recorded, nothing is dropped".to_owned());
    }
    for server in &found.servers {
        let name = event::Vocabulary::name(server.server);
        let text = if server.runs { "runs" } else { "is installed and does not run" };
        add(server.runs, name, text.to_owned());
    }
    if found.servers.is_empty() {
        add(
            false,
            "mail servers",
            "none that is understood here was found; `mailward up --demo` shows a recorded day"
                .to_owned(),
        );
    }
    for place in guard::places(config, &found) {
        let (good, text) = log(&place);
        add(good, "log", text);
    }
    for choice in &found.logs {
        add(true, "why", choice.why.clone());
    }
    match edge::enforce::probe() {
        Ok(()) => add(true, "kernel", "nftables can be changed".to_owned()),
        Err(error) => add(false, "kernel", format!("{error}; {}", supervise::remedy(&error))),
    }
    add(true, "process", guard::identity::outlook());
    if let Some(problem) = config.export.list.as_deref().and_then(list) {
        add(false, "list", problem);
    }
    if let Some(problem) = config.export.hook.first().and_then(|program| hook(program)) {
        add(false, "hook", problem);
    }
    let state = config.state_dir();
    let writable = writable(&state);
    add(
        writable.is_ok(),
        "journal",
        match writable {
            Ok(()) => state.display().to_string(),
            Err(error) => format!(
                "{}: {error}; name a directory that can be written: state.dir",
                state.display()
            ),
        },
    );
    for lack in &found.lacks {
        add(false, "surroundings", lack.to_string());
    }
    findings
}

/// Whether a log can be read, and which it is.
fn log(place: &LogPlace) -> (bool, String) {
    match place {
        LogPlace::File(path) => match std::fs::File::open(path) {
            Ok(_) => (true, path.display().to_string()),
            Err(error) => (
                false,
                format!(
                    "{}: {error}; run as root, or join the group that may read it (adm)",
                    path.display()
                ),
            ),
        },
        LogPlace::Journald { matches, namespace } => {
            let of = namespace.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            (true, format!("journald{of}, {}", matches.join(" ")))
        }
    }
}

/// Why the exported list cannot be written, if so.
fn list(path: &Path) -> Option<String> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty())?;
    if !dir.is_dir() {
        return Some(format!("{}: no such directory; make it", dir.display()));
    }
    let user = guard::identity::cannot_write(dir)?;
    let what = "may not write there; give it that directory";
    Some(format!("{}: the user {user} {what}", dir.display()))
}

/// Why the hook cannot be run, if so.
fn hook(program: &str) -> Option<String> {
    let is_program = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    };
    let found = if program.contains('/') {
        is_program(Path::new(program))
    } else {
        edge::enforce::HOOK_PATH.split(':').any(|dir| is_program(&Path::new(dir).join(program)))
    };
    let what = "no such program; name one that can be run, by its absolute path";
    (!found).then(|| format!("{program}: {what}"))
}

/// Whether the state directory, or the nearest of its parents that is there, can be written.
fn writable(dir: &Path) -> rustix::io::Result<()> {
    let there = dir.ancestors().find(|path| path.exists()).unwrap_or(dir);
    rustix::fs::access(there, rustix::fs::Access::WRITE_OK)
}
