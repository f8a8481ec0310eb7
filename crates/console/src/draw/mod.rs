//! Pictures as SVG: data in, text out. Colours are classes of the style sheet, so that light, dark
//! and print differ by it alone. What a stranger wrote is escaped by [`escaped`].

pub mod donut;
pub mod lines;
pub mod qr;

use std::borrow::Borrow;
use std::fmt;

/// A text inside of markup. Controls and what hides or reorders text are made visible.
pub struct Escaped<'a>(pub &'a str);

/// Escapes a text for markup.
pub const fn escaped(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Text` leaves no control in it.
        for character in event::Text::from(self.0).to_string().chars() {
            match character {
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '&' => out.write_str("&amp;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => fmt::Write::write_char(out, other)?,
            }
        }
        Ok(())
    }
}

/// A number as people read it: `1 234 567`, with narrow spaces that do not break.
pub fn count(number: impl Borrow<u64>) -> String {
    let digits = number.borrow().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A share in percent: `0.4 %`, `37 %`; what is there is never `0 %`, and a part never `100 %`.
pub fn percent(part: impl Borrow<u64>, whole: impl Borrow<u64>) -> String {
    let (part, whole) = (*part.borrow(), *whole.borrow());
    if whole == 0 || part == 0 {
        return "0\u{202f}%".to_owned();
    }
    let share = part as f64 / whole as f64 * 100.0;
    match share {
        share if part == whole => format!("{share:.0}\u{202f}%"),
        share if share < 0.1 => "<\u{202f}0.1\u{202f}%".to_owned(),
        share if share < 10.0 => format!("{share:.1}\u{202f}%"),
        share if share > 99.4 => ">\u{202f}99\u{202f}%".to_owned(),
        share => format!("{share:.0}\u{202f}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_wrote_is_no_markup_and_hides_nothing() {
        let shown = escaped("<script>\u{202e}\"'&\u{1b}[31m").to_string();
        assert_eq!(shown, "&lt;script&gt;\\u{202e}&quot;&#39;&amp;\\u{1b}[31m");
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(|number: u64| count(number)),
            ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]
        );
        let share = |part: u64, whole: u64| percent(part, whole).replace('\u{202f}', "");
        assert_eq!(
            [
                share(0, 0),
                share(0, 9),
                share(1, 100_000),
                share(1, 300),
                share(37, 100),
                share(99_999, 100_000),
                share(4, 4)
            ],
            ["0%", "0%", "<0.1%", "0.3%", "37%", ">99%", "100%"]
        );
    }
}
