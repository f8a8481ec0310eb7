//! From a configuration to a running guard: look around, open the journal, the sources and the
//! socket to the enforcer, give up what is not needed any more.

use super::chores::Chores;
use super::confine::Confinement;
use super::containers::Containers;
use super::hook::HookCalls;
use super::identity::{self, Identity};
use super::intake::{self, Followed, Intake};
use super::kernel::{self, Kernel};
use super::listen::Control;
use super::silence::Silence;
use super::time::TimeOfDay;
use super::{Guard, banner, time};
use crate::config::{Config, Syslog};
use crate::control;
use crate::failure::{Context as _, Failure};
use crate::link::ToParent;
use crate::notify::Notify;
use crate::recover::{self, Recovered};
use crate::supervise;
use edge::clock::{self, Moment};
use edge::enforce::Handle;
use edge::source::dnstap::DnstapSource;
use edge::source::{
    FileOptions, FileSource, JournalOptions, JournalSource, Source, Start as From, SyslogOptions,
    SyslogSource,
};
use edge::stamp::Zone;
use edge::surroundings::{LogPlace, Surroundings, look};
use engine::Output;
use event::{Network, Timestamp};
use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// How much of a log that was never read is read at the first start, in bytes: enough to learn
/// who usually logs in.
const LEARN_BYTES: u64 = 8 << 20;

/// A log's lines of so long may be still to read when the clock was set back before a start.
const BACKLOG_S: i64 = 86_400;

/// What a guard is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The socket to the enforcer's process, or why there is none.
    pub enforcer: Result<Handle, String>,
    /// Shows what happens on a terminal.
    pub show: fn(&Output),
    /// The parent, which tells who is protected and speaks to the service manager.
    pub parent: Option<ToParent>,
}

/// What this host is.
pub fn surroundings() -> Surroundings {
    look(Path::new("/"), std::env::var("SSH_CONNECTION").ok().as_deref())
}

impl Start {
    /// Makes the guard, and tells in a few lines what it guards, how, and what it cannot do.
    pub fn guard(self) -> Result<Guard, Failure> {
        let signals = signals(&ENDING)?;
        // While everything can still be seen.
        let found = surroundings();
        let dir = self.config.state_dir();
        // While low ports may still be had; it reads nothing yet.
        let syslog = listen(&self.config)?;
        let identity = self.become_somebody(&dir)?;
        let mut recovered = recover::open(&dir, &self.config.engine)?;
        let time = begin_time(&mut recovered);
        let zone = zone(&self.config)?;
        let moment = clock::monotonic();
        let places = places(&self.config, &found);
        let sockets = sockets(&self.config, syslog, moment);
        let elsewhere = !sockets.is_empty() || self.config.source.containers.is_some();
        if places.is_empty() && !elsewhere {
            return Err(nothing_to_read(&found));
        }
        let from_another_process =
            places.iter().any(|place| matches!(place, LogPlace::Journald { .. }));
        let tick_at =
            if from_another_process { moment.plus(super::BACKLOG_WITHIN) } else { moment };
        let (handle, idle) = match self.enforcer {
            Ok(handle) => (Some(handle), None),
            Err(why) => (None, Some(why)),
        };
        let socket = control::socket_path(&dir);
        let control = Control::listen(&socket).context(|| socket.display().to_string())?;
        let hook = &self.config.export.hook;
        let mut confinement = Confinement::of(writable(&self.config, &dir), &places, hook);
        confinement.read.extend(self.config.source.containers.clone());
        confinement.put_on()?;
        // From here on bytes are read that strangers wrote.
        let mut intake = open(&places, &self.config, &zone, &mut recovered, moment);
        for source in sockets {
            intake.followed.push(Followed::new(source, &zone, &mut recovered.core));
        }
        let text = banner::text(&banner::Facts {
            config: &self.config,
            found: &found,
            places: &places,
            dir: &dir,
            idle: idle.as_deref(),
            identity: &identity,
            recovered: &recovered,
        });
        let core = recovered.core;
        let chores = Chores::start(&self.config, &core, recovered.is_from_records)
            .context(|| "a thread".to_owned())?;
        let protected = found.protected();
        let ruleset = kernel::ruleset(&self.config, &found.ports, &protected);
        let now = time.now();
        let guard = Guard {
            hook: HookCalls::new(hook),
            kernel: Kernel::new(handle, ruleset, idle),
            config: self.config,
            core,
            intake,
            control,
            chores,
            signals,
            notify: notify(self.parent.as_ref()),
            parent: self.parent,
            protected,
            administrators: found.administrators.iter().copied().map(Network::host).collect(),
            ports: found.ports,
            silence: Silence::default(),
            time,
            look_at: moment,
            tick_at,
            since: now,
            show: self.show,
        };
        Ok(guard.begin(now, &text))
    }

