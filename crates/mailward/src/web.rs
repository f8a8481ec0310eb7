//! What is believed in the logs of web interfaces. They write user names with their line breaks: a
//! stranger can make whole lines, also such that look like another server's. The guard and the
//! replay both ask here, so they cannot differ.

use crate::config::WebFile;
use crate::understand::Told;
use edge::surroundings::WEB_LOGS;
use engine::Engine;
use event::{Event, LineBreaks, Server};
use std::path::{Path, PathBuf};

/// What is known of web interfaces in a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Web {
    /// No line of one was met.
    #[default]
    Untold,
    /// Lines of one were met, and people were told.
    Told,
    /// It is the log of one alone: other servers' lines in it are a stranger's.
    Only {
        /// Whose it is.
        server: Server,
        /// Its lines are as good as in any log: where they name a client, he may be believed.
        names: bool,
    },
}

impl Web {
    /// Of the log at `path`, by the configuration's `source.web_files`, or by where packages have
    /// the logs of web interfaces.
    pub fn of(path: &Path, files: &[WebFile]) -> Self {
        let named = files.iter().map(|file| (file.server, &*file.path));
        let usual = WEB_LOGS.iter().map(|(server, log)| (*server, Path::new(log)));
        let Some((server, log)) = named.chain(usual).find(|(_, log)| is_log(path, log)) else {
            return Web::Untold;
        };
        let name = log.file_name().unwrap_or_default().as_encoded_bytes();
        let names = match server.line_breaks() {
            LineBreaks::Raw => true,
            LineBreaks::RawBut { file, .. } => name.starts_with(file.as_bytes()),
            LineBreaks::RawUnnamed | LineBreaks::Escaped => false,
        };
        Web::Only { server, names }
    }

    /// What is left of a line that a stranger may have written; `None` where it is taken as it is.
    #[inline]
    pub fn left_of<'a>(self, told: &Told<'a>, engine: &Engine) -> Option<Told<'a>> {
        let Told::Event(event) = told else { return None };
        match self {
            Web::Only { server, .. } if event.server != server => Some(Told::Unknown),
            Web::Only { names: true, .. } => None,
            Web::Only { .. } => of_nobody(event, engine),
            Web::Untold | Web::Told => match event.server.line_breaks() {
                LineBreaks::RawBut { .. } => of_nobody(event, engine),
                // The engine knows whose word to believe, of lines that can stand in any log.
                LineBreaks::Raw | LineBreaks::RawUnnamed | LineBreaks::Escaped => None,
            },
        }
    }

    /// What people should know of the log since a line with this event, once.
    #[inline]
    pub fn news(&mut self, event: &Event<'_>) -> Option<String> {
        let breaks = event.server.line_breaks();
        if *self != Web::Untold || breaks == LineBreaks::Escaped {
            return None;
        }
        *self = Web::Told;
        Some(warning(event.server, breaks))
    }
}

#[cold]
fn warning(server: Server, breaks: LineBreaks) -> String {
    let believed = match breaks {
        LineBreaks::RawBut { file, .. } => format!(
            "its addresses are believed in its {file} alone, where source.web_files lists it \
             (\"{server}=/path/to/{file}\")"
        ),
        _ => "where the log is its own, list it in source.web_files; its addresses are believed \
              where forwarded.servers lists it"
            .to_owned(),
    };
    format!(
        "lines of {server}, which writes line breaks of user names as they are: a stranger can \
         write whole lines of any server here; {believed}"
    )
}

/// The event of a client whom nobody need believe, where it names one.
fn of_nobody<'a>(event: &Event<'a>, engine: &Engine) -> Option<Told<'a>> {
    let client = event.client.filter(|_| !engine.is_believed(event.server))?;
    let forwarded = event.forwarded.or(Some(client));
    Some(Told::Event(Event { client: None, forwarded, ..*event }))
}

/// True where `path` is the log, or what it was rotated to in its directory: `sogo.log.1`,
/// `sogo.log-20261128.gz`.
fn is_log(path: &Path, log: &Path) -> bool {
    let is_of = |path: &Path, log: &Path| {
        let rest = path.as_os_str().as_encoded_bytes();
        let rest = rest.strip_prefix(log.as_os_str().as_encoded_bytes());
        rest.is_some_and(|rest| matches!(rest, [] | [b'.' | b'-', ..]) && !rest.contains(&b'/'))
    };
    let (paths, logs) = (places(path), places(log));
    paths.iter().any(|path| logs.iter().any(|log| is_of(path, log)))
}

/// Where a path leads, and the same by its directory alone: it may be a link, or not there yet.
fn places(path: &Path) -> Vec<PathBuf> {
    let directory = path.parent().and_then(|directory| std::fs::canonicalize(directory).ok());
    let beside = directory.zip(path.file_name()).map(|(directory, name)| directory.join(name));
    let places = std::fs::canonicalize(path).ok().into_iter().chain(beside);
    places.chain([path.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_its_name_whatever_leads_to_it_and_what_it_was_rotated_to() {
        let world = tempfile::tempdir().unwrap();
        let at = |name: &str| world.path().join(name);
        std::fs::create_dir(at("log")).unwrap();
        std::os::unix::fs::symlink(at("log"), at("link")).unwrap();
        std::fs::write(at("log/sogo.log"), "").unwrap();
        let files = |name: &str| [WebFile { server: Server::Sogo, path: at(name) }];
        for named in ["log/sogo.log", "link/sogo.log", "log/../log/sogo.log"] {
            for (name, is_its) in [
                ("log/sogo.log", true),
                ("link/sogo.log", true),
                ("log/sogo.log.1", true),
                ("link/sogo.log-20261128.gz", true),
                ("log/sogo.logs", false),
                ("log/other.log", false),
                ("log/sogo.log.d/x", false),
            ] {
                let web = Web::of(&at(name), &files(named));
                assert_eq!(web != Web::Untold, is_its, "{name} of {named}");
            }
        }
        assert_eq!(Web::of(Path::new("-"), &files("log/sogo.log")), Web::Untold);
    }

    #[test]
    fn the_usual_logs_are_their_servers_alone() {
        let sogo = Web::Only { server: Server::Sogo, names: true };
        for (path, web) in [
            ("/var/log/sogo/sogo.log", sogo),
            ("/var/log/sogo/sogo.log.2.gz", sogo),
            ("/var/log/sogo.log", Web::Untold),
        ] {
            assert_eq!(Web::of(Path::new(path), &[]), web, "{path}");
        }
        let path = PathBuf::from("/var/log/sogo/sogo.log");
        let named = [WebFile { server: Server::Horde, path: path.clone() }];
        assert_eq!(Web::of(&path, &named), Web::Only { server: Server::Horde, names: true });
    }

    #[test]
    fn clients_of_zimbra_are_named_in_its_audit_log_alone() {
        for (name, names) in [("audit.log", true), ("mailbox.log", false)] {
            let path = Path::new("/opt/zimbra/log").join(name);
            let server = Server::Zimbra;
            let files = [WebFile { server, path: path.clone() }];
            assert_eq!(Web::of(&path, &files), Web::Only { server, names });
        }
    }
}
