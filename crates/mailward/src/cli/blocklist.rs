//! `mailward blocklist`: addresses and senders of spam campaigns, for people and for Postfix.
//!
//! The engine proposes, an administrator decides: nothing reads what this prints by itself. What is
//! printed for Postfix must match exactly what was found and nothing else, whatever a spammer wrote
//! as his sender: see [`postfix_key`].

use super::{Command, config, config_argument, format_argument, is_json};
use crate::failure::Failure;
use crate::json;
use crate::recover::{failure, reader};
use crate::terminal::{self, Style};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches};
use edge::clock;
use event::{Decision, Network, Subject, Timestamp};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// The rules whose decisions are proposals for the list.
const RULES: [&str; 1] = ["spam-campaign"];
/// What Postfix answers, behind the code that `REJECT` gives.
const ACTION: &str = "REJECT part of a spam campaign";

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "blocklist",
    summary: "List or export the addresses and senders of spam campaigns",
    about: "Lists the addresses and senders that spam-campaign proposes to block, from the journal: also while no guard \
            runs. With --export it prints a list for a mail server. Nothing is blocked until you use it: look at it \
            first. A sender's domain that has long sent mail to here, and domains of yours, are never on it.\n\nIn \
            Postfix's main.cf:\n  smtpd_client_restrictions = check_client_access cidr:/etc/postfix/campaign_clients\n  \
            smtpd_sender_restrictions = check_sender_access texthash:/etc/postfix/campaign_senders",
    examples: &[
        ("mailward blocklist", "a table, the newest first"),
        (
            "mailward blocklist --export postfix-clients > /etc/postfix/campaign_clients",
            "a cidr table of addresses",
        ),
        (
            "mailward blocklist --export postfix-senders > /etc/postfix/campaign_senders",
            "a texthash (or hash, lmdb) table of senders",
        ),
        ("mailward blocklist --export plain", "one address or sender a line"),
    ],
    arguments: |command| {
        config_argument(format_argument(command)).arg(
            Arg::new("export")
                .long("export")
                .value_name("FORM")
                .value_parser(PossibleValuesParser::new([
                    "plain",
                    "postfix-clients",
                    "postfix-senders",
                ]))
                .conflicts_with("format")
                .help("Print a list for a mail server"),
        )
    },
    run,
    hidden: false,
};

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir = config(matches)?.state_dir()?;
    let now = clock::now();
    let mut holds = reader(&dir)?.holds().map_err(failure)?;
    holds.retain(|decision| {
        RULES.contains(&decision.rule.as_ref()) && decision.until.is_none_or(|until| until > now)
    });
    holds.sort_by_key(|decision| std::cmp::Reverse(decision.at));
    if is_json(matches) {
        for decision in &holds {
            let mut line = String::new();
            json::decision(&mut line, decision);
            println!("{line}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let subjects = || holds.iter().map(|decision| &decision.subject);
    let (text, left_out) = match matches.get_one::<String>("export").map(String::as_str) {
        Some("plain") => plain(subjects()),
        Some("postfix-clients") => (postfix_clients(subjects()), 0),
        Some(_) => postfix_senders(subjects()),
        None => (table(Style::stdout(), &holds, now), 0),
    };
    print!("{text}");
    if left_out > 0 {
        eprintln!(
            "mailward blocklist: {left_out} senders are no plain addresses and were left out: mailward blocklist shows them"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn table(style: Style, holds: &[Decision], now: Timestamp) -> String {
    if holds.is_empty() {
        return "Nobody is proposed for the blocklist.\n".to_owned();
    }
    let rows = holds.iter().map(|decision| {
        vec![
            decision.subject.kind().to_owned(),
            decision.subject.to_string(),
            decision.rule.to_string(),
            terminal::local(decision.at),
            terminal::still(decision.until, now),
        ]
    });
    style.table(&["what", "subject", "rule", "since", "still"], rows)
}

fn networks<'a>(subjects: impl Iterator<Item = &'a Subject>) -> BTreeSet<Network> {
    subjects.filter_map(Subject::network).collect()
}

/// The senders that can be written, and how many cannot.
fn senders<'a>(subjects: impl Iterator<Item = &'a Subject>) -> (BTreeSet<&'a str>, usize) {
    let names = subjects.filter_map(|subject| match subject {
        Subject::Sender(name) => Some(postfix_key(name)),
        _ => None,
    });
    let (mut written, mut left_out) = (BTreeSet::new(), 0);
    for name in names {
        match name {
            Some(name) => {
                written.insert(name);
            }
            None => left_out += 1,
        }
    }
    (written, left_out)
}

fn plain<'a>(subjects: impl Iterator<Item = &'a Subject> + Clone) -> (String, usize) {
    let (senders, left_out) = senders(subjects.clone());
    let addresses = networks(subjects).into_iter().map(|network| network.short());
    let lines = addresses.chain(senders.into_iter().map(str::to_owned));
    (lines.map(|line| line + "\n").collect(), left_out)
}

/// A table for `check_client_access cidr:`. See cidr_table(5).
fn postfix_clients<'a>(subjects: impl Iterator<Item = &'a Subject>) -> String {
    let networks = networks(subjects).into_iter();
    networks.map(|network| format!("{} {ACTION}\n", network.short())).collect()
}

/// A table for `check_sender_access texthash:`. See access(5), postmap(1).
fn postfix_senders<'a>(subjects: impl Iterator<Item = &'a Subject>) -> (String, usize) {
    let (senders, left_out) = senders(subjects);
    (senders.into_iter().map(|sender| format!("{sender} {ACTION}\n")).collect(), left_out)
}

