//! A donut of two rings: outcomes inside, their reasons outside.

use super::{count, escaped, percent};
use std::f64::consts::TAU;
use std::fmt::Write as _;

/// A part of a ring.
#[derive(Clone, Debug)]
pub struct Slice {
    /// What it is.
    pub name: String,
    /// How many.
    pub events: u64,
    /// The class by which it is coloured: the outcome's name.
    pub class: String,
    /// Where a click leads: only this.
    pub include: String,
    /// Where the other click leads: all but this.
    pub exclude: String,
    /// The parts of it in the outer ring.
    pub parts: Vec<Slice>,
}

/// Radii of the rings, in units of the picture, which is 200 wide.
const INNER: (f64, f64) = (42.0, 66.0);
const OUTER: (f64, f64) = (68.0, 92.0);
/// More than this of a turn is drawn as the whole.
const WHOLE: f64 = 0.999_5;
/// Parts of a turn that are drawn at least: less is not seen, and not hit.
const TURN_MIN: f64 = 0.002;

/// Draws it. Slices are sorted by the caller, who shows the same links in a list beside it: keys
/// go through that one only.
pub fn draw(slices: &[Slice]) -> String {
    let whole: u64 = slices.iter().map(|slice| slice.events).sum();
    let mut out = String::from(
        "<svg class=\"donut\" viewBox=\"0 0 200 200\" role=\"group\" \
         aria-label=\"Outcomes, and their reasons around them; the list beside it has the numbers\">",
    );
    if whole == 0 {
        let _ = write!(out, "<path class=\"none\" d=\"{}\"/>", ring(0.0, 1.0, INNER.0, OUTER.1));
    }
    let mut turn = 0.0;
    for slice in slices {
        let part = slice.events as f64 / whole.max(1) as f64;
        arc(&mut out, slice, (turn, part), INNER, whole, 0);
        let mut inside = turn;
        for (shade, reason) in slice.parts.iter().enumerate() {
            let part = reason.events as f64 / whole.max(1) as f64;
            arc(&mut out, reason, (inside, part), OUTER, whole, shade + 1);
            inside += part;
        }
        turn += part;
    }
    let _ = write!(
        out,
        "<text x=\"100\" y=\"98\" class=\"whole\">{}</text>\
         <text x=\"100\" y=\"114\" class=\"unit\">events</text></svg>",
        count(whole)
    );
    out
}

fn arc(
    out: &mut String,
    slice: &Slice,
    (turn, part): (f64, f64),
    (near, far): (f64, f64),
    whole: u64,
    shade: usize,
) {
    if slice.events == 0 {
        return;
    }
    // One that is next to nothing is a line that can still be hit.
    let drawn = part.max(TURN_MIN);
    let name = escaped(&slice.name);
    let _ = write!(
        out,
        "<a href=\"{}\" data-exclude=\"{}\" tabindex=\"-1\"><path class=\"o-{} shade-{}\" d=\"{}\">\
         <title>{name}: {} ({})</title></path></a>",
        escaped(&slice.include),
        escaped(&slice.exclude),
        slice.class,
        shade % 4,
        ring(turn, drawn, near, far),
        count(slice.events),
        percent(slice.events, whole)
    );
}

/// A whole turn, which has no two ends, in two halves.
fn circle(radius: f64, direction: u8) -> String {
    let (top, bottom) = (100.0 - radius, 100.0 + radius);
    format!(
        "M100 {top}A{radius} {radius} 0 1 {direction} 100 {bottom}\
         A{radius} {radius} 0 1 {direction} 100 {top}Z"
    )
}

/// A piece of a ring that begins `turn` turns after twelve o'clock.
fn ring(turn: f64, part: f64, near: f64, far: f64) -> String {
    if part > WHOLE {
        return circle(far, 1) + &circle(near, 0);
    }
    let point = |at: f64, radius: f64| {
        let angle = at * TAU;
        (100.0 + radius * angle.sin(), 100.0 - radius * angle.cos())
    };
    let large = i32::from(part > 0.5);
    let ((ax, ay), (bx, by)) = (point(turn, far), point(turn + part, far));
    let ((cx, cy), (dx, dy)) = (point(turn + part, near), point(turn, near));
    format!(
        "M{ax:.2} {ay:.2}A{far} {far} 0 {large} 1 {bx:.2} {by:.2}\
         L{cx:.2} {cy:.2}A{near} {near} 0 {large} 0 {dx:.2} {dy:.2}Z"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(name: &str, events: u64, parts: Vec<Slice>) -> Slice {
        Slice {
            name: name.into(),
            events,
            class: "rejected".into(),
            include: format!("/?q={name}&x=1"),
            exclude: "/?q=-".into(),
            parts,
        }
    }

    #[test]
    fn nothing_all_and_a_little_are_drawn() {
        let none = draw(&[]);
        assert!(none.contains("class=\"none\"") && none.contains(">0<") && !none.contains("NaN"));
        let all = draw(&[slice("rejected", 7, vec![slice("auth-failed", 7, Vec::new())])]);
        assert_eq!(all.matches("<a ").count(), 2);
        assert!(all.contains("(100\u{202f}%)") && !all.contains("NaN"));
        // Both rings are hollow: each is two circles.
        assert_eq!(all.matches("M100 ").count(), 4, "{all}");
        let little = draw(&[slice("a", 1_000_000, Vec::new()), slice("b", 1, Vec::new())]);
        assert!(little.contains("&lt;\u{202f}0.1") || little.contains("<\u{202f}0.1"));
        assert_eq!(draw(&[slice("a", 0, Vec::new())]).matches("<a ").count(), 0);
    }

    /// The points at which a path begins and ends its pieces.
    fn points(path: &str) -> Vec<&str> {
        let pieces = path.split(['M', 'A', 'L', 'Z']).filter(|piece| !piece.is_empty());
        let point =
            |piece: &'_ str| piece.match_indices(' ').rev().nth(1).map_or(0, |(at, _)| at + 1);
        pieces.map(|piece| &piece[point(piece)..]).collect()
    }

    #[test]
    fn no_arc_ends_where_it_begins_and_is_left_out() {
        for part in [TURN_MIN, 0.25, 0.5, 0.999, WHOLE, 0.999_95, 0.999_999, 1.0, 1.002] {
            for (near, far) in [INNER, OUTER, (INNER.0, OUTER.1)] {
                let path = ring(0.0, part, near, far);
                let points = points(&path);
                assert!(points.windows(2).all(|two| two[0] != two[1]), "{part}: {path}");
                assert_eq!(path.matches('Z').count(), if part > WHOLE { 2 } else { 1 });
            }
        }
    }

    #[test]
    fn a_name_is_no_markup() {
        let hostile = draw(&[slice("\"><script>", 1, Vec::new())]);
        assert!(!hostile.contains("<script>"), "{hostile}");
    }
}
