//! Words that the project does not use.

use super::Problem;
use crate::Tree;

/// The word, and what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("jail", "detector, rule or ban"),
    ("whitelist", "allowlist"),
    ("blacklist", "blocklist"),
    ("bouncer", "enforcer"),
    ("hell", "say what it is"),
];

/// Where such a word may stand: path prefix, word, reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("xtask/src/tidy/words.rs", "", "the list itself"),
    ("CONTRIBUTING.md", "", "names the words that are not used"),
    ("corpora/", "", "log lines, as the servers write them"),
    ("crates/parse/src/postfix", "blacklist", "postscreen's own words in its lines"),
    ("crates/parse/src/postfix", "whitelist", "postscreen's own words in its lines"),
    ("crates/parse/src/mailscanner", "blacklist", "MailScanner's own words in its lines"),
    ("crates/parse/src/mailscanner", "whitelist", "MailScanner's own words in its lines"),
    ("docs/parsers/mailscanner.md", "blacklist", "MailScanner's own words in its lines"),
    ("docs/parsers/mailscanner.md", "whitelist", "MailScanner's own words in its lines"),
    ("crates/parse/src/exim", "blacklist", "administrators' words in their refusals"),
    ("crates/engine/src/detect/deferred_surge.rs", "blacklist", "servers' words in refusals"),
    ("crates/parse/tests/", "", "log lines, as the servers write them"),
    ("docs/moving-in.md", "jail", "the peer's word, for its users"),
    ("range/", "blacklist", "postscreen's parameter names and lines"),
    ("range/", "whitelist", "postscreen's parameter names and lines"),
];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_ascii_lowercase();
            for (word, instead) in BANNED.iter().filter(|(word, _)| stands(&lower, word)) {
                if !allowed(path, word) {
                    let what = format!("`{word}`: write {instead}");
                    problems.push(Problem::at(path, number, what));
                }
            }
        }
    }
    problems
}

fn allowed(path: &str, word: &str) -> bool {
    ALLOWED
        .iter()
        .any(|(prefix, only, _)| path.starts_with(prefix) && (only.is_empty() || *only == word))
}

/// True where the word, its plural or another form of it stands; `shell` holds no such word.
fn stands(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| {
        let before = line.get(..place).and_then(|text| text.chars().next_back());
        let after = line.get(place + word.len()..).and_then(|text| text.chars().next());
        let whole = |c: Option<char>| !c.is_some_and(char::is_alphabetic);
        // Short words must stand alone: `hello` is no insult.
        whole(before) && (word.len() > 5 || whole(after) || after == Some('s'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_words_are_found_and_harmless_ones_are_not() {
        let count = |path: &str, line: &str| check(&Tree::of(&[(path, line)])).len();
        assert_eq!(count("docs/a.md", "hello from a shell, said Michelle"), 0);
        assert_eq!(count("docs/a.md", "the Jail and its jails"), 1);
        assert_eq!(count("docs/a.md", "whitelisted, BLACKLISTS"), 2);
        assert_eq!(count("corpora/postfix/a.log", "WHITELISTED [192.0.2.1]:25"), 0);
        assert_eq!(count("crates/parse/src/postfix.rs", "jail"), 1);
    }
}
