//! Reads `corpora/<parser>/*.txt`: log lines and what they mean. See `corpora/README.md`.

#![allow(dead_code)] // each test binary uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a part of tests

use event::{Event, Text, Timestamp, Vocabulary};
use parse::{Parsed, Record, Stamp};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// One line of a corpus with what it should mean.
pub struct Case {
    pub number: usize,
    pub line: Vec<u8>,
    pub expected: Option<Vec<u8>>,
}

/// One file: everything, so that it can be printed again.
pub struct File {
    pub path: PathBuf,
    pub directory: String,
    pub cases: Vec<Case>,
    pub bytes: Vec<u8>,
}

/// All files, in order of their names.
pub fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpora");
    let mut paths: Vec<PathBuf> = Vec::new();
    for directory in std::fs::read_dir(&root).expect("corpora/ exists") {
        let directory = directory.unwrap().path();
        if directory.is_dir() {
            paths.extend(std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()));
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> File {
    let bytes = std::fs::read(&path).unwrap();
    let directory = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if let Some(expected) = line.strip_prefix(b"=> ") {
            let case = cases.last_mut().expect("an expectation follows a line");
            assert!(case.expected.is_none(), "{}:{}: two expectations", path.display(), index + 1);
            case.expected = Some(expected.to_vec());
        } else if !line.is_empty() && !line.starts_with(b"#") {
            cases.push(Case { number: index + 1, line: line.to_vec(), expected: None });
        }
    }
    File { path, directory, cases, bytes }
}

/// A record's stamp, years and zones that are missing read as 2026 and UTC.
pub fn completed(stamp: Stamp) -> Timestamp {
    match stamp {
        Stamp::Utc(at) => at,
        Stamp::Missing => Timestamp(0),
        Stamp::Zoned(s, east_s) => completed(Stamp::Local(s)).plus_seconds(-i64::from(east_s)),
        Stamp::Local(s) => event::Civil {
            year: s.year.unwrap_or(2026),
            month: s.month,
            day: s.day,
            hour: s.hour,
            minute: s.minute,
            second: s.second,
            micros: s.micros,
        }
        .utc(),
    }
}

pub fn parsed<'a>(record: &Record<'a>) -> Parsed<'a> {
    parse::parse(record, completed(record.stamp))
}

/// What a line means, as words and `key=value` pairs.
pub type Meaning = Vec<(String, String)>;

/// Keys that an expectation may leave out; all others must be written where the event has them.
pub const OPTIONAL: [&str; 5] = ["service", "protocol", "host", "pid", "detail"];

pub fn meaning(line: &[u8], envelope_only: bool) -> Meaning {
    let word = |text: &str| vec![("is".to_owned(), text.to_owned())];
    let Some(record) = parse::frame(line) else { return word("no-envelope") };
    if envelope_only {
        return envelope(&record);
    }
    match parsed(&record) {
        Parsed::Event(event) => of_event(&event),
        Parsed::Noise(name) => word(&format!("noise {name}")),
        Parsed::Unknown => word("unknown"),
        Parsed::Foreign => word("foreign"),
        Parsed::Unframed => word("no-envelope"),
    }
}

fn envelope(record: &Record<'_>) -> Meaning {
    let stamp = match record.stamp {
        Stamp::Utc(at) => at.to_string(),
        Stamp::Missing => "none".to_owned(),
        Stamp::Zoned(..) => {
            let shown = completed(record.stamp).to_string();
            format!("?{}", shown.get(4..).unwrap())
        }
        Stamp::Local(s) => {
            let shown = completed(record.stamp).to_string();
            let local = shown.trim_end_matches('Z').to_owned();
            if s.year.is_some() { local } else { format!("?{}", local.get(4..).unwrap()) }
        }
    };
    let mut pairs = vec![("is".to_owned(), format!("{:?}", record.envelope).to_lowercase())];
    let mut add = |key: &str, value: Option<String>| {
        pairs.extend(value.map(|value| (key.to_owned(), value)));
    };
    add("stamp", Some(stamp));
    add("host", record.host.map(|host| bytes(host.bytes())));
    add("program", Some(bytes(record.program.bytes())));
    add("pid", record.pid.map(|pid| pid.to_string()));
    add("message", Some(bytes(record.message)));
    pairs
}

