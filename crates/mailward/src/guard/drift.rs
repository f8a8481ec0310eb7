//! `parser-drift`: a source's lines are understood less than before. A mail server that was
//! upgraded writes other words, and nothing else would tell.
//!
//! Of each thousand lines of mail servers those are counted that no parser knows. It is told where
//! they are `unknown_min` and `factor` times the exponentially weighted mean of the windows before
//! (Roberts 1959), which learns nothing while it is told.

use crate::config::ParserDrift;
use crate::understand::{Tally, Told};
use event::Mode;

/// Lines of mail servers that are looked at together.
const WINDOW_LINES: u64 = 1_000;
/// Of the share of before, what a window counts: one part in so many.
const MEMORY: u64 = 8;

/// How one source's lines are understood.
#[derive(Clone, Copy, Default, Debug)]
pub struct Drift {
    window: Tally,
    /// Unknown lines in a window, faded; thousandths of a line. `None` before the first window.
    usual: Option<u64>,
    drifted: bool,
}

impl Drift {
    /// Counts a line. What to tell people, where that changed.
    pub fn take(&mut self, told: &Told<'_>, rule: ParserDrift) -> Option<String> {
        self.window.take(told);
        if self.window.parsed() + self.window.unknown < WINDOW_LINES {
            return None;
        }
        let unknown = std::mem::take(&mut self.window).unknown;
        self.judge(unknown, rule)
    }

    fn judge(&mut self, unknown: u64, rule: ParserDrift) -> Option<String> {
        let Some(usual) = self.usual else {
            self.usual = Some(unknown * 1_000);
            return None;
        };
        let is_more = rule.mode != Mode::Off
            && unknown >= u64::from(rule.unknown_min)
            && unknown * 1_000 > usual * u64::from(rule.factor);
        if !is_more {
            // What is unusual must not become usual while it is told.
            self.usual = Some(usual - usual / MEMORY + unknown * 1_000 / MEMORY);
        }
        if is_more == self.drifted {
            return None;
        }
        self.drifted = is_more;
        let share = |lines: u64| format!("{:.1} %", lines as f64 * 100.0 / WINDOW_LINES as f64);
        let (now, before) = (share(unknown), share(usual / 1_000));
        Some(if is_more {
            format!(
                "{now} of its latest {WINDOW_LINES} lines are unknown, {before} before: \
                 `mailward parsers --unknown` shows them"
            )
        } else {
            format!(
                "its lines are understood again: {now} of the latest {WINDOW_LINES} are unknown"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: ParserDrift = ParserDrift { mode: Mode::Observe, unknown_min: 20, factor: 3 };

    fn windows(drift: &mut Drift, count: u64, unknown_in: u64) -> Vec<String> {
        (0..count * WINDOW_LINES)
            .filter_map(|number| {
                let told = if number % WINDOW_LINES < unknown_in {
                    Told::Unknown
                } else {
                    Told::Noise("removed")
                };
                drift.take(&told, RULE)
            })
            .collect()
    }

    #[test]
    fn a_share_that_grows_is_told_once_and_so_is_its_end() {
        let mut drift = Drift::default();
        assert_eq!(windows(&mut drift, 5, 3), [] as [String; 0]);
        let told = windows(&mut drift, 20, 150);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("15.0 % of its latest 1000 lines are unknown, 0.3 % before"));
        let told = windows(&mut drift, 3, 2);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("its lines are understood again"));
    }

    #[test]
    fn few_unknown_lines_and_other_programs_are_no_drift() {
        let mut drift = Drift::default();
        assert_eq!(windows(&mut drift, 5, 0), [] as [String; 0]);
        assert_eq!(windows(&mut drift, 5, u64::from(RULE.unknown_min) - 1), [] as [String; 0]);
        for _ in 0..5_000 {
            assert_eq!(drift.take(&Told::Foreign, RULE), None);
        }
    }
}