/// The sender as the key of an access map, where it can be no other thing there.
///
/// What spammers write is a stranger's text. A blank would end the key, a line break the entry, a
/// quote begin a quoted key, `#` a comment; `user@` and `domain` are keys of their own in access(5)
/// and match many. So only `local@domain` is a key, of the letters of an atom (RFC 5322, 3.2.3) and
/// of a host name (RFC 1123); nobody is blocked for a name that needs more.
fn postfix_key(name: &[u8]) -> Option<&str> {
    const ATOM: &[u8] = b"!$%&'*+-/=?^_`{|}~.";
    let name = std::str::from_utf8(name).ok()?;
    let (local, domain) = name.rsplit_once('@')?;
    let is_dotted = |text: &str| text.split('.').all(|label| !label.is_empty());
    let is_atom = local.bytes().all(|byte| byte.is_ascii_alphanumeric() || ATOM.contains(&byte));
    let is_host = domain.contains('.')
        && domain.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-'))
        && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    (is_atom && is_host && is_dotted(local) && is_dotted(domain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::{Command as Program, Stdio};

    fn sender(name: &str) -> Subject {
        Subject::Sender(name.as_bytes().into())
    }

    fn client(text: &str) -> Subject {
        let network: Network = text.parse().unwrap();
        match network.is_host() {
            true => Subject::Client(network.address()),
            false => Subject::Network(network),
        }
    }

    #[test]
    fn only_whole_plain_addresses_are_keys() {
        for name in ["a@b.example", "o'neil+x@sub.b-c.example", "{x}|y@b.example", "#a"] {
            assert_eq!(postfix_key(name.as_bytes()).is_some(), name != "#a", "{name}");
        }
        for name in [
            "",
            "@",
            "a@",
            "@b.example",
            "b.example",
            "a b@c.example",
            "\"a b\"@c.example",
            "a@b.example REJECT",
            "a@b.example\nx@y.example",
            "a\n@b.example",
            "a\t@b.example",
            "#a@b.example",
            "a@b",
            "a@.example",
            ".a@b.example",
            "a..b@c.example",
            "a@b.example.",
            "a@[192.0.2.1]",
            "a@*.example",
            "gr\u{fc}n@b.example",
            "a\0@b.example",
            "a@-b.example",
            "a@b@c.example",
            "a,b@c.example",
            "<a@b.example>",
            "a@b.example\r",
        ] {
            assert_eq!(postfix_key(name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn each_form_has_what_it_should() {
        let subjects = [
            sender("x@y.example"),
            client("203.0.113.9"),
            sender("bad one@y.example"),
            client("2001:db8:1:2::/64"),
            sender("x@y.example"),
        ];
        assert_eq!(
            plain(subjects.iter()),
            ("203.0.113.9\n2001:db8:1:2::/64\nx@y.example\n".to_owned(), 1)
        );
        let clients = postfix_clients(subjects.iter());
        assert_eq!(clients.lines().count(), 2);
        assert!(clients.starts_with("203.0.113.9 REJECT "), "{clients}");
        assert_eq!(
            postfix_senders(subjects.iter()),
            ("x@y.example REJECT part of a spam campaign\n".to_owned(), 1)
        );
    }

    /// What a real Postfix finds for a key in such a table; `None` where there is no `postmap`.
    fn postmap(kind: &str, table: &str, key: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        std::fs::write(&path, table).unwrap();
        std::fs::write(dir.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
        let out = Program::new("postmap")
            .arg("-c")
            .arg(dir.path())
            .args(["-q", key, &format!("{kind}:{}", path.display())])
            .stderr(Stdio::inherit())
            .output()
            .ok()?;
        Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    }

    #[test]
    fn a_real_postfix_finds_those_of_the_table_and_no_other() {
        let subjects = [
            sender("x@y.example"),
            sender("o'neil=/+&%$!{}|~^?*`@y.example"),
            sender("evil@z.example REJECT\nvictim@y.example"),
            sender("two words@y.example"),
            sender("y.example"),
            sender("victim@"),
            client("203.0.113.9"),
            client("2001:db8:1:2::/64"),
        ];
        let (table, _) = postfix_senders(subjects.iter());
        let Some(found) = postmap("texthash", &table, "x@y.example") else { return };
        assert_eq!(found, ACTION);
        let ask = |key: &str| postmap("texthash", &table, key).unwrap_or_default();
        assert_eq!(ask("o'neil=/+&%$!{}|~^?*`@y.example"), ACTION);
        for key in ["y.example", "victim@y.example", "victim@", "two", "two words@y.example"] {
            assert_eq!(ask(key), "", "{key}");
        }
        let table = postfix_clients(subjects.iter());
        let ask = |key: &str| postmap("cidr", &table, key).unwrap_or_default();
        assert_eq!(ask("203.0.113.9"), ACTION);
        assert_eq!(ask("2001:db8:1:2::77"), ACTION);
        for key in ["203.0.113.8", "2001:db8:1:3::77", "203.0.113.90"] {
            assert_eq!(ask(key), "", "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_sender_makes_one_line_of_its_own_or_none(
            names in prop::collection::vec("[a-c@.\\- #\"\n\t\\\\*%\u{fc}]{0,12}", 0..6),
            bytes: Vec<u8>,
        ) {
            let mut subjects: Vec<Subject> = names.iter().map(|name| sender(name)).collect();
            subjects.push(Subject::Sender(bytes.into()));
            let (table, left_out) = postfix_senders(subjects.iter());
            let mut keys = BTreeSet::new();
            for line in table.lines() {
                let (key, action) = line.split_once(' ').unwrap();
                prop_assert_eq!(action, ACTION);
                prop_assert!(key.contains('@') && keys.insert(key));
                prop_assert!(subjects.contains(&sender(key)));
            }
            let distinct: BTreeSet<&Subject> = subjects.iter().collect();
            let wrong = distinct.iter().filter(|subject| match subject {
                Subject::Sender(name) => postfix_key(name).is_none(),
                _ => false,
            });
            prop_assert!(keys.len() + wrong.count() == distinct.len() && left_out <= subjects.len());
        }
    }
}
