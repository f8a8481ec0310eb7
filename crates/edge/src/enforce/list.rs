//! The bans as a file, for what mailward does not drive itself: another firewall, a proxy.
//!
//! A reader never sees half a file: it is written beside the old one and then put in its place.

use super::ruleset::Ban;
use event::Network;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How the list is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ListForm {
    /// One prefix a line; addresses without `/32` or `/128`.
    #[default]
    Plain,
    /// Two interval sets `mailward4` and `mailward6`, to be included inside a table of one's own.
    Nft,
}

/// A file that always holds the desired state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    path: PathBuf,
    form: ListForm,
}

/// Why the list could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the list {path}")]
pub struct ListError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl List {
    /// A list at `path`; its directory must exist.
    pub fn new(path: impl Into<PathBuf>, form: ListForm) -> List {
        List { path: path.into(), form }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file by these bans, sorted, each network once.
    pub fn replace(&self, bans: impl IntoIterator<Item = Ban>) -> Result<(), ListError> {
        let mut networks: Vec<Network> = bans.into_iter().map(|ban| ban.network).collect();
        networks.sort_unstable();
        networks.dedup();
        let text = match self.form {
            ListForm::Plain => plain(&networks),
            ListForm::Nft => nft(&networks),
        };
        self.write(text.as_bytes()).map_err(|source| ListError { path: self.path.clone(), source })
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = self.path.with_file_name(name);
        // What an earlier, killed process left is ours to replace; a link there is not followed.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside)?;
        // Others read it, whatever this process keeps to itself.
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn plain(networks: &[Network]) -> String {
    networks.iter().fold(String::new(), |mut text, network| {
        let _ = writeln!(text, "{}", network.short());
        text
    })
}

fn nft(networks: &[Network]) -> String {
    let mut text = String::new();
    for (name, kind, v4) in [("mailward4", "ipv4_addr", true), ("mailward6", "ipv6_addr", false)] {
        let _ = write!(text, "set {name} {{\n\ttype {kind}\n\tflags interval\n\tauto-merge\n");
        let of_family = |network: &&Network| matches!(network.address(), IpAddr::V4(_)) == v4;
        let mut networks = networks.iter().filter(of_family).peekable();
        if networks.peek().is_some() {
            text.push_str("\telements = {\n");
            for network in networks {
                let _ = writeln!(text, "\t\t{},", network.short());
            }
            text.push_str("\t}\n");
        }
        text.push_str("}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn bans(list: &[&str]) -> Vec<Ban> {
        list.iter()
            .map(|network| Ban { network: network.parse().unwrap(), remaining_s: Some(9) })
            .collect()
    }

    const SOME: [&str; 5] =
        ["198.51.100.7", "2001:db8:5::/64", "192.0.2.0/24", "198.51.100.7", "2001:db8::1"];

    #[test]
    fn sorted_once_each_and_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let list = List::new(directory.path().join("bans"), ListForm::Plain);
        list.replace(bans(&SOME)).unwrap();
        let text = fs::read_to_string(list.path()).unwrap();
        assert_eq!(text, "192.0.2.0/24\n198.51.100.7\n2001:db8::1\n2001:db8:5::/64\n");
        let open = File::open(list.path()).unwrap();
        list.replace([]).unwrap();
        assert_eq!(fs::read_to_string(list.path()).unwrap(), "");
        assert_eq!(io::read_to_string(open).unwrap(), text, "a reader keeps what it opened");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, directory.path().join("bans.new")).unwrap();
        let list = List::new(directory.path().join("bans"), ListForm::Plain);
        list.replace(bans(&SOME)).unwrap();
        assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
    }

    #[test]
    fn a_directory_that_is_missing_is_an_error_that_names_the_file() {
        let list = List::new("/nonexistent/mailward/bans", ListForm::Plain);
        let error = list.replace([]).unwrap_err();
        assert_eq!(error.to_string(), "cannot write the list /nonexistent/mailward/bans");
    }

    /// `nft --check` wants a network namespace that it may look at, so root.
    #[test]
    fn nft_reads_its_form() {
        let directory = tempfile::tempdir().unwrap();
        let list = List::new(directory.path().join("bans.nft"), ListForm::Nft);
        for some in [SOME.as_slice(), &[]] {
            list.replace(bans(some)).unwrap();
            let text = fs::read_to_string(list.path()).unwrap();
            assert_eq!(text.matches("198.51.100.7").count(), usize::from(!some.is_empty()));
            if !rustix::process::geteuid().is_root() {
                eprintln!("skipped: nft needs root");
                return;
            }
            let whole = directory.path().join("whole.nft");
            fs::write(
                &whole,
                format!("table inet t {{\ninclude \"{}\"\n}}\n", list.path().display()),
            )
            .unwrap();
            let status = Command::new("nft").arg("-c").arg("-f").arg(&whole).status().unwrap();
            assert!(status.success(), "{text}");
        }
    }
}
