//! From a configuration to a running guard: look around, open the journal, the sources and the
//! socket to the enforcer, give up what is not needed any more.

use super::chores::Chores;
use super::confine::Confinement;
use super::containers::Containers;
use super::hang_up::HangUp;
use super::home;
use super::hook::HookCalls;
use super::identity::{self, Identity, User};
use super::intake::{self, Followed, Intake};
use super::kernel::{self, Kernel};
use super::listen::Control;
use super::reach::Reach;
use super::silence::Silence;
use super::time::TimeOfDay;
use super::{Guard, banner, time, try_out};
use crate::config::Config;
use crate::control;
use crate::failure::{Context as _, Failure};
use crate::link::ToParent;
use crate::notify::Notify;
use crate::recover::{self, Recovered};
use crate::screen::Screen;
use crate::supervise;
use crate::web::Web;
use edge::clock::{self, Moment};
use edge::enforce::Handle;
use edge::geo::Geo;
use edge::source::dnstap::DnstapSource;
use edge::source::{
    FileOptions, FileSource, JournalOptions, JournalSource, Source, Start as From, SyslogSource,
};
use edge::stamp::Zone;
use edge::surroundings::{Lack, LogChoice, LogPlace, Surroundings, cannot_read, look};
use event::{Network, Timestamp};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// How much of a log that was never read is read at the first start, in bytes: enough to learn
/// who usually logs in.
const LEARN_BYTES: u64 = 8 << 20;

/// Descriptors that connections of syslog leave for all else.
const DESCRIPTORS_BESIDES: u64 = 100;

/// A log's lines of so long may be still to read when the clock was set back before a start.
const BACKLOG_S: i64 = 86_400;

/// What a guard is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The socket to the enforcer's process, or why there is none.
    pub enforcer: Result<Handle, String>,
    /// Where the configuration was read, where that was named.
    pub path: Option<PathBuf>,
    /// The parent, which tells who is protected and speaks to the service manager.
    pub parent: Option<ToParent>,
}

/// What the core needs besides its records, before the file system is given up. Without a geo file
/// everything else goes on.
fn set_up(config: &Config, recovered: &mut Recovered, now: Timestamp) {
    recovered.core.parser_drift = config.parser_drift;
    let (geo, unusable) = Geo::open(&config.geo_files);
    recovered.core.geo = geo;
    for why in unusable {
        recovered.core.note(now, "geo", &format!("geo.files: {why}"));
    }
}

/// What this host is.
pub fn surroundings() -> Surroundings {
    look(Path::new("/"), std::env::var("SSH_CONNECTION").ok().as_deref())
}

impl Start {
    /// Makes the guard, and tells in a few lines what it guards, how, and what it cannot do.
    pub fn guard(self) -> Result<Guard, Failure> {
        let signals = signals(&ENDING)?;
        let hang_up = self.hang_up()?;
        // While everything can still be seen.
        let mut found = surroundings();
        let dir = self.config.state_dir()?;
        // While low ports may still be had; it reads nothing yet.
        let syslog = listen(&self.config)?;
        let identity = self.become_somebody(&dir)?;
        let mut recovered = recover::open(&dir, &self.config.engine)?;
        let time = begin_time(&mut recovered);
        set_up(&self.config, &mut recovered, time.now());
        let zone = try_out::zone(&self.config)?;
        let moment = clock::monotonic();
        let places = places(&self.config, &found);
        let sockets = sockets(&self.config, syslog, moment);
        try_out::something_to_read(&self.config, &found, &places)?;
        let tick_at = first_tick(&places, moment);
        let (handle, idle) = match self.enforcer {
            Ok(handle) => (Some(handle), None),
            Err(why) => (None, Some(why)),
        };
        let control = control(&dir)?;
        let reach = confine(&self.config, &dir, &places)?;
        look_again(&mut found, &places);
        // From here on bytes are read that strangers wrote.
        let mut intake = open(&places, &self.config, &zone, &mut recovered, moment);
        let add = |source| Followed::new(source, &zone, &mut recovered.core);
        intake.followed.extend(sockets.into_iter().map(add));
        let text = banner::text(&banner::Facts {
            config: &self.config,
            found: &found,
            places: &places,
            dir: &dir,
            idle: idle.as_deref(),
            identity: &identity,
            recovered: &recovered,
            list_trouble: list_trouble(&self.config).as_deref(),
        });
        let hook = HookCalls::new(self.config.export.hook(self.config.mode));
        let core = recovered.core;
        let screen = Screen::on(std::io::stdout()).context(|| "a thread".to_owned())?;
        let chores = Chores::start(&self.config, &core, recovered.is_from_records)
            .context(|| "a thread".to_owned())?;
        let protected = found.protected();
        let allowed: Vec<Network> = core.engine.allowlist().collect();
        let ruleset = kernel::ruleset(&self.config, &found.ports, &protected, &allowed);
        let now = time.now();
        let guard = Guard {
            hook,
            kernel: Kernel::new(handle, ruleset, idle),
            silence: Silence::new(self.config.silence),
            config: self.config,
            core,
            intake,
            control,
            chores,
            signals,
            hang_up,
            notify: notify(self.parent.as_ref()),
            parent: self.parent,
            protected,
            allowed,
            administrators: found.administrators.iter().copied().map(Network::host).collect(),
            ports: found.ports,
            reach,
            lost: None,
            time,
            look_at: moment,
            tick_at,
            since: now,
            screen,
        };
        Ok(guard.begin(now, text))
    }

