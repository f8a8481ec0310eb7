//! What a subject line says, however it is written: the key by which messages of one campaign meet.
//!
//! Encoded words (RFC 2047) are read; case, accents, letters of other scripts that look Latin
//! (after Unicode's table of confusables, UTS 39, those that fool a reader), full-width and
//! mathematical letters, spacing, punctuation and invisible characters are folded away; so are
//! numbers, letters that stand for numbers within a word (`inv0ice`), words that are spaced out
//! (`F R E E`), the marks of replies and forwards, and the name of the recipient.
//!
//! All of it is a stranger's text: it is cut to [`TEXT_MAX`] bytes, nothing is allocated, and what
//! cannot be read counts as it stands.

use crate::hash::{exact, mix};

mod encoded;
mod letters;

/// A longer subject is cut.
const TEXT_MAX: usize = 256;
/// Words that are looked at.
const WORDS_MAX: usize = 24;

/// A subject, folded: its words in lower case, one space behind each.
#[derive(Clone, Copy)]
pub(crate) struct Folded {
    text: [u8; TEXT_MAX],
    length: usize,
    /// It answers or forwards another.
    pub is_reply: bool,
}

/// Before a colon: replies, forwards and what calendars and mail programs send by themselves, in
/// the languages of common ones.
const REPLIES: [&[u8]; 32] = [
    b"re",
    b"fw",
    b"fwd",
    b"aw",
    b"wg",
    b"sv",
    b"vs",
    b"vb",
    b"antw",
    b"tr",
    b"rv",
    b"res",
    b"enc",
    b"odp",
    b"rif",
    b"doorst",
    b"r",
    b"auto",
    b"ooo",
    b"read",
    b"gelesen",
    b"lu",
    b"delivered",
    b"accepted",
    b"zugesagt",
    b"declined",
    b"abgelehnt",
    b"tentative",
    b"cancelled",
    b"canceled",
    b"abgesagt",
    b"invitation",
];

/// How subjects begin that programs write for people, each for many: answers of absent ones,
/// bounces, reports; and what all the world writes on one day.
const COMMON: [&str; 46] = [
    "abwesenheit",
    "alles gute",
    "autoreply",
    "automatic reply",
    "automatische antwort",
    "autosvar",
    "away from my mail",
    "bon anniversaire",
    "bonne annee",
    "buon natale",
    "buone feste",
    "delivery status notification",
    "delivery failure",
    "delivery report",
    "failure notice",
    "feliz ano",
    "feliz navidad",
    "feliz natal",
    "fijne feestdagen",
    "fijne kerst",
    "frohe festtage",
    "frohe ostern",
    "frohe weihnacht",
    "frohes fest",
    "frohes neues",
    "gutes neues",
    "happy birthday",
    "happy easter",
    "happy holidays",
    "happy new year",
    "herzlichen gluckwunsch",
    "joyeux noel",
    "joyeuses fetes",
    "mail delivery failed",
    "mail delivery system",
    "meilleurs voeux",
    "merry christmas",
    "out of office",
    "out of the office",
    "reponse automatique",
    "report domain",
    "returned mail",
    "season s greetings",
    "seasons greetings",
    "undeliverable",
    "undelivered mail",
];

/// Folds a subject. `recipient` is to whom the message goes: spammers put his name in.
pub(crate) fn fold(subject: &[u8], recipient: &[u8]) -> Folded {
    let mut decoded = Buffer::new();
    encoded::decode(subject, &mut decoded);
    let mut folder = Folder {
        out: Buffer::new(),
        word: Word::default(),
        recipient,
        is_reply: false,
        spaced: false,
    };
    for chunk in decoded.bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            folder.take(letter);
        }
        if !chunk.invalid().is_empty() {
            folder.take(char::REPLACEMENT_CHARACTER);
        }
    }
    folder.end_word(' ');
    let Folder { out, is_reply, .. } = folder;
    Folded { text: out.bytes, length: out.length, is_reply }
}

/// Bytes up to a bound; what is too much is left out.
pub(crate) struct Buffer {
    bytes: [u8; TEXT_MAX],
    length: usize,
}

