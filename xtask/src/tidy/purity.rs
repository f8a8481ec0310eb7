//! The pure crates: no standard library, no unsafe code.

use super::Problem;
use crate::{Tree, rust_source::Source};

/// Crates that may do nothing but compute.
const PURE: &[&str] = &["event", "parse", "engine", "wire"];

const ATTRIBUTES: &[&str] = &["#![no_std]", "#![forbid(unsafe_code)]"];

/// Ways around the two attributes.
const BANNED: &[&str] = &["extern crate std", "std::", "unsafe "];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for name in PURE {
        let folder = format!("crates/{name}/src/");
        let head = format!("{folder}lib.rs");
        if let Some(text) = tree.get(&head) {
            let missing = ATTRIBUTES.iter().filter(|attribute| !text.contains(*attribute));
            problems
                .extend(missing.map(|attribute| Problem::new(&head, format!("lacks {attribute}"))));
        }
        for (path, text) in tree.under(&folder).filter(|(path, _)| is_code(path)) {
            problems.extend(of_file(path, text));
        }
    }
    problems
}

fn is_code(path: &str) -> bool {
    path.ends_with(".rs") && !path.ends_with("/tests.rs") && !path.contains("/tests/")
}

fn of_file(path: &str, text: &str) -> Vec<Problem> {
    let code = Source::new(text).without_tests().code();
    let mut problems = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for word in BANNED.iter().filter(|word| begins_word(line, word)) {
            let what = format!("`{}` in a pure crate", word.trim());
            problems.push(Problem::at(path, number, what));
        }
    }
    problems
}

/// True where `word` stands in the line and is not the end of a longer word.
fn begins_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| {
        let before = line.get(..place).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_out_of_purity_is_found() {
        let head = "#![no_std]\n#![forbid(unsafe_code)]\n";
        let with = |rest: &str| {
            check(&Tree::of(&[("crates/parse/src/lib.rs", &format!("{head}{rest}"))])).len()
        };
        assert_eq!(with("// std::fs in a comment\nuse core::fmt;\n"), 0);
        assert_eq!(with("#[cfg(test)]\nmod tests { use std::fs; }\n"), 0);
        assert_eq!(with("extern crate std;\n"), 1);
        assert_eq!(with("use std::net::TcpStream;\n"), 1);
        assert_eq!(check(&Tree::of(&[("crates/wire/src/lib.rs", "//! Doc.\n")])).len(), 2);
    }
}
