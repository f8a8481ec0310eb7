//! The guard: one loop in one thread reads sources, steps the engine, commits the journal, tells
//! the enforcer, and answers operators. It waits in `poll(2)` and nowhere else.
//!
//! It has no privilege to change the kernel: that is the enforcer's process, which reads only
//! typed messages. Long work (maintenance of the journal, checkpoints) has a thread of its own.

mod banner;
mod chores;
pub mod confine;
mod containers;
mod desk;
mod drift;
mod filter;
mod hang_up;
pub mod home;
mod hook;
pub mod identity;
mod intake;
mod kernel;
mod limits;
mod listen;
mod losses;
pub mod reach;
mod silence;
mod start;
mod time;
pub mod try_out;

pub use filter::Starts;
pub use kernel::ruleset;
pub use listen::{Control, Peer};
pub use start::{ENDING, Start, directory_of, places, signals, surroundings};
pub use time::RECORD as CLOCK;

use crate::config::Config;
use crate::core::Core;
use crate::failure::{Context as _, Failure};
use crate::link::ToParent;
use crate::notify::Notify;
use crate::orders;
use crate::screen::Screen;
use crate::story;
use crate::terminal::things;
use chores::Chores;
use edge::clock::{self, Moment};
use engine::Output;
use event::{Command, Mode, Network, Order, Timestamp};
use hang_up::HangUp;
use hook::HookCalls;
use intake::{Intake, LATENESS_S};
use kernel::Kernel;
use reach::Reach;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use silence::Silence;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use time::{Change, TimeOfDay};

/// After a start no tick comes before journald had that much time to bring its backlog: it comes
/// through another process. What is read after a tick counts as happening at the tick.
const BACKLOG_WITHIN: Duration = Duration::from_secs(10);
/// A backlog is read when no late line came for that long.
const BACKLOG_QUIET: Duration = Duration::from_secs(2);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How often the parent hears that the guard is alive; without a parent, how often the
/// surroundings are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A running guard.
pub struct Guard {
    config: Config,
    core: Core,
    intake: Intake,
    kernel: Kernel,
    control: Control,
    chores: Chores,
    hook: HookCalls,
    /// Signals arrive here as bytes.
    signals: UnixStream,
    /// SIGHUP, where no parent answers it.
    hang_up: Option<HangUp>,
    /// The process that started this one and tells who is protected, where there is one.
    parent: Option<ToParent>,
    /// The service manager, where no parent speaks to it.
    notify: Notify,
    /// Networks of the surroundings that are never banned.
    protected: Vec<Network>,
    /// Administrators at work when the guard was started, who are not seen any more.
    administrators: Vec<Network>,
    /// The allowlist as the kernel was told it last.
    allowed: Vec<Network>,
    /// Ports found listening.
    ports: Vec<u16>,
    silence: Silence,
    reach: Reach,
    /// A directory of a log that was found closed to the guard.
    lost: Option<PathBuf>,
    /// The time of day.
    time: TimeOfDay,
    look_at: Moment,
    /// No tick before.
    tick_at: Moment,
    since: Timestamp,
    /// Where decisions are shown as they come.
    screen: Screen,
}

impl Guard {
    /// Runs until SIGINT or SIGTERM; without a parent until SIGHUP, too.
    pub fn run(mut self) -> Result<(), Failure> {
        loop {
            let before = self.core.seq;
            self.look_at_clock();
            let more = self.intake.read(&mut self.core, &self.time);
            let now = self.time.now();
            let moment = clock::monotonic();
            if self.core.seq > before
                && let Some(told) = self.silence.lines(self.intake.heard(), moment)
            {
                self.core.note(now, "silence", &told);
            }
            if self.intake.is_late() {
                self.tick_at = self.tick_at.max(moment.plus(BACKLOG_QUIET));
            }
            if !more && moment >= self.tick_at {
                self.core.tick(now.plus_seconds(-LATENESS_S));
            }
            self.carry_out(now);
            self.serve(now);
            if self.stopped() || !self.hear_parent(now) {
                return self.stop();
            }
            if let Some(end) = self.hang_up.as_ref().and_then(HangUp::asked) {
                return self.stop().and(end);
            }
            if self.parent.is_some() && self.lost.is_some() {
                return self.stop();
            }
            if let Some(lost) = self.kernel.lost.take() {
                self.stop()?;
                return Err(Failure::new(lost));
            }
            if !more {
                self.wait()?;
            }
        }
    }

