//! `mailward up --demo`: a recorded hostile day through the whole system, at a chosen speed.
//!
//! The day was played by the range (`range/record-day`) against real Postfix, Dovecot and Exim; all
//! addresses in it are those reserved for documentation (RFC 5737, RFC 3849). The journal goes to a
//! directory of its own, and the kernel is left alone.

use crate::config::Config;
use crate::control;
use crate::core::Core;
use crate::failure::{Context as _, Failure};
use crate::guard::Control;
use crate::orders::{self, Desk, explanation};
use crate::print;
use crate::recover;
use crate::story;
use crate::terminal::{Style, Tone, count};
use crate::understand::{Reading, Tally};
use edge::clock;
use edge::enforce::Refusal;
use edge::source::LineReader;
use edge::stamp::{Completer, Years, Zone};
use engine::{Engine, Output};
use event::{Command, Network, Order, Subject, Timestamp};
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use store::{Maintainer, Policy};

/// The recorded day: RFC 3339 lines, zstd.
const DAY: &[u8] = include_bytes!("../demo/day.log.zst");
/// When it was: 2026-11-20 00:00 UTC, seconds since 1970.
const DAY_BEGINS_S: i64 = 1_795_132_800;
/// The recorded host's gateway, who looks whether its servers answer, and its own addresses.
const SURROUNDINGS: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 12)),
];
/// Lines between two commits when played as fast as possible.
const COMMIT_LINES: u64 = 2_000;

/// How often the console is answered.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often is counted for its charts.
const ROLL_UP_EVERY: Duration = Duration::from_secs(1);

/// What ends the demo, also when the terminal is closed: its directory must go.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Why it does not go on.
enum Stopped {
    /// Nobody watches any more (`| head`), which is no failure.
    Unwatched,
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Stopped::Failed(failure)
    }
}

/// Plays the day, `speed` times faster than it was (0: as fast as possible), until its end,
/// ctrl-c, or when nobody watches any more. With a console it goes on until ctrl-c.
pub fn play(config: Config, speed: u32, console: bool) -> Result<(), Failure> {
    let signals = crate::guard::signals(&ENDING)?;
    crate::guard::home::keep_private();
    let place = Place::make()?;
    match play_in(&place, config, speed, &signals, console) {
        Ok(()) | Err(Stopped::Unwatched) => Ok(()),
        Err(Stopped::Failed(failure)) => Err(failure),
    }
}

fn say(text: Arguments<'_>) -> Result<(), Stopped> {
    if print::offer(text)? { Ok(()) } else { Err(Stopped::Unwatched) }
}

fn play_in(
    place: &Place,
    mut config: Config,
    speed: u32,
    signals: &UnixStream,
    console: bool,
) -> Result<(), Stopped> {
    let dir = place.0.clone();
    config.state.dir = Some(dir.clone());
    let own = dir.join("mailward.toml");
    let listen: Vec<String> = config.console.listen.iter().map(ToString::to_string).collect();
    let text = format!("[state]\ndir = {dir:?}\n[console]\nlisten = {listen:?}\n");
    std::fs::write(&own, text).context(|| own.display().to_string())?;
    let style = Style::stdout();
    let title = "mailward plays a recorded hostile day; nothing on this host is changed";
    say(format_args!(
        "{}\nThe times below are those of that day, not of now. While it plays, ask it from another terminal:\n  \
         mailward bans --config {}\n\n",
        style.paint(Tone::Strong, title),
        own.display()
    ))?;
    let recovered = recover::open(&dir, &config.engine)?;
    let socket = control::socket_path(&dir);
    let mut player = Player {
        maintainer: recovered.core.journal.maintainer(Policy::default()),
        roll_up_at: clock::monotonic(),
        control: Control::listen(&socket).context(|| socket.display().to_string())?,
        core: recovered.core,
        tally: Tally::default(),
        rules: BTreeMap::new(),
        began: None,
        speed,
    };
    player.protect();
    let beside = if console { start_console(&config, &own) } else { None };
    let was_asked_to_end = player.run(signals)?;
    player.report(style)?;
    if beside.is_some() && !was_asked_to_end {
        say(format_args!("The console shows it until ctrl-c.\n"))?;
        player.stay(signals);
    }
    Ok(())
}

/// The console of the recorded day, where it is wanted; it ends when this is dropped.
#[cfg(feature = "console")]
fn start_console(config: &Config, own: &std::path::Path) -> Option<crate::console::Child> {
    crate::console::Child::start(config, Some(own), true, true)
}

/// Built without a console.
#[cfg(not(feature = "console"))]
const fn start_console(_: &Config, _: &std::path::Path) -> Option<()> {
    None
}

/// A directory for the journal, which goes with the demo: at its end, by ctrl-c, by a failure.
struct Place(PathBuf);