    /// The state directory, and the user whose it is from now on.
    fn become_somebody(&self, dir: &Path) -> Result<Identity, Failure> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .context(|| dir.display().to_string())
            .map_err(|failure| failure.remedy("name a directory that can be written: state.dir"))?;
        let identity = identity::assume(dir).map_err(|error| {
            Failure::new(error.to_string())
                .remedy("see that the state directory is on a local disk")
        })?;
        if self.parent.is_some() {
            // Another user's process does not keep the signal.
            supervise::end_with_parent()?;
        }
        Ok(identity)
    }
}

impl Guard {
    /// Tells the engine, the kernel and the screen how things are.
    fn begin(mut self, now: Timestamp, text: &str) -> Self {
        self.protect(now);
        self.refresh_ruleset();
        self.kernel.snapshot(&self.core.engine, now);
        crate::print::shown(text);
        match &self.parent {
            Some(parent) => parent.ready(),
            None => self.notify.ready(),
        }
        self
    }
}

/// A parent speaks to the service manager itself.
fn notify(parent: Option<&ToParent>) -> Notify {
    parent.map_or_else(Notify::from_environment, |_| Notify::default())
}

/// The time of day. The clock may have been set while no guard ran: everything moves with it, and
/// event time stands where older lines are judged by their own times yet.
fn begin_time(recovered: &mut Recovered) -> TimeOfDay {
    let reached = recovered.core.engine.now();
    let time = TimeOfDay::from_clock(reached);
    let now = time.now();
    let kept = recovered.positions.iter().find(|kept| kept.source == time::RECORD);
    let set_by = kept.and_then(|kept| time.set_since(&kept.position)).unwrap_or(0);
    // What lies in the future was written under a clock that was wrong, or that is right no more.
    let set_by = match reached.0.saturating_add(set_by).saturating_sub(now.0) {
        ahead if ahead > time::FOLLOWED => set_by.saturating_sub(ahead),
        _ => set_by,
    };
    if set_by.abs() > time::FOLLOWED {
        let at = reached.min(Timestamp(reached.0.saturating_add(set_by)));
        recovered.core.set_clock(at.min(now.plus_seconds(-BACKLOG_S)), set_by);
        recovered.core.note(now, "clock", &time::told(time::Change::Followed(set_by)));
    }
    time
}

/// The signals that ask a process to end.
pub const ENDING: [i32; 2] = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM];

/// These signals as bytes on a socket, so that `poll(2)` sees them.
pub fn signals(which: &[i32]) -> Result<UnixStream, Failure> {
    let (ours, theirs) = UnixStream::pair().context(|| "a socket pair".to_owned())?;
    ours.set_nonblocking(true).context(|| "a socket pair".to_owned())?;
    for signal in which {
        let end = theirs.try_clone().context(|| "a socket pair".to_owned())?;
        signal_hook::low_level::pipe::register(*signal, end)
            .context(|| "a signal handler".to_owned())?;
    }
    Ok(ours)
}

/// Directories that the guard goes on writing to.
fn writable(config: &Config, dir: &Path) -> Vec<PathBuf> {
    let list = config.export.list.as_ref().and_then(|path| path.parent());
    [Some(dir), list].into_iter().flatten().map(Path::to_path_buf).collect()
}

fn zone(config: &Config) -> Result<Zone, Failure> {
    if config.source.zone.is_empty() {
        return Ok(Zone::local());
    }
    Zone::named(&config.source.zone).map_err(|error| Failure::new(format!("source.zone: {error}")))
}

