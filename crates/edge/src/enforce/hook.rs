//! A command of the administrator's that is run for each ban and its end.
//!
//! It is run without a shell, with the arguments `ban|unban PREFIX SECONDS RULE`, in parallel up to
//! a bound, each for a bounded time. Nobody waits for it.

use event::{Network, Text};
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Calls that wait; beyond, the oldest are dropped and reported.
const WAITING_MAX: usize = 10_000;

/// Where a hook without a path is looked for, and the only thing in its environment.
pub const HOOK_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the command is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HookCall {
    /// A ban began.
    Ban {
        /// Whom.
        network: Network,
        /// For how long, in seconds; `None` (told as 0) until it is lifted.
        remaining_s: Option<u32>,
        /// The rule that decided.
        rule: String,
    },
    /// A ban ended.
    Unban {
        /// Whose.
        network: Network,
        /// Why.
        rule: String,
    },
}

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The command could not be started.
    #[error("the hook {command} cannot be started")]
    Start {
        /// The command.
        command: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("the hook failed for {network}: {status}")]
    Failed {
        /// The call's subject.
        network: Network,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It took too long and was killed.
    #[error("the hook for {network} was killed after {limit_s} seconds")]
    TooSlow {
        /// The call's subject.
        network: Network,
        /// The limit.
        limit_s: u64,
    },
    /// So many calls waited that the oldest were dropped.
    #[error("the hook is too slow: {calls} calls were dropped")]
    Dropped {
        /// How many.
        calls: u64,
    },
}

/// The command, what runs and what waits.
pub struct Hook {
    command: PathBuf,
    arguments: Vec<String>,
    parallel_max: usize,
    limit: Duration,
    waiting: VecDeque<HookCall>,
    running: Vec<Running>,
    dropped: u64,
}

struct Running {
    child: Child,
    network: Network,
    begun: Instant,
}

impl Hook {
    /// A hook that runs `command`, `arguments` before the call's own, at most `parallel_max` at a
    /// time and each at most for `limit`.
    pub fn new(
        command: impl Into<PathBuf>,
        arguments: Vec<String>,
        parallel_max: usize,
        limit: Duration,
    ) -> Hook {
        Hook {
            command: command.into(),
            arguments,
            parallel_max: parallel_max.max(1),
            limit,
            waiting: VecDeque::new(),
            running: Vec::new(),
            dropped: 0,
        }
    }

    /// Asks for a call. It is made by a later [`Hook::step`].
    pub fn call(&mut self, call: HookCall) {
        if self.waiting.len() == WAITING_MAX {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(call);
    }

    /// True where something runs or waits: call [`Hook::step`] again soon (each tenth of a second
    /// will do).
    pub fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || !self.running.is_empty()
    }

    /// Collects what ended, kills what took too long, starts what waits. Never blocks.
    pub fn step(&mut self, now: Instant, failures: &mut Vec<HookError>) {
        let limit = self.limit;
        self.running.retain_mut(|running| running.goes_on(now, limit, failures));
        while self.running.len() < self.parallel_max
            && let Some(call) = self.waiting.pop_front()
        {
            match self.start(&call) {
                Ok(child) => {
                    self.running.push(Running { child, network: call.network(), begun: now });
                }
                Err(source) => failures
                    .push(HookError::Start { command: self.command.display().to_string(), source }),
            }
        }
        let calls = std::mem::take(&mut self.dropped);
        if calls > 0 {
            failures.push(HookError::Dropped { calls });
        }
    }

