//! Reading a line allocates nothing: counted by the allocator itself, over all corpora.

mod corpus;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn reading_a_line_allocates_nothing() {
    let files = corpus::files();
    let lines: Vec<&[u8]> = files.iter().flat_map(|f| &f.cases).map(|c| &c.line[..]).collect();
    assert!(lines.len() > 100);
    // The harness's own thread may allocate now and then; a parser would do so in every round.
    let fewest = (0..5).map(|_| round(&lines)).min();
    assert_eq!(fewest, Some(0));
    // The counter counts.
    let region = Region::new(ALLOCATOR);
    drop(black_box(vec![1u8; 100]));
    assert!(region.change().allocations > 0);
}

fn round(lines: &[&[u8]]) -> usize {
    let region = Region::new(ALLOCATOR);
    for line in lines {
        if let Some(record) = parse::frame(black_box(line)) {
            black_box(corpus::parsed(&record));
        }
    }
    region.change().allocations
}
