//! Every row of a table has what a user needs: a corpus or a scenario, a page, an example.
//!
//! What a parser's corpus must hold is asked by `crates/parse/tests/corpora.rs`, which can read it.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests are tests

use xtask::Tree;

fn tree() -> Tree {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a root");
    Tree::read(root).expect("git lists the files")
}

/// Fails with all that is missing at once.
fn none_missing(missing: Vec<String>) {
    assert!(missing.is_empty(), "missing:\n  {}", missing.join("\n  "));
}

fn page(tree: &Tree, path: &str) -> String {
    tree.get(path).unwrap_or_else(|| panic!("{path} is missing")).to_owned()
}

#[test]
fn every_parser_has_a_corpus_and_a_page() {
    let tree = tree();
    let overview = page(&tree, "docs/parsers/README.md");
    let mut missing = Vec::new();
    for parser in parse::PARSERS {
        let name = parser.name;
        if !overview.contains(&format!("]({name}.md) |")) {
            missing.push(format!("the row of {name} in docs/parsers/README.md"));
        }
        for place in [format!("corpora/{name}"), format!("docs/parsers/{name}.md")] {
            if !tree.has(&place) {
                missing.push(format!("{place}, for the parser {name}"));
            }
        }
        if parser.versions.is_empty() || parser.origin.is_empty() {
            missing.push(format!("versions and origin of the parser {name}"));
        }
    }
    none_missing(missing);
}

#[test]
fn every_key_is_in_the_reference_and_in_the_example() {
    let tree = tree();
    let (reference, example) =
        (page(&tree, "docs/configuration.md"), page(&tree, "packaging/mailward.toml"));
    let mut missing = Vec::new();
    for key in engine::KEYS {
        let (table, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        let documented = section(&reference, &format!("## {table}"), "## ");
        if !documented.contains(&format!("| `{name}` |")) {
            missing.push(format!("{} in docs/configuration.md (cargo xtask doc)", key.path));
        }
        let shown = section(&example, &format!("[{table}]"), "[");
        if !shown.contains(&format!("{name} = ")) {
            missing.push(format!("{} in packaging/mailward.toml (cargo xtask doc)", key.path));
        }
    }
    none_missing(missing);
}

#[test]
fn every_detector_has_a_scenario_and_a_section() {
    let tree = tree();
    let manual = page(&tree, "docs/detectors.md");
    let mut missing = Vec::new();
    for detector in engine::DETECTORS {
        let name = detector.name;
        let mut stories = tree.under("scenarios/").filter(|(path, _)| path.ends_with(".txt"));
        let expected = [format!(" by {name}"), format!("expect finding {name}")];
        let is_whole = |rest: &str| rest.chars().next().is_none_or(char::is_whitespace);
        let is_expected = |line: &str| {
            line.starts_with("expect ")
                && expected.iter().any(|words| line.split(words).skip(1).any(is_whole))
        };
        if !stories.any(|(_, text)| text.lines().any(is_expected)) {
            missing.push(format!("a scenario that expects a decision by {name}, or a finding"));
        }
        if !manual.lines().any(|line| line == format!("## {name}")) {
            missing.push(format!("## {name} in docs/detectors.md"));
        }
    }
    none_missing(missing);
}

/// The lines behind `head`, up to the next that begins with `next`.
fn section(text: &str, head: &str, next: &str) -> String {
    let behind = text.lines().skip_while(|line| *line != head).skip(1);
    behind.take_while(|line| !line.starts_with(next)).map(|line| format!("{line}\n")).collect()
}
