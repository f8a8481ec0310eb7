//! Sources that are merged, one of which brings bytes and no lines.

use super::*;
use edge::source::{Line, State};
use rustix::fd::BorrowedFd;
use std::cell::Cell;
use std::rc::Rc;

/// So many lines, and then, or at once, more bytes than anybody can read.
struct Fake {
    name: &'static str,
    lines: usize,
    is_flooded: bool,
    reads: Rc<Cell<usize>>,
}

impl Source for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    fn deadline(&self) -> Option<Moment> {
        None
    }

    fn read(&mut self, _: Moment, budget: usize, sink: &mut dyn FnMut(Line<'_>)) -> Progress {
        self.reads.set(self.reads.get() + 1);
        let taken = budget.min(self.lines);
        for _ in 0..taken {
            let bytes = b"Nov 21 16:02:10 mx postfix/smtpd[7]: connect from unknown[198.51.100.7]";
            sink(Line { bytes, cut: false, offset_end: 0, writer: 0 });
        }
        self.lines -= taken;
        if self.is_flooded || self.lines > 0 { Progress::More } else { Progress::Waiting }
    }

    fn position(&self) -> Position {
        Position::None
    }

    fn status(&self) -> Status {
        Status {
            state: State::Following,
            lag_bytes: None,
            counts: Default::default(),
            problem: None,
        }
    }
}

/// A flood that brings no whole line may take in a megabyte at each read.
#[test]
fn a_flood_without_lines_ends_a_merged_turn_and_starves_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut core = crate::recover::open(dir.path(), &engine::Config::default()).unwrap().core;
    let time = TimeOfDay::from_clock(clock::now());
    let reads = Rc::new(Cell::new(0));
    let mut fake = |name, lines, is_flooded, reads: &Rc<Cell<usize>>| {
        let source = Fake { name, lines, is_flooded, reads: Rc::clone(reads) };
        Followed::new(Box::new(source), &Zone::UTC, &mut core)
    };
    let flood = fake("flood", 0, true, &reads);
    let other = fake("other", BUDGET_LINES + 10, false, &Rc::new(Cell::new(0)));
    let mut intake = Intake::new(vec![flood, other], None);
    let taken = |intake: &Intake| intake.followed[1].taken.tally.lines;
    for (turn, lines) in [(1, BUDGET_LINES), (2, BUDGET_LINES + 10), (3, BUDGET_LINES + 10)] {
        reads.set(0);
        assert!(intake.read(&mut core, &time), "there is more of the flood");
        assert!((1..=16).contains(&reads.get()), "{} reads in turn {turn}", reads.get());
        assert_eq!(taken(&intake), lines as u64, "turn {turn}");
        assert!(intake.behind, "turn {turn}");
    }
}
