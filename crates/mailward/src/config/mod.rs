//! The configuration: what can be set, its defaults, and how a file is read.
//!
//! Every key is a row: the detectors' in `engine::KEYS`, the program's in [`keys::KEYS`]. Reading,
//! the reference page, the example file and the nearest-key advice walk those rows; there is no
//! other place that knows a key. Nothing needs to be set.

pub mod keys;
mod read;
pub mod reference;
mod value;

pub use read::{Problem, read};
pub use value::{Setting, settings};

use crate::failure::{Context as _, Failure};
use edge::source::SyslogAddress;
use event::{Mode, Network};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the configuration is looked for when none is named.
pub const DEFAULT_FILE: &str = "/etc/mailward/mailward.toml";

/// Everything that can be configured.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Config {
    /// The detectors and decisions.
    pub engine: engine::Config,
    /// What the program does with decisions.
    pub mode: Mode,
    /// Where lines come from.
    pub source: Source,
    /// What the kernel is told.
    pub kernel: Kernel,
    /// The journal.
    pub state: State,
    /// Where decisions go besides the kernel.
    pub export: Export,
}

/// Where lines come from.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    /// Look for the logs of the mail servers of this host.
    pub find: bool,
    /// Files to follow besides, or instead.
    pub files: Vec<PathBuf>,
    /// The zone of stamps without one; empty: the local zone.
    pub zone: String,
    /// Read what a newly found log already holds, from its beginning.
    pub from_beginning: bool,
    /// Namespaces of journald to follow besides.
    pub journal_namespaces: Vec<String>,
    /// The directory of Docker's containers, whose logs are followed as they come and go.
    pub containers: Option<PathBuf>,
    /// The socket into which DNS servers of this host write what they are asked.
    pub dnstap: Option<PathBuf>,
    /// Syslog of other hosts.
    pub syslog: Syslog,
}

/// Syslog of other hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syslog {
    /// Where to listen; nowhere: it is not received.
    pub listen: Vec<SyslogAddress>,
    /// Who may send.
    pub peers: Vec<Network>,
    /// Connections open at once.
    pub connections_max: u32,
}

impl Default for Syslog {
    fn default() -> Self {
        Syslog { listen: Vec::new(), peers: Vec::new(), connections_max: 64 }
    }
}

impl Default for Source {
    fn default() -> Self {
        Source {
            find: true,
            files: Vec::new(),
            zone: String::new(),
            from_beginning: false,
            journal_namespaces: Vec::new(),
            containers: None,
            dnstap: None,
            syslog: Syslog::default(),
        }
    }
}

/// What the kernel is told.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    /// True: bans cover every port, not just those of mail.
    pub all_ports: bool,
    /// Mail ports besides the standard ones and those found listening.
    pub ports: Vec<u16>,
    /// Guard also the published ports of containers on this host.
    pub published: bool,
    /// Count the packets of each banned address, not only of all.
    pub count_per_ban: bool,
    /// Ports that only listed networks may reach.
    pub only: BTreeMap<u16, Vec<Network>>,
    /// New connections a minute from one address; 0: no limit.
    pub connections_per_minute: u32,
    /// New connections at once from one address before the limit bites.
    pub connections_burst: u32,
    /// New connections a minute from one prefix (/24, /48); 0: no limit.
    pub prefix_connections_per_minute: u32,
    /// New connections at once from one prefix before the limit bites.
    pub prefix_connections_burst: u32,
    /// Connections open at once from one address; 0: no limit.
    pub concurrent_max: u32,
    /// Connections open at once from one prefix; 0: no limit.
    pub prefix_concurrent_max: u32,
}

impl Default for Kernel {
    fn default() -> Self {
        Kernel {
            all_ports: false,
            ports: Vec::new(),
            published: false,
            count_per_ban: true,
            only: BTreeMap::new(),
            connections_per_minute: 120,
            connections_burst: 60,
            prefix_connections_per_minute: 600,
            prefix_connections_burst: 300,
            concurrent_max: 100,
            prefix_concurrent_max: 400,
        }
    }
}

/// The journal.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// Its directory.
    pub dir: Option<PathBuf>,
    /// How long events are kept.
    pub keep_days: u32,
    /// How large the history may grow.
    pub size_max_mb: u32,
}

impl Default for State {
    fn default() -> Self {
        State { dir: None, keep_days: 90, size_max_mb: 4_096 }
    }
}

/// Where decisions go besides the kernel.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Export {
    /// A file with one banned prefix a line.
    pub list: Option<PathBuf>,
    /// A command that is run with `ban|unban PREFIX SECONDS RULE`.
    pub hook: Vec<String>,
}

impl Export {
    /// True where anything besides the kernel is told.
    pub fn is_any(&self) -> bool {
        self.list.is_some() || !self.hook.is_empty()
    }

    /// The hook to call in this mode: to observe is to tell nobody but the journal.
    pub fn hook(&self, mode: Mode) -> &[String] {
        if mode == Mode::Enforce { &self.hook } else { &[] }
    }
}

impl Config {
    /// The state directory: as configured, else the system's for root, else the user's own.
    pub fn state_dir(&self) -> PathBuf {
        if let Some(dir) = &self.state.dir {
            return dir.clone();
        }
        if rustix::process::geteuid().is_root() {
            return PathBuf::from("/var/lib/mailward");
        }
        let home = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(|| {
            std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"))
        });
        home.unwrap_or_else(std::env::temp_dir).join("mailward")
    }
}

/// Reads the named file, or the default one where it exists, or takes the defaults.
pub fn load(named: Option<&Path>) -> Result<Config, Failure> {
    let path = match named {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
        None => return Ok(Config::default()),
    };
    let text = std::fs::read_to_string(path).context(|| path.display().to_string()).map_err(
        |failure| failure.remedy("name a file that can be read, or none: nothing needs to be set"),
    )?;
    let (config, problems) = read(&text);
    if problems.is_empty() {
        return Ok(config);
    }
    let mut what = format!(
        "the configuration has {} {}",
        problems.len(),
        if problems.len() == 1 { "error" } else { "errors" }
    );
    for problem in &problems {
        what.push_str(&format!("\n  {}:{problem}", path.display()));
    }
    Err(Failure::new(what).remedy(
        "correct them; docs/configuration.md and `mailward rules` list every key, and without a file the defaults hold",
    ))
}
