//! The program's own keys; the detectors' are in `engine::KEYS`.

mod values;

use super::{Config, WebFile};
use edge::source::{SyslogAddress, Users};
use engine::{Value, ValueKind};
use event::{Mode, Network};
use values::{is_name, path_of, path_value, path_values, paths_of, words, yes};

/// One key of the program: a row of [`KEYS`].
pub struct Key {
    /// Table and key, `state.keep_days`.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The unit of a number, or nothing.
    pub unit: &'static str,
    /// What it takes. A `Word` without a choice is any text.
    pub kind: ValueKind,
    /// The largest number; the smallest is 0.
    pub max: i64,
    /// What a configuration holds.
    pub get: fn(&Config) -> Value,
    /// Sets it; `None` where the value is of another kind.
    pub set: fn(&mut Config, &Value) -> Option<()>,
}

/// `kernel.only."993" = ["192.0.2.0/24"]`: the one key whose name is chosen by the user.
pub const ONLY: &str = "kernel.only";
/// What [`ONLY`] is for.
pub const ONLY_SUMMARY: &str = "Ports that only the listed networks may reach: `[kernel.only]` with lines such as \
     `993 = [\"192.0.2.0/24\"]`. Everybody else is dropped there.";

/// Whom the limits of the kernel do not hold for.
pub const UNLIMITED: &str = "kernel.unlimited";

const ANY: i64 = u32::MAX as i64;
const TEXT: ValueKind = ValueKind::Word(&[]);
const TELLING: ValueKind = ValueKind::Word(&["off", "observe"]);
const SWITCH: ValueKind = ValueKind::Word(&["yes", "no"]);

macro_rules! number {
    ($path:literal, $unit:literal, $max:expr, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: $unit, kind: ValueKind::Integer, max: $max,
            get: |config| Value::Integer(i64::from(config.$($field).+)),
            set: |config, value| match value {
                Value::Integer(number) => { config.$($field).+ = u32::try_from(*number).ok()?; Some(()) }
                _ => None,
            },
        }
    };
}

macro_rules! switch {
    ($path:literal, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "", kind: SWITCH, max: 0,
            get: |config| Value::Word(if config.$($field).+ { "yes" } else { "no" }.into()),
            set: |config, value| match value {
                Value::Word(word) => { config.$($field).+ = yes(word)?; Some(()) }
                _ => None,
            },
        }
    };
}

macro_rules! telling {
    ($path:literal, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "", kind: TELLING, max: 0,
            get: |config| Value::Word(config.$($field).+.name().into()),
            set: |config, value| match value {
                Value::Word(word) => {
                    let modes = [Mode::Off, Mode::Observe];
                    config.$($field).+ = modes.into_iter().find(|mode| mode.name() == &**word)?;
                    Some(())
                }
                _ => None,
            },
        }
    };
}

macro_rules! path {
    ($path:literal, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "", kind: TEXT, max: 0,
            get: |config| path_value(config.$($field).+.as_ref()),
            set: |config, value| { config.$($field).+ = path_of(value)?; Some(()) },
        }
    };
}

macro_rules! paths {
    ($path:literal, $summary:literal, $($field:ident).+) => {
        Key {
            path: $path, summary: $summary, unit: "", kind: ValueKind::Words, max: 0,
            get: |config| path_values(&config.$($field).+),
            set: |config, value| { config.$($field).+ = paths_of(value)?; Some(()) },
        }
    };
}

// Behind the macros that it uses.
mod console;

