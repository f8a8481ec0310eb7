//! The mail servers of this host, and where each of them logs to, as its configuration says.

use super::sockets::Sockets;
use super::tree::Tree;
use event::Server;
use std::path::{Path, PathBuf};

/// The standard mail ports: SMTP, submission, IMAP, POP3 and ManageSieve (RFC 5321, 6409, 8314,
/// 9051, 1939, 5804).
pub const PORTS_MAIL: [u16; 8] = [25, 110, 143, 465, 587, 993, 995, 4190];

/// Depth to which configuration files include others.
const INCLUDES_MAX: usize = 8;

/// A mail server of this host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailServer {
    /// Which.
    pub server: Server,
    /// True where it runs; else only its configuration is here.
    pub runs: bool,
    /// Where it logs to.
    pub targets: Vec<LogTarget>,
}

/// Where a mail server says it logs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogTarget {
    /// To the local syslog socket (which journald may hold).
    Syslog,
    /// To a file of its own.
    File(PathBuf),
    /// To somewhere that cannot be read: standard output, a path with a date in it.
    Elsewhere(String),
}

/// Finds the mail servers that run or are configured.
pub(super) fn find(tree: &Tree, sockets: &Sockets) -> Vec<MailServer> {
    let found = KINDS.iter().filter_map(|kind| {
        let server = kind.server;
        let runs = sockets.runs(server);
        let configured = kind.configurations.iter().any(|path| tree.has(path));
        let found = || MailServer { server, runs, targets: (kind.targets)(tree) };
        (runs || configured).then(found)
    });
    found.collect()
}

/// How a mail server is known.
struct ServerKind {
    server: Server,
    /// Files of which one is there where it is configured.
    configurations: &'static [&'static str],
    /// Where it logs to.
    targets: fn(&Tree) -> Vec<LogTarget>,
}

const KINDS: &[ServerKind] = &[
    ServerKind {
        server: Server::Postfix,
        configurations: &["etc/postfix/main.cf"],
        targets: postfix,
    },
    ServerKind {
        server: Server::Dovecot,
        configurations: &["etc/dovecot/dovecot.conf"],
        targets: dovecot,
    },
    ServerKind { server: Server::Exim, configurations: &EXIM_CONFIGURATIONS, targets: exim },
    ServerKind {
        server: Server::Opensmtpd,
        configurations: &["etc/smtpd.conf", "etc/mail/smtpd.conf"],
        targets: |_| vec![LogTarget::Syslog],
    },
];

/// A value that names a place.
fn target(value: &str) -> LogTarget {
    match value {
        "" | "syslog" => LogTarget::Syslog,
        path if path.starts_with("/dev/") || !path.starts_with('/') || path.contains('%') => {
            LogTarget::Elsewhere(path.to_owned())
        }
        path => LogTarget::File(PathBuf::from(path)),
    }
}

