//! Every line of every corpus means what the file says.
//!
//! `MAILWARD_CORPUS=print` prints the files as the parsers read them now, for a person to review;
//! `MAILWARD_CORPUS=fill` writes it below each line that has no meaning yet.

mod corpus;

use corpus::{File, OPTIONAL, expectation, files, meaning, written};
use parse::{PARSERS, Parsed};

/// Differences of one file, each with its place.
fn differences(file: &File) -> Vec<String> {
    let envelope_only = file.directory == "envelope";
    let mut found = Vec::new();
    for case in &file.cases {
        let place = format!("{}:{}", file.path.display(), case.number);
        let line = String::from_utf8_lossy(&case.line);
        let actual = meaning(&case.line, envelope_only);
        let Some(expected) = &case.expected else {
            let means = written(&actual, &actual);
            found.push(format!("{place}: no expectation\n  {line}\n  means  => {means}"));
            continue;
        };
        let expected = expectation(expected);
        let checked = |key: &str| envelope_only || !OPTIONAL.contains(&key);
        let missing = actual.iter().filter(|pair| checked(&pair.0) && !expected.contains(pair));
        let wrong = expected.iter().filter(|pair| !actual.contains(pair));
        if missing.chain(wrong).next().is_some() {
            let (wanted, means) = (written(&expected, &expected), written(&actual, &expected));
            found.push(format!("{place}\n  {line}\n  wanted => {wanted}\n  means  => {means}"));
        }
    }
    found
}

/// The file as the parsers read it now.
fn corrected(file: &File) -> String {
    let mut text = String::new();
    let mut cases = file.cases.iter();
    for line in file.bytes.split(|byte| *byte == b'\n') {
        if line.starts_with(b"=> ") {
            continue;
        }
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let Some(case) = cases.next() else { break };
        let wanted = case.expected.as_deref().map(expectation).unwrap_or_default();
        let actual = meaning(&case.line, file.directory == "envelope");
        text.push_str(&format!("=> {}\n", written(&actual, &wanted)));
    }
    text.trim_end().to_owned() + "\n"
}

/// The file's bytes, with a meaning below each line that has none.
fn filled(file: &File) -> Vec<u8> {
    let lines = file.bytes.split(|byte| *byte == b'\n').enumerate().map(|(index, line)| {
        let bare = |case: &&corpus::Case| case.number == index + 1 && case.expected.is_none();
        let Some(case) = file.cases.iter().find(bare) else { return line.to_vec() };
        let actual = meaning(&case.line, file.directory == "envelope");
        [line, b"\n=> ", written(&actual, &Vec::new()).as_bytes()].concat()
    });
    lines.collect::<Vec<_>>().join(&b'\n')
}

#[test]
fn a_line_without_a_meaning_is_filled_in_and_no_other() {
    let line = "Nov 21 16:02:10 mx cron[1]: x";
    let bytes = format!("# a\n{line}\n\n{line}\n=> noise y\n").into_bytes();
    let case = |number, expected: Option<&[u8]>| corpus::Case {
        number,
        line: line.as_bytes().to_vec(),
        expected: expected.map(<[u8]>::to_vec),
    };
    let cases = vec![case(2, None), case(4, Some(b"noise y"))];
    let file = File { path: "x.txt".into(), directory: "x".to_owned(), cases, bytes };
    let wanted = format!("# a\n{line}\n=> foreign\n\n{line}\n=> noise y\n");
    assert_eq!(String::from_utf8_lossy(&filled(&file)), wanted);
}

#[test]
fn lines_mean_what_the_corpora_say() {
    let mut files = files();
    assert!(!files.is_empty(), "no corpora");
    if std::env::var_os("MAILWARD_CORPUS").is_some_and(|value| value == "fill") {
        for file in &files {
            let bytes = filled(file);
            if bytes != file.bytes {
                std::fs::write(&file.path, bytes).unwrap();
                println!("{} filled in: read it before you believe it", file.path.display());
            }
        }
        files = corpus::files();
    }
    if std::env::var_os("MAILWARD_CORPUS").is_some_and(|value| value == "print") {
        for file in &files {
            println!("#### {}\n{}", file.path.display(), corrected(file));
        }
    }
    let found: Vec<String> = files.iter().flat_map(differences).collect();
    assert!(found.is_empty(), "{} lines differ\n\n{}\n", found.len(), found.join("\n\n"));
}

/// The journal keeps a text as a place in its line.
#[test]
fn every_text_of_an_event_is_a_piece_of_its_line() {
    for (file, case) in files().iter().flat_map(|f| f.cases.iter().map(move |case| (f, case))) {
        let Some(record) = parse::frame(&case.line) else { continue };
        let Parsed::Event(event) = corpus::parsed(&record) else { continue };
        let texts = [
            event.host,
            event.account,
            event.session,
            event.queue_id,
            event.mechanism,
            event.sender,
            event.recipient,
            event.helo,
            event.secret_tag,
            event.mail_subject,
            event.spam_score,
            event.query_name,
            event.query_type,
            event.detail,
        ];
        for text in texts.into_iter().flatten().filter(|text| !text.is_empty()) {
            let is_piece = case.line.as_ptr_range().contains(&text.bytes().as_ptr());
            assert!(is_piece, "{}:{}: {text}", file.path.display(), case.number);
        }
    }
}

#[test]
fn each_directory_is_a_parsers_own() {
    for file in files() {
        if file.directory == "envelope" {
            continue;
        }
        for case in &file.cases {
            let foreign = case.expected.as_deref().is_some_and(|text| text == b"foreign");
            let Some(record) = parse::frame(&case.line) else { continue };
            // Several servers have an `imapd`, and all ask PAM: one of the owners is enough.
            let owners = PARSERS.iter().filter(|parser| (parser.owns)(&record));
            let owner = owners.map(|parser| parser.name).find(|name| *name == file.directory);
            let owner = owner.filter(|_| !foreign);
            let place = format!("{}:{}", file.path.display(), case.number);
            assert!(
                owner == Some(file.directory.as_str()) || foreign,
                "{place}: owned by {owner:?}"
            );
        }
    }
}

#[test]
fn each_parser_has_a_corpus_with_events_noise_and_lines_that_must_not_count() {
    let files = files();
    for parser in PARSERS {
        let cases = || files.iter().filter(|f| f.directory == parser.name).flat_map(|f| &f.cases);
        assert!(cases().next().is_some(), "{}: no corpus", parser.name);
        let says = |word: &str| {
            cases().any(|case| {
                let text = case.expected.as_deref().unwrap_or_default();
                String::from_utf8_lossy(text).split(' ').any(|part| part == word)
            })
        };
        // Whoever asks a DNS server can write any address: such a line counts against nobody.
        let is_dns = says("query");
        assert!(says("hostile") != is_dns, "{}: no hostile line", parser.name);
        assert!(says("noise"), "{}: no noise", parser.name);
        let harmless = cases().any(|case| {
            let text = String::from_utf8_lossy(case.expected.as_deref().unwrap_or_default());
            // saslauthd names nobody but the account.
            let names = text.contains(" client=") || text.contains(" account=");
            names && !text.split(' ').any(|part| part == "hostile")
        });
        // Who names no client at all blames nobody.
        let blames = cases().any(|case| {
            let text = String::from_utf8_lossy(case.expected.as_deref().unwrap_or_default());
            text.contains(" client=")
        });
        assert!(harmless || !blames, "{}: no client's line that must not count", parser.name);
    }
}
