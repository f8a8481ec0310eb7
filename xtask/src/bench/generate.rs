//! Makes the input of the reading benches: the same bytes for the same numbers, on any machine.
//!
//! Sessions of Postfix, Dovecot and Exim, in the shapes of their real lines, woven into each other
//! as on a busy host. Honest users and servers come from 100.64.0.0/10, 203.0.113.0/24 and
//! 2001:db8::/32; the hostile from 198.18.0.0/15, few of them often and most of them seldom.

use super::sessions::{self, Line};
use crate::Outcome;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What to make.
#[derive(Clone, Copy)]
pub struct Recipe {
    /// How many lines.
    pub lines: u64,
    /// Of a hundred lines, how many belong to hostile sessions.
    pub hostile_percent: u64,
    /// How many addresses the hostile sessions come from.
    pub hostile_addresses: u64,
}

/// Sessions that run at the same time.
const PARALLEL: usize = 24;
/// The first line's stamp: 2026-11-20T00:00:00Z, in microseconds of that day.
const DAY: &str = "2026-11-20";
const DAY_US: u64 = 86_400 * 1_000_000;

/// Writes the lines to a file.
pub fn write(recipe: Recipe, path: &Path) -> Outcome {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    lines(recipe, |line| out.write_all(line.as_bytes()))?;
    Ok(out.flush()?)
}

/// Hands each line, with its newline, to `take`.
fn lines(recipe: Recipe, mut take: impl FnMut(&str) -> std::io::Result<()>) -> Outcome {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut running: Vec<VecDeque<Line>> = Vec::new();
    running.resize_with(PARALLEL, VecDeque::new);
    let (mut hostile, mut honest) = (0_u64, 0_u64);
    for number in 0..recipe.lines {
        let place = random.below(PARALLEL as u64) as usize;
        let Some(session) = running.get_mut(place) else { continue };
        if session.is_empty() {
            let is_hostile = hostile * (100 - recipe.hostile_percent)
                < honest * recipe.hostile_percent
                || recipe.hostile_percent == 100;
            *session = match is_hostile {
                true => sessions::hostile(&mut random, recipe.hostile_addresses),
                false => sessions::honest(&mut random),
            };
            *(if is_hostile { &mut hostile } else { &mut honest }) += session.len() as u64;
        }
        if let Some(line) = session.pop_front() {
            let at = stamp(number, recipe.lines);
            take(&format!("{at} mail {}[{}]: {}\n", line.program, line.pid, line.message))?;
        }
    }
    Ok(())
}

/// The lines fill one day evenly: an RFC 3339 stamp in UTC, as Debian's rsyslog writes it.
fn stamp(number: u64, lines: u64) -> String {
    let at = number * (DAY_US / lines.max(1));
    let (seconds, micros) = (at / 1_000_000, at % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{DAY}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
}

/// A small generator (splitmix64) with a fixed seed: no two runs differ.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number below `end`, small ones more often: the square of an even distribution.
    pub fn below_skewed(&mut self, end: u64) -> u64 {
        let even = self.below(1 << 20);
        ((even * even) >> 20).wrapping_mul(end) >> 20
    }

    /// One of them.
    pub fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words.get(self.below(words.len() as u64) as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(recipe: Recipe) -> Vec<String> {
        let mut all = Vec::new();
        lines(recipe, |line| {
            all.push(line.to_owned());
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn the_same_recipe_gives_the_same_lines() {
        let recipe = Recipe { lines: 5_000, hostile_percent: 20, hostile_addresses: 20_000 };
        let first = made(recipe);
        assert_eq!(first.len(), 5_000);
        assert!(first == made(recipe));
        assert!(first.iter().all(|line| line.ends_with('\n') && line.matches('\n').count() == 1));
    }

    #[test]
    fn the_share_of_hostile_lines_is_kept() {
        let all = made(Recipe { lines: 20_000, hostile_percent: 20, hostile_addresses: 20_000 });
        let hostile = all.iter().filter(|line| line.contains("198.1")).count();
        // Some lines of a hostile session name no address.
        assert!((2_600..=4_400).contains(&hostile), "{hostile}");
        let flood = made(Recipe { lines: 2_000, hostile_percent: 100, hostile_addresses: 5_000 });
        assert!(flood.iter().all(|line| !line.contains("100.64.")));
    }

    #[test]
    fn few_attackers_come_often() {
        let mut random = Random(7);
        let drawn: Vec<u64> = (0..10_000).map(|_| random.below_skewed(20_000)).collect();
        assert!(drawn.iter().all(|address| *address < 20_000));
        assert!(drawn.iter().filter(|address| **address < 2_000).count() > 2_500);
    }
}
