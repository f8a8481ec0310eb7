//! Which crate may import which.

use super::Problem;
use crate::metadata::{Metadata, Package};

/// One crate and what it may import from this repository.
struct Rule {
    name: &'static str,
    imports: &'static [&'static str],
    /// The only packages from outside that it may import; `None`: deny.toml alone decides.
    outside: Option<&'static [&'static str]>,
}

const fn pure(
    name: &'static str,
    imports: &'static [&'static str],
    outside: &'static [&'static str],
) -> Rule {
    Rule { name, imports, outside: Some(outside) }
}

const fn able(name: &'static str, imports: &'static [&'static str]) -> Rule {
    Rule { name, imports, outside: None }
}

/// The table of ARCHITECTURE.md. Tests may import `testkit` besides, and what [`TEST_ARROWS`] says.
const RULES: &[Rule] = &[
    pure("event", &[], &[]),
    pure("parse", &["event"], &["memchr"]),
    pure("engine", &["event"], &["hashbrown"]),
    pure("wire", &[], &["memchr"]),
    able("acme", &["event"]),
    able("store", &["event"]),
    able("edge", &["event"]),
    able("serve", &["event", "wire"]),
    able("console", &["event", "store"]),
    able(
        "mailward",
        &["event", "parse", "engine", "wire", "store", "edge", "serve", "console", "acme"],
    ),
    // Its `score` measures these; its `world` must not know them (worlds.rs).
    able("testkit", &["event", "parse", "engine"]),
    able("xtask", &[]),
];

/// Arrows that tests, examples and benches may have besides, each with its reason.
const TEST_ARROWS: &[(&str, &str, &str)] = &[
    ("xtask", "parse", "tests/tables.rs walks PARSERS"),
    ("xtask", "engine", "tests/tables.rs walks DETECTORS and KEYS"),
];

pub fn check(metadata: &Metadata) -> Vec<Problem> {
    let own: Vec<&str> = metadata.own().map(|package| package.name.as_str()).collect();
    metadata.own().flat_map(|package| of_package(package, &own)).collect()
}

fn of_package(package: &Package, own: &[&str]) -> Vec<Problem> {
    let Some(rule) = RULES.iter().find(|rule| rule.name == package.name) else {
        let what = "no row in xtask/src/tidy/arrows.rs: say what it may import, and why it exists";
        return vec![Problem::new(&package.name, what)];
    };
    let mut problems = Vec::new();
    for import in &package.imports {
        let name = import.name.as_str();
        if name == rule.name {
            continue;
        }
        let inside = own.contains(&name);
        let test_only = import.dev_only
            && (!inside
                || name == "testkit"
                || TEST_ARROWS.iter().any(|(from, to, _)| (*from, *to) == (rule.name, name)));
        let allowed = match inside {
            true => rule.imports.contains(&name),
            false => rule.outside.is_none_or(|outside| outside.contains(&name)),
        };
        if !allowed && !test_only {
            let what = format!("imports {name}, which its row does not allow");
            problems.push(Problem::new(format!("crates/{}/Cargo.toml", rule.name), what));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Import;

    fn package(name: &str, imports: &[(&str, bool)]) -> Package {
        let import = |&(name, dev_only): &(&str, bool)| Import { name: name.to_owned(), dev_only };
        Package {
            name: name.into(),
            version: "0.1.0".into(),
            licence: None,
            source: None,
            imports: imports.iter().map(import).collect(),
            built_with: Vec::new(),
            extras: Vec::new(),
        }
    }

    fn problems(packages: Vec<Package>) -> usize {
        check(&Metadata { packages, target: String::new() }).len()
    }

    #[test]
    fn an_arrow_that_no_row_allows_is_found() {
        let world = |imports: &[(&str, bool)]| {
            problems(vec![package("engine", imports), package("store", &[]), package("event", &[])])
        };
        assert_eq!(world(&[("event", false), ("hashbrown", false), ("proptest", true)]), 0);
        assert_eq!(world(&[("store", false)]), 1, "engine does not know store");
        assert_eq!(world(&[("store", true)]), 1, "not in its tests either");
        assert_eq!(world(&[("tokio", false)]), 1, "a pure crate imports nothing that can do IO");
        assert_eq!(problems(vec![package("helpers", &[])]), 1, "a crate without a row");
    }
}
