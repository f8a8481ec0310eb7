//! Rows as CSV (RFC 4180) that a spreadsheet opens without doing what a stranger wrote: a cell that
//! would be a formula begins with an apostrophe (OWASP, CSV injection).

use serde_json::Value;

/// All columns that any row has, in the order in which they come first.
pub fn of(rows: &[Value]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for row in rows {
        for (name, _) in row.as_object().into_iter().flatten() {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
    }
    let mut out = columns.join(",") + "\r\n";
    for row in rows {
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            put(&mut out, row.get(*column).unwrap_or(&Value::Null));
        }
        out.push_str("\r\n");
    }
    out
}

fn put(out: &mut String, value: &Value) {
    let text = match value {
        Value::Null => return,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_text = !matches!(value, Value::Number(_) | Value::Bool(_));
    let is_formula = is_text
        && text.starts_with([
            '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
        ]);
    if !is_formula && !text.contains(['"', ',', '\r', '\n', ';']) {
        out.push_str(&text);
        return;
    }
    out.push('"');
    if is_formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_cells_and_no_formulas() {
        let rows = [
            json!({ "a": "plain", "n": -4, "b": null }),
            json!({ "a": "=cmd|' /C calc'!A0", "c": "say \"hi\", twice\r\n", "n": 1.5 }),
            json!({ "a": "@SUM(A1)", "c": "-2+3", "b": true }),
        ];
        assert_eq!(
            of(&rows),
            "a,n,b,c\r\nplain,-4,,\r\n\"'=cmd|' /C calc'!A0\",1.5,,\"say \"\"hi\"\", twice\r\n\"\r\n\
             \"'@SUM(A1)\",,true,\"'-2+3\"\r\n"
        );
        assert_eq!(of(&[]), "\r\n");
    }
}
