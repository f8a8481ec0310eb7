//! Every Rust file says in its first lines what it is for.

use super::Problem;
use crate::Tree;

pub fn check(tree: &Tree) -> Vec<Problem> {
    // A file of tests is named by what it tests.
    let files = tree.ending(".rs").filter(|(path, _)| !path.ends_with("/tests.rs"));
    let without = files.filter(|(_, text)| !has_docs(text));
    without
        .map(|(path, _)| Problem::new(path, "begins without a `//!` line that says what it is for"))
        .collect()
}

fn has_docs(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!["))
        .is_some_and(|line| line.strip_prefix("//!").is_some_and(|words| words.trim().len() > 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_words_is_found() {
        let tree = Tree::of(&[
            ("a.rs", "//! Reads the clock.\nfn a() {}\n"),
            ("b.rs", "#![no_main]\n\n//! A fuzz target.\n"),
            ("c.rs", "fn c() {}\n//! Too late.\n"),
            ("d.rs", "//!\nfn d() {}\n"),
            ("d/tests.rs", "use super::*;\n"),
        ]);
        let places: Vec<_> = check(&tree).into_iter().map(|problem| problem.place).collect();
        assert_eq!(places, ["c.rs", "d.rs"]);
    }
}
