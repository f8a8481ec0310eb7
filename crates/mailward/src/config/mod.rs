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
use edge::source::{SyslogAddress, Users};
use event::{Mode, Network, Server, Vocabulary as _};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    /// When lines fail to come.
    pub silence: Silence,
    /// When lines are understood less than before.
    pub parser_drift: ParserDrift,
    /// Files of operators and countries, in MaxMind's format.
    pub geo_files: Vec<PathBuf>,
    /// The web console.
    pub console: Console,
}

/// The web console.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Console {
    /// Where it listens; nowhere: it does not run.
    pub listen: Vec<SocketAddr>,
    /// Names by which browsers ask for it besides addresses.
    pub names: Vec<String>,
    /// Its certificate for TLS, PEM, with its chain.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, PEM.
    pub key: Option<PathBuf>,
    /// Whoever reaches it is an operator, without sign-in; on loopback only.
    pub open: bool,
    /// Who issues its certificate, where none is named.
    pub acme: Acme,
}

/// An authority that issues the console's certificate (RFC 8555).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acme {
    /// Its directory; nothing: none is asked.
    pub directory: Option<String>,
    /// Where it may write to.
    pub email: Option<String>,
    /// Where its questions are answered.
    pub listen: SocketAddr,
    /// Who signed the certificate of its own server, PEM; nothing: whom the system trusts.
    pub signed_by: Option<PathBuf>,
}

impl Default for Acme {
    fn default() -> Self {
        let listen = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 80);
        Acme { directory: None, email: None, listen, signed_by: None }
    }
}

/// Where the console listens unless something else is said.
const CONSOLE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8925);

impl Default for Console {
    fn default() -> Self {
        Console {
            listen: vec![CONSOLE],
            names: Vec::new(),
            certificate: None,
            key: None,
            open: false,
            acme: Acme::default(),
        }
    }
}

/// `silence`: no line comes while clients do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Silence {
    /// Off, or anything else: it tells.
    pub mode: Mode,
    /// So long without a line, seconds.
    pub quiet_s: u32,
    /// So many connections since the last line.
    pub connections_min: u32,
}

impl Default for Silence {
    fn default() -> Self {
        Silence { mode: Mode::Observe, quiet_s: 600, connections_min: 10 }
    }
}

/// `parser-drift`: the share of unknown lines of a source grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParserDrift {
    /// Off, or anything else: it tells.
    pub mode: Mode,
    /// Unknown lines of a thousand from which it may be one.
    pub unknown_min: u32,
    /// So many times the share of before is one.
    pub factor: u32,
}

impl Default for ParserDrift {
    fn default() -> Self {
        ParserDrift { mode: Mode::Observe, unknown_min: 20, factor: 3 }
    }
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
    /// Directories to which logs are rotated, besides their own and those in it.
    pub rotated_to: Vec<PathBuf>,
    /// Logs of web interfaces, to be followed besides: strangers can write whole lines into them.
    pub web_files: Vec<WebFile>,
    /// Read the host's journal, in place of the files that a syslog daemon writes.
    pub journal: bool,
    /// Users whose entries in a journal are read besides those of the system's services.
    pub journal_users: Vec<Users>,
    /// Namespaces of journald to follow besides.
    pub journal_namespaces: Vec<String>,
    /// The directory of Docker's containers, whose logs are followed as they come and go.
    pub containers: Option<PathBuf>,
    /// Names of containers whose logs are not followed.
    pub containers_except: Vec<String>,
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
    /// This host's certificate for TLS, PEM, with its chain.
    pub certificate: Option<PathBuf>,
    /// The certificate's key, PEM.
    pub key: Option<PathBuf>,
    /// Who signs the senders' certificates, PEM; none: a sender needs no certificate.
    pub senders_ca: Option<PathBuf>,
}

/// The log of a web interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebFile {
    /// Whose it is: only its lines are read there.
    pub server: Server,
    /// Where it is.
    pub path: PathBuf,
}

impl WebFile {
    /// As it is written in a configuration: `sogo=/var/log/sogo/sogo.log`.
    pub fn named(text: &str) -> Option<Self> {
        let (server, path) = text.split_once('=')?;
        let (server, path) = (Server::from_name(server)?, PathBuf::from(path));
        path.is_absolute().then_some(WebFile { server, path })
    }
}

impl fmt::Display for WebFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.server, self.path.display())
    }
}

impl Default for Syslog {
    fn default() -> Self {
        Syslog {
            listen: Vec::new(),
            peers: Vec::new(),
            connections_max: 64,
            certificate: None,
            key: None,
            senders_ca: None,
        }
    }
}

impl Default for Source {
    fn default() -> Self {
        Source {
            find: true,
            files: Vec::new(),
            zone: String::new(),
            from_beginning: false,
            rotated_to: Vec::new(),
            web_files: Vec::new(),
            journal: false,
            journal_users: Vec::new(),
            journal_namespaces: Vec::new(),
            containers: None,
            containers_except: Vec::new(),
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
    /// Whom the limits do not hold for.
    pub unlimited: Vec<Network>,
}

/// RFC 1918 and RFC 4193: from there come proxies, webmail hosts and the gateway of containers,
/// behind each of which may stand everybody.
const PRIVATE: [(IpAddr, u8); 4] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
];

/// The limits stand where no office, carrier or webmail host comes, and a flood of one address
/// costs little of a processor. Those on open connections are off: they would switch on the
/// kernel's connection tracking, whose table a stranger can fill, and a full one drops new
/// connections of the whole host, an administrator's too.
impl Default for Kernel {
    fn default() -> Self {
        Kernel {
            all_ports: false,
            ports: Vec::new(),
            published: false,
            count_per_ban: true,
            only: BTreeMap::new(),
            connections_per_minute: 3_000,
            connections_burst: 1_000,
            prefix_connections_per_minute: 12_000,
            prefix_connections_burst: 4_000,
            concurrent_max: 0,
            prefix_concurrent_max: 0,
            unlimited: PRIVATE.iter().map(|(first, bits)| Network::of(*first, *bits)).collect(),
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
    ///
    /// # Errors
    /// Where the user has none: in a directory that all may write to, others could prepare one.
    pub fn state_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.state.dir {
            return Ok(dir.clone());
        }
        if rustix::process::geteuid().is_root() {
            return Ok(PathBuf::from("/var/lib/mailward"));
        }
        let place = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let home =
            place("XDG_STATE_HOME").or_else(|| place("HOME").map(|home| home.join(".local/state")));
        home.map(|home| home.join("mailward")).ok_or_else(|| {
            Failure::new(
                "there is no place for the journal: neither XDG_STATE_HOME nor HOME is set",
            )
            .remedy("name a directory of your own in the configuration: state.dir")
        })
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
