//! Which logs to read. Syslog and journald often hold the same lines: each mail server is read
//! from exactly one of them.

use super::Lack;
use super::servers::{LogTarget, MailServer};
use super::sockets::Sockets;
use super::tree::Tree;
use crate::source::ProblemKind;
use crate::source::journal::kept;
use event::{Server, Vocabulary};
use std::path::{Path, PathBuf};

/// Files that a syslog daemon writes mail lines to, if its configuration does not say: Debian,
/// Red Hat, SUSE, and hosts that have one file for all. `mail.info` and `mail.err` repeat
/// `mail.log`.
const SYSLOG_FILES: [&str; 5] = [
    "/var/log/mail.log",
    "/var/log/maillog",
    "/var/log/mail",
    "/var/log/messages",
    "/var/log/syslog",
];
/// How many of these hold mail lines only.
const MAIL_ONLY: usize = 3;

/// Logs of web interfaces where Debian's packages and the makers' manuals have them, each with the
/// server whose alone it is: a stranger can write lines of others there. Roundcube's have no ending
/// before 1.4.
pub const WEB_LOGS: [(Server, &str); 6] = [
    (Server::Sogo, "/var/log/sogo/sogo.log"),
    (Server::Roundcube, "/var/log/roundcube/errors.log"),
    (Server::Roundcube, "/var/log/roundcube/errors"),
    (Server::Roundcube, "/var/log/roundcube/userlogins.log"),
    (Server::Roundcube, "/var/log/roundcube/userlogins"),
    (Server::Horde, "/var/log/horde/horde.log"),
];

/// Not read unasked: a stranger can write lines of Roundcube itself into `userlogins`, and not into
/// `errors`, which tells of all wrong passwords. So who believes Roundcube may mean `errors` alone.
const FORGEABLE: &str = "/userlogins";

/// Units of mail servers.
const UNITS: [&str; 8] = [
    "postfix.service",
    "postfix@.service",
    "postfix@-.service",
    "dovecot.service",
    "exim4.service",
    "exim.service",
    "opensmtpd.service",
    "smtpd.service",
];

/// The journal's entries of the mail facility (RFC 5424 table 1): what mail servers log to syslog.
const MAIL_FACILITY: &str = "SYSLOG_FACILITY=2";

/// A log to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogChoice {
    /// Where.
    pub place: LogPlace,
    /// Whose lines are in it; empty where no mail server of this host is known to write it.
    pub servers: Vec<Server>,
    /// Why this one, in words.
    pub why: String,
    /// A syslog daemon writes it, and takes what it is told for the truth.
    pub is_syslog: bool,
}

/// Where a log is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogPlace {
    /// A file; it may not be there yet.
    File(PathBuf),
    /// The systemd journal, entries with these matches.
    Journald {
        /// As `journalctl` takes them.
        matches: Vec<String>,
        /// Its namespace; `None` for the host's own.
        namespace: Option<String>,
    },
}

impl LogPlace {
    /// What is logged to the mail facility in a journal: the host's own, or a namespace's.
    pub fn journald(namespace: Option<String>) -> Self {
        LogPlace::Journald { matches: vec![MAIL_FACILITY.to_owned()], namespace }
    }
}

/// Decides which logs to read.
pub(super) fn choose(
    tree: &Tree,
    servers: &[MailServer],
    sockets: &Sockets,
    lacks: &mut Vec<Lack>,
) -> Vec<LogChoice> {
    let mut choices: Vec<LogChoice> = Vec::new();
    for server in servers {
        for target in &server.targets {
            match target {
                LogTarget::File(path) => {
                    let why = format!("{} writes this file itself", server.server.name());
                    add(&mut choices, LogPlace::File(path.clone()), server.server, why);
                }
                LogTarget::Syslog => match syslog(tree, sockets) {
                    Some((place, why)) => {
                        let is_syslog = matches!(place, LogPlace::File(_));
                        add(&mut choices, place.clone(), server.server, why);
                        let chosen = choices.iter_mut().find(|choice| choice.place == place);
                        chosen.into_iter().for_each(|choice| choice.is_syslog |= is_syslog);
                    }
                    None => lacks.push(no_log(server.server)),
                },
                LogTarget::Elsewhere(place) => lacks.push(Lack {
                    what: format!("{} logs to {place}", server.server.name()),
                    effect: "it cannot be followed there",
                    remedy: "let it log to syslog or to a file with a fixed name",
                }),
            }
        }
    }
    if servers.is_empty() {
        choices.extend(stray(tree));
        lacks.push(Lack {
            what: "no mail server of those known runs or is configured here".to_owned(),
            effect: "only logs that are here anyway are read",
            remedy: "name the log in `source.files`, or try `mailward up --demo`",
        });
    }
    let is_read = |path: &str| tree.has(path) && !path.contains(FORGEABLE);
    for (server, path) in WEB_LOGS.iter().filter(|(_, path)| is_read(path)) {
        let why = format!("{server} writes this file; only lines of it are read there");
        add(&mut choices, LogPlace::File(PathBuf::from(path)), *server, why);
    }
    for choice in &choices {
        lacks.extend(unreadable(tree, &choice.place));
    }
    choices
}

fn add(choices: &mut Vec<LogChoice>, place: LogPlace, server: Server, why: String) {
    match choices.iter_mut().find(|choice| choice.place == place) {
        Some(choice) if choice.servers.contains(&server) => {}
        Some(choice) => choice.servers.push(server),
        None => {
            choices.push(LogChoice { place, servers: vec![server], why, is_syslog: false });
        }
    }
}

