//! The reference page of all keys and the example file, made from the rows.

use super::keys::{ONLY, ONLY_SUMMARY};
use super::value::wanted;
use super::{Config, Setting, settings};
use engine::{Value, ValueKind};
use std::fmt::Write as _;

/// The page `docs/configuration.md` behind its introduction: a table for each section.
pub fn page() -> String {
    let defaults = Config::default();
    let mut out = String::new();
    let mut section = None;
    for setting in settings() {
        let (table, key) = split(setting.path());
        if section != Some(table) {
            section = Some(table);
            let title = if table.is_empty() { "Top level" } else { table };
            let _ = write!(
                out,
                "\n## {title}\n\n| key | default | unit | takes | what it does |\n|---|---|---|---|---|\n"
            );
        }
        let _ = writeln!(
            out,
            "| `{key}` | `{}` | {} | {} | {} |",
            toml_value(&setting.get(&defaults)),
            setting.unit(),
            takes(setting),
            setting.summary()
        );
    }
    let _ = write!(out, "\n## {ONLY}\n\n{ONLY_SUMMARY}\n");
    out
}

/// The table of detectors in `docs/detectors.md`.
pub fn detectors() -> String {
    let mut out = String::from(
        "| detector | recognises | technique | misses on purpose |\n|---|---|---|---|\n",
    );
    for detector in engine::DETECTORS {
        let engine::DetectorSpec { name, summary, technique, misses } = detector;
        let _ = writeln!(out, "| [{name}](#{name}) | {summary} | {technique} | {misses} |");
    }
    out
}

/// A configuration file with every key at its default, commented out.
pub fn example() -> String {
    let defaults = Config::default();
    let mut out = String::from(
        "# Every key of mailward with its default. Nothing needs to be set: take the comment sign\n\
         # away only where you want something else. Lengths of time may be written as \"10m\", \"4h\", \"3d\".\n",
    );
    let mut section = None;
    for setting in settings() {
        let (table, key) = split(setting.path());
        if section != Some(table) {
            section = Some(table);
            if !table.is_empty() {
                let _ = write!(out, "\n[{table}]\n");
            }
        }
        let value = toml_value(&setting.get(&defaults));
        let _ = write!(out, "# {}\n# {key} = {value}\n", setting.summary());
    }
    let _ = write!(out, "\n[{ONLY}]\n# {ONLY_SUMMARY}\n# 993 = [\"192.0.2.0/24\"]\n");
    out
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

fn takes(setting: Setting) -> String {
    let (min, max) = setting.range();
    match setting.kind() {
        ValueKind::Integer | ValueKind::Float => format!("{min} to {max}"),
        other => wanted(other),
    }
}

/// A value as it is written in a file.
pub fn toml_value(value: &Value) -> String {
    match value {
        Value::Word(word) => format!("\"{word}\""),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_with_the_defaults() {
        let uncommented: String = example()
            .lines()
            .filter_map(|line| match line.strip_prefix("# ") {
                Some(rest)
                    if rest.contains(" = ") && !rest.contains("`") && !rest.starts_with("993") =>
                {
                    Some(format!("{rest}\n"))
                }
                Some(_) | None if line.starts_with('#') => None,
                _ => Some(format!("{line}\n")),
            })
            .collect();
        let (config, problems) = super::super::read(&uncommented);
        assert_eq!(problems, [], "{uncommented}");
        assert_eq!(config, Config::default());
    }
}