    /// The machine's clock may have been set.
    fn look_at_clock(&mut self) {
        let Some(change) = self.time.look() else { return };
        if let Change::Followed(by_micros) = change {
            let reached = self.core.engine.now().0.saturating_add(by_micros);
            self.core.set_clock(Timestamp(reached), by_micros);
        }
        let now = self.time.now();
        self.core.note(now, "clock", &time::told(change));
        self.carry_out(now);
    }

    /// Commits what was read, then lets the kernel and the screen have it.
    fn carry_out(&mut self, now: Timestamp) {
        let positions = self.intake.moved();
        let reckoning = self.time.record();
        let mut borrowed: Vec<(&str, &str)> =
            positions.iter().map(|(name, position)| (name.as_str(), position.as_str())).collect();
        borrowed.extend(reckoning.as_deref().map(|record| (time::RECORD, record)));
        let outputs = self.core.commit(&borrowed);
        if self.core.trouble.is_none() {
            self.intake.committed(positions);
            if reckoning.is_some() {
                self.time.recorded();
            }
        }
        if !outputs.is_empty() {
            // Who was allowed for a time only can be banned now: the kernel must hear it first.
            self.look_at_allowlist();
            self.kernel.apply(&outputs, now);
            self.show(&outputs);
            self.chores.changed();
            self.hook.take(&outputs, now);
        }
    }

    /// True where what is decided comes true anywhere: in the kernel, a list, by a hook.
    fn is_enforcing(&self) -> bool {
        let by_anything = self.kernel.is_running() || self.config.export.is_any();
        self.config.mode == Mode::Enforce && by_anything
    }

    /// Shows decisions, one line each.
    fn show(&mut self, outputs: &[Output]) {
        let is_enforcing = self.is_enforcing();
        for output in outputs {
            if let Output::Decision(decision) = output {
                self.screen.show(format!("{}\n", story::shown(decision, is_enforcing)));
            }
        }
    }

    fn serve(&mut self, now: Timestamp) {
        self.screen.catch_up();
        self.kernel.serve(&self.core.engine, now);
        for note in self.kernel.news() {
            self.core.note(now, "enforcer", &note);
        }
        // The control socket is taken out while it is served, because answers need the rest.
        let mut control = std::mem::replace(&mut self.control, Control::none());
        control.serve(|peer, request| orders::answer(self, peer, request));
        self.control = control;
        let moment = clock::monotonic();
        if moment >= self.look_at {
            self.look_at = moment.plus(LOOK_EVERY);
            self.look_around(now);
        }
        for trouble in self.hook.run() {
            self.core.note(now, "hook", &trouble);
        }
        for trouble in self.chores.run(&mut self.core, moment, &self.time) {
            self.core.note(now, "journal", &trouble);
        }
        self.carry_out(now);
    }

    /// Looks whether the logs can still be reached and who is allowed yet, says that the loop goes
    /// round, and without a parent looks at the surroundings.
    fn look_around(&mut self, now: Timestamp) {
        self.look_at_logs(now);
        self.look_at_allowlist();
        let status = self.in_a_line();
        if let Some(parent) = &self.parent {
            parent.alive(&status);
            return;
        }
        self.notify.alive(&status);
        let mut found = start::surroundings().protected();
        // Only the right to look into others' processes shows administrators, and that is given
        // up: those of the start stay, which may protect too many, but bans none.
        found.extend(&self.administrators);
        self.protected_now(found, now);
    }

    /// A parent starts a guard again that ends well, and the new one may read what is there then.
    fn look_at_logs(&mut self, now: Timestamp) {
        let lost = self.reach.lost();
        if let Some(lost) = lost.as_ref().filter(|lost| self.lost.as_ref() != Some(*lost)) {
            let then =
                if self.parent.is_some() { "starting again" } else { "start mailward again" };
            let text = format!(
                "{}: this directory came, or took the place of another, after the start, and \
                 cannot be read: {then}",
                lost.display()
            );
            crate::print::error_line(format_args!("mailward guard: {text}"));
            self.core.note(now, "source", &text);
        }
        self.lost = lost;
    }

