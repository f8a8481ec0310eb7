use super::*;
use crate::terms::print::text;
use ::event::Timestamp;
use proptest::prelude::*;

fn event() -> Event<'static> {
    let mut event = Event::new(
        Timestamp(0),
        Server::Dovecot,
        Text::from("imap-login"),
        Kind::Auth,
        Outcome::Rejected,
    );
    event.reason = Some(Reason::AuthFailed);
    event.client = "198.51.100.7".parse().ok();
    event.account = Some(Text::from("Info@example.org"));
    event.host = Some(Text::from("mx1"));
    event.origin = ::event::Origin { operator: 64_500, country: *b"DE" };
    event.hostile = true;
    event
}

const LINE: &[u8] = b"Nov 21 mx1 dovecot: imap-login: Aborted: user=<Info@example.org>";

fn holds(text: &str) -> bool {
    parse(text).unwrap().iter().all(|term| term.matches(&event(), LINE))
}

#[test]
fn terms_mean_what_they_say() {
    for text in [
        "",
        "outcome:rejected",
        "outcome!=allowed",
        "-outcome:allowed,deferred",
        "!outcome=allowed",
        "OUTCOME=Rejected reason:auth-failed",
        "client:198.51.100.7 client:198.51.100.0/24",
        "client!=198.51.101.0/24",
        "account:info@example.org",
        "account:info*",
        "account:*@EXAMPLE.org",
        "account:*@example*",
        "account!=\"info*\"",
        "operator:AS64500 operator:64500 country:de country!=BR",
        "hostile:yes hostile!=no host:mx1 service:imap-login",
        "aborted",
        "-\"no such user\"",
        "\"User=<info\"",
        "text:aborted",
        "sender:none queue",
        "sender:none",
        "reason!=none",
    ] {
        let expected = text != "sender:none queue";
        assert_eq!(holds(text), expected, "{text}");
    }
    for text in [
        "outcome:allowed",
        "outcome!=rejected",
        "outcome!=allowed,rejected",
        "client!=198.51.100.0/24",
        "client:none",
        "account:\"info*\"",
        "account:info",
        "account!=*@example.org",
        "country:BR,FR",
        "-aborted",
        "hostile:no",
        "detector:brute-force",
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, column, what) in [
        ("outcome:allowd", 9, "allowed, deferred"),
        ("  acount:bob", 3, "there are outcome"),
        ("out:allowed", 1, "do you mean outcome"),
        ("client:300.1.1.1", 8, "198.51.100.0/24"),
        ("client:", 8, "a value is wanted after client"),
        ("account:\"bob", 9, "not closed"),
        ("account:\"bob\"x", 14, "a space is wanted"),
        ("country:DEU", 9, "two letters"),
        ("operator:ASx", 10, "AS64500"),
        ("hostile:maybe", 9, "yes or no"),
        ("ä hostile:maybe", 11, "yes or no"),
        ("-", 2, "a text to look for"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
    }
    assert!(parse(&"a ".repeat(65)).is_err());
    assert!(parse(&"a".repeat(5000)).is_err());
    assert!(parse(&format!("account:{}", "a,".repeat(300))).is_err());
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(
        name in "[a-z*\", \\\\é:=!-]{0,12}", field in 0..FIELDS.len(), is_excluded: bool,
    ) {
        let row = &FIELDS[field];
        let value = match row.form {
            Form::Word(words) => Value::Word(words()[name.len() % words().len()]),
            Form::Network => Value::Network("2001:db8::/32".parse().unwrap()),
            Form::Operator => Value::Operator(name.len() as u32),
            Form::Country => Value::Country(*b"DE"),
            Form::Flag => Value::Flag(name.len() % 2 == 0),
            Form::Name if row.field == Field::Text => Value::Name {
                text: name.clone().into_bytes(), is_open_before: true, is_open_behind: true,
            },
            Form::Name => Value::name(name.as_bytes()),
        };
        let term = Term { field: row.field, values: vec![value, Value::None], is_excluded };
        let printed = text(&[term.clone(), term.clone()]);
        prop_assert_eq!(parse(&printed).unwrap(), [term.clone(), term], "{}", printed);
    }

    #[test]
    fn nothing_that_is_written_breaks_it(text in "\\PC{0,60}") {
        if let Ok(terms) = parse(&text) {
            let printed = super::print::text(&terms);
            prop_assert_eq!(parse(&printed).unwrap(), terms, "{}", printed);
        }
    }
}
