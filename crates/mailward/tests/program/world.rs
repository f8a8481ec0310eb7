//! What the tests stand on: a directory with a log, a configuration and a state directory, and
//! guards that die with the test.

use edge::clock;
use event::Timestamp;
use mailward::control::{self, Request};
use serde_json::Value;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A log, a configuration that names only it, and a state directory.
pub struct World {
    dir: TempDir,
    logs: Vec<&'static str>,
}

/// What a command said.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Where a guard runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Without the right to change the kernel: one process, decisions are recorded.
    Powerless,
    /// The same, and no more right to read than the owner of a file has.
    Plain,
    /// With an enforcer, in a network namespace of its own.
    Namespace,
    /// The same, on a host that has the user `mailward` with the number [`USER`]. Needs root.
    User,
}

/// The number of the user and the group `mailward` of [`Place::User`].
pub const USER: u32 = 61_991;

/// A running `mailward up`; it and its children end with this.
pub struct Guard {
    child: Child,
    state: PathBuf,
    said: PathBuf,
}

impl World {
    pub fn new() -> Self {
        World::with("")
    }

    /// With more keys in the configuration; tables follow top-level keys.
    pub fn with(more: &str) -> Self {
        World::with_logs(vec!["log/mail.log"], more)
    }

    /// With several logs.
    pub fn with_logs(logs: Vec<&'static str>, more: &str) -> Self {
        let world = World { dir: tempfile::tempdir().unwrap(), logs };
        fs::create_dir(world.path("log")).unwrap();
        world.configure(more);
        world
    }

    /// All logs.
    pub fn logs(&self) -> Vec<PathBuf> {
        self.logs.iter().map(|log| self.path(log)).collect()
    }

