//! Terms as a person writes them.

use super::{Field, Term, Value};
use std::fmt;

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_excluded { "!=" } else { ":" };
        write!(out, "{}{sign}", self.field.row().name)?;
        for (position, value) in self.values.iter().enumerate() {
            if position > 0 {
                out.write_str(",")?;
            }
            put(out, self.field, value)?;
        }
        Ok(())
    }
}

/// Terms with spaces between them: what [`super::parse`] reads again.
pub fn text(terms: &[Term]) -> String {
    let terms: Vec<String> = terms.iter().map(Term::to_string).collect();
    terms.join(" ")
}

fn put(out: &mut fmt::Formatter<'_>, field: Field, value: &Value) -> fmt::Result {
    match value {
        Value::None => out.write_str("none"),
        Value::Word(word) => out.write_str(word),
        Value::Network(network) => out.write_str(&network.short()),
        Value::Operator(number) => write!(out, "AS{number}"),
        Value::Country([one, two]) => write!(out, "{}{}", *one as char, *two as char),
        Value::Flag(flag) => out.write_str(if *flag { "yes" } else { "no" }),
        Value::Name { text, is_open_before, is_open_behind } => {
            let text = String::from_utf8_lossy(text);
            let is_star = |is_open: bool| if is_open && field != Field::Text { "*" } else { "" };
            let (before, behind) = (is_star(*is_open_before), is_star(*is_open_behind));
            let is_open = !before.is_empty() || !behind.is_empty();
            if is_open || is_plain(&text) {
                write!(out, "{before}{text}{behind}")
            } else {
                quoted(out, &text)
            }
        }
    }
}

/// True where it is read as it stands, without quotes.
fn is_plain(text: &str) -> bool {
    let is_special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '"');
    !text.is_empty()
        && text != "none"
        && !text.contains(is_special)
        && !text.starts_with('*')
        && !text.ends_with('*')
}

fn quoted(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.write_str("\\")?;
        }
        write!(out, "{character}")?;
    }
    out.write_str("\"")
}
