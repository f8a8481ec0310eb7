//! `cargo xtask new parser NAME`: the skeleton of a parser, complete but for its grammar.
//!
//! The corpus comes with a line of each kind that the tests ask for, so what is missing fails by
//! name until it is there.

use crate::{Outcome, process};
use std::path::Path;

/// Makes the files and the edits.
pub fn run(arguments: &[String]) -> Outcome {
    match arguments {
        [what, name] if what == "parser" && is_name(name) => parser(&process::root(), name),
        [what, _] if what == "parser" => {
            Err("NAME is lower-case letters and digits, as in opensmtpd".into())
        }
        _ => Err("usage: cargo xtask new parser NAME".into()),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

fn parser(root: &Path, name: &str) -> Outcome {
    let module = format!("crates/parse/src/{name}.rs");
    if root.join(&module).exists() {
        return Err(format!("{module} is there already").into());
    }
    let vocabulary = std::fs::read_to_string(root.join(VOCABULARY))?;
    let title = known_title(&vocabulary, name).unwrap_or_else(|| variant(name));
    let filled = |template: &str| {
        template.replace("NAME", name).replace("TITLE", &title).replace("VARIANT", &variant(name))
    };
    create(root, &module, &filled(MODULE))?;
    create(root, &format!("crates/parse/tests/{name}_properties.rs"), &filled(PROPERTIES))?;
    create(root, &format!("corpora/{name}/{name}.txt"), &filled(CORPUS))?;
    create(root, &format!("docs/parsers/{name}.md"), &filled(PAGE))?;
    edit(root, "crates/parse/src/lib.rs", |text| table_row(text, name))?;
    edit(root, VOCABULARY, |text| server_word(text, name))?;
    edit(root, "docs/SUMMARY.md", |text| {
        insert_before(text, "- [nftables", &format!("  - [{title}](parsers/{name}.md)\n"))
    })?;
    edit(root, "docs/parsers/README.md", |text| {
        insert_before(text, "\nA line that is misread", &format!("| [{title}]({name}.md) | | |\n"))
    })?;
    process::shown(&mut process::cargo(&["fmt", "-p", "parse"]))?;
    println!(
        "next: ARCHITECTURE.md, \"A parser in an hour\"; by hand: a line in CHANGELOG.md, the row"
    );
    println!("      of README.md, versions in docs/parsers/README.md");
    Ok(())
}

fn create(root: &Path, path: &str, text: &str) -> Outcome {
    let place = root.join(path);
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&place, text)?;
    println!("{path} made");
    Ok(())
}

fn edit(root: &Path, path: &str, change: impl Fn(&str) -> Option<String>) -> Outcome {
    let text = std::fs::read_to_string(root.join(path))?;
    let Some(changed) = change(&text) else {
        println!("{path}: add the row by hand");
        return Ok(());
    };
    if changed != text {
        std::fs::write(root.join(path), changed)?;
        println!("{path} changed");
    }
    Ok(())
}

/// `mod NAME;` at its place in the alphabet, and the row of `PARSERS`.
fn table_row(text: &str, name: &str) -> Option<String> {
    let declared = |line: &str| Some(line.strip_prefix("mod ")?.strip_suffix(";")?.to_owned());
    let mut modules = text.lines().filter_map(declared);
    let text = match modules.find(|module| module.as_str() > name) {
        Some(next) => insert_before(text, &format!("mod {next};"), &format!("mod {name};\n"))?,
        None => {
            let last = text.lines().filter_map(declared).next_back()?;
            let (head, tail) = text.split_once(&format!("mod {last};\n"))?;
            format!("{head}mod {last};\nmod {name};\n{tail}")
        }
    };
    let (head, rest) = text.split_once("pub const PARSERS: &[Parser] = &[")?;
    let (rows, tail) = rest.split_once("];")?;
    let rows = rows.trim_end().trim_end_matches(',');
    let comma = if rows.is_empty() { "" } else { ", " };
    let start = "pub const PARSERS: &[Parser] = &[";
    Some(format!("{head}{start}{rows}{comma}{name}::PARSER];{tail}"))
}

/// The word of the server, at the end: the position is what the store keeps.
fn server_word(text: &str, name: &str) -> Option<String> {
    let (head, rest) = text.split_once("    Server {\n")?;
    if rest.split("\n    }").next()?.contains(&format!("= \"{name}\"")) {
        return Some(text.to_owned());
    }
    let (rows, tail) = rest.split_once("\n    }")?;
    let word = variant(name);
    Some(format!(
        "{head}    Server {{\n{rows}\n        {word} = \"{name}\": \"{word}\",\n    }}{tail}"
    ))
}

fn insert_before(text: &str, mark: &str, row: &str) -> Option<String> {
    let (head, rest) = text.split_once(mark)?;
    Some(format!("{head}{row}{mark}{rest}"))
}

/// How the vocabulary calls a server that it has already: `OpenSMTPD`, not `Opensmtpd`. Those are
/// the words of its meaning that spell the name (`Exchange` of `Microsoft Exchange`); where none
/// do, all before the first comma.
fn known_title(vocabulary: &str, name: &str) -> Option<String> {
    let (_, rest) = vocabulary.split_once(&format!("= \"{name}\": \""))?;
    let (meaning, _) = rest.split_once('"')?;
    let words: Vec<&str> =
        meaning.split([' ', ',', '\'']).filter(|word| !word.is_empty()).collect();
    let spelt = |words: &[&str]| -> String {
        let letters = words.iter().flat_map(|word| word.chars());
        letters.filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
    };
    let runs = (0..words.len()).flat_map(|from| (from + 1..=words.len()).map(move |to| from..to));
    let mut titles = runs.filter_map(|run| words.get(run)).filter(|run| spelt(run) == name);
    let title = titles.next().map(|run| run.join(" "));
    title.or_else(|| meaning.split(',').next().map(str::to_owned))
}

/// The name of the word in `Server`, and of a server that is new.
fn variant(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string())
        + letters.as_str()
}