    fn start(&self, call: &HookCall) -> io::Result<Child> {
        Command::new(&self.command)
            .args(&self.arguments)
            .args(call.arguments())
            .env_clear()
            .env("PATH", HOOK_PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }
}

impl Drop for Hook {
    /// What still runs at the end is given no more time, so that no child is left behind.
    fn drop(&mut self) {
        for running in &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Running {
    fn goes_on(&mut self, now: Instant, limit: Duration, failures: &mut Vec<HookError>) -> bool {
        let network = self.network;
        match self.child.try_wait() {
            Ok(Some(status)) => {
                if !status.success() {
                    failures.push(HookError::Failed { network, status });
                }
                false
            }
            Ok(None) if now.saturating_duration_since(self.begun) < limit => true,
            Ok(None) | Err(_) => {
                // After SIGKILL the wait is short: the process cannot put it off.
                let _ = self.child.kill();
                let _ = self.child.wait();
                failures.push(HookError::TooSlow { network, limit_s: limit.as_secs() });
                false
            }
        }
    }
}

impl HookCall {
    /// Whom it is about.
    pub const fn network(&self) -> Network {
        match self {
            HookCall::Ban { network, .. } | HookCall::Unban { network, .. } => *network,
        }
    }

    /// `ban|unban PREFIX SECONDS RULE`; the rule's name cannot hold control characters.
    fn arguments(&self) -> [String; 4] {
        let (word, seconds, rule) = match self {
            HookCall::Ban { remaining_s, rule, .. } => ("ban", remaining_s.unwrap_or(0), rule),
            HookCall::Unban { rule, .. } => ("unban", 0, rule),
        };
        let rule = Text(rule.as_bytes()).to_string();
        [word.to_owned(), self.network().to_string(), seconds.to_string(), rule]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(network: &str) -> HookCall {
        let rule = "brute-force; rm -rf $HOME".to_owned();
        HookCall::Ban { network: network.parse().unwrap(), remaining_s: Some(60), rule }
    }

    fn finish(hook: &mut Hook) -> Vec<HookError> {
        let mut failures = Vec::new();
        for _ in 0..2000 {
            hook.step(Instant::now(), &mut failures);
            if !hook.is_busy() {
                return failures;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the hook did not end");
    }

    fn shell(script: &str, parallel_max: usize) -> Hook {
        let arguments = vec!["-c".to_owned(), script.to_owned(), "hook".to_owned()];
        Hook::new("/bin/sh", arguments, parallel_max, Duration::from_secs(20))
    }

    #[test]
    fn the_command_gets_plain_arguments() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("calls");
        let mut hook = shell(&format!("printf '%s|' \"$@\" >> {}", file.display()), 1);
        hook.call(ban("198.51.100.7"));
        hook.call(HookCall::Unban {
            network: "2001:db8::/64".parse().unwrap(),
            rule: "operator".to_owned(),
        });
        assert!(finish(&mut hook).is_empty());
        let text = std::fs::read_to_string(file).unwrap();
        let first = "ban|198.51.100.7/32|60|brute-force; rm -rf $HOME|";
        assert_eq!(text, format!("{first}unban|2001:db8::/64|0|operator|"));
    }

    #[test]
    fn failures_are_reported_and_the_slow_are_killed() {
        let mut hook = shell("exit 3", 4);
        hook.call(ban("198.51.100.7"));
        assert!(matches!(finish(&mut hook).as_slice(), [HookError::Failed { .. }]));
        let mut hook = Hook::new("/nonexistent/hook", vec![], 4, Duration::from_secs(1));
        hook.call(ban("198.51.100.7"));
        assert!(matches!(finish(&mut hook).as_slice(), [HookError::Start { .. }]));
        let mut hook = shell("sleep 1000", 4);
        hook.call(ban("198.51.100.7"));
        let mut failures = Vec::new();
        hook.step(Instant::now(), &mut failures);
        hook.step(Instant::now() + Duration::from_secs(30), &mut failures);
        assert!(matches!(failures.as_slice(), [HookError::TooSlow { limit_s: 20, .. }]));
        assert!(!hook.is_busy());
    }

    #[test]
    fn what_runs_and_what_waits_is_bounded() {
        let mut hook = shell("sleep 1000", 3);
        for number in 0..WAITING_MAX + 7 {
            hook.call(ban(&format!("10.0.{}.{}", number / 256, number % 256)));
        }
        let mut failures = Vec::new();
        hook.step(Instant::now(), &mut failures);
        assert!(matches!(failures.as_slice(), [HookError::Dropped { calls: 7 }]));
        assert_eq!(hook.running.len(), 3);
        assert_eq!(hook.waiting.len(), WAITING_MAX - 3);
    }
}
