//! Notices that lines of a source may be lost, or were read only in part.

use crate::terminal::things;
use edge::clock::Moment;
use edge::source::{Counts, LINE_MAX};
use event::Timestamp;
use std::time::Duration;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Least time between two notes on one source.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// The same for cut lines, which a stranger may be able to make.
const TELL_CUT_EVERY: Duration = Duration::from_secs(3_600);

/// What was told of one source.
#[derive(Clone, Copy, Default, Debug)]
pub struct Losses {
    told: Counts,
    look_at: Moment,
    cut_at: Moment,
    /// When lines were lost last, as far as is known.
    pub latest: Option<Timestamp>,
}

impl Losses {
    /// True where it is time to look at what the source counted.
    pub fn is_due(&self, now: Moment) -> bool {
        now >= self.look_at
    }

    /// What to tell people, where more was counted than told.
    pub fn look(&mut self, counts: Counts, now: Moment, at: Timestamp) -> Option<String> {
        self.look_at = now.plus(LOOK_EVERY);
        let mut parts = Vec::new();
        let lost = counts.losses.saturating_sub(self.told.losses);
        if lost > 0 {
            self.latest = Some(at);
            parts.push(format!(
                "lines may be lost: {} where reading had stopped was gone, removed or emptied, and no \
                 copy of it was found",
                times(lost)
            ));
        }
        let truncated = counts.truncations.saturating_sub(self.told.truncations);
        if truncated > 0 {
            parts.push(format!(
                "emptied in place {} (copytruncate): lines that are written between the copying and the \
                 emptying are in no file; a rotation that renames loses none",
                times(truncated)
            ));
        }
        (self.told.losses, self.told.truncations) = (counts.losses, counts.truncations);
        let cut = counts.cut_lines.saturating_sub(self.told.cut_lines);
        if cut > 0 && now >= self.cut_at {
            self.cut_at = now.plus(TELL_CUT_EVERY);
            self.told.cut_lines = counts.cut_lines;
            let lines = things(usize::try_from(cut).unwrap_or(usize::MAX), "line", "lines");
            parts
                .push(format!("{lines} longer than {LINE_MAX} bytes; only the beginning was read"));
        }
        if parts.is_empty() {
            return None;
        }
        self.look_at = now.plus(TELL_EVERY);
        Some(parts.join("; "))
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_increase_is_told_once_and_no_more_than_once_a_minute() {
        let after = |seconds: u64| Moment(0).plus(Duration::from_secs(1_000 + seconds));
        let at = Timestamp::from_seconds;
        let counts = |losses, truncations, cut_lines| Counts {
            losses,
            truncations,
            cut_lines,
            ..Counts::default()
        };
        let mut losses = Losses::default();
        assert_eq!(losses.look(counts(0, 0, 0), after(0), at(1)), None);
        assert!(!losses.is_due(after(0)) && losses.is_due(after(1)) && losses.latest.is_none());
        let told = losses.look(counts(1, 1, 0), after(1), at(2)).unwrap();
        assert!(told.starts_with("lines may be lost: once where"), "{told}");
        assert!(told.contains("emptied in place once (copytruncate)"), "{told}");
        assert_eq!(losses.latest, Some(at(2)));
        assert!(!losses.is_due(after(60)) && losses.is_due(after(61)));
        assert_eq!(losses.look(counts(1, 1, 0), after(61), at(3)), None);
        let told = losses.look(counts(3, 1, 2), after(62), at(4)).unwrap();
        assert!(told.starts_with("lines may be lost: 2 times"), "{told}");
        assert!(told.ends_with("2 lines longer than 8192 bytes; only the beginning was read"));
        assert_eq!(losses.look(counts(3, 1, 9), after(122), at(5)), None, "cut lines: hourly");
        let told = losses.look(counts(3, 1, 9), after(4_000), at(6)).unwrap();
        assert_eq!(told, "7 lines longer than 8192 bytes; only the beginning was read");
        assert_eq!(losses.latest, Some(at(4)), "a cut line is no lost one");
    }
}
