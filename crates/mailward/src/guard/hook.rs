//! The hook command: told of every ban and its end, for what mailward does not drive itself. It
//! runs with what the guard has kept: no capability, and nothing to write but the state directory.

use super::kernel;
use edge::enforce::{Hook, HookCall};
use engine::Output;
use event::Timestamp;
use std::time::Duration;

/// Commands that run at once.
const PARALLEL_MAX: usize = 4;
/// A command that takes longer is killed.
const LIMIT: Duration = Duration::from_secs(30);

/// The hook, where one is configured.
pub struct HookCalls(Option<Hook>);

impl HookCalls {
    /// The program and its first arguments; an empty list is no hook.
    pub fn new(command: &[String]) -> Self {
        HookCalls(command.split_first().map(|(program, arguments)| {
            Hook::new(program, arguments.to_vec(), PARALLEL_MAX, LIMIT)
        }))
    }

    /// Queues a call for every ban that begins or ends.
    pub fn take(&mut self, outputs: &[Output], now: Timestamp) {
        let Some(hook) = &mut self.0 else { return };
        for output in outputs {
            match output {
                Output::Decision(decision) => {
                    if let Some(ban) = kernel::ban(decision, now) {
                        hook.call(HookCall::Ban {
                            network: ban.network,
                            remaining_s: ban.remaining_s,
                            rule: decision.rule.to_string(),
                        });
                    }
                }
                Output::Expiry(expiry) if kernel::is_lifted(expiry) => {
                    if let Some(network) = expiry.subject.network() {
                        hook.call(HookCall::Unban { network, rule: expiry.rule.to_string() });
                    }
                }
                _ => {}
            }
        }
    }

    /// Starts what waits and collects what ended. Returns what failed.
    pub fn run(&mut self) -> Vec<String> {
        let Some(hook) = &mut self.0 else { return Vec::new() };
        let mut failures = Vec::new();
        hook.step(std::time::Instant::now(), &mut failures);
        failures.iter().map(ToString::to_string).collect()
    }
}