const VOCABULARY: &str = "crates/event/src/vocabulary.rs";

const MODULE: &str = r#"//! TITLE: which lines, of which versions, seen where. Say what a stranger can choose in them.

use crate::{Parsed, Parser, Record};
use event::Timestamp;

/// The row of [`crate::PARSERS`].
pub(crate) const PARSER: Parser = Parser {
    name: "NAME",
    versions: "",
    origin: "",
    owns,
    parse,
    own_file: None,
};

/// By the program's name in the log, which need not be the server's.
fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"NAME"
}

/// Fields stand at fixed places: read them there, from both ends, never search for an address.
fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let _ = (record, at);
    Parsed::Unknown
}
"#;

const PROPERTIES: &str = r#"//! Whatever a stranger writes, the client of a line of TITLE is the peer or nobody.

mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::named::{is_peer_or_nobody, line, names_the_peer_or_nobody};
use stranger::text;

/// What a stranger would write to look like this server: its own words, with another's address.
const PIECES: &[&str] = &["6.6.6.6", "[6.6.6.6]", " ", "\"", "\\", "<", ">", "="];

/// Each line in which a stranger has a say (`{}`), with 203.0.113.66 where the server writes the
/// peer. The first word is the program. Of these the peer is read whatever the words are.
const READ: &[&str] = &["NAME[4711]: login failed from 203.0.113.66: {}"];
/// Of these he may be nobody: no stranger should be able to hide himself, so few belong here.
const HIDDEN: &[&str] = &[];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn NAME_names_the_peer_or_nobody(words in text(PIECES), cut in 0usize..300) {
        names_the_peer_or_nobody(Server::VARIANT, READ, HIDDEN, &words)?;
        for template in READ.iter().chain(HIDDEN) {
            let line = line(template, &words);
            is_peer_or_nobody(line.get(..cut).unwrap_or(&line))?;
        }
    }
}
"#;

const CORPUS: &str = "# TITLE: version and set-up of the server that wrote these lines.
# The format is in corpora/README.md. Needed at least: an event that counts (hostile), one of a
# client that must not count, and a line of noise. Invented lines stand in a file of their own.
";

const PAGE: &str = "# TITLE

Which programs' lines, by syslog, journald or files of its own.

## What counts against a client

## Traps

## Make it tell more
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_module_names() {
        assert!(is_name("opensmtpd") && is_name("qmail2"));
        assert!(!is_name("") && !is_name("2qmail") && !is_name("../x") && !is_name("Exim"));
    }

    #[test]
    fn the_row_goes_into_the_table() {
        let text =
            "mod postfix;\nmod record;\npub const PARSERS: &[Parser] = &[postfix::PARSER];\n";
        assert_eq!(
            table_row(text, "qmail").unwrap(),
            "mod postfix;\nmod qmail;\nmod record;\npub const PARSERS: &[Parser] = \
             &[postfix::PARSER, qmail::PARSER];\n"
        );
        assert_eq!(table_row("mod record;\n", "maddy"), None);
        // Broken over lines, and behind the last module.
        let text = "mod postfix;\npub const PARSERS: &[Parser] = &[\n    postfix::PARSER,\n];\n";
        assert_eq!(
            table_row(text, "qmail").unwrap(),
            "mod postfix;\nmod qmail;\npub const PARSERS: &[Parser] = \
             &[\n    postfix::PARSER, qmail::PARSER];\n"
        );
    }

    #[test]
    fn a_known_server_keeps_its_name() {
        let vocabulary = include_str!("../../crates/event/src/vocabulary.rs");
        for (name, title) in [
            ("opensmtpd", "OpenSMTPD"),
            ("exchange", "Exchange"),
            ("domino", "Domino"),
            ("uwimap", "UW IMAP"),
            ("solidpop3d", "solid-pop3d"),
            ("saslauthd", "saslauthd"),
            ("spamassassin", "SpamAssassin"),
            ("openwebmail", "Open WebMail"),
            ("mailcow", "mailcow"),
            ("bind", "BIND"),
            ("pam", "PAM"),
            ("pdns", "PowerDNS Recursor and Authoritative Server"),
        ] {
            assert_eq!(known_title(vocabulary, name).as_deref(), Some(title));
        }
        assert_eq!(known_title(vocabulary, "maddy"), None);
    }

    #[test]
    fn the_servers_word_is_appended_once() {
        let text = "    Server {\n        Exim = \"exim\": \"Exim\",\n    }\n";
        let changed = server_word(text, "maddy").unwrap();
        assert!(changed.contains("Exim\",\n        Maddy = \"maddy\": \"Maddy\",\n    }"));
        assert_eq!(server_word(&changed, "maddy").unwrap(), changed);
    }
}
