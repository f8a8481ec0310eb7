//! Lines over time as a picture that stands there before any script runs, and for those who run
//! none.

use std::fmt::Write as _;

/// Whole numbers are drawn, on a field that is fine enough: they are shorter than fractions, and
/// written in a tenth of the time.
const WIDTH: u32 = 6_000;
const HEIGHT: u32 = 560;
/// Room for the stroke, above and below.
const ROOM: u32 = 10;

/// One line: the values of its bins, and those of a week before (which may be none).
pub fn draw(class: &str, name: &str, values: &[f64], before: &[f64]) -> String {
    let top = values.iter().chain(before).copied().fold(1.0, f64::max);
    let mut out = format!(
        "<svg class=\"line\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{name} over time, at most {top:.0} in a step\">"
    );
    if !before.is_empty() {
        let _ = write!(out, "<path class=\"ghost\" d=\"{}\"/>", path(before, top));
    }
    if !values.is_empty() {
        let line = path(values, top);
        let _ = write!(
            out,
            "<path class=\"area o-{class}\" d=\"{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z\"/>"
        );
        let _ = write!(out, "<path class=\"stroke o-{class}\" d=\"{line}\"/>");
    }
    out.push_str("</svg>");
    out
}

fn path(values: &[f64], top: f64) -> String {
    let mut out = String::new();
    let last = values.len().saturating_sub(1).max(1) as f64;
    for (place, value) in values.iter().enumerate() {
        let x = (place as f64 / last * f64::from(WIDTH)).round() as u32;
        let height = (value / top * f64::from(HEIGHT - 3 * ROOM)).round() as u32;
        let y = (HEIGHT - ROOM).saturating_sub(height);
        let _ = write!(out, "{}{x} {y}", if place == 0 { 'M' } else { 'L' });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_values_and_no_height_are_drawn_too() {
        for values in [&[][..], &[0.0], &[0.0, 0.0], &[3.0], &[1.0, 5.0, 2.0]] {
            let drawn = draw("allowed", "Allowed", values, &[]);
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            assert_eq!(drawn.contains("stroke"), !values.is_empty());
        }
        assert!(draw("allowed", "Allowed", &[1.0], &[2.0]).contains("ghost"));
    }
}