    /// Writes the configuration anew.
    pub fn configure(&self, more: &str) {
        let text = format!(
            "source.find = false\nsource.files = {:?}\nsource.zone = \"UTC\"\nstate.dir = {:?}\n\
             console.listen = []\n{more}\n",
            self.logs(),
            self.state()
        );
        fs::write(self.config(), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn log(&self) -> PathBuf {
        self.path("log/mail.log")
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn config(&self) -> PathBuf {
        self.path("mailward.toml")
    }

    /// A file with this content.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    /// Appends to the log, making it where it is not there.
    pub fn append(&self, text: &str) {
        let mut log = OpenOptions::new().append(true).create(true).open(self.log()).unwrap();
        log.write_all(text.as_bytes()).unwrap();
    }

    /// Runs a command that reads the configuration of this world.
    pub fn ask(&self, arguments: &[&str]) -> Ran {
        let config = self.config().display().to_string();
        run_under(&self.clock(), &[arguments, &["--config", &config]].concat(), b"")
    }

    /// The environment by which programs see a clock that a test sets, where it has one.
    fn clock(&self) -> Vec<(&'static str, PathBuf)> {
        let clock = self.path("clock.so");
        match clock.exists() {
            true => vec![("LD_PRELOAD", clock), ("CLOCK_SET_BY", self.path("clock-set-by"))],
            false => Vec::new(),
        }
    }

    /// The same; it must go well. One JSON object a line.
    pub fn objects(&self, arguments: &[&str]) -> Vec<Value> {
        self.ask(&[arguments, &["--format", "json"]].concat()).good().objects()
    }

    /// Starts a guard and waits until it answers and has said what it guards.
    pub fn guard(&self, place: Place) -> Guard {
        let titles = |said: &str| said.matches("ctrl-c ends\n").count();
        let before = titles(&fs::read_to_string(self.path("said")).unwrap_or_default());
        let mut guard = self.start(place);
        wait_until("the guard answers", || {
            guard.is_running();
            guard.status().is_some() && titles(&guard.said()) > before
        });
        guard
    }

    /// Starts a guard; it may fail.
    pub fn start(&self, place: Place) -> Guard {
        let said = || Stdio::from(file(&self.path("said")));
        self.watched_by(place, said(), said())
    }

    /// The key of the hash, before the first start: under one that is drawn it is a matter of luck
    /// whether two of five names count as one, and no two worlds decide the same.
    fn seed(&self) {
        if fs::symlink_metadata(self.state()).is_err() {
            DirBuilder::new().mode(0o700).create(self.state()).unwrap();
            fs::write(self.state().join("seed"), "6d61696c77617264\n").unwrap();
        }
    }

    /// Runs a command as in the place of a guard.
    pub fn ask_in(&self, place: Place, arguments: &[&str]) -> Ran {
        let mut command = self.command(place);
        command.args(arguments).arg("--config").arg(self.config()).stdin(Stdio::null());
        Ran::of(command.output().unwrap())
    }

    /// The program in such a place; with what lies in `journal` as the host's, if anything.
    fn command(&self, place: Place) -> Command {
        let mut command = place.command();
        if place == Place::User {
            let users = fs::read_to_string("/etc/passwd").unwrap();
            let own = format!("{users}mailward:x:{USER}:{USER}:Mailward:/:/usr/sbin/nologin\n");
            command.env("PASSWD", self.file("passwd", own.as_bytes()));
        }
        if self.path("journal").exists() {
            command.env("JOURNAL", self.path("journal"));
        }
        surroundings(&mut command);
        command
    }

    /// Starts a guard that writes to these.
    pub fn watched_by(&self, place: Place, out: Stdio, err: Stdio) -> Guard {
        if place == Place::Powerless || place == Place::Namespace {
            self.seed();
        }
        let mut command = self.command(place);
        command.arg("up").arg("--config").arg(self.config());
        let notify = self.path("notify");
        if notify.exists() {
            command.env("NOTIFY_SOCKET", notify).env("WATCHDOG_USEC", "60000000");
        }
        command.envs(self.clock());
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        Guard { child: command.spawn().unwrap(), state: self.state(), said: self.path("said") }
    }
}

impl Place {
    /// In a network namespace of its own, so that this host's addresses, gateways and packet
    /// filter are neither seen nor touched.
    fn command(self) -> Command {
        let lost = match self {
            Place::Powerless => "-net_admin",
            Place::Plain => "-net_admin,-dac_override,-dac_read_search",
            Place::Namespace | Place::User => "-sys_boot",
        };
        let mut command = Command::new("unshare");
        command.arg(if rustix::process::geteuid().is_root() { "-nm" } else { "-rnm" });
        command.args(["--", "sh", "-c", NAMESPACE, lost, env!("CARGO_BIN_EXE_mailward")]);
        command
    }
}

/// An address of its own and nothing else, and perhaps other users or another journal; then the
/// program, without some capabilities.
const NAMESPACE: &str = "ip link set lo up && ip address add 192.0.2.10/32 dev lo && \
                         { [ -z \"$PASSWD\" ] || mount --bind \"$PASSWD\" /etc/passwd; } && \
                         { [ -z \"$JOURNAL\" ] || { mount -t tmpfs tmpfs /var/log && \
                         mkdir /var/log/journal && mount --bind \"$JOURNAL\" /var/log/journal && \
                         mount -t tmpfs tmpfs /run; }; } && exec setpriv --bounding-set \"$0\" -- \"$@\"";

impl Guard {
    /// What it answers to `status`, if it answers.
    pub fn status(&self) -> Option<Value> {
        control::ask(&self.state, &Request::Status).ok().flatten().map(|answer| answer.data)
    }

    /// Lines read so far, over all starts.
    pub fn lines(&self) -> u64 {
        self.status().and_then(|status| status["lines"].as_u64()).unwrap_or_default()
    }

    /// Waits until it has read that many lines, over all starts.
    pub fn reads(&self, lines: u64) {
        let mut read = 0;
        wait_until(&format!("{lines} lines are read"), || {
            read = self.lines();
            read >= lines
        });
        assert_eq!(read, lines);
    }

    /// What it wrote so far, to either stream.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Panics with what it said where it ended.
    fn is_running(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the guard ended ({status}) and said:\n{}", self.said());
        }
    }

    /// Its process, or the one that starts guard and enforcer.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it by SIGTERM; it must end well.
    pub fn stop(mut self) {
        signal(self.pid(), rustix::process::Signal::TERM);
        let status = self.ends();
        assert!(status.success(), "{status}: {}", self.said());
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the guard ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the guard said:\n{}", self.said());
        }
        // It leads a group of its own: children that outlived it are in it.
        if let Some(group) = rustix::process::Pid::from_raw(self.pid().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }

    /// It ended with 0.
    pub fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self
    }

    /// It ended with `code`, wrote nothing to standard output, and said each of `words` on
    /// standard error.
    pub fn bad(self, code: i32, words: &[&str]) -> Self {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
        self
    }

    /// Each line of standard output as JSON.
    pub fn objects(&self) -> Vec<Value> {
        objects(&self.out)
    }
}

/// Each line as JSON.
pub fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Runs the program with this on standard input.
pub fn run(arguments: &[&str], input: &[u8]) -> Ran {
    run_under(&[], arguments, input)
}

fn run_under(clock: &[(&str, PathBuf)], arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    command.envs(clock.iter().cloned());
    surroundings(command.args(arguments));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // A command that ends before it has read everything closes the pipe.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    Ran::of(output)
}

fn surroundings(command: &mut Command) {
    command
        .env("TZ", "UTC")
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("SSH_CONNECTION")
        .env_remove("NOTIFY_SOCKET");
}

fn file(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

/// The process ids of the children of a process, each with its command line.
pub fn children(pid: u32) -> Vec<(u32, String)> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let children = list.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
    children
        .map(|pid| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&command).replace('\0', " "))
        })
        .collect()
}

/// Sends a signal to a process of the test.
pub fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Waits for a condition; fails where it never comes.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A moment as syslog writes it with high precision.
pub fn stamp(at: Timestamp) -> String {
    at.to_string().replace('Z', "+00:00")
}

/// The moment now.
pub fn now() -> Timestamp {
    clock::now()
}

/// A login that Postfix refused.
pub fn failed(at: Timestamp, client: &str, account: &str) -> String {
    format!(
        "{} mail postfix/smtpd[260]: warning: unknown[{client}]: SASL LOGIN authentication failed: \
         (reason unavailable), sasl_username={account}\n",
        stamp(at)
    )
}

/// As many refused logins as a ban takes, and some more, a tenth of a second apart; the last at
/// the time given.
pub fn attack(last: Timestamp, client: &str) -> String {
    (0..12)
        .map(|number| {
            let at = Timestamp(last.0 - 100_000 * (11 - number));
            failed(at, client, &format!("user{number}@example.org"))
        })
        .collect()
}

/// The recorded hostile day that the program carries.
pub fn day() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/day.log.zst");
    let mut reader = edge::source::LineReader::open(&path).unwrap();
    let mut lines = Vec::new();
    while let Some(line) = reader.next().unwrap() {
        lines.push(String::from_utf8(line.bytes.to_vec()).unwrap());
    }
    lines
}
