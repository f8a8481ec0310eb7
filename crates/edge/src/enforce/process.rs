//! The privileged process: reads orders, reconciles the kernel, reports.

use super::close::Closer;
use super::kernel::{KernelError, Netfilter};
use super::message::{MESSAGE_MAX, MessageError, Order, Report};
use super::netlink::SocketError;
use super::reconcile::{Note, Reconciler};
use super::ruleset::{Ban, Ruleset, Scope};
use super::watch::Watch;
use crate::clock::{self, Moment};
use event::{Mode, Network};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

/// Orders read before the kernel is told: what piles up becomes one transaction.
const ORDERS_MAX: usize = 64;
/// Reports that wait for a busy guard; beyond, the oldest are dropped.
const REPORTS_MAX: usize = 1024;
/// How often all is looked at without a cause.
const CHECK_MS: u64 = 60_000;
/// Pause before the next try after a failure.
const RETRY_MS: u64 = 1000;
/// The longest such pause: each failure in a row doubles it. Putting a million bans back every
/// second, into a kernel that has no memory for them, would help nobody.
const RETRY_MAX_MS: u64 = 60_000;
/// At least so long between two looks that others' changes cause.
const LOOK_MS: u64 = 100;
/// From so many bans on, nobody listens to the kernel while they are put back.
const QUIET_MIN: usize = 2048;
/// Bans looked up in each check.
const SAMPLES: usize = 64;