/// All keys of the program, in the order of the reference page.
pub const KEYS: &[Key] = &[
    Key {
        path: "mode",
        summary: "enforce: decisions are carried out; observe: they are recorded, nothing is dropped, the exported list is empty and the hook is not called.",
        unit: "",
        kind: ValueKind::Word(&["observe", "enforce"]),
        max: 0,
        get: |config| Value::Word(config.mode.name().into()),
        set: |config, value| match value {
            Value::Word(word) => {
                config.mode = [Mode::Observe, Mode::Enforce]
                    .into_iter()
                    .find(|mode| mode.name() == &**word)?;
                Some(())
            }
            _ => None,
        },
    },
    switch!("source.find", "Look for the logs of the mail servers of this host.", source.find),
    paths!(
        "source.files",
        "Log files to follow besides those found, or instead of them with `find = false`.",
        source.files
    ),
    Key {
        path: "source.web_files",
        summary: "Logs of web interfaces to follow, each with its server, such as `sogo=/var/log/sogo/sogo.log` (or `horde`, `roundcube`, `nginx`, `mailcow`, `zimbra`): strangers can write whole lines into them, so only lines of that server are read there, by the guard and by `replay`. The addresses in Zimbra's `audit.log` are believed only where it is named here.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.source.web_files.iter().map(ToString::to_string)),
        set: |config, value| match value {
            Value::Words(all) => {
                let files = all.iter().map(|word| WebFile::named(word));
                config.source.web_files = files.collect::<Option<Vec<_>>>()?;
                Some(())
            }
            _ => None,
        },
    },
    paths!(
        "source.rotated_to",
        "Directories to which logs are moved when they are rotated (logrotate's `olddir`), besides those of the logs and those in these.",
        source.rotated_to
    ),
    switch!(
        "source.from_beginning",
        "Read a log that was never read before from its first line; otherwise only its last megabytes, to learn who usually logs in.",
        source.from_beginning
    ),
    Key {
        path: "source.zone",
        summary: "The zone of stamps that name none, such as Europe/Vienna; empty: the zone of this host.",
        unit: "",
        kind: TEXT,
        max: 0,
        get: |config| Value::Word(config.source.zone.clone().into()),
        set: |config, value| match value {
            Value::Word(word) => {
                config.source.zone = word.to_string();
                Some(())
            }
            _ => None,
        },
    },
    switch!(
        "source.journal",
        "Read the host's journal in place of the files that a syslog daemon writes: it knows which user wrote a line, a file does not.",
        source.journal
    ),
    Key {
        path: "source.journal_users",
        summary: "Users, as numbers (`id -u`) or ranges (`100000-165535`), whose lines in a journal are read besides those of the system's services; others' are counted and not read, for any user may log as any program.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.source.journal_users.iter().map(ToString::to_string)),
        set: |config, value| match value {
            Value::Words(all) => {
                let users = all.iter().map(|word| Users::named(word));
                config.source.journal_users = users.collect::<Option<Vec<_>>>()?;
                Some(())
            }
            _ => None,
        },
    },
    Key {
        path: "source.journal_namespaces",
        summary: "Namespaces of journald (systemd-journald@.service) whose mail entries are followed besides.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.source.journal_namespaces.iter().cloned()),
        set: |config, value| match value {
            Value::Words(names) if names.iter().all(|name| is_name(name)) => {
                config.source.journal_namespaces = names.iter().map(ToString::to_string).collect();
                Some(())
            }
            _ => None,
        },
    },
    path!(
        "source.containers",
        "Directory of Docker's containers, /var/lib/docker/containers, whose logs are followed as they come and go; empty: none.",
        source.containers
    ),
    Key {
        path: "source.containers_except",
        summary: "Names of containers, such as `nginx`, whose logs are not followed with `containers`: those of web interfaces and mail proxies, into whose logs strangers can write whole lines.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.source.containers_except.iter().cloned()),
        set: |config, value| match value {
            Value::Words(names) if names.iter().all(|name| is_name(name)) => {
                config.source.containers_except = names.iter().map(ToString::to_string).collect();
                Some(())
            }
            _ => None,
        },
    },
    path!(
        "source.dnstap",
        "Socket, such as /run/mailward/dnstap.sock, into which DNS servers of this host write what they are asked (dnstap); empty: none.",
        source.dnstap
    ),
    Key {
        path: "source.syslog.listen",
        summary: "Where syslog of other hosts is received, such as `udp:192.0.2.1:514`, `tcp:[2001:db8::1]:601` or `tls:192.0.2.1:6514`; empty: nowhere.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.source.syslog.listen.iter().map(ToString::to_string)),
        set: |config, value| match value {
            Value::Words(all) => {
                let named = all.iter().map(|word| SyslogAddress::named(word));
                config.source.syslog.listen = named.collect::<Option<Vec<_>>>()?;
                Some(())
            }
            _ => None,
        },
    },
    Key {
        path: "source.syslog.peers",
        summary: "Addresses and networks that may send syslog; what others send is counted and not read.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.source.syslog.peers.iter().map(ToString::to_string)),
        set: |config, value| match value {
            Value::Words(all) => {
                let networks = all.iter().map(|word| word.parse().ok());
                config.source.syslog.peers = networks.collect::<Option<Vec<Network>>>()?;
                Some(())
            }
            _ => None,
        },
    },
    number!(
        "source.syslog.connections_max",
        "connections",
        4_096,
        "Connections for syslog that are open at once; one peer has a quarter of them at most.",
        source.syslog.connections_max
    ),
    path!(
        "source.syslog.certificate",
        "File with this host's certificate and its chain (PEM), for `tls:`; read at the start, so reload after a renewal.",
        source.syslog.certificate
    ),
    path!("source.syslog.key", "File with the certificate's key (PEM).", source.syslog.key),
    path!(
        "source.syslog.senders_ca",
        "File with the certificates that sign the senders' (PEM): who cannot show one is not read; empty: the address alone says who sends.",
        source.syslog.senders_ca
    ),
    switch!("kernel.all_ports", "Bans cover every port, not only those of mail.", kernel.all_ports),
    Key {
        path: "kernel.ports",
        summary: "Mail ports to guard besides 25, 110, 143, 465, 587, 993, 995, 4190 and those found listening.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.kernel.ports.iter().map(u16::to_string)),
        set: |config, value| match value {
            Value::Words(ports) => {
                config.kernel.ports =
                    ports.iter().map(|port| port.parse().ok()).collect::<Option<Vec<u16>>>()?;
                Some(())
            }
            _ => None,
        },
    },
    switch!(
        "kernel.published",
        "Guard also what goes on to containers whose mail ports are published here; switches connection tracking on.",
        kernel.published
    ),
    switch!(
        "kernel.count_per_ban",
        "Count the packets of each banned address, not only those of all together; costs memory, and kernels of the 5.15 series fail with large counted sets.",
        kernel.count_per_ban
    ),
    number!(
        "kernel.connections_per_minute",
        "connections",
        ANY,
        "New connections a minute that one address may make to mail ports; 0: no limit.",
        kernel.connections_per_minute
    ),
    number!(
        "kernel.connections_burst",
        "connections",
        ANY,
        "New connections that one address may make at once before that limit bites.",
        kernel.connections_burst
    ),
    number!(
        "kernel.prefix_connections_per_minute",
        "connections",
        ANY,
        "New connections a minute from one prefix (IPv4 /24, IPv6 /48) to mail ports; 0: no limit.",
        kernel.prefix_connections_per_minute
    ),
    number!(
        "kernel.prefix_connections_burst",
        "connections",
        ANY,
        "New connections that one prefix may make at once before that limit bites.",
        kernel.prefix_connections_burst
    ),
    number!(
        "kernel.concurrent_max",
        "connections",
        ANY,
        "Connections that one address may hold open at once on mail ports; 0: no limit. A limit switches connection tracking on, for the whole host.",
        kernel.concurrent_max
    ),
    number!(
        "kernel.prefix_concurrent_max",
        "connections",
        ANY,
        "Connections that one prefix (IPv4 /24, IPv6 /48) may hold open at once on mail ports; 0: no limit. A limit switches connection tracking on, for the whole host.",
        kernel.prefix_concurrent_max
    ),
    Key {
        path: UNLIMITED,
        summary: "Networks that the limits above do not hold for, but bans do: proxies, webmail hosts, large offices.",
        unit: "",
        kind: ValueKind::Networks,
        max: 0,
        get: |config| Value::Networks(config.kernel.unlimited.clone()),
        set: |config, value| match value {
            Value::Networks(networks) => {
                config.kernel.unlimited = networks.clone();
                Some(())
            }
            _ => None,
        },
    },
    path!(
        "state.dir",
        "Directory of the journal; empty: /var/lib/mailward for root, ~/.local/state/mailward for others.",
        state.dir
    ),
    number!("state.keep_days", "days", 36_500, "How long events are kept.", state.keep_days),
    number!(
        "state.size_max_mb",
        "MB",
        100_000_000,
        "How large the journal may grow; the oldest events give way. 0: no limit.",
        state.size_max_mb
    ),
    telling!("silence.mode", "Off, or observe: it tells.", silence.mode),
    number!(
        "silence.quiet_s",
        "s",
        604_800,
        "So long without a line, while clients come, is silence.",
        silence.quiet_s
    ),
    number!(
        "silence.connections_min",
        "connections",
        ANY,
        "So many connections must have come since the last line.",
        silence.connections_min
    ),
    telling!("parser-drift.mode", "Off, or observe: it tells.", parser_drift.mode),
    number!(
        "parser-drift.unknown_min",
        "lines",
        1_000,
        "Unknown lines of a thousand of one source from which it may be drift.",
        parser_drift.unknown_min
    ),
    number!(
        "parser-drift.factor",
        "",
        1_000,
        "So many times the share of unknown lines of before is drift.",
        parser_drift.factor
    ),
    paths!(
        "geo.files",
        "Files in MaxMind's format that say operator and country of an address, for `takeover`; read at the start. `mailward geo` says which fit.",
        geo_files
    ),
    console::LISTEN,
    console::NAMES,
    console::CERTIFICATE,
    console::KEY,
    console::OPEN,
    console::ACME_DIRECTORY,
    console::ACME_EMAIL,
    console::ACME_LISTEN,
    console::ACME_SIGNED_BY,
    path!(
        "export.list",
        "A file that always holds the banned prefixes, one a line, for other tools; without a line in mode observe; empty: none.",
        export.list
    ),
    Key {
        path: "export.hook",
        summary: "A program and its first arguments, run without a shell with `ban|unban PREFIX SECONDS RULE` added; never in mode observe.",
        unit: "",
        kind: ValueKind::Words,
        max: 0,
        get: |config| words(config.export.hook.iter().cloned()),
        set: |config, value| match value {
            Value::Words(hook) => {
                config.export.hook = hook.iter().map(|word| word.to_string()).collect();
                Some(())
            }
            _ => None,
        },
    },
];