impl Place {
    /// Others write to the directory of temporary files too, so it must be new.
    fn make() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("mailward-demo-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .context(|| path.display().to_string())?;
        Ok(Place(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Player {
    core: Core,
    /// Counts for the console's charts.
    maintainer: Maintainer,
    roll_up_at: clock::Moment,
    control: Control,
    tally: Tally,
    rules: BTreeMap<String, u64>,
    /// The first stamp, and when it was played.
    began: Option<(Timestamp, clock::Moment)>,
    speed: u32,
}

impl Player {
    /// What `mailward up` would have found around the recorded host and never banned.
    fn protect(&mut self) {
        self.core.command(&Command {
            at: Timestamp::from_seconds(DAY_BEGINS_S),
            operator: "mailward".into(),
            reason: "surroundings of the recorded host".into(),
            order: Order::Protect { networks: SURROUNDINGS.map(Network::host).into() },
        });
    }

    /// Plays the day. True where ctrl-c ended it before.
    fn run(&mut self, signals: &UnixStream) -> Result<bool, Stopped> {
        let mut ended = false;
        let source = self.core.journal.source("demo");
        let mut reading = Reading::new(Completer::new(Zone::UTC, Years::Until(clock::now())));
        let mut reader = LineReader::of(DAY).context(|| "the recorded day".to_owned())?;
        while let Some(line) = reader.next().context(|| "the recorded day".to_owned())? {
            ended = reading.understand(&line, None, |understood| {
                if self.wait_for(understood.at, signals) {
                    return Ok(true);
                }
                let told = understood.told();
                self.tally.take(&told);
                let seq = self.core.line(source, understood.line(), &told);
                if self.speed > 0 || seq.is_multiple_of(COMMIT_LINES) {
                    self.commit()?;
                }
                Ok::<bool, Stopped>(false)
            })?;
            if ended {
                break;
            }
        }
        let mut rest = Vec::new();
        self.core.engine.finish(&mut rest);
        self.core.tick(self.core.engine.now().plus_seconds(120));
        self.commit()?;
        Ok(ended)
    }

    /// True where ctrl-c came.
    fn wait_for(&mut self, at: Timestamp, signals: &UnixStream) -> bool {
        if self.speed == 0 || at == Timestamp(i64::MIN) {
            return crate::supervise::arrived(signals);
        }
        let (first, moment) = *self.began.get_or_insert((at, clock::monotonic()));
        let micros = u64::try_from(at.0 - first.0).unwrap_or(0) / u64::from(self.speed);
        let due = moment.plus(Duration::from_micros(micros));
        loop {
            if crate::supervise::arrived(signals) {
                return true;
            }
            self.serve();
            let left = due.since(clock::monotonic());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    fn commit(&mut self) -> Result<(), Stopped> {
        for output in self.core.commit(&[]) {
            if let Output::Decision(decision) = output {
                *self.rules.entry(decision.rule.to_string()).or_default() += 1;
                say(format_args!("{}\n", story::decided(&decision)))?;
            }
        }
        Ok(())
    }

    /// Answers who asks, and counts what the console's charts are drawn from.
    fn serve(&mut self) {
        let mut control = std::mem::replace(&mut self.control, Control::none());
        control.serve(|peer, request| orders::answer(self, peer, request));
        self.control = control;
        let now = clock::monotonic();
        if now >= self.roll_up_at {
            self.roll_up_at = now.plus(ROLL_UP_EVERY);
            // What cannot be counted is not shown; the demo goes on.
            let _ = self.maintainer.maintain(self.core.engine.now());
        }
    }

    /// Until ctrl-c.
    fn stay(&mut self, signals: &UnixStream) {
        while !crate::supervise::arrived(signals) {
            self.serve();
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn report(&self, style: Style) -> Result<(), Stopped> {
        let rows = self.rules.iter().map(|(rule, bans)| vec![rule.clone(), count(*bans)]);
        let table = style.table(&["rule", "decisions"], rows);
        say(format_args!(
            "\n{}\n{table}\nThe journal of this demo goes with it; `mailward up` guards this host.\n",
            self.tally
        ))
    }
}

/// Orders of the console: on record as everything, and carried out nowhere.
impl Desk for Player {
    fn now(&self) -> Timestamp {
        self.core.engine.now()
    }

    fn engine(&self) -> &Engine {
        &self.core.engine
    }

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn carry_out(&mut self, _: Timestamp) {
        self.core.commit(&[]);
    }

    fn is_enforcing(&self) -> bool {
        false
    }

    fn refusal(&self, _: &Network) -> Option<Refusal> {
        None
    }

    fn is_allowlist_full(&self) -> bool {
        false
    }

    fn status(&self) -> Value {
        let Tally { lines, events, hostile, noise, unknown, .. } = self.tally;
        json!({
            "mode": "observe", "enforcing": false, "now": self.now().to_string(), "lines": self.core.seq,
            "holds": self.core.engine.holds().count(), "incidents": self.core.incidents.len(),
            "incidents_waiting": self.core.incidents.waiting(),
            "proposals": self.core.engine.proposals().count(),
            "sources": [{ "name": "the recorded day", "state": "played", "lag_bytes": 0, "lines": lines,
                "events": events, "hostile": hostile, "noise": noise, "unknown": unknown,
                "understood_percent": self.tally.understood().unwrap_or(100.0), "losses": 0 }],
            "tables": [], "journal": self.core.journal.dir().display().to_string(),
            "kernel": { "running": false, "idle": "left alone by the demo", "bans": 0, "counters": [] },
        })
    }

    fn explain(&mut self, subject: &Subject) -> Value {
        explanation(&self.core.engine.explain(subject), false)
    }
}