/// Why the enforcer does not run.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// The kernel does not let it, or cannot.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Netlink did not work.
    #[error("netlink: {0}")]
    Netlink(#[from] SocketError),
    /// The guard sent what is no order: then nothing of it is trusted.
    #[error("the guard sent a bad message: {0}")]
    Message(#[from] MessageError),
    /// The socket to the guard failed.
    #[error("the socket to the guard failed")]
    Socket(#[source] std::io::Error),
}

/// Whether this process may change the packet filter of a kernel that has one: `Ok`, or why it can
/// only observe.
pub fn probe() -> Result<(), EnforceError> {
    let mut netfilter = Netfilter::open()?;
    Ok(netfilter.permitted()?)
}

/// Runs until the guard goes away. The bans stay in the kernel, each until its time.
///
/// Uses the network namespace that the calling thread is in.
///
/// # Errors
/// When the kernel has no nf_tables, `CAP_NET_ADMIN` is lacking, or the guard sends no orders.
pub fn serve(socket: OwnedFd) -> Result<(), EnforceError> {
    let mut outbox = Outbox { socket, reports: VecDeque::new() };
    match Enforcer::open() {
        Ok(mut enforcer) => enforcer.run(&mut outbox),
        Err(error) => {
            outbox.push(Report::Failed { sequence: 0, text: error.to_string() });
            outbox.flush();
            Err(error)
        }
    }
}

struct Enforcer {
    reconciler: Reconciler<Netfilter>,
    closer: Option<Closer>,
    /// Closed during bulk changes: the kernel would tell of each element.
    watch: Option<Watch>,
    started: Moment,
    sequence: u32,
    /// Others changed something: look at this time.
    look_at_ms: Option<u64>,
    check_at_ms: u64,
    /// The pause before the next try, while tries fail.
    retry_ms: u64,
    /// Others changed our own table: perhaps every ban must be put back.
    ours: bool,
    /// Networks whose live connections are still to be closed, once no order waits.
    to_close: ToClose,
}

/// Whose connections are to be closed. More than one costs no more than all: the kernel shows all.
#[derive(Clone, Copy)]
enum ToClose {
    Nobody,
    One(Network),
    All,
}

struct Outbox {
    socket: OwnedFd,
    reports: VecDeque<Report>,
}

impl Enforcer {
    fn open() -> Result<Enforcer, EnforceError> {
        probe()?;
        Ok(Enforcer {
            reconciler: Reconciler::new(Netfilter::open()?),
            closer: Closer::open().ok(),
            watch: Some(Watch::open()?),
            started: clock::monotonic(),
            sequence: 0,
            look_at_ms: None,
            check_at_ms: CHECK_MS,
            retry_ms: RETRY_MS,
            ours: false,
            to_close: ToClose::Nobody,
        })
    }

    fn run(&mut self, outbox: &mut Outbox) -> Result<(), EnforceError> {
        let mut buffer = vec![0; MESSAGE_MAX];
        loop {
            if self.wait(outbox)? {
                self.notice()?;
            }
            let read = self.orders(outbox, &mut buffer)?;
            outbox.flush();
            // The bans hold; looking for connections takes longer than setting them took, so
            // orders that wait come first.
            if read != Some(ORDERS_MAX) {
                self.close(outbox);
            }
            if read.is_none() {
                return Ok(());
            }
            self.look(outbox);
            outbox.flush();
        }
    }

    fn now_ms(&self) -> u64 {
        clock::monotonic().since(self.started).as_millis() as u64
    }

    /// Waits for an order, a notification, or the time to look. True where a notification came.
    fn wait(&self, outbox: &Outbox) -> Result<bool, EnforceError> {
        let now = self.now_ms();
        let due = self.look_at_ms.unwrap_or(u64::MAX).min(self.check_at_ms);
        let wait_ms = match self.to_close {
            ToClose::Nobody => due.saturating_sub(now).min(CHECK_MS),
            _ => 0,
        };
        let timeout = Timespec {
            tv_sec: (wait_ms / 1000) as i64,
            tv_nsec: (wait_ms % 1000 * 1_000_000) as i64,
        };
        let writable = if outbox.reports.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let mut fds = vec![PollFd::new(&outbox.socket, PollFlags::IN | writable)];
        if let Some(watch) = &self.watch {
            fds.push(PollFd::new(watch, PollFlags::IN));
        }
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(fds.get(1).is_some_and(|fd| !fd.revents().is_empty())),
            Err(error) => Err(EnforceError::Socket(error.into())),
        }
    }

    /// Reads notifications, and plans a look when they are of others.
    fn notice(&mut self) -> Result<(), EnforceError> {
        let own = self.reconciler.kernel().port();
        if let Some(watch) = &mut self.watch {
            let seen = watch.look(own)?;
            if seen.taken {
                self.reconciler.distrust();
            }
            self.ours |= seen.ours;
            let pause = if seen.ours { 0 } else { LOOK_MS };
            if seen.changed {
                self.look_within(pause);
            }
        }
        Ok(())
    }

    /// Looks at the kernel when it is time to.
    fn look(&mut self, outbox: &mut Outbox) {
        let now = self.now_ms();
        if now < self.look_at_ms.unwrap_or(u64::MAX).min(self.check_at_ms) {
            return;
        }
        let begun = clock::monotonic();
        self.look_at_ms = None;
        self.check_at_ms = now + CHECK_MS;
        self.reconciler.expire(now);
        // Where every ban may have to be put back, nobody listens meanwhile: telling of each
        // element would take the kernel as long as taking it.
        let deaf = std::mem::take(&mut self.ours) && self.reconciler.len() > QUIET_MIN;
        if deaf {
            self.watch = None;
        }
        let result = self.reconciler.check(SAMPLES, now);
        self.retry_ms = next_pause(self.retry_ms, result.is_ok());
        self.failed(result.err(), outbox);
        self.report_notes(begun, outbox);
        if deaf {
            self.watch = Watch::open().ok();
            self.look_at_ms = Some(self.now_ms() + LOOK_MS);
        }
    }

    /// Reads and carries out what has come: how many orders, or `None` where the guard is gone.
    fn orders(
        &mut self,
        outbox: &mut Outbox,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, EnforceError> {
        let begun = clock::monotonic();
        let mut bans: Vec<Ban> = Vec::new();
        let mut alive = true;
        let mut read = 0;
        while read < ORDERS_MAX {
            let length = match recv(&outbox.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => {
                    alive = false;
                    break;
                }
                Ok((_, length)) => length,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(EnforceError::Socket(error.into())),
            };
            read += 1;
            let (sequence, order) = Order::decode(buffer.get(..length).unwrap_or_default())?;
            match order {
                Order::Ban(more) => {
                    bans.extend(more);
                    self.sequence = sequence;
                }
                order => {
                    self.ban(&std::mem::take(&mut bans), begun, outbox);
                    self.sequence = sequence;
                    self.carry_out(order, outbox);
                }
            }
        }
        self.ban(&bans, begun, outbox);
        Ok(alive.then_some(read))
    }

    fn ban(&mut self, bans: &[Ban], begun: Moment, outbox: &mut Outbox) {
        if bans.is_empty() {
            return;
        }
        let now = self.now_ms();
        let result = self.reconciler.ban(bans, now);
        self.applied(result, begun, outbox);
        self.to_close = match (self.to_close, bans) {
            (ToClose::Nobody, [ban]) => ToClose::One(ban.network),
            _ => ToClose::All,
        };
    }

    fn carry_out(&mut self, order: Order, outbox: &mut Outbox) {
        let begun = clock::monotonic();
        let now = self.now_ms();
        match order {
            Order::Ruleset(ruleset) => {
                self.bulk(outbox, |reconciler| reconciler.ruleset(ruleset, now).map(|()| 0));
            }
            Order::Unban(networks) => {
                let result = self.reconciler.unban(&networks, now);
                self.applied(result, begun, outbox);
            }
            Order::SnapshotBegin => self.reconciler.snapshot_begin(),
            Order::SnapshotPart(bans) => self.reconciler.snapshot_part(&bans, now),
            Order::SnapshotEnd => {
                self.bulk(outbox, |reconciler| reconciler.snapshot_end(now));
                self.to_close = ToClose::All;
            }
            Order::AskCounters => self.counters(outbox),
            Order::AskAddress(address) => self.address(address, outbox),
            Order::Ban(bans) => self.ban(&bans, begun, outbox),
        }
    }

    /// A change of many elements: nobody listens meanwhile, and afterwards we look.
    fn bulk(
        &mut self,
        outbox: &mut Outbox,
        change: impl FnOnce(&mut Reconciler<Netfilter>) -> Result<u32, KernelError>,
    ) {
        let begun = clock::monotonic();
        self.watch = None;
        let result = change(&mut self.reconciler);
        self.watch = Watch::open().ok();
        let now = self.now_ms();
        self.applied(result, begun, outbox);
        // Without notifications, look often.
        self.look_at_ms = Some(if self.watch.is_some() { now } else { now + RETRY_MS });
    }

    fn counters(&mut self, outbox: &mut Outbox) {
        let bans = self.reconciler.len() as u64;
        match self.reconciler.counters() {
            Ok(counters) => outbox.push(Report::Counters { bans, counters }),
            Err(error) => self.failed(Some(error), outbox),
        }
    }

    fn address(&mut self, address: IpAddr, outbox: &mut Outbox) {
        match self.reconciler.held(address) {
            Ok(held) => outbox.push(Report::Address { address, held }),
            Err(error) => self.failed(Some(error), outbox),
        }
    }

    fn applied(&mut self, result: Result<u32, KernelError>, begun: Moment, outbox: &mut Outbox) {
        match result {
            Ok(changes) => outbox.push(Report::Applied {
                sequence: self.sequence,
                changes,
                micros: micros(begun),
            }),
            Err(error) => self.failed(Some(error), outbox),
        }
        self.report_notes(begun, outbox);
    }

    fn failed(&mut self, error: Option<KernelError>, outbox: &mut Outbox) {
        let Some(error) = error else { return };
        outbox.push(Report::Failed { sequence: self.sequence, text: error.to_string() });
        self.look_within(self.retry_ms);
    }

    /// Looks after so long at the latest: one failure after another puts nothing off.
    fn look_within(&mut self, pause_ms: u64) {
        let at = self.now_ms() + pause_ms;
        self.look_at_ms = Some(self.look_at_ms.map_or(at, |before| before.min(at)));
    }

    fn report_notes(&mut self, begun: Moment, outbox: &mut Outbox) {
        let sequence = self.sequence;
        for note in self.reconciler.take_notes() {
            outbox.push(match note {
                Note::Refused(network, refusal) => Report::Refused { sequence, network, refusal },
                Note::Failed(text) => Report::Failed { sequence, text },
                Note::Healed(text) => Report::Healed { text, micros: micros(begun) },
            });
        }
        if self.reconciler.is_dirty() {
            self.look_within(self.retry_ms);
        }
    }

    /// Closes connections of clients that were banned since the last call.
    fn close(&mut self, outbox: &mut Outbox) {
        let focus = match std::mem::replace(&mut self.to_close, ToClose::Nobody) {
            ToClose::Nobody => return,
            ToClose::One(network) => Some(network),
            ToClose::All => None,
        };
        let now = self.now_ms();
        let Some(ruleset) = self.reconciler.wanted() else { return };
        if ruleset.mode != Mode::Enforce {
            return;
        }
        let ports = ruleset.watched_ports();
        let reconciler = &self.reconciler;
        let Some(closer) = &mut self.closer else { return };
        let result = closer.close(focus.as_ref(), |connection| {
            let guarded = guards(ruleset, &ports, connection.local_port);
            guarded && reconciler.is_banned(connection.peer, now)
        });
        match result {
            Ok(0) => {}
            Ok(sockets) => outbox.push(Report::Closed { sockets }),
            Err(error) => outbox.push(Report::Failed {
                sequence: self.sequence,
                text: format!("cannot close connections: {error}"),
            }),
        }
    }
}

fn guards(ruleset: &Ruleset, ports: &[u16], port: u16) -> bool {
    ruleset.scope == Scope::All || ports.binary_search(&port).is_ok()
}

/// The pause after a check, by the one before it.
fn next_pause(pause_ms: u64, went_well: bool) -> u64 {
    if went_well { RETRY_MS } else { (pause_ms * 2).min(RETRY_MAX_MS) }
}

fn micros(begun: Moment) -> u32 {
    u32::try_from(clock::monotonic().since(begun).as_micros()).unwrap_or(u32::MAX)
}

impl Outbox {
    fn push(&mut self, report: Report) {
        if self.reports.len() == REPORTS_MAX {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    /// Sends what the guard takes. That it is gone is noticed when reading.
    fn flush(&mut self) {
        while let Some(report) = self.reports.front() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match send(&self.socket, &report.encode(), flags) {
                Ok(_) => drop(self.reports.pop_front()),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_make_the_pause_longer_up_to_a_minute() {
        let mut pause_ms = RETRY_MS;
        let mut pauses = Vec::new();
        for went_well in [false, false, false, false, false, false, false, true] {
            pause_ms = next_pause(pause_ms, went_well);
            pauses.push(pause_ms / 1000);
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 1]);
    }
}