    /// A parent answers SIGHUP itself.
    fn hang_up(&self) -> Result<Option<HangUp>, Failure> {
        let is_alone = self.parent.is_none();
        is_alone.then(|| HangUp::begin(self.path.clone())).transpose()
    }

    /// The state directory, and the user whose it is from now on.
    fn become_somebody(&self, dir: &Path) -> Result<Identity, Failure> {
        home::keep_private();
        bear_limits()?;
        let user = User::find();
        let opened = home::open(dir, user.as_ref().map(User::uid), User::is_known)?;
        let identity = identity::assume(user, &opened, dir).map_err(|error| {
            Failure::new(error.to_string())
                .remedy("see that the state directory is on a local disk")
        })?;
        // By its owner: nobody else has the right without a capability.
        home::close(&opened, dir);
        if self.parent.is_some() {
            // Another user's process does not keep the signal.
            supervise::end_with_parent()?;
        }
        Ok(identity)
    }
}

impl Guard {
    /// Tells the engine, the kernel and the screen how things are.
    fn begin(mut self, now: Timestamp, text: String) -> Self {
        self.core.note(now, "start", self.started());
        self.protect(now);
        self.refresh_ruleset();
        self.kernel.snapshot(&self.core.engine, now);
        self.screen.show(text);
        match &self.parent {
            Some(parent) => parent.ready(),
            None => self.notify.ready(),
        }
        self
    }

    /// For the record: what became of the decisions that follow.
    fn started(&self) -> &'static str {
        if self.is_enforcing() {
            concat!("mailward ", env!("CARGO_PKG_VERSION"), ", enforcing")
        } else {
            concat!("mailward ", env!("CARGO_PKG_VERSION"), ", observing: nothing is carried out")
        }
    }
}

/// The socket for orders.
fn control(dir: &Path) -> Result<Control, Failure> {
    let socket = control::socket_path(dir);
    Control::listen(&socket).context(|| socket.display().to_string())
}

/// The service manager: a parent speaks to it itself.
fn notify(parent: Option<&ToParent>) -> Notify {
    parent.map_or_else(Notify::from_environment, |_| Notify::default())
}

/// A limit on the size of files (ulimit(1)) is an error of the journal then, and no longer the end
/// of this process, again and again.
fn bear_limits() -> Result<(), Failure> {
    let noticed = std::sync::Arc::default();
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, noticed)
        .context(|| "a signal handler".to_owned())
        .map(drop)
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

/// Gives up what is not needed any more; tells where the logs are and what may still be read.
fn confine(config: &Config, dir: &Path, places: &[LogPlace]) -> Result<Reach, Failure> {
    let hook = config.export.hook(config.mode);
    let mut confinement = Confinement::of(writable(config, dir), places, hook);
    confinement.read.extend(config.source.containers.clone());
    confinement.read.extend(config.source.rotated_to.clone());
    Ok(Reach {
        open: confinement.put_on()?,
        logs: files(places),
        directories: config.source.containers.iter().cloned().collect(),
    })
}

/// Directories that the guard goes on writing to.
fn writable(config: &Config, dir: &Path) -> Vec<PathBuf> {
    let list = config.export.list.as_ref().map(|path| directory_of(path));
    [Some(dir.to_path_buf()), list].into_iter().flatten().collect()
}

/// The directory that a file is in.
pub fn directory_of(file: &Path) -> PathBuf {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_path_buf()
}

