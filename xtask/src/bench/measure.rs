//! What a program used: processor time and peak memory, as the kernel counted them.

use crate::{Outcome, process};
use nix::sys::resource::{UsageWho, getrusage};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// What one run used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User time, microseconds.
    pub user_us: i64,
    /// System time, microseconds.
    pub system_us: i64,
    /// Peak resident memory, kilobytes.
    pub memory_kb: i64,
}

impl Usage {
    /// User and system time, seconds.
    pub fn cpu_s(&self) -> f64 {
        (self.user_us + self.system_us) as f64 / 1e6
    }

    /// The run in the middle by processor time, with the peak of all runs' memory.
    pub fn median(usages: &[Usage]) -> Usage {
        let mut sorted = usages.to_vec();
        sorted.sort_by_key(|usage| usage.user_us + usage.system_us);
        let memory_kb = usages.iter().map(|usage| usage.memory_kb).max().unwrap_or(0);
        let none = Usage { user_us: 0, system_us: 0, memory_kb: 0 };
        Usage { memory_kb, ..sorted.get(sorted.len() / 2).copied().unwrap_or(none) }
    }
}

/// Runs a program in a process of its own that reports what it used: the kernel tells a process
/// only about all of its children together. Its output goes to a file: into /dev/null, grep would
/// stop at the first match.
pub fn measured(words: &[String], folder: &Path) -> Outcome<Usage> {
    let report = folder.join("usage");
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("measure").arg(&report).args(words);
    command.stdout(Stdio::from(File::create(folder.join("output"))?));
    process::shown(&mut command)?;
    let text = std::fs::read_to_string(&report)?;
    let mut numbers = text.split_whitespace().map(str::parse::<i64>);
    let mut next = || numbers.next().and_then(Result::ok).ok_or("the usage report is not whole");
    Ok(Usage { user_us: next()?, system_us: next()?, memory_kb: next()? })
}

/// `xtask measure REPORT PROGRAM [ARGUMENT...]`: the other side of [`measured`].
pub fn child(arguments: &[String]) -> Outcome {
    let [report, program, rest @ ..] = arguments else {
        return Err("usage: xtask measure REPORT PROGRAM [ARGUMENT...]".into());
    };
    process::shown(Command::new(program).args(rest))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    let (user, system) = (micros(usage.user_time()), micros(usage.system_time()));
    Ok(std::fs::write(report, format!("{user} {system} {}\n", usage.max_rss()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_real_run_and_memory_is_the_peak() {
        let usages = [(5, 10), (1, 90), (3, 20)].map(|(user_us, memory_kb)| Usage {
            user_us,
            system_us: 0,
            memory_kb,
        });
        let median = Usage::median(&usages);
        assert_eq!((median.user_us, median.memory_kb), (3, 90));
        assert_eq!(Usage::median(&[]).user_us, 0);
    }
}
