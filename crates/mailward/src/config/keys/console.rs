//! The keys of the web console.

use super::values::{path_of, path_value, text_of, text_value, words, yes};
use super::{Key, SWITCH, TEXT};
use engine::{Value, ValueKind};

pub(super) const LISTEN: Key = Key {
    path: "console.listen",
    summary: "Where the web console listens, such as `127.0.0.1:8925`; empty: it does not run. Beyond this host only with TLS.",
    unit: "",
    kind: ValueKind::Words,
    max: 0,
    get: |config| words(config.console.listen.iter().map(ToString::to_string)),
    set: |config, value| match value {
        Value::Words(words) => {
            let parsed: Result<Vec<_>, _> = words.iter().map(|word| word.parse()).collect();
            config.console.listen = parsed.ok()?;
            Some(())
        }
        _ => None,
    },
};

pub(super) const NAMES: Key = Key {
    path: "console.names",
    summary: "Names by which browsers ask for the console, such as `mail.example.org`; addresses and `localhost` always do.",
    unit: "",
    kind: ValueKind::Words,
    max: 0,
    get: |config| words(config.console.names.iter().cloned()),
    set: |config, value| match value {
        Value::Words(words) => {
            config.console.names = words.iter().map(ToString::to_string).collect();
            Some(())
        }
        _ => None,
    },
};

pub(super) const CERTIFICATE: Key = path!(
    "console.certificate",
    "The console's certificate for TLS, PEM, with its chain; read anew when it changes.",
    console.certificate
);

pub(super) const KEY: Key = path!(
    "console.key",
    "The key of `console.certificate`, PEM; it may be one that only root can read.",
    console.key
);

pub(super) const ACME_DIRECTORY: Key = Key {
    path: "console.acme.directory",
    summary: "The ACME directory of an authority that issues the console's certificate for `console.names`, such as `https://acme-v02.api.letsencrypt.org/directory`; to name it is to agree to its terms. Empty: none is asked.",
    unit: "",
    kind: TEXT,
    max: 0,
    get: |config| text_value(config.console.acme.directory.as_ref()),
    set: |config, value| {
        let directory = text_of(value)?;
        // What is asked for there must not be read or changed on the way.
        if directory.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            return None;
        }
        config.console.acme.directory = directory;
        Some(())
    },
};

pub(super) const ACME_EMAIL: Key = Key {
    path: "console.acme.email",
    summary: "Where the authority may write to, such as `postmaster@example.org`.",
    unit: "",
    kind: TEXT,
    max: 0,
    get: |config| text_value(config.console.acme.email.as_ref()),
    set: |config, value| {
        config.console.acme.email = text_of(value)?;
        Some(())
    },
};

pub(super) const ACME_LISTEN: Key = Key {
    path: "console.acme.listen",
    summary: "Where the authority's questions (http-01) are answered while it looks; where a web server has port 80, have it pass `/.well-known/acme-challenge/` on to another port of loopback, and name that here.",
    unit: "",
    kind: TEXT,
    max: 0,
    get: |config| Value::Word(config.console.acme.listen.to_string().into()),
    set: |config, value| match value {
        Value::Word(word) => {
            config.console.acme.listen = word.parse().ok()?;
            Some(())
        }
        _ => None,
    },
};

pub(super) const ACME_SIGNED_BY: Key = path!(
    "console.acme.signed_by",
    "The certificate, PEM, that signed the one of the directory's own server, for an authority of your own; empty: whom the system trusts.",
    console.acme.signed_by
);

pub(super) const OPEN: Key = switch!(
    "console.open",
    "Whoever reaches the console is an operator, without sign-in; on loopback only.",
    console.open
);