impl Buffer {
    const fn new() -> Self {
        Buffer { bytes: [0; TEXT_MAX], length: 0 }
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn push_char(&mut self, letter: char) {
        let mut bytes = [0; 4];
        let bytes = letter.encode_utf8(&mut bytes).as_bytes();
        // Half a letter would be another.
        if self.length + bytes.len() <= TEXT_MAX {
            bytes.iter().for_each(|byte| self.push(*byte));
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The word that is being read.
#[derive(Clone, Copy)]
struct Word {
    letters: [char; Word::MAX],
    length: usize,
    digits: usize,
}

impl Default for Word {
    fn default() -> Self {
        Word { letters: ['\0'; Word::MAX], length: 0, digits: 0 }
    }
}

impl Word {
    const MAX: usize = 32;

    fn letters(&self) -> &[char] {
        self.letters.get(..self.length).unwrap_or_default()
    }

    /// A number, an id, a price: it differs in each message.
    fn is_number(&self) -> bool {
        let inside = self.letters().get(1..self.length.saturating_sub(1)).unwrap_or_default();
        let at_ends = self.digits - inside.iter().filter(|letter| letter.is_ascii_digit()).count();
        self.digits > 0 && (at_ends > 0 || self.digits * 3 > self.length)
    }
}

struct Folder<'a> {
    out: Buffer,
    word: Word,
    recipient: &'a [u8],
    is_reply: bool,
    /// The last word was a single letter.
    spaced: bool,
}

impl Folder<'_> {
    fn take(&mut self, letter: char) {
        let Some(letter) = letters::plain(letter) else { return };
        if !letter.is_alphanumeric() {
            return self.end_word(letter);
        }
        // `\u{df}` and their like become two.
        for letter in letters::spelled(letter).chars().chain(letters::single(letter)) {
            if let Some(slot) = self.word.letters.get_mut(self.word.length) {
                *slot = letter;
                self.word.length += 1;
                self.word.digits += usize::from(letter.is_ascii_digit());
            }
        }
    }

    /// A word ends before this.
    fn end_word(&mut self, behind: char) {
        let word = core::mem::take(&mut self.word);
        if word.length == 0 || word.is_number() {
            self.spaced &= word.length == 0;
            return;
        }
        let mut text = Buffer::new();
        for letter in word.letters() {
            text.push_char(if word.digits > 0 { letters::of_digit(*letter) } else { *letter });
        }
        let is_first = self.out.length == 0;
        if is_first && matches!(behind, ':' | '[') && REPLIES.contains(&text.bytes()) {
            self.is_reply = true;
            return;
        }
        if is_of(text.bytes(), self.recipient) {
            return;
        }
        // Letters that stand alone one after the other are one word.
        let is_single = word.length == 1;
        if is_single && self.spaced && self.out.length > 0 {
            self.out.length -= 1;
        }
        self.spaced = is_single;
        text.bytes().iter().for_each(|byte| self.out.push(*byte));
        self.out.push(b' ');
    }
}

/// True where the word is a part of the recipient's address: `anna` of `anna.keller@example.org`.
fn is_of(word: &[u8], recipient: &[u8]) -> bool {
    let parts = recipient.split(|byte| !byte.is_ascii_alphabetic());
    word.len() > 2 && parts.into_iter().any(|part| part.eq_ignore_ascii_case(word))
}

impl Folded {
    /// The words, with a space behind each.
    pub fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.text().split(|byte| *byte == b' ').filter(|word| !word.is_empty())
    }

    /// True where the same words by two people are hardly chance: neither few nor everybody's.
    pub fn is_telling(&self) -> bool {
        let words = self.words().take(WORDS_MAX).count();
        let letters = self.length.saturating_sub(words);
        let is_long = letters >= if words > 1 { 10 } else { 16 };
        is_long && !COMMON.iter().any(|begin| self.text().starts_with(begin.as_bytes()))
    }

    /// Keys of what it says: the whole, and two by the least of its runs of three words under two
    /// hashes (min-wise hashing, Broder 1997), which most messages share whose first or last
    /// words alone differ. 0 where there is none.
    pub fn keys(&self, seed: u64) -> [u64; 3] {
        let whole = exact(mix(seed, 0), self.text());
        let mut least = [u64::MAX; 2];
        let mut run = [0_u64; 3];
        let mut count = 0;
        for word in self.words().take(WORDS_MAX) {
            run = [run[1], run[2], exact(seed, word)];
            count += 1;
            if count < run.len() {
                continue;
            }
            let shingle = mix(mix(run[0], run[1]), run[2]);
            for (turn, least) in (1..).zip(&mut least) {
                *least = (*least).min(mix(shingle, turn));
            }
        }
        // Of three words the run is the whole.
        let [first, last] = least.map(|key| if count > 3 { key.max(1) } else { 0 });
        [whole.max(1), first, if last == first { 0 } else { last }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    fn folded(subject: &str) -> String {
        let folded = fold(subject.as_bytes(), b"anna.keller@example.org");
        String::from_utf8(folded.text().to_vec()).unwrap().trim().to_string()
    }

    #[test]
    fn one_subject_in_many_forms_is_one() {
        for form in [
            "Your parcel 4711 is waiting",
            "YOUR   parcel #12 is waiting!!!",
            "Your p\u{430}rcel is w\u{430}iting \u{2014} 99",
            "\u{ff39}our parcel is waiting",
            "Your par\u{200b}cel is wai\u{ad}ting",
            "Y\u{f3}ur parc\u{e9}l is waiting",
            "Your parc3l is wa1ting",
            "Anna, your parcel is waiting",
            "Re: Your parcel is waiting",
            "=?UTF-8?B?WW91ciBwYXJjZWwgMTIgaXMgd2FpdGluZw==?=",
            "=?utf-8?Q?Your_p=D0=B0rcel?= =?utf-8?q?_is_waiting?=",
            "=?iso-8859-1?Q?Yo=FBr_parcel_is_waiting?=",
            "\u{1d418}our parcel is waiting",
            "Your p-a-r-c-e-l is waiting",
            "Your parcel A7X93Q2 is waiting",
        ] {
            assert_eq!(folded(form), "your parcel is waiting", "{form}");
        }
        assert_eq!(folded("Gr\u{fc}\u{df}e aus K\u{f6}ln"), "grusse aus koln");
        assert!(fold(b"AW: Re[2]: Termin", b"").is_reply);
        assert!(!fold(b"Review: Termin", b"").is_reply);
    }

    #[test]
    fn what_everybody_writes_tells_nothing() {
        for subject in [
            "",
            "Hello",
            "Rechnung",
            "test 123",
            "Re: Re:",
            "Fwd:",
            "Lunch?",
            "Out of Office: back on Monday next week",
            "Automatic reply: Your question of yesterday",
            "Undelivered Mail Returned to Sender",
            "Frohe Weihnachten und ein gutes neues Jahr",
            "Merry Christmas and a happy new year",
            "Report domain: example.org Submitter: example.net Report-ID: <12@x>",
        ] {
            assert!(!fold(subject.as_bytes(), b"").is_telling(), "{subject}");
        }
        for subject in [
            "Your parcel is waiting",
            "Urgent invoice",
            "\u{44e}\u{434}\u{436}\u{437}\u{438}\u{439}\u{43b}\u{43f}\u{444}",
        ] {
            assert!(fold(subject.as_bytes(), b"").is_telling(), "{subject}");
        }
    }

    #[test]
    fn what_differs_in_its_end_alone_shares_a_key() {
        let keys = |subject: &str| fold(subject.as_bytes(), b"").keys(7);
        let mut shared = 0;
        let last = ["xkfjw", "oplerd", "mnbq", "trusz", "wolke", "baum", "haus", "katze"];
        for last in last {
            let a = keys("Your account was limited please confirm");
            let b = keys(&alloc::format!("Your account was limited please confirm {last}"));
            assert_ne!(a[0], b[0]);
            shared += usize::from(a[1] == b[1] || a[2] == b[2]);
        }
        assert!(shared >= 6, "{shared}");
        let other = keys("Minutes of the meeting on Thursday about the garden");
        let mine = keys("Your account was limited please confirm");
        assert!(other.iter().all(|key| !mine.contains(key)));
        assert_eq!(keys("Urgent invoice overdue")[1..], [0, 0], "no more than the whole");
    }

    #[test]
    fn any_bytes_are_read_within_bounds() {
        use proptest::prelude::*;
        proptest!(|(subject: Vec<u8>, recipient: Vec<u8>)| {
            let folded = fold(&subject, &recipient);
            prop_assert!(folded.text().len() <= TEXT_MAX);
            folded.keys(1);
        });
        let long = "=?utf-8?B?".repeat(400) + &"\u{1d418}".repeat(900);
        assert!(fold(long.as_bytes(), b"").text().len() <= TEXT_MAX);
    }
}
