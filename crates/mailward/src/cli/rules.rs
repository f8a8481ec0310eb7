//! `mailward rules`: the detectors and every key, with what holds.

use super::{Command, config, config_argument, format_argument, is_json};
use crate::config::reference::toml_value;
use crate::config::{Config, settings};
use crate::failure::Failure;
use crate::json::Object;
use crate::terminal::Style;
use clap::{Arg, ArgMatches};
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "rules",
    summary: "List the detectors, their thresholds and every configuration key",
    about: "Lists the detectors with their modes, and with a name all keys of that table with what holds, the default \
            and what each does.",
    examples: &[
        ("mailward rules", "the detectors"),
        ("mailward rules brute-force", "the keys of one"),
        ("mailward rules all", "every key"),
    ],
    arguments: |command| {
        config_argument(format_argument(command))
            .arg(Arg::new("table").value_name("TABLE").help("A table of the configuration, or all"))
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let config = config(matches)?;
    let table = matches.get_one::<String>("table").map(String::as_str);
    if selected(table).next().is_none() {
        let table = table.unwrap_or_default();
        return Err(Failure::usage(format!("no table is named {table:?}"))
            .remedy("`mailward rules all` lists every key"));
    }
    if is_json(matches) {
        json(&config, table);
        return Ok(ExitCode::SUCCESS);
    }
    let style = Style::stdout();
    match table {
        None => print!("{}", detectors(&config, style)),
        Some(table) => print!("{}", keys(&config, table, style)),
    }
    Ok(ExitCode::SUCCESS)
}

fn detectors(config: &Config, style: Style) -> String {
    let mode = |name: &str| {
        let path = format!("{name}.mode");
        settings()
            .find(|setting| setting.path() == path)
            .map(|setting| setting.get(config).to_string())
            .unwrap_or_default()
    };
    let rows = engine::DETECTORS.iter().map(|detector| {
        vec![
            detector.name.to_owned(),
            mode(detector.name),
            detector.technique.to_owned(),
            detector.summary.to_owned(),
        ]
    });
    style.table(&["detector", "mode", "ATT&CK", "what it recognises"], rows)
}

fn selected(table: Option<&str>) -> impl Iterator<Item = crate::config::Setting> {
    let table = table.filter(|table| *table != "all").map(str::to_owned);
    settings().filter(move |setting| match &table {
        None => true,
        Some(table) => setting.path().rsplit_once('.').is_some_and(|(of, _)| of == table),
    })
}

fn keys(config: &Config, table: &str, style: Style) -> String {
    let defaults = Config::default();
    let rows: Vec<Vec<String>> = selected(Some(table))
        .map(|setting| {
            let now = toml_value(&setting.get(config));
            let default = toml_value(&setting.get(&defaults));
            let changed = now != default;
            vec![
                setting.path().to_owned(),
                if changed { format!("{now} *") } else { now },
                if changed { default } else { String::new() },
                setting.unit().to_owned(),
                setting.summary().to_owned(),
            ]
        })
        .collect();
    style.table(&["key", "value", "default", "unit", "what it does"], rows)
}

fn json(config: &Config, table: Option<&str>) {
    let defaults = Config::default();
    for setting in selected(table) {
        let mut line = String::new();
        let mut object = Object::open(&mut line);
        object
            .text("key", setting.path().as_bytes())
            .text("value", setting.get(config).to_string().as_bytes())
            .text("default", setting.get(&defaults).to_string().as_bytes())
            .text("unit", setting.unit().as_bytes())
            .text("summary", setting.summary().as_bytes());
        object.close();
        println!("{line}");
    }
}