/// What will be read: what was found, and what the configuration names besides; each place once.
pub fn places(config: &Config, found: &Surroundings) -> Vec<LogPlace> {
    let mut places: Vec<LogPlace> = Vec::new();
    if config.source.find {
        places.extend(found.logs.iter().map(|choice| choice.place.clone()));
    }
    let mut known: BTreeSet<PathBuf> = places
        .iter()
        .filter_map(|place| match place {
            LogPlace::File(path) => Some(path.clone()),
            LogPlace::Journald { .. } => None,
        })
        .collect();
    for file in &config.source.files {
        if known.insert(file.clone()) {
            places.push(LogPlace::File(file.clone()));
        }
    }
    let namespaces: BTreeSet<&String> = config.source.journal_namespaces.iter().collect();
    places.extend(namespaces.into_iter().map(|name| LogPlace::journald(Some(name.clone()))));
    places
}

/// Listens for syslog of other hosts, where that is configured.
fn listen(config: &Config) -> Result<Option<SyslogSource>, Failure> {
    let Syslog { listen, peers, connections_max } = &config.source.syslog;
    if listen.is_empty() {
        return Ok(None);
    }
    if peers.is_empty() {
        return Err(Failure::new("source.syslog.listen is set, and source.syslog.peers is empty")
            .remedy("list the addresses that may send syslog, for nobody else is read"));
    }
    let connections_max = usize::try_from(*connections_max).unwrap_or(usize::MAX);
    let options = SyslogOptions { peers: peers.clone(), connections_max };
    SyslogSource::listen(listen, options).map(Some).map_err(|(address, error)| {
        Failure::new(format!("source.syslog.listen: {address}: {error}")).remedy(
            "name an address of this host and a port that is free; a port below 1024 needs \
             CAP_NET_BIND_SERVICE in the unit's CapabilityBoundingSet",
        )
    })
}

/// The sources that others send to. Made before the file system is closed: a socket has a name in
/// it.
fn sockets(config: &Config, syslog: Option<SyslogSource>, now: Moment) -> Vec<Box<dyn Source>> {
    let mut sockets: Vec<Box<dyn Source>> = Vec::new();
    if let Some(syslog) = syslog {
        sockets.push(Box::new(syslog));
    }
    if let Some(path) = &config.source.dnstap {
        sockets.push(Box::new(DnstapSource::new("dnstap", path, now)));
    }
    sockets
}

fn open(
    places: &[LogPlace],
    config: &Config,
    zone: &Zone,
    recovered: &mut Recovered,
    now: Moment,
) -> Intake {
    let start = if config.source.from_beginning { From::Begin } else { From::Back(LEARN_BYTES) };
    let mut followed = Vec::new();
    for place in places {
        let source: Box<dyn Source> = match place {
            LogPlace::File(path) => {
                let name = path.display().to_string();
                let resume = intake::position(&name, &recovered.positions);
                let options = FileOptions { start, ..FileOptions::default() };
                Box::new(FileSource::open(&name, path, options, resume.as_ref(), now))
            }
            LogPlace::Journald { matches, namespace } => {
                let name = match namespace {
                    Some(namespace) => format!("journald {namespace}"),
                    None => "journald".to_owned(),
                };
                let resume = intake::position(&name, &recovered.positions);
                let options = JournalOptions {
                    matches: matches.clone(),
                    namespace: namespace.clone(),
                    start,
                    ..JournalOptions::default()
                };
                Box::new(JournalSource::open(&name, options, resume.as_ref(), now))
            }
        };
        followed.push(Followed::new(source, zone, &mut recovered.core));
    }
    let containers = config.source.containers.clone().map(|directory| {
        Containers::of(directory, zone.clone(), start, recovered.positions.clone())
    });
    Intake::new(followed, containers)
}

fn nothing_to_read(found: &Surroundings) -> Failure {
    let mut what = "nothing to guard by: no log of a mail server was found".to_owned();
    if found.servers.is_empty() {
        what.push_str(", and no mail server that is understood here is installed or running");
    }
    for lack in &found.lacks {
        what.push_str(&format!("\n  {lack}"));
    }
    Failure::new(what).remedy(
        "install a mail server, or name its log with source.files in the configuration; \
         `mailward up --demo` shows a recorded hostile day without one",
    )
}
