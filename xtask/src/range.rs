//! The range: real servers and attack tools in network namespaces.

use crate::metadata::Metadata;
use crate::steps::{End, Tally, libtest_counts};
use crate::{Outcome, process};
use std::path::Path;
use std::process::Command;

/// `cargo xtask range [STORY...]` and `cargo xtask range zoo [BOX...]`.
pub fn run(arguments: &[String]) -> Outcome {
    let all = ["all".to_owned()];
    let (end, what) = match arguments {
        [] => (stories(&all)?, "stories"),
        [first, rest @ ..] if first == "zoo" => (script("range/zoo", rest)?, "logs"),
        names => (stories(names)?, "stories"),
    };
    match end {
        End::Counted(Tally { failed: 0, .. }) => Ok(()),
        End::Counted(tally) => Err(format!("{} {what} failed", tally.failed).into()),
        End::Skipped(why) => Err(why.into()),
    }
}

/// Runs stories by `range/run`.
pub fn stories(names: &[String]) -> Outcome<End> {
    script("range/run", names)
}

/// Installs what the range needs: some tests of the crates take a real rsyslogd or openssl, too.
pub fn install() -> Outcome<End> {
    if !process::is_root() {
        return Ok(End::Skipped(
            "needs root: sudo range/install; tests of a real rsyslogd are skipped without".into(),
        ));
    }
    process::shown(&mut Command::new(process::root().join("range/install"))).map(End::from)
}

/// Runs a script of the range, which installs its own packages and says so first.
fn script(path: &str, names: &[String]) -> Outcome<End> {
    let script = process::root().join(path);
    if !script.is_file() {
        return Err(format!("{path} is missing").into());
    }
    if !process::is_root() {
        let why = "needs root for network namespaces: sudo -E env PATH=\"$PATH\" cargo xtask range";
        return Ok(End::Skipped(why.into()));
    }
    let words = ["build", "--release", "--locked", "-p", "mailward"];
    process::shown(&mut process::cargo(&words))?;
    let guard = Path::new(&Metadata::read()?.target).join("release/mailward");
    let mut tally = None;
    let mut command = Command::new(script);
    let result = process::watched(
        command.args(names).env("MAILWARD", guard).current_dir(process::root()),
        |line| {
            tally = libtest_counts(line).or(plain_counts(line)).or(tally);
        },
    );
    match (result, tally) {
        (Ok(()), Some(tally)) => Ok(End::Counted(tally)),
        (Ok(()), None) => Ok(().into()),
        (Err(_), Some(tally)) if tally.failed > 0 => Ok(End::Counted(tally)),
        (Err(error), _) => Err(error),
    }
}

/// Reads a line `12 passed, 0 failed`.
fn plain_counts(line: &str) -> Option<Tally> {
    let (passed, failed) = line.trim().strip_suffix(" failed")?.split_once(" passed, ")?;
    Some(Tally { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_range_is_read() {
        assert_eq!(plain_counts("12 passed, 3 failed"), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(plain_counts("hydra: 12 passed, some failed"), None);
    }
}
