//! The keys of the web console.

use super::values::{path_of, path_value, words, yes};
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

pub(super) const CERTIFICATE: Key = Key {
    path: "console.certificate",
    summary: "The console's certificate for TLS, PEM, with its chain; read anew when it changes.",
    unit: "",
    kind: TEXT,
    max: 0,
    get: |config| path_value(config.console.certificate.as_ref()),
    set: |config, value| {
        config.console.certificate = path_of(value)?;
        Some(())
    },
};

pub(super) const KEY: Key = Key {
    path: "console.key",
    summary: "The key of `console.certificate`, PEM; it may be one that only root can read.",
    unit: "",
    kind: TEXT,
    max: 0,
    get: |config| path_value(config.console.key.as_ref()),
    set: |config, value| {
        config.console.key = path_of(value)?;
        Some(())
    },
};

pub(super) const OPEN: Key = switch!(
    "console.open",
    "Whoever reaches the console is an operator, without sign-in; on loopback only.",
    console.open
);
