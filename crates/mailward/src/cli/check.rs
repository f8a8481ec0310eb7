//! `mailward check`: configuration and surroundings, each problem with its remedy.

use super::{Command, config, config_argument, format_argument, is_json};
use crate::config::Config;
use crate::failure::Failure;
use crate::guard::{self, try_out};
use crate::json::Object;
use crate::supervise;
use crate::terminal::{Style, Tone};
use clap::ArgMatches;
use edge::geo::Geo;
use edge::surroundings::{LogPlace, cannot_read};
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

fn look(config: &Config) -> Vec<Finding> {
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
    if let Some(list) = &config.export.list {
        let dir = guard::directory_of(list);
        list_troubles(&dir).into_iter().for_each(|text| add(false, "list", text));
    }
    if let Some(problem) = config.export.hook.first().and_then(|program| hook(program)) {
        add(false, "hook", problem);
    }
    let places = guard::places(config, &found);
    let sources = try_out::something_to_read(config, &found, &places).map(|()| String::new());
    let tried = [
        ("sources", sources),
        ("zone", zone(config)),
        ("syslog", syslog(config)),
        ("journal", journal(config)),
        ("geo", geo(config)),
    ];
    for (what, outcome) in tried {
        match outcome {
            Ok(text) if text.is_empty() => {}
            Ok(text) => add(true, what, text),
            Err(failure) => add(false, what, in_a_line(failure)),
        }
    }
    for lack in &found.lacks {
        add(false, "surroundings", lack.to_string());
    }
    findings
}

/// Whether a log can be read, and which it is.
fn log(place: &LogPlace) -> (bool, String) {
    match place {
        LogPlace::File(path) => match std::fs::File::open(path) {
            Ok(_) if guard::reach::strange_link(path).is_some() => (
                false,
                format!(
                    "{}: a link that another user made leads into another directory, and is not \
                     followed; name the file itself in source.files, or make the link as root",
                    path.display()
                ),
            ),
            Ok(_) => (true, path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (
                false,
                format!(
                    "{}: is not there; it is read when it comes (if it never will: source.files, \
                     source.find)",
                    path.display()
                ),
            ),
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
            // `journalctl` reads it, as the user that the guard will be.
            match guard::identity::as_guard(|| cannot_read(place)) {
                None => (true, format!("journald{of}, {}", matches.join(" "))),
                Some(lack) => (false, format!("journald{of}: {lack}")),
            }
        }
    }
}

/// What lacks besides, in further lines, is a finding of its own.
fn in_a_line(Failure { what, remedy, .. }: Failure) -> String {
    let remedy = remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
    format!("{}{remedy}", what.lines().next().unwrap_or_default())
}

/// Why the exported list cannot be written to this directory.
fn list_troubles(dir: &Path) -> Vec<String> {
    if !dir.is_dir() {
        return vec![format!("{}: there is no such directory; make it", dir.display())];
    }
    let user = guard::identity::cannot_write(dir).map(|user| {
        format!("{}: the user {user} may not write there; give it that directory", dir.display())
    });
    user.into_iter().chain(crate::unit::closed(dir)).collect()
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

/// Where the journal is, or will be.
fn journal(config: &Config) -> Result<String, Failure> {
    try_out::writable(&config.state_dir()?)?;
    Ok(try_out::state_dir(config)?.display().to_string())
}

/// Where syslog of other hosts is received, if anywhere.
fn syslog(config: &Config) -> Result<String, Failure> {
    try_out::syslog(config)?;
    let addresses = config.source.syslog.listen.iter().map(ToString::to_string);
    Ok(addresses.collect::<Vec<String>>().join(" "))
}

/// The files of operators and countries, where any are named.
fn geo(config: &Config) -> Result<String, Failure> {
    let (geo, unusable) = guard::identity::as_guard(|| Geo::open(&config.geo_files));
    if let Some(why) = unusable.first() {
        return Err(Failure::new(why.to_string())
            .remedy("`mailward geo` says which files fit; the guard must be able to read them"));
    }
    let kinds = geo.files().map(|file| file.kind.clone());
    Ok(kinds.collect::<Vec<String>>().join(", "))
}

/// The zone of times in the logs that name none.
fn zone(config: &Config) -> Result<String, Failure> {
    try_out::zone(config).map(|_| config.source.zone.clone())
}
