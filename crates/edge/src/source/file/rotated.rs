//! Where the files are that were at the path before: after a restart, and between two looks.

use super::generation::Generation;
use super::siblings::{self, Sibling};
use super::{FileSource, GENERATIONS_MAX};
use crate::clock::Moment;

impl FileSource {
    /// The files among which those are looked for.
    pub(super) fn siblings(&self) -> Vec<Sibling> {
        siblings::list(&self.path, &self.options.rotated_to)
    }

    /// Goes on where an earlier run stopped; `found` is at the path.
    pub(super) fn resume_with(&mut self, mut found: Generation, now: Moment) {
        if let Some(at) = self.resume.iter().rposition(|position| found.is_at(position)) {
            let position = self.resume.remove(at);
            self.resume_predecessors(Some(&found), now);
            found.go_on_at(position.offset);
            self.generations.push(found);
            return;
        }
        let truncated = self.resume.last().is_some_and(|last| found.is_inode(last));
        match truncated {
            true => self.counts.truncations += 1,
            false => self.counts.rotations += 1,
        }
        self.resume_predecessors(Some(&found), now);
        // Copies of a truncated file are younger than it.
        let all = self.take_missed((!truncated).then_some(&found), now);
        if !all && !truncated {
            // More than may be held: those first, the log itself when there is room.
            return;
        }
        self.counts.losses += u64::from(!all);
        self.generations.retain(|generation| !generation.is_same_file(&found));
        self.generations.push(found);
    }

    /// Opens what `resume` names, under whatever name it has now. Where nothing is at the path
    /// yet (`found`), what is missing may still come: its directory is not mounted yet.
    pub(super) fn resume_predecessors(&mut self, found: Option<&Generation>, now: Moment) {
        if self.resume.is_empty() {
            return;
        }
        let siblings = self.siblings();
        for position in std::mem::take(&mut self.resume) {
            let taken = found.into_iter().chain(&self.generations).collect::<Vec<_>>();
            let same = siblings::find(&siblings, &position, &taken, now);
            // The file itself may be a truncated one, or another with its number: unread.
            let rewritten = siblings::find_rewritten(&siblings, &position, &taken, now);
            match same {
                Some(mut generation) => {
                    generation.go_on_at(position.offset);
                    self.generations.push(generation);
                }
                None if found.is_none() => self.resume.push(position),
                // Nobody had written to it for long.
                None if position.quiet => {}
                None => self.counts.losses += 1,
            }
            self.generations.extend(rewritten);
        }
    }

    /// Opens what was missed between the last file known and `found`; false where that is more than
    /// may be held at once.
    pub(super) fn take_missed(&mut self, found: Option<&Generation>, now: Moment) -> bool {
        let Some(previous) = self.generations.last() else { return true };
        let room = GENERATIONS_MAX.saturating_sub(self.generations.len() + 1);
        let mut missed = self.missed_after(previous, found, now);
        self.crowded = missed.len() > room;
        missed.truncate(room);
        self.generations.extend(missed);
        !self.crowded
    }

    /// Files that were at the path (or are copies of what was there) after `previous` and before
    /// `found`, what is there now, and were never seen: two rotations between two looks.
    pub(super) fn missed_after(
        &self,
        previous: &Generation,
        found: Option<&Generation>,
        now: Moment,
    ) -> Vec<Generation> {
        let known = |sibling: &Sibling| {
            found.is_some_and(|found| found.is_sibling(sibling))
                || previous.is_sibling(sibling)
                || self.generations.iter().any(|generation| generation.is_sibling(sibling))
        };
        let room = GENERATIONS_MAX.saturating_sub(self.generations.len() + 1);
        self.siblings()
            .into_iter()
            .filter(|sibling| sibling.is_rotated && !known(sibling))
            .filter(|sibling| sibling.is_between(previous, found))
            .filter_map(|sibling| Generation::open(&sibling.path, now).ok())
            .filter(|generation| !previous.is_copied_to(generation))
            .filter(|generation| !self.drained.iter().any(|drained| generation.was(drained)))
            .filter(|generation| !found.is_some_and(|found| found.begins_with_all_of(generation)))
            .take(room + 1)
            .collect()
    }
}