    /// False where the parent is gone, or wants an end. It sees the connections of administrators.
    fn hear_parent(&mut self, now: Timestamp) -> bool {
        let Some(heard) = self.parent.as_mut().map(ToParent::hear) else { return true };
        if let Some(networks) = heard.protect {
            self.protected_now(networks, now);
        }
        for (server, count) in heard.clients {
            if let Some(told) = self.silence.connections(server, count, clock::monotonic()) {
                self.core.note(now, "silence", &told);
            }
        }
        !heard.is_gone
    }

    /// Own addresses and administrators come and go; whoever is one now is never banned.
    fn protected_now(&mut self, mut networks: Vec<Network>, now: Timestamp) {
        networks.sort_unstable();
        networks.dedup();
        if networks != self.protected {
            self.protected = networks;
            self.protect(now);
            self.refresh_ruleset();
        }
    }

    /// How it is, for the service manager.
    fn in_a_line(&self) -> String {
        let holds = self.core.engine.holds().count();
        let bans = if self.is_enforcing() {
            things(holds, "ban holds", "bans hold")
        } else {
            things(holds, "ban would hold", "bans would hold")
        };
        let trouble =
            if self.core.trouble.is_some() { "; the journal cannot be written" } else { "" };
        format!("{bans}; {} lines read{trouble}", self.core.seq)
    }

    fn protect(&mut self, now: Timestamp) {
        self.core.command(&Command {
            at: now,
            operator: "mailward".into(),
            reason: "surroundings".into(),
            order: Order::Protect { networks: self.protected.clone().into() },
        });
    }

    /// Whoever was allowed for a time is off the allowlist when it is over, without an order.
    fn look_at_allowlist(&mut self) {
        if !self.core.engine.allowlist().eq(self.allowed.iter().copied()) {
            self.refresh_ruleset();
        }
    }

    /// Tells the enforcer who is allowed now.
    fn refresh_ruleset(&mut self) {
        self.allowed = self.core.engine.allowlist().collect();
        let ruleset = kernel::ruleset(&self.config, &self.ports, &self.protected, &self.allowed);
        self.kernel.set_ruleset(ruleset);
    }

    fn stopped(&mut self) -> bool {
        let mut byte = [0; 16];
        matches!(self.signals.read(&mut byte), Ok(count) if count > 0)
    }

    /// An orderly end: what was read is committed, and a checkpoint makes the next start quick.
    /// The kernel keeps its bans until their times end.
    fn stop(mut self) -> Result<(), Failure> {
        self.notify.stopping();
        self.carry_out(self.time.now());
        self.chores.stop(&mut self.core);
        match &self.core.trouble {
            None => Ok(()),
            Some(trouble) => {
                Err(Failure::new(format!("the journal could not be written at the end: {trouble}"))
                    .remedy("the lines since the last commit are read again at the next start"))
            }
        }
    }

    fn wait(&self) -> Result<(), Failure> {
        let mut descriptors = vec![PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN)];
        self.hang_up.iter().for_each(|hang_up| hang_up.poll(&mut descriptors));
        self.intake.poll(&mut descriptors);
        self.kernel.poll(&mut descriptors);
        self.control.poll(&mut descriptors);
        if let Some(parent) = &self.parent {
            descriptors.push(PollFd::from_borrowed_fd(parent.as_fd(), PollFlags::IN));
        }
        let now = clock::monotonic();
        let due = self.intake.deadline().map_or(WAIT_MAX, |at| at.since(now));
        let due = due.min(WAIT_MAX);
        let timeout = Timespec {
            tv_sec: i64::try_from(due.as_secs()).unwrap_or(1),
            tv_nsec: i64::from(due.subsec_nanos()),
        };
        match rustix::event::poll(&mut descriptors, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error).context(|| "waiting for log lines".to_owned()),
        }
    }
}
