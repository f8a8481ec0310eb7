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
    let filled = |template: &str| template.replace("NAME", name).replace("TITLE", &title(name));
    create(root, &module, &filled(MODULE))?;
    create(root, &format!("corpora/{name}/{name}.txt"), &filled(CORPUS))?;
    create(root, &format!("docs/parsers/{name}.md"), &filled(PAGE))?;
    edit(root, "crates/parse/src/lib.rs", |text| table_row(text, name))?;
    edit(root, "crates/event/src/vocabulary.rs", |text| server_word(text, name))?;
    edit(root, "docs/SUMMARY.md", |text| {
        let row = format!("  - [{}](parsers/{name}.md)\n", title(name));
        insert_before(text, "- [nftables", &row)
    })?;
    println!("next: lines of a real server into corpora/{name}, the grammar into {module}, then");
    println!("      cargo test -p parse; cargo xtask tidy");
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

/// `mod NAME;` and the row of `PARSERS`.
fn table_row(text: &str, name: &str) -> Option<String> {
    let text = insert_before(text, "mod record;", &format!("mod {name};\n"))?;
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
    let word = title(name);
    Some(format!(
        "{head}    Server {{\n{rows}\n        {word} = \"{name}\": \"{word}\",\n    }}{tail}"
    ))
}

fn insert_before(text: &str, mark: &str, row: &str) -> Option<String> {
    let (head, rest) = text.split_once(mark)?;
    Some(format!("{head}{row}{mark}{rest}"))
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string())
        + letters.as_str()
}

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
};

fn owns(record: &Record<'_>) -> bool {
    record.program.bytes() == b"NAME"
}

/// Fields stand at fixed places: read them there, from both ends, never search for an address.
fn parse<'a>(record: &Record<'a>, at: Timestamp) -> Parsed<'a> {
    let _ = (record, at);
    Parsed::Unknown
}
"#;

const CORPUS: &str = "# TITLE: version and set-up of the server that wrote these lines.
# The format is in corpora/README.md. Needed at least: an event that counts (hostile), one of a
# client that must not count, and a line of noise.
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
            table_row(text, "maddy").unwrap(),
            "mod postfix;\nmod maddy;\nmod record;\npub const PARSERS: &[Parser] = \
             &[postfix::PARSER, maddy::PARSER];\n"
        );
        assert_eq!(table_row("mod record;\n", "maddy"), None);
    }

    #[test]
    fn the_servers_word_is_appended_once() {
        let text = "    Server {\n        Exim = \"exim\": \"Exim\",\n    }\n";
        let changed = server_word(text, "maddy").unwrap();
        assert!(changed.contains("Exim\",\n        Maddy = \"maddy\": \"Maddy\",\n    }"));
        assert_eq!(server_word(&changed, "maddy").unwrap(), changed);
    }
}
