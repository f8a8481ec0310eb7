//! Work that must not hold the loop: maintenance of the journal, checkpoints, the exported list.

use super::time::TimeOfDay;
use crate::config::Config;
use crate::core::Core;
use edge::clock::{self, Moment};
use edge::enforce::{Ban, List, ListForm};
use engine::Engine;
use event::{Mode, Timestamp};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{CheckpointWriter, Interrupt, Maintainer, Mark, Policy};

/// Time between two rounds of maintenance.
const MAINTAIN_EVERY: Duration = Duration::from_secs(5);
/// Time between two counts for charts.
const ROLL_UP_EVERY: Duration = Duration::from_secs(2);
/// Lines after which a checkpoint is due.
const CHECKPOINT_LINES: u64 = 500_000;
/// Time after which a checkpoint is due if any line came.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(600);

enum Chore {
    Maintain(Timestamp),
    RollUp,
    Checkpoint(Mark, Vec<u8>),
    List(List, Vec<Ban>),
    Stop,
}

/// The thread, and when what is due.
pub struct Chores {
    orders: SyncSender<Chore>,
    troubles: Receiver<String>,
    thread: Option<JoinHandle<()>>,
    interrupt: Interrupt,
    maintain_at: Moment,
    roll_up_at: Moment,
    /// The batch up to which was counted.
    rolled_up: u64,
    checkpoint_at: Moment,
    checkpoint_seq: u64,
    /// A checkpoint is due as soon as all is on record.
    is_urgent: bool,
    list: Option<List>,
    list_changed: bool,
    /// Decisions are carried out. Otherwise the list is written once, empty: what an earlier,
    /// enforcing guard wrote there would still be used.
    enforces: bool,
}

/// How long things are kept, from the configuration.
fn policy(config: &Config) -> Policy {
    const DAY_S: i64 = 86_400;
    let default = Policy::default();
    let size = u64::from(config.state.size_max_mb) << 20;
    Policy {
        events_age_s: i64::from(config.state.keep_days) * DAY_S,
        actions_age_s: default.actions_age_s.max(i64::from(config.state.keep_days) * DAY_S),
        history_bytes: if size == 0 { u64::MAX } else { size },
        ..default
    }
}

impl Chores {
    /// Starts the thread. `is_urgent` says that there is no checkpoint that could be used.
    pub fn start(config: &Config, core: &Core, is_urgent: bool) -> std::io::Result<Self> {
        let (orders, work) = sync_channel(2);
        let (report, troubles) = sync_channel(64);
        let maintainer = core.journal.maintainer(policy(config));
        let interrupt = maintainer.interrupt();
        let writer = core.journal.checkpoints();
        let thread = std::thread::Builder::new()
            .name("chores".to_owned())
            .spawn(move || work_through(&work, &report, maintainer, &writer))?;
        Ok(Chores {
            orders,
            troubles,
            thread: Some(thread),
            interrupt,
            maintain_at: clock::monotonic(),
            roll_up_at: clock::monotonic(),
            rolled_up: 0,
            checkpoint_at: clock::monotonic().plus(CHECKPOINT_EVERY),
            checkpoint_seq: core.seq,
            is_urgent,
            list: config.export.list.as_ref().map(|path| List::new(path, ListForm::Plain)),
            list_changed: config.export.list.is_some(),
            enforces: config.mode == Mode::Enforce,
        })
    }

    /// The desired state is another one now.
    pub const fn changed(&mut self) {
        self.list_changed |= self.list.is_some() && self.enforces;
    }

    /// Hands out what is due. Returns what went wrong since the last call.
    pub fn run(&mut self, core: &mut Core, now: Moment, time: &TimeOfDay) -> Vec<String> {
        if now >= self.maintain_at && self.hand(Chore::Maintain(time.for_age())) {
            self.maintain_at = now.plus(MAINTAIN_EVERY);
        }
        let batch = core.journal.mark().batch;
        if now >= self.roll_up_at && batch != self.rolled_up && self.hand(Chore::RollUp) {
            self.roll_up_at = now.plus(ROLL_UP_EVERY);
            self.rolled_up = batch;
        }
        let lines = core.seq - self.checkpoint_seq;
        let due =
            self.is_urgent || lines >= CHECKPOINT_LINES || (lines > 0 && now >= self.checkpoint_at);
        if due && core.trouble.is_none() {
            self.checkpoint(core, now);
        }
        if self.list_changed
            && let Some(list) = self.list.clone()
        {
            let now = time.now();
            let bans = if self.enforces { bans(&core.engine, now) } else { Vec::new() };
            self.list_changed = !self.hand(Chore::List(list, bans));
        }
        let lost = core.journal.take_losses().into_iter().map(|loss| loss.to_string());
        self.troubles.try_iter().chain(lost).collect()
    }

    fn checkpoint(&mut self, core: &mut Core, now: Moment) {
        let mut state = Vec::new();
        core.engine.checkpoint(&mut state);
        if self.hand(Chore::Checkpoint(core.journal.mark(), state)) {
            self.checkpoint_at = now.plus(CHECKPOINT_EVERY);
            self.checkpoint_seq = core.seq;
            self.is_urgent = false;
        }
    }

    fn hand(&self, chore: Chore) -> bool {
        !matches!(self.orders.try_send(chore), Err(TrySendError::Full(_)))
    }

    /// The last checkpoint, then the end of the thread.
    pub fn stop(&mut self, core: &mut Core) {
        // A round of maintenance may take longer than the parent waits: the checkpoint goes first.
        self.interrupt.interrupt();
        if core.trouble.is_none() {
            let mut state = Vec::new();
            core.engine.checkpoint(&mut state);
            // Both wait for the thread's turn: it is the end, and nothing else is to be done.
            let _ = self.orders.send(Chore::Checkpoint(core.journal.mark(), state));
        }
        let _ = self.orders.send(Chore::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work_through(
    work: &Receiver<Chore>,
    report: &SyncSender<String>,
    mut maintainer: Maintainer,
    writer: &CheckpointWriter,
) {
    while let Ok(chore) = work.recv() {
        let done = match chore {
            Chore::Stop => return,
            Chore::Maintain(now) => match maintainer.maintain(now) {
                Ok(done) => {
                    for loss in done.losses {
                        let _ = report.try_send(format!("{}: {}", loss.path.display(), loss.what));
                    }
                    Ok(())
                }
                Err(error) => Err(format!("maintenance: {error}")),
            },
            Chore::RollUp => {
                let done = maintainer.roll_up();
                done.map(drop).map_err(|error| format!("counts for charts: {error}"))
            }
            Chore::Checkpoint(mark, state) => {
                writer.write(mark, &state).map_err(|error| format!("checkpoint: {error}"))
            }
            Chore::List(list, bans) => list.replace(bans).map_err(|error| error.to_string()),
        };
        if let Err(trouble) = done {
            let _ = report.try_send(trouble);
        }
    }
}

fn bans(engine: &Engine, now: Timestamp) -> Vec<Ban> {
    engine.holds().filter_map(|decision| super::kernel::ban(decision, now)).collect()
}
