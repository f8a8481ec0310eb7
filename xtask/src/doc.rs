//! The generated parts of docs/: what stands between two marks is what the program says.
//!
//! `<!-- generated: mailward WORDS -->` begins a part and `<!-- /generated -->` ends it. The words
//! are arguments of the program, so every table has its one place: in the program. The example
//! configuration is made as a whole, in the same way.

use crate::steps::End;
use crate::{Outcome, Tree, process};

const BEGIN: &str = "<!-- generated: mailward ";
const END: &str = "<!-- /generated -->";

/// The build that is soonest there after a change.
const SOONEST: &[&str] = &[];
/// The build that the range needs anyway: with it the tests have a minute less to build.
const RELEASE: &[&str] = &["--release"];

/// Files that are generated as a whole, and by which words.
const WHOLE: &[(&str, &[&str])] = &[("packaging/mailward.toml", &["reference", "example"])];

/// `cargo xtask doc [--check]`.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {
            for (path, text) in changed(SOONEST)? {
                std::fs::write(process::root().join(&path), text)?;
                println!("{path} written");
            }
            Ok(())
        }
        ["--check"] => fresh().map(drop),
        _ => Err("usage: cargo xtask doc [--check]".into()),
    }
}

/// An error where a generated part is not what the program says now.
pub fn fresh() -> Outcome<End> {
    let stale: Vec<String> = changed(RELEASE)?.into_iter().map(|(path, _)| path).collect();
    if stale.is_empty() {
        return Ok(().into());
    }
    Err(format!("stale: {}; run cargo xtask doc", stale.join(", ")).into())
}

fn changed(profile: &[&str]) -> Outcome<Vec<(String, String)>> {
    let tree = Tree::read(&process::root())?;
    let mut changed = Vec::new();
    for (path, text) in tree.ending(".md").filter(|(_, text)| text.contains(BEGIN)) {
        let renewed = renewed(text, |words| program(profile, words))
            .map_err(|error| format!("{path}: {error}"))?;
        if renewed != text {
            changed.push((path.to_owned(), renewed));
        }
    }
    for (path, words) in WHOLE {
        let made = program(profile, words)?;
        if tree.get(path) != Some(&made) {
            changed.push(((*path).to_owned(), made));
        }
    }
    Ok(changed)
}

/// The page with every generated part made again by `make`.
fn renewed(text: &str, make: impl Fn(&[&str]) -> Outcome<String>) -> Outcome<String> {
    let mut page = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (words, after) = after.split_once(" -->").ok_or("a mark without its end")?;
        let (_, after) = after.split_once(END).ok_or_else(|| format!("no {END} after {words}"))?;
        let words_list: Vec<&str> = words.split_whitespace().collect();
        let made = make(&words_list)?;
        page.push_str(&format!("{before}{BEGIN}{words} -->\n\n{}\n\n{END}", made.trim()));
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// What the program says, built with the flags of `profile`.
fn program(profile: &[&str], words: &[&str]) -> Outcome<String> {
    let start = ["run", "--quiet", "--locked", "-p", "mailward"];
    process::output(process::cargo(&start).args(profile).arg("--").args(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_parts_are_replaced_and_the_rest_is_kept() {
        let page =
            "a\n<!-- generated: mailward rules --format x -->\nold\n<!-- /generated -->\nb\n";
        let make = |words: &[&str]| Ok(format!("{}!\n", words.join("+")));
        let renewed_page = renewed(page, make).unwrap();
        assert_eq!(
            renewed_page,
            "a\n<!-- generated: mailward rules --format x -->\n\nrules+--format+x!\n\n\
             <!-- /generated -->\nb\n"
        );
        assert_eq!(renewed(&renewed_page, make).unwrap(), renewed_page, "a second time: the same");
        assert!(renewed("<!-- generated: mailward rules -->\n", make).is_err());
    }
}