/// Where what is logged to syslog can be read.
fn syslog(tree: &Tree, sockets: &Sockets) -> Option<(LogPlace, String)> {
    let journal = tree.has("var/log/journal") || tree.has("run/log/journal");
    let existing = || SYSLOG_FILES.iter().find(|path| tree.has(path)).map(PathBuf::from);
    if let Some(daemon) = sockets.syslog_daemon()
        && let Some(path) = configured_file(tree).or_else(existing)
    {
        let also = if journal { "; the journal holds the same lines and is not read" } else { "" };
        return Some((LogPlace::File(path), format!("{daemon} writes it{also}")));
    }
    if journal {
        let why = "no syslog daemon writes a file, the journal has the lines".to_owned();
        return Some((LogPlace::journald(None), why));
    }
    existing().map(|path| (LogPlace::File(path), "the only place that was found".to_owned()))
}

/// The file that rsyslog's configuration gives mail lines to: `mail.*  -/var/log/mail.log`.
fn configured_file(tree: &Tree) -> Option<PathBuf> {
    let included = tree.names("etc/rsyslog.d").unwrap_or_default().into_iter();
    let included = included.filter(|name| name.ends_with(".conf"));
    let files = included.map(|name| format!("etc/rsyslog.d/{name}"));
    let files: Vec<String> = files.chain(["etc/rsyslog.conf".to_owned()]).collect();
    let rules: Vec<(String, PathBuf)> = files
        .iter()
        .filter_map(|file| tree.read(file))
        .flat_map(|text| text.lines().filter_map(mail_rule).collect::<Vec<_>>())
        .collect();
    let of = |wanted: &[&str]| {
        let fits = |selector: &String| selector.split(';').any(|part| wanted.contains(&part));
        rules.iter().find(|(selector, _)| fits(selector)).map(|(_, path)| path.clone())
    };
    of(&["mail.*", "mail.debug"]).or_else(|| of(&["mail.info"]))
}

/// A selector of the mail facility with a file as its action.
fn mail_rule(line: &str) -> Option<(String, PathBuf)> {
    let mut words = line.split_ascii_whitespace();
    let selector = words.next().filter(|selector| selector.contains("mail."))?;
    let path = words.next()?.trim_start_matches('-');
    let path =
        path.split(';').next().filter(|path| path.starts_with("/var/") || path.starts_with('/'))?;
    (!selector.starts_with('#') && !path.starts_with("/dev/"))
        .then(|| (selector.to_owned(), PathBuf::from(path)))
}

/// Logs of mail that are here although no mail server is known: a host that collects logs.
fn stray(tree: &Tree) -> Vec<LogChoice> {
    let syslog = SYSLOG_FILES.iter().take(MAIL_ONLY).find(|path| tree.at(path).is_file());
    let exim = "/var/log/exim4/mainlog";
    let exim = tree.has(exim).then_some(&exim);
    let paths: Vec<PathBuf> = syslog.into_iter().chain(exim).map(PathBuf::from).collect();
    let why = "it is here, though no mail server was found".to_owned();
    let choice = |path| LogChoice {
        place: LogPlace::File(path),
        servers: Vec::new(),
        why: why.clone(),
        is_syslog: false,
    };
    paths.into_iter().map(choice).collect()
}

/// Why a chosen log cannot be read now.
fn unreadable(tree: &Tree, place: &LogPlace) -> Option<Lack> {
    match place {
        LogPlace::File(path) => match std::fs::File::open(tree.at(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Some(Lack {
                what: format!("no permission to read {}", path.display()),
                effect: "what is logged there is not seen",
                remedy: "start as root, or add the user to the group of the file (Debian: adm)",
            }),
            _ => None,
        },
        LogPlace::Journald { namespace, .. } => {
            let programs = ["usr/bin/journalctl", "bin/journalctl"];
            if !programs.iter().any(|path| tree.has(path)) {
                return Some(Lack {
                    what: "journalctl is not installed".to_owned(),
                    effect: "the journal cannot be read",
                    remedy: "install systemd's journalctl, or a syslog daemon such as rsyslog",
                });
            }
            let directories = kept::DIRECTORIES.map(|directory| tree.at(directory));
            let machine = kept::machine_id(&tree.at("/"));
            let found = kept::problem(&directories, machine.as_deref(), namespace.as_deref())?;
            let remedy = match found.kind {
                ProblemKind::Permission => kept::REMEDY_PERMISSION,
                _ => kept::REMEDY_MISSING,
            };
            let what = format!("{}: {}", found.about, found.kind.meaning());
            Some(Lack { what, effect: "what is logged to the journal is not seen", remedy })
        }
    }
}

/// Why a log cannot be read by this process, or by `journalctl` when this process starts it.
pub fn cannot_read(place: &LogPlace) -> Option<Lack> {
    unreadable(&Tree::new(Path::new("/")), place)
}

fn no_log(server: Server) -> Lack {
    Lack {
        what: format!("{} logs to syslog, and no log of it was found", server.name()),
        effect: "what it logs is not seen",
        remedy: "install rsyslog, let journald keep a journal, or set a log file of its own",
    }
}

/// Units of mail servers that are installed.
pub(super) fn units(tree: &Tree) -> Vec<String> {
    let directories = ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];
    let exists = |unit: &&str| directories.iter().any(|place| tree.has(format!("{place}/{unit}")));
    UNITS.iter().filter(|unit| exists(unit)).map(|unit| (*unit).to_owned()).collect()
}