/// Postfix: `maillog_file` (postlogd(8), since 3.4), else syslog.
fn postfix(tree: &Tree) -> Vec<LogTarget> {
    let text = tree.read("etc/postfix/main.cf").unwrap_or_default();
    let parameters = postfix_parameters(&text);
    let value = |name: &str| {
        parameters.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let mut file = value("maillog_file").unwrap_or_default();
    // `$name` and `${name}`, a few levels deep.
    for _ in 0..INCLUDES_MAX {
        let Some((before, rest)) = file.split_once('$') else { break };
        let bare = rest.trim_start_matches(['{', '(']);
        let end = bare.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(bare.len());
        let (name, after) = bare.split_at(end);
        let after = after.trim_start_matches(['}', ')']);
        file = format!("{before}{}{after}", value(name).unwrap_or_default());
    }
    vec![target(file.trim())]
}

/// `name = value`; a line that starts with white space goes on the one before (postconf(5)).
fn postfix_parameters(text: &str) -> Vec<(String, String)> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for line in lines.filter(|line| !line.trim_start().starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = parameters.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once('=') {
            parameters.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    parameters
}

/// Dovecot: `info_log_path` where set (logins are told there), and `log_path`; else syslog.
fn dovecot(tree: &Tree) -> Vec<LogTarget> {
    let mut settings = Vec::new();
    dovecot_settings(tree, Path::new("etc/dovecot/dovecot.conf"), 0, &mut settings);
    let value = |name: &str| {
        let set = settings.iter().rev().find(|(known, _)| known == name);
        set.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let errors = value("log_path").unwrap_or("syslog");
    let info = value("info_log_path").unwrap_or(errors);
    let mut targets = vec![target(info), target(errors)];
    targets.dedup();
    targets
}

/// Top-level `name = value` of a file and those that it includes.
fn dovecot_settings(tree: &Tree, path: &Path, depth: usize, settings: &mut Vec<(String, String)>) {
    let Some(text) = tree.read(path).filter(|_| depth < INCLUDES_MAX) else { return };
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        let include = line.strip_prefix("!include_try ").or_else(|| line.strip_prefix("!include "));
        if let Some(pattern) = include {
            let directory = path.parent().unwrap_or(Path::new(""));
            for included in matching(tree, &directory.join(pattern.trim())) {
                dovecot_settings(tree, &included, depth + 1, settings);
            }
        } else if let Some((name, value)) = line.split_once('=') {
            let value = value.split(" #").next().unwrap_or_default().trim().trim_matches('"');
            settings.push((name.trim().to_owned(), value.to_owned()));
        }
    }
}

/// The files that a path with at most one `*` in its last part names, sorted.
fn matching(tree: &Tree, pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some((start, end)) = name.split_once('*') else { return vec![pattern.to_owned()] };
    let directory = pattern.parent().unwrap_or(Path::new(""));
    let names = tree.names(directory).unwrap_or_default().into_iter();
    names
        .filter(|name| name.len() >= start.len() + end.len())
        .filter(|name| name.starts_with(start) && name.ends_with(end))
        .map(|name| directory.join(name))
        .collect()
}

/// Where distributions keep Exim's configuration.
const EXIM_CONFIGURATIONS: [&str; 6] = [
    "etc/exim4/exim4.conf",
    "var/lib/exim4/config.autogenerated",
    "etc/exim4/exim4.conf.template",
    "etc/exim4/update-exim4.conf.conf",
    "etc/exim/exim.conf",
    "etc/exim.conf",
];

/// Where Exim's main log is, if its configuration does not say: Debian, Red Hat, cPanel, the
/// compiled-in default.
const EXIM_LOGS: [(&str, &str); 4] = [
    ("/var/log/exim4/mainlog", "/var/log/exim4/rejectlog"),
    ("/var/log/exim/main.log", "/var/log/exim/reject.log"),
    ("/var/log/exim_mainlog", "/var/log/exim_rejectlog"),
    ("/var/spool/exim/log/mainlog", "/var/spool/exim/log/rejectlog"),
];

/// Exim: `log_file_path`, else the usual place. The reject log repeats the main log at greater
/// length, so it is read only where there is no main log.
fn exim(tree: &Tree) -> Vec<LogTarget> {
    let configured = EXIM_CONFIGURATIONS.iter().find_map(|path| {
        let text = tree.read(path)?;
        let mut values = text.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            (name.trim() == "log_file_path").then(|| value.trim().to_owned())
        });
        values.next_back()
    });
    let Some(value) = configured.filter(|value| !value.is_empty()) else {
        let existing = EXIM_LOGS.iter().find_map(|(main, reject)| {
            let path = [main, reject].into_iter().find(|path| tree.has(path))?;
            Some(LogTarget::File(PathBuf::from(path)))
        });
        let first = if tree.has("etc/exim4") { 0 } else { 1 };
        let (usual, _) = EXIM_LOGS.get(first).copied().unwrap_or_default();
        return vec![existing.unwrap_or_else(|| LogTarget::File(PathBuf::from(usual)))];
    };
    // A list of one path and the word syslog, in any order; `%s` is the kind of log.
    let places = value.split(':').map(str::trim).filter(|place| !place.is_empty());
    let mut file = None;
    for place in places.filter(|place| *place != "syslog") {
        file = Some(target(&place.replacen("%s", "main", 1)));
    }
    vec![file.unwrap_or(LogTarget::Syslog)]
}