/// Why the exported list cannot be written, by who the guard is now.
fn list_trouble(config: &Config) -> Option<String> {
    let directory = directory_of(config.export.list.as_ref()?);
    let error = rustix::fs::access(&directory, rustix::fs::Access::WRITE_OK).err()?;
    let remedy = match error {
        Errno::NOENT => "make it".to_owned(),
        Errno::ROFS => crate::unit::remedy(&directory),
        _ => "give it to the user that the guard runs as".to_owned(),
    };
    Some(format!("export.list: {}: {error}; what to do: {remedy}", directory.display()))
}

/// What cannot be read by the user that the guard is now, and of what is configured.
fn look_again(found: &mut Surroundings, places: &[LogPlace]) {
    let lacks: Vec<Lack> = places.iter().filter_map(cannot_read).collect();
    found.lacks.retain(|lack| !lacks.contains(lack));
    found.lacks.splice(0..0, lacks);
}

/// What will be read: what was found, and what the configuration names besides; each place once.
pub fn places(config: &Config, found: &Surroundings) -> Vec<LogPlace> {
    let mut places: Vec<LogPlace> = Vec::new();
    if config.source.find {
        let is_read = |choice: &&LogChoice| !(config.source.journal && choice.is_syslog);
        places.extend(found.logs.iter().filter(is_read).map(|choice| choice.place.clone()));
    }
    let journal = LogPlace::journald(None);
    if config.source.journal && !places.contains(&journal) {
        places.push(journal);
    }
    let mut known: BTreeSet<PathBuf> = files(&places).into_iter().collect();
    let of_web = config.source.web_files.iter().map(|file| &file.path);
    for file in of_web.chain(&config.source.files) {
        if known.insert(file.clone()) {
            places.push(LogPlace::File(file.clone()));
        }
    }
    let namespaces: BTreeSet<&String> = config.source.journal_namespaces.iter().collect();
    places.extend(namespaces.into_iter().map(|name| LogPlace::journald(Some(name.clone()))));
    places
}

fn files(places: &[LogPlace]) -> Vec<PathBuf> {
    let file = |place: &LogPlace| match place {
        LogPlace::File(path) => Some(path.clone()),
        LogPlace::Journald { .. } => None,
    };
    places.iter().filter_map(file).collect()
}

/// Listens for syslog of other hosts, where that is configured.
fn listen(config: &Config) -> Result<Option<SyslogSource>, Failure> {
    let Some(options) = try_out::syslog(config)? else { return Ok(None) };
    make_room(config.source.syslog.connections_max)?;
    SyslogSource::listen(&config.source.syslog.listen, options)
        .map(Some)
        .map_err(|error| try_out::no_syslog(&error))
}

/// Sees that so many connections leave descriptors for all else, the journal and orders above all.
/// The soft limit, which is the host's habit, is raised as far as is needed; the hard one holds.
fn make_room(connections: u32) -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::from(connections) + DESCRIPTORS_BESIDES;
    if limit.current.is_none_or(|limit| limit >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(|_| {
        let hard = limit.maximum.map_or_else(String::new, |limit| format!(" of {limit}"));
        Failure::new(format!(
            "source.syslog.connections_max: {connections} connections, and {DESCRIPTORS_BESIDES} \
             open files for all else, are beyond the limit{hard} open files"
        ))
        .remedy("lower source.syslog.connections_max, or raise LimitNOFILE= of the unit")
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
                let rotated_to = config.source.rotated_to.clone();
                let options = FileOptions { start, rotated_to, ..FileOptions::default() };
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
                    users: config.source.journal_users.clone(),
                    namespace: namespace.clone(),
                    start,
                    ..JournalOptions::default()
                };
                Box::new(JournalSource::open(&name, options, resume.as_ref(), now))
            }
        };
        let mut one = Followed::new(source, zone, &mut recovered.core);
        if let LogPlace::File(path) = place {
            one.taken.web = Web::of(path, &config.source.web_files);
        }
        followed.push(one);
    }
    let containers = config.source.containers.clone().map(|directory| {
        let except = config.source.containers_except.clone();
        Containers::of(directory, except, zone.clone(), start, recovered.positions.clone())
    });
    Intake::new(followed, containers)
}

/// When event time may first move on by itself.
fn first_tick(places: &[LogPlace], moment: Moment) -> Moment {
    let from_another_process =
        places.iter().any(|place| matches!(place, LogPlace::Journald { .. }));
    if from_another_process { moment.plus(super::BACKLOG_WITHIN) } else { moment }
}
