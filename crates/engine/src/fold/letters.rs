//! Letters by what a reader takes them for.

/// The letter in lower case and without what is around it; `None` for what nobody sees.
pub(super) fn plain(letter: char) -> Option<char> {
    let letter = match letter {
        // Soft hyphen, combining marks, zero width, directions, variation selectors, byte order.
        '\u{ad}'
        | '\u{300}'..='\u{36f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => return None,
        '\u{ff01}'..='\u{ff5e}' => shifted(letter, 0xff01, 0x21),
        '\u{1d400}'..='\u{1d6a3}' => mathematical(letter, 0x1d400, 52),
        '\u{1d7ce}'..='\u{1d7ff}' => mathematical(letter, 0x1d7ce, 10),
        '\u{24b6}'..='\u{24cf}' => shifted(letter, 0x24b6, 0x61),
        '\u{24d0}'..='\u{24e9}' => shifted(letter, 0x24d0, 0x61),
        '\u{1f130}'..='\u{1f149}' => shifted(letter, 0x1f130, 0x61),
        letter => letter,
    };
    Some(letter)
}

fn shifted(letter: char, from: u32, to: u32) -> char {
    char::from_u32((letter as u32).saturating_sub(from) + to).unwrap_or(letter)
}

/// One of the alphabets of so many letters that begin there.
fn mathematical(letter: char, from: u32, letters: u32) -> char {
    let place = (letter as u32).saturating_sub(from) % letters;
    let first = match (letters, place) {
        (10, _) => 0x30,
        (_, 0..26) => 0x41,
        _ => 0x61 - 26,
    };
    char::from_u32(first + place).unwrap_or(letter)
}

/// Two letters for one.
pub(super) const fn spelled(letter: char) -> &'static str {
    match letter {
        '\u{df}' | '\u{1e9e}' => "ss",
        '\u{e6}' | '\u{c6}' => "ae",
        '\u{153}' | '\u{152}' => "oe",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        _ => "",
    }
}

/// One letter in lower case, Latin where it looks so; none where it is [`spelled`].
pub(super) fn single(letter: char) -> Option<char> {
    if !spelled(letter).is_empty() {
        return None;
    }
    if letter.is_ascii() {
        return Some(letter.to_ascii_lowercase());
    }
    let mut lower = letter.to_lowercase();
    let letter = lower.next().unwrap_or(letter);
    Some(like_latin(letter))
}

/// The pairs of Latin, Greek and Cyrillic letters that a reader does not tell apart (UTS 39), and
/// Latin letters with marks.
fn like_latin(letter: char) -> char {
    match letter {
        '\u{e0}'..='\u{e5}'
        | '\u{101}'
        | '\u{103}'
        | '\u{105}'
        | '\u{1ce}'
        | '\u{430}'
        | '\u{3b1}'
        | '\u{3ac}'
        | '\u{251}' => 'a',
        '\u{e7}' | '\u{107}' | '\u{109}' | '\u{10b}' | '\u{10d}' | '\u{441}' | '\u{3f2}' => 'c',
        '\u{10f}' | '\u{111}' | '\u{501}' => 'd',
        '\u{e8}'..='\u{eb}'
        | '\u{113}'
        | '\u{115}'
        | '\u{117}'
        | '\u{119}'
        | '\u{11b}'
        | '\u{435}'
        | '\u{451}'
        | '\u{450}'
        | '\u{3b5}'
        | '\u{3ad}' => 'e',
        '\u{11d}' | '\u{11f}' | '\u{121}' | '\u{123}' | '\u{261}' => 'g',
        '\u{125}' | '\u{127}' | '\u{4bb}' => 'h',
        '\u{ec}'..='\u{ef}'
        | '\u{129}'
        | '\u{12b}'
        | '\u{12d}'
        | '\u{12f}'
        | '\u{131}'
        | '\u{456}'
        | '\u{457}'
        | '\u{3b9}'
        | '\u{3af}' => 'i',
        '\u{135}' | '\u{458}' => 'j',
        '\u{137}' | '\u{43a}' | '\u{3ba}' => 'k',
        '\u{13a}' | '\u{13c}' | '\u{13e}' | '\u{142}' | '\u{4cf}' => 'l',
        '\u{43c}' => 'm',
        '\u{f1}' | '\u{144}' | '\u{146}' | '\u{148}' => 'n',
        '\u{f2}'..='\u{f6}'
        | '\u{f8}'
        | '\u{14d}'
        | '\u{14f}'
        | '\u{151}'
        | '\u{43e}'
        | '\u{3bf}'
        | '\u{3cc}' => 'o',
        '\u{440}' | '\u{3c1}' => 'p',
        '\u{155}' | '\u{157}' | '\u{159}' => 'r',
        '\u{15b}' | '\u{15d}' | '\u{15f}' | '\u{161}' | '\u{219}' | '\u{455}' => 's',
        '\u{163}' | '\u{165}' | '\u{21b}' | '\u{442}' | '\u{3c4}' => 't',
        '\u{f9}'..='\u{fc}'
        | '\u{169}'
        | '\u{16b}'
        | '\u{16d}'
        | '\u{16f}'
        | '\u{171}'
        | '\u{173}'
        | '\u{3c5}' => 'u',
        '\u{3bd}' | '\u{475}' => 'v',
        '\u{175}' | '\u{51d}' => 'w',
        '\u{445}' | '\u{3c7}' => 'x',
        '\u{fd}' | '\u{ff}' | '\u{177}' | '\u{443}' | '\u{3b3}' => 'y',
        '\u{17a}' | '\u{17c}' | '\u{17e}' => 'z',
        letter => letter,
    }
}

/// What a digit within a word stands for.
pub(super) const fn of_digit(letter: char) -> char {
    match letter {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        letter => letter,
    }
}
