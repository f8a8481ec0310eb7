//! Licences, bans and sources of all dependencies, against `deny.toml`, in a second.
//!
//! cargo-deny reads the same file and does more (advisories, duplicates); it takes five minutes to
//! build on two cores, so the tests ask it only where it is installed:
//! `cargo install --locked cargo-deny`, then `cargo deny check`.

use crate::metadata::{Metadata, Package};
use crate::{Outcome, process};

const SETTINGS: &str = "deny.toml";
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// `cargo xtask licences`.
pub fn run(_: &[String]) -> Outcome {
    let settings = std::fs::read_to_string(process::root().join(SETTINGS))?;
    let problems = check(&Metadata::read()?.packages, &settings)?;
    problems.iter().for_each(|problem| println!("  {problem}"));
    if !problems.is_empty() {
        return Err(format!("{} problems against {SETTINGS}", problems.len()).into());
    }
    if process::found("cargo-deny") {
        // It may fetch: it wants the crates of all platforms, a build has only its own.
        let words = ["deny", "check", "--hide-inclusion-graph"];
        let what = ["licenses", "bans", "sources"];
        process::shown(process::cargo(&words).args(what))?;
    }
    Ok(())
}

fn check(packages: &[Package], settings: &str) -> Outcome<Vec<String>> {
    let allowed = strings_after(settings, "[licenses]", "allow = [");
    let banned = strings_after(settings, "[bans]", "deny = [");
    if allowed.is_empty() || banned.is_empty() {
        return Err(format!("{SETTINGS}: no licences allowed, or nothing banned").into());
    }
    let mut problems = Vec::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        match package.licence.as_deref() {
            None => problems.push(format!("{name}: no licence stated")),
            Some(licence) if !satisfied(licence, &allowed_for(settings, &allowed, package)) => {
                problems.push(format!("{name}: licence {licence} is not allowed"));
            }
            Some(_) => {}
        }
        if banned.contains(&package.name) {
            let wrappers = wrappers(settings, &package.name);
            let users = packages.iter().filter(|user| user.built_with.contains(&package.name));
            let others = users.filter(|user| !wrappers.contains(&user.name)).collect::<Vec<_>>();
            for user in &others {
                problems.push(format!("{name}: banned, used by {}, see {SETTINGS}", user.name));
            }
        }
        if package.source.as_deref().is_some_and(|source| source != CRATES_IO) {
            problems.push(format!("{name}: does not come from crates.io"));
        }
    }
    Ok(problems)
}

/// The `crate = "..."` values, or else the plain strings, of one list in one part of the file.
fn strings_after(settings: &str, part: &str, list: &str) -> Vec<String> {
    let Some((_, rest)) = settings.split_once(part) else { return Vec::new() };
    let rest = rest.split("\n[").next().unwrap_or(rest);
    let Some((_, rest)) = rest.split_once(list) else { return Vec::new() };
    let lines = rest.lines().take_while(|line| line.trim() != "]");
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
    lines.filter(|line| !line.trim().starts_with('#')).filter_map(quoted).collect()
}

/// What this crate may have: what all may, and what is allowed to it alone, by a line of the list
/// `exceptions`: `{ crate = "a", allow = ["MPL-2.0"] }`.
fn allowed_for(settings: &str, allowed: &[String], package: &Package) -> Vec<String> {
    let exceptions = settings.split_once("exceptions = [").map_or("", |(_, rest)| rest);
    let own = format!("crate = \"{}\"", package.name);
    let line =
        exceptions.lines().take_while(|line| line.trim() != "]").find(|it| it.contains(&own));
    let list = line.and_then(|line| line.split_once("allow = [")).map(|(_, rest)| rest);
    let list = list.and_then(|rest| rest.split(']').next()).unwrap_or_default();
    let own = list.split('"').skip(1).step_by(2).map(str::to_owned);
    allowed.iter().cloned().chain(own).collect()
}

/// Who may use a banned crate nevertheless: `wrappers = ["a", "b"]` in its line.
fn wrappers(settings: &str, name: &str) -> Vec<String> {
    let line = settings.lines().find(|line| line.contains(&format!("crate = \"{name}\"")));
    let list = line.and_then(|line| line.split_once("wrappers = [")).map(|(_, rest)| rest);
    let list = list.and_then(|rest| rest.split(']').next()).unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// True where a licence expression can be met: `OR` needs one side, `AND` both.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any_of(&words, &mut at, allowed);
    met && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all_of(words, at, allowed);
    }
    met
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = any_of(words, at, allowed);
        *at += 1;
        return met;
    }
    // An exception only adds permissions.
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    allowed.iter().any(|licence| licence == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions_are_met_or_not() {
        let allowed = ["MIT", "Apache-2.0", "ISC", "Unicode-3.0"].map(str::to_owned);
        for (expression, met) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only OR MIT", true),
            ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
            ("MIT AND GPL-3.0-only", false),
            ("LGPL-2.1", false),
            ("MIT)", false),
            ("", false),
        ] {
            assert_eq!(satisfied(expression, &allowed), met, "{expression}");
        }
    }

    #[test]
    fn what_the_settings_forbid_is_found() {
        let settings = "[licenses]\nallow = [\n  \"MIT\",\n]\nexceptions = [\n  \
                        { crate = \"library\", allow = [\"MPL-2.0\"] },\n]\n[bans]\ndeny = [\n  # why\n  \
                        { crate = \"openssl\", wrappers = [\"wrapper\"] },\n]\n";
        let package = |name: &str, licence: Option<&str>, source: Option<&str>| Package {
            name: name.into(),
            version: "1.0.0".into(),
            licence: licence.map(str::to_owned),
            source: source.map(str::to_owned),
            imports: Vec::new(),
            built_with: Vec::new(),
            extras: Vec::new(),
        };
        let count = |package| check(&[package], settings).map(|problems| problems.len());
        assert_eq!(count(package("memchr", Some("MIT"), Some(CRATES_IO))).ok(), Some(0));
        assert_eq!(count(package("event", Some("MIT"), None)).ok(), Some(0));
        assert_eq!(count(package("x", Some("GPL-3.0"), Some(CRATES_IO))).ok(), Some(1));
        assert_eq!(count(package("x", None, None)).ok(), Some(1));
        assert_eq!(count(package("library", Some("MPL-2.0"), Some(CRATES_IO))).ok(), Some(0));
        for (name, licence) in
            [("x", "MPL-2.0"), ("library-core", "MPL-2.0"), ("library", "GPL-3.0")]
        {
            let count = count(package(name, Some(licence), Some(CRATES_IO)));
            assert_eq!(count.ok(), Some(1), "{name} {licence}");
        }
        let user = |name: &str| Package {
            built_with: vec!["openssl".into()],
            ..package(name, Some("MIT"), Some(CRATES_IO))
        };
        let pair = |user| {
            let all = [package("openssl", Some("MIT"), Some(CRATES_IO)), user];
            check(&all, settings).map(|problems| problems.len())
        };
        assert_eq!(pair(user("curl")).ok(), Some(1));
        assert_eq!(pair(user("wrapper")).ok(), Some(0), "named as a wrapper");
        assert_eq!(
            count(package("x", Some("MIT"), Some("git+https://example.org/x"))).ok(),
            Some(1)
        );
        assert!(check(&[], "").is_err(), "a file that allows nothing is no file of ours");
    }
}
