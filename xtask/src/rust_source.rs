//! Just enough of Rust's grammar to measure a file: comments and literals blanked out, then
//! functions by their braces. It must be fast and need no compiler; clippy checks the same limits
//! again on the real syntax tree.

/// A file with comments, strings and characters blanked; lines stay where they are.
pub struct Source {
    code: Vec<u8>,
}

/// One function with a body.
#[derive(PartialEq, Eq, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Lines of code between its braces: no blank lines, no comments.
    pub lines: usize,
}

impl Source {
    /// Blanks comments and literals.
    pub fn new(text: &str) -> Source {
        let mut code = text.as_bytes().to_vec();
        let mut at = 0;
        while at < code.len() {
            let end = literal_end(&code, at);
            for byte in code.get_mut(at..end).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = end.max(at + 1);
        }
        Source { code }
    }

    /// The blanked text.
    pub fn code(&self) -> String {
        String::from_utf8_lossy(&self.code).into_owned()
    }

    /// The file without its `#[cfg(test)] mod name { ... }` parts.
    pub fn without_tests(mut self) -> Source {
        const MARK: &[u8] = b"#[cfg(test)]";
        let mut at = 0;
        while let Some(start) = find(&self.code, MARK, at) {
            let after = start + MARK.len();
            let open = self.code.get(after..).unwrap_or_default().iter();
            let stop = open.clone().position(|byte| matches!(byte, b'{' | b';'));
            let end = match stop.map(|offset| after + offset) {
                Some(place) if self.code.get(place) == Some(&b'{') => self.closing(place) + 1,
                Some(place) => place + 1,
                None => self.code.len(),
            };
            for byte in self.code.get_mut(start..end).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = end.max(after);
        }
        self
    }

    /// Lines that hold code.
    pub fn code_lines(&self) -> usize {
        filled_lines(&self.code)
    }

    /// All functions with a body, nested ones too.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        let mut at = 0;
        while let Some(start) = find(&self.code, b"fn ", at) {
            at = start + 3;
            let before = start.checked_sub(1).and_then(|place| self.code.get(place));
            if before.is_some_and(|byte| is_word(*byte)) {
                continue;
            }
            let rest = self.code.get(at..).unwrap_or_default();
            let name: Vec<u8> = rest.iter().copied().take_while(|byte| is_word(*byte)).collect();
            if name.is_empty() {
                continue;
            }
            let Some(open) = self.body(at + name.len()) else { continue };
            let body = self.code.get(open + 1..self.closing(open)).unwrap_or_default();
            functions.push(Function {
                name: String::from_utf8_lossy(&name).into_owned(),
                lines: filled_lines(body),
            });
        }
        functions
    }

    /// Where the body opens: the first brace outside all parentheses; a semicolon there: no body.
    fn body(&self, from: usize) -> Option<usize> {
        let mut depth = 0_i32;
        for (offset, byte) in self.code.get(from..)?.iter().enumerate() {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b'{' if depth == 0 => return Some(from + offset),
                b';' if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// The brace that closes the one at `open`, or the end.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0_i32;
        for (offset, byte) in self.code.get(open..).unwrap_or_default().iter().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return open + offset;
            }
        }
        self.code.len()
    }
}

fn filled_lines(code: &[u8]) -> usize {
    code.split(|byte| *byte == b'\n')
        .filter(|line| line.iter().any(|byte| !byte.is_ascii_whitespace()))
        .count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn find(code: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let found = code.get(from..)?.windows(needle.len()).position(|window| window == needle);
    found.map(|offset| from + offset)
}

/// Where the comment or literal that begins at `at` ends; `at` itself where none begins there.
fn literal_end(code: &[u8], at: usize) -> usize {
    let rest = code.get(at..).unwrap_or_default();
    let before = at.checked_sub(1).and_then(|place| code.get(place)).copied().unwrap_or(b' ');
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').map_or(code.len(), |n| at + n),
        [b'/', b'*', ..] => block_comment_end(code, at),
        [b'"', ..] => quoted_end(code, at, b'"'),
        [b'r', b'"' | b'#', ..] if !is_word(before) || before == b'b' => raw_end(code, at),
        [b'\'', b'\\', ..] => quoted_end(code, at, b'\''),
        [b'\'', ..] => character_end(code, at),
        _ => at,
    }
}

fn block_comment_end(code: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut place = at;
    while place < code.len() {
        match code.get(place..place + 2) {
            Some(b"/*") => (depth, place) = (depth + 1, place + 2),
            Some(b"*/") => (depth, place) = (depth.saturating_sub(1), place + 2),
            _ => place += 1,
        }
        if depth == 0 {
            return place;
        }
    }
    code.len()
}

fn quoted_end(code: &[u8], at: usize, quote: u8) -> usize {
    let mut place = at + 1;
    while let Some(byte) = code.get(place) {
        match byte {
            b'\\' => place += 2,
            byte if *byte == quote => return place + 1,
            _ => place += 1,
        }
    }
    code.len()
}

/// `r"..."`, `r#"..."#`; a raw identifier (`r#type`) is none.
fn raw_end(code: &[u8], at: usize) -> usize {
    let hashes = code.get(at + 1..).unwrap_or_default().iter().take_while(|b| **b == b'#').count();
    let open = at + 1 + hashes;
    if code.get(open) != Some(&b'"') {
        return at;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    find(code, &close, open + 1).map_or(code.len(), |place| place + close.len())
}

/// `'x'` or `'\u{fc}'` in UTF-8; a lifetime is none.
fn character_end(code: &[u8], at: usize) -> usize {
    let close = code.get(at + 2..at + 6).unwrap_or_else(|| code.get(at + 2..).unwrap_or_default());
    match (code.get(at + 1), close.iter().position(|byte| *byte == b'\'')) {
        (Some(first), Some(0)) if *first < 0x80 => at + 3,
        (Some(first), Some(length)) if *first >= 0x80 && length < 4 => at + 3 + length,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"
//! Doc.
/* a { block /* nested */ } */
fn first<'a>(text: &'a str, sep: char) -> [u8; 2] {
    let open = '{'; // }

    let raw = r#"} fn hidden() {"#;
    if sep == '\'' { return [1, 2]; }
    [b'"', b'}']
}
trait Total { fn declared(&self); }
#[cfg(test)]
mod tests {
    fn tested() { let x = "}"; }
}
"##;

    #[test]
    fn functions_are_measured_without_comments_and_literals() {
        let functions = Source::new(SAMPLE).functions();
        let expected = [("first", 4), ("tested", 1)]
            .map(|(name, lines)| Function { name: name.into(), lines });
        assert_eq!(functions, expected);
    }

    #[test]
    fn tests_do_not_count_as_code() {
        assert_eq!(Source::new(SAMPLE).code_lines(), 11);
        assert_eq!(Source::new(SAMPLE).without_tests().code_lines(), 7);
        let declared = Source::new("#[cfg(test)]\nmod tests;\nfn a() {}\n").without_tests();
        assert_eq!(declared.functions().len(), 1);
    }

    #[test]
    fn unfinished_text_ends_somewhere() {
        for text in ["\"", "'", "r#\"", "/*", "fn a() {", "'\u{fc}", "#[cfg(test)]"] {
            let source = Source::new(text).without_tests();
            assert!(source.functions().len() <= 1, "{text}");
        }
    }
}
