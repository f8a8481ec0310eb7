//! What a syslog daemon writes in place of messages that are the same as the one before.
//!
//! rsyslog (`$RepeatedMsgReduction on`, Ubuntu's default) writes the message again, with how often
//! it came: `message repeated 46 times: [ MESSAGE]`, directly behind the program's tag. That is the
//! message, so many times. The daemons of BSD, macOS and Solaris, and sysklogd, write `last message
//! repeated 3 times` in place of it: whose that was only the line before tells.

use super::stamp;
use crate::scan;
use event::Text;

/// A message and how often it came.
pub(super) struct Repeated<'a> {
    pub message: &'a [u8],
    pub times: u16,
    /// It may not be all of the message.
    pub may_be_cut: bool,
}

/// rsyslog takes no more of a message, its first space included (`ratelimit.c`: `%.800s`), and
/// closes the bracket behind that.
const WHOLE_MAX: usize = 800;

/// What stands in `message repeated 46 times: [ MESSAGE]`. More times than can be held are as many
/// as can be.
#[cold]
pub(super) fn unwrapped(message: &[u8]) -> Option<Repeated<'_>> {
    let rest = message.strip_prefix(FRONT)?;
    let (digits, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit());
    let rest = rest.strip_prefix(b" times: [")?;
    let times = scan::number(digits).filter(|times| *times > 0)?;
    let (text, is_closed) = match rest.strip_suffix(b"]") {
        Some(text) => (text, true),
        None => (rest, false),
    };
    Some(Repeated {
        message: text.strip_prefix(b" ").unwrap_or(text),
        times: u16::try_from(times).unwrap_or(u16::MAX),
        may_be_cut: !is_closed || text.len() >= WHOLE_MAX,
    })
}

/// How such a message begins.
pub(super) const FRONT: &[u8] = b"message repeated ";

/// `last message repeated 3 times` behind a stamp.
pub(super) struct OfLast<'a> {
    pub host: Option<Text<'a>>,
    pub text: &'a [u8],
    pub times: u16,
}

/// `[host ][syslogd: ]last message repeated 3 times`, of macOS `--- last message repeated 3 times
/// ---`, and nothing behind it.
#[cold]
pub(super) fn of_last(rest: &[u8]) -> Option<OfLast<'_>> {
    let (word, after) = scan::word(rest);
    let (host, text) = match word {
        b"last" | b"---" | b"syslogd:" => (None, rest),
        word => (Some(Text(word)), after),
    };
    let said = text.strip_prefix(b"syslogd: ").unwrap_or(text);
    let said = match said.strip_prefix(b"--- ") {
        Some(inner) => inner.strip_suffix(b" ---")?,
        None => said,
    };
    let (digits, behind) = scan::word(said.strip_prefix(b"last message repeated ")?);
    let times = scan::number(digits).filter(|times| *times > 0)?;
    matches!(behind, b"times" | b"time").then_some(OfLast {
        host,
        text,
        times: u16::try_from(times).unwrap_or(u16::MAX),
    })
}

/// How many bytes stand in front of the host of a line with a traditional stamp.
fn behind_stamp(line: &[u8]) -> Option<usize> {
    let unmarked = match line.first()? {
        b'<' => scan::split_once(line.get(..PRIORITY_MAX).unwrap_or(line), b">")
            .and_then(|(mark, _)| line.get(mark.len() + 1..))?,
        _ => line,
    };
    let (_, rest) = stamp::traditional(unmarked)?;
    rest.starts_with(b" ").then(|| line.len() - rest.len() + 1)
}

/// `<mail.warning>` and its like are no longer.
const PRIORITY_MAX: usize = 26;

/// The parts of the line that rsyslog would have written in place of `repeat`, a line that says
/// that the line before it, `last`, was repeated: what stands in front of `message repeated N
/// times: [ `, in two pieces, and the message behind. `None` where that cannot be told.
pub fn in_full<'a>(last: &'a [u8], repeat: &'a [u8]) -> Option<[&'a [u8]; 3]> {
    let record = super::frame(last)?;
    if record.times != 1 {
        return None;
    }
    let tagged = last.get(behind_stamp(last)?..last.len().checked_sub(record.message.len())?)?;
    Some([repeat.get(..behind_stamp(repeat)?)?, tagged, record.message])
}
