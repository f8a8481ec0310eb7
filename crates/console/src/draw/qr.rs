//! A QR code (ISO/IEC 18004), for the camera of a phone: black on white in every theme, for that is
//! what cameras look for, with the quiet zone around it.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Light modules around it: the standard's four.
const QUIET: i32 = 4;

/// This text as SVG; nothing where it is too long.
pub fn svg(text: &str, label: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut dark = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|x| code.get_module(*x, y)).count();
            let run = i32::try_from(run).ok()?;
            if run > 0 {
                let _ = write!(dark, "M{x} {y}h{run}v1h-{run}z");
            }
            x += run + 1;
        }
    }
    let side = size + 2 * QUIET;
    let label = super::escaped(label);
    Some(format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" viewBox=\"-{QUIET} -{QUIET} {side} {side}\" \
         shape-rendering=\"crispEdges\"><rect x=\"-{QUIET}\" y=\"-{QUIET}\" width=\"{side}\" height=\"{side}\" \
         fill=\"#fff\"/><path fill=\"#000\" d=\"{dark}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is dark in the picture.
    fn drawn(svg: &str, size: i32) -> Vec<(i32, i32)> {
        let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut dark = Vec::new();
        for run in path.split('M').skip(1) {
            let (place, rest) = run.split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let length: i32 = rest.split('v').next().unwrap().parse().unwrap();
            assert!(run.ends_with(&format!("h{length}v1h-{length}z")) && x + length <= size);
            dark.extend((x..x + length).map(|x| (x, y)));
        }
        dark
    }

    #[test]
    fn what_is_drawn_is_the_code() {
        let text = "otpauth://totp/Mailward:alice?secret=JBSWY3DPEHPK3PXP&issuer=Mailward";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let size = code.size();
        let all = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
        let dark: Vec<(i32, i32)> = all.filter(|(x, y)| code.get_module(*x, *y)).collect();
        let svg = svg(text, "a \"code\"").unwrap();
        assert_eq!(drawn(&svg, size), dark);
        assert!(svg.contains("aria-label=\"a &quot;code&quot;\""), "{svg}");
        let side = size + 8;
        assert!(svg.contains(&format!("viewBox=\"-4 -4 {side} {side}\"")), "{svg}");
        assert!(super::svg(&"x".repeat(10_000), "").is_none());
    }
}