fn of_event(event: &Event<'_>) -> Meaning {
    let mut words = format!("{} {}", event.kind.name(), event.outcome.name());
    if let Some(reason) = event.reason {
        write!(words, " {}", reason.name()).unwrap();
    }
    if event.hostile {
        words.push_str(" hostile");
    }
    let mut pairs = vec![("is".to_owned(), words)];
    let mut add = |key: &str, value: Option<String>| {
        pairs.extend(value.map(|value| (key.to_owned(), value)));
    };
    let text = |text: Option<Text<'_>>| text.map(|text| bytes(text.bytes()));
    add("client", event.client.map(|client| client.to_string()));
    add("account", text(event.account));
    add("known", event.known.map(|known| known.to_string()));
    add("attempts", (event.attempts > 0).then(|| event.attempts.to_string()));
    add("mechanism", text(event.mechanism));
    add("session", text(event.session));
    add("queue_id", text(event.queue_id));
    add("sender", text(event.sender));
    add("recipient", text(event.recipient));
    add("helo", text(event.helo));
    add("secret_tag", text(event.secret_tag));
    add("mail_subject", text(event.mail_subject));
    add("spam_score", text(event.spam_score));
    add("query_name", text(event.query_name));
    add("query_type", text(event.query_type));
    add("recipients", (event.recipients > 0).then(|| event.recipients.to_string()));
    add("forwarded", event.forwarded.map(|forwarded| forwarded.to_string()));
    add(
        "commands",
        event.commands.map(|c| {
            format!(
                "auth:{}/{},mail:{}/{},rcpt:{}/{},unknown:{},all:{}/{}",
                c.auth_ok,
                c.auth_all,
                c.mail_ok,
                c.mail_all,
                c.rcpt_ok,
                c.rcpt_all,
                c.unknown,
                c.ok,
                c.all
            )
        }),
    );
    add("service", text(Some(event.service)));
    add("protocol", Some(event.protocol.name().to_owned()));
    add("host", text(event.host));
    add("pid", event.pid.map(|pid| pid.to_string()));
    add("detail", text(event.detail));
    pairs
}

/// Bytes as they stand in an expectation: bare, or in quotes with `\"`, `\\` and `\xNN`.
fn bytes(value: &[u8]) -> String {
    let bare = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if !value.is_empty() && value.iter().all(bare) {
        return String::from_utf8(value.to_vec()).unwrap();
    }
    let mut quoted = String::from("\"");
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                c if c.is_control() => write!(quoted, "\\x{:02x}", c as u32).unwrap(),
                c => quoted.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(quoted, "\\x{byte:02x}").unwrap();
        }
    }
    quoted + "\""
}

/// Reads an expectation. Values stay in their written form, which is unique.
pub fn expectation(text: &[u8]) -> Meaning {
    let text = String::from_utf8(text.to_vec()).expect("an expectation is UTF-8");
    let mut words: Vec<String> = Vec::new();
    let mut pairs: Meaning = Vec::new();
    for token in tokens(&text) {
        match token.split_once('=') {
            Some((key, value)) => pairs.push((key.to_owned(), value.to_owned())),
            None => words.push(token),
        }
    }
    pairs.insert(0, ("is".to_owned(), words.join(" ")));
    pairs
}

/// Splits at spaces outside of quotes.
fn tokens(text: &str) -> Vec<String> {
    let (mut quoted, mut escaped) = (false, false);
    let mut tokens = vec![String::new()];
    for character in text.chars() {
        match character {
            ' ' if !quoted => tokens.push(String::new()),
            _ => tokens.last_mut().unwrap().push(character),
        }
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && quoted && !escaped;
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// An expectation as it is written; optional keys only where `wanted` has them.
pub fn written(meaning: &Meaning, wanted: &Meaning) -> String {
    let mut text = String::new();
    for (key, value) in meaning {
        let envelope = meaning.iter().any(|(key, _)| key == "stamp");
        let asked = wanted.iter().any(|(wanted, _)| wanted == key);
        let shown = envelope || asked || !OPTIONAL.contains(&key.as_str());
        if key == "is" {
            text.push_str(value);
        } else if shown {
            write!(text, " {key}={value}").unwrap();
        }
    }
    text
}
