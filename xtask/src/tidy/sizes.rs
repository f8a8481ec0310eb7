//! Sizes of files, functions and lines, with a ratchet: `xtask/ratchet.txt` lists what was too
//! large when the rule came, with its size. A row may shrink and go; a new one is added by hand,
//! and so is seen in review.

use super::Problem;
use crate::rust_source::Source;
use crate::{Outcome, Tree, process};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Lines of code in a file, its tests apart.
const FILE_LINES_MAX: usize = 500;
/// Lines of code in a function's body.
const FUNCTION_LINES_MAX: usize = 70;
/// Characters in a line of a comment or a script; code is rustfmt's.
const COLUMNS_MAX: usize = 100;

const RATCHET: &str = "xtask/ratchet.txt";

/// What is measured, and how large it is.
type Excesses = BTreeMap<String, usize>;

pub fn check(tree: &Tree) -> Vec<Problem> {
    let found = excesses(tree);
    let listed = ratchet(tree);
    let mut problems = Vec::new();
    for (what, size) in &found {
        match listed.get(what) {
            None => problems.push(Problem::new(what, format!("{size}, limit {}", limit(what)))),
            Some(old) if size > old => {
                problems.push(Problem::new(what, format!("{size}, has grown from {old}")));
            }
            Some(_) => {}
        }
    }
    for (what, old) in &listed {
        let now = found.get(what).copied().unwrap_or(0);
        if now < *old {
            let what_to_do = format!("listed with {old}, is {now}: cargo xtask tidy --shrink");
            problems.push(Problem::new(format!("{RATCHET}: {what}"), what_to_do));
        }
    }
    problems
}

/// Lowers the listed sizes to those found, and drops what is within the limits now.
pub fn shrink(tree: &Tree) -> Outcome {
    let found = excesses(tree);
    let mut text = String::new();
    for line in tree.get(RATCHET).unwrap_or_default().lines() {
        let Some((what, old)) = row(line) else {
            writeln!(text, "{line}")?;
            continue;
        };
        if let Some(now) = found.get(what) {
            writeln!(text, "{what} = {}", old.min(*now))?;
        }
    }
    Ok(std::fs::write(process::root().join(RATCHET), text)?)
}

fn limit(what: &str) -> &'static str {
    match what.split(' ').next() {
        Some("file") => "500 lines of code, tests apart: split it by thought",
        Some("function") => "70 lines of code: name its parts",
        _ => "no comment over 100 columns",
    }
}

fn excesses(tree: &Tree) -> Excesses {
    let mut found = Excesses::new();
    for (path, text) in tree.files() {
        if path.ends_with(".rs") {
            let source = Source::new(text);
            for function in source.functions().into_iter().filter(|f| f.lines > FUNCTION_LINES_MAX)
            {
                found.insert(format!("function {path} {}", function.name), function.lines);
            }
            let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
            let lines = source.without_tests().code_lines();
            if lines > FILE_LINES_MAX && !is_test {
                found.insert(format!("file {path}"), lines);
            }
        }
        let is_wide = |line: &&str| line.chars().count() > COLUMNS_MAX;
        let wide = match path {
            _ if path.ends_with(".rs") => text
                .lines()
                .filter(|line| line.trim_start().starts_with("//") && is_wide(line))
                .count(),
            _ if path.ends_with(".sh") => text.lines().filter(is_wide).count(),
            _ => 0,
        };
        if wide > 0 {
            found.insert(format!("columns {path}"), wide);
        }
    }
    found
}

fn ratchet(tree: &Tree) -> Excesses {
    let rows = tree.get(RATCHET).unwrap_or_default().lines().filter_map(row);
    rows.map(|(what, size)| (what.to_owned(), size)).collect()
}

fn row(line: &str) -> Option<(&str, usize)> {
    let (what, size) = line.split_once(" = ")?;
    if line.starts_with('#') { None } else { Some((what, size.trim().parse().ok()?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines))
    }

    #[test]
    fn too_large_is_found_and_the_ratchet_only_turns_one_way() {
        let with = |lines: usize, ratchet: &str| {
            check(&Tree::of(&[("a.rs", &function(lines)), (RATCHET, ratchet)])).len()
        };
        assert_eq!(with(70, "# nothing\n"), 0);
        assert_eq!(with(71, ""), 1, "over the limit");
        assert_eq!(with(80, "function a.rs long = 80\n"), 0, "old debt");
        assert_eq!(with(81, "function a.rs long = 80\n"), 1, "has grown");
        assert_eq!(with(79, "function a.rs long = 80\n"), 1, "has shrunk: lower the row");
        assert_eq!(with(10, "function a.rs long = 80\n"), 1, "is fine now: drop the row");
    }

    #[test]
    fn tests_do_not_make_a_file_large_but_code_does() {
        let code = "fn a() {}\n".repeat(501);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
        assert_eq!(check(&Tree::of(&[("a.rs", &code)])).len(), 1);
        assert_eq!(check(&Tree::of(&[("a.rs", &tests), ("x/tests/b.rs", &code)])).len(), 0);
        assert_eq!(check(&Tree::of(&[("run.sh", &"x".repeat(101))])).len(), 1);
        assert_eq!(check(&Tree::of(&[("a.rs", &format!("    // {}", "x".repeat(94)))])).len(), 1);
        assert_eq!(check(&Tree::of(&[("a.rs", &format!("    // {}", "x".repeat(93)))])).len(), 0);
    }
}
