//! Stamps, by their place at the front of a line.

use super::{LocalStamp, Stamp};
use crate::scan;
use event::{Civil, Timestamp};

/// Reads two digits at `at`.
#[inline]
fn two(bytes: &[u8], at: usize) -> Option<u8> {
    let tens = bytes.get(at)?.wrapping_sub(b'0');
    let ones = bytes.get(at + 1)?.wrapping_sub(b'0');
    (tens <= 9 && ones <= 9).then(|| tens * 10 + ones)
}

/// Eight bytes at once: `None` unless each is the byte of `shape`, or a digit where that is `0`;
/// else the digits' values, first byte lowest.
#[inline]
fn shaped(bytes: [u8; 8], shape: [u8; 8]) -> Option<[u8; 8]> {
    let values = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(shape);
    // A digit gives 0 to 9, a literal 0. Adding 6 carries 10 and more into the high half.
    let low = values & 0x0f0f_0f0f_0f0f_0f0f;
    let over = low + 0x0606_0606_0606_0606;
    let literals = literal_mask(shape);
    let good = (values | over) & 0xf0f0_f0f0_f0f0_f0f0 == 0 && values & literals == 0;
    good.then(|| low.to_le_bytes())
}

/// All bits of the bytes that are no `0`.
#[inline]
const fn literal_mask(shape: [u8; 8]) -> u64 {
    let mut mask = 0;
    let mut at = 0;
    while at < 8 {
        if shape[at] != b'0' {
            mask |= 0xff << (8 * at);
        }
        at += 1;
    }
    mask
}

/// Reads `HH:MM:SS` with an optional fraction (`.` or `,`, up to nine digits).
#[inline]
fn time_of_day(bytes: &[u8]) -> Option<([u8; 3], u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let v = shaped(*head, *b"00:00:00")?;
    let time = [v[0] * 10 + v[1], v[3] * 10 + v[4], v[6] * 10 + v[7]];
    let (micros, rest) = match rest {
        [b'.' | b',', fraction @ ..] => fraction_micros(fraction)?,
        _ => (0, rest),
    };
    Some((time, micros, rest))
}

/// Microseconds of a fraction of any precision up to nanoseconds, rounded down.
#[inline]
fn fraction_micros(fraction: &[u8]) -> Option<(u32, &[u8])> {
    // Nearly all have six digits or none.
    if let Some((head, rest)) = fraction.split_first_chunk::<6>() {
        let digits = head.map(|byte| u32::from(byte.wrapping_sub(b'0')));
        let micros = digits.iter().fold(0u32, |value, digit| value.wrapping_mul(10) + digit);
        if digits.iter().all(|digit| *digit <= 9) {
            let (more, rest) = scan::take_while(rest, |byte| byte.is_ascii_digit());
            return (more.len() <= 3).then_some((micros, rest));
        }
    }
    let (digits, rest) = scan::take_while(fraction, |byte| byte.is_ascii_digit());
    let scale = [1_000_000, 100_000, 10_000, 1_000, 100, 10].get(digits.len())?;
    Some((scan::number(digits).unwrap_or(0) * scale, rest))
}

/// `2026-11-21T16:02:10.123456+01:00`, what rsyslog writes, at fixed places and all at once; `None`
/// for any other form, and for a stamp outside the calendar. The rest begins behind it.
#[inline]
pub(super) fn precise(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (head, rest) = line.split_first_chunk::<32>()?;
    let ([date, hour, second, zone], []) = head.as_chunks::<8>() else { return None };
    let sign = *zone.get(2)?;
    let (date, bad_date) = pairs(*date, *b"0000-00-");
    let (hour, bad_hour) = pairs(*hour, *b"00T00:00");
    let (second, bad_second) = pairs(*second, *b":00.0000");
    let (zone, bad_zone) = pairs(*zone, [b'0', b'0', sign, b'0', b'0', b':', b'0', b'0']);
    if bad_date | bad_hour | bad_second | bad_zone != 0 || !matches!(sign, b'+' | b'-') {
        return None;
    }
    let civil = Civil {
        year: i32::from(date[0]) * 100 + i32::from(date[2]),
        month: date[5],
        day: hour[0],
        hour: hour[3],
        minute: hour[6],
        second: second[1],
        micros: u32::from(second[4]) * 10_000 + u32::from(second[6]) * 100 + u32::from(zone[0]),
    };
    if !civil.is_valid() || zone[3] > 23 || zone[6] > 59 {
        return None;
    }
    let east = i64::from(zone[3]) * 3600 + i64::from(zone[6]) * 60;
    let east = if sign == b'-' { -east } else { east };
    Some((civil.utc().plus_seconds(-east), rest))
}

/// At each place, the value of the two digits that begin there; and what is not as in `shape`
/// (as for [`shaped`]), in bits.
#[inline]
fn pairs(bytes: [u8; 8], shape: [u8; 8]) -> ([u8; 8], u64) {
    let values = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(shape);
    let low = values & 0x0f0f_0f0f_0f0f_0f0f;
    let over = low + 0x0606_0606_0606_0606;
    let bad = (values | over) & 0xf0f0_f0f0_f0f0_f0f0 | values & literal_mask(shape);
    ((low * 10 + (low >> 8)).to_le_bytes(), bad)
}

#[inline]
fn month(name: [u8; 3]) -> Option<u8> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// `Nov 21 16:02:10`, `Nov  2 16:02:10` or `Nov 2 16:02:10`, with an optional fraction (RFC 3164,
/// journalctl's `short` and `short-precise`); `Nov 21 2026 16:02:10` (Cisco). The rest begins
/// behind the stamp.
pub(super) fn traditional(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let head = line.first_chunk::<7>()?;
    let month = month([head[0], head[1], head[2]])?;
    let (day, clock) = match head {
        [_, _, _, b' ', b' ', ones @ b'1'..=b'9', b' '] => (ones - b'0', line.get(7..)?),
        [_, _, _, b' ', ones @ b'1'..=b'9', b' ', _] => (ones - b'0', line.get(6..)?),
        [_, _, _, b' ', _, _, b' '] => (two(head, 4)?, line.get(7..)?),
        _ => return None,
    };
    let (year, ([hour, minute, second], micros, rest)) = match time_of_day(clock) {
        Some(time) => (None, time),
        None => year_and_time(clock)?,
    };
    // Where the year is not told, 29 February may be right, which a leap year lets pass.
    let checked = year.unwrap_or(2024);
    let valid = Civil { year: checked, month, day, hour, minute, second, micros }.is_valid();
    let stamp = LocalStamp { year, month, day, hour, minute, second, micros };
    valid.then_some((Stamp::Local(stamp), rest))
}

type TimeOfDay<'a> = ([u8; 3], u32, &'a [u8]);

/// `2026 16:02:10`.
#[cold]
fn year_and_time(bytes: &[u8]) -> Option<(Option<i32>, TimeOfDay<'_>)> {
    let (year, rest) = year(bytes)?;
    Some((Some(year), time_of_day(rest)?))
}

/// Four digits and a space.
fn year(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let year = i32::from(two(bytes, 0)?) * 100 + i32::from(two(bytes, 2)?);
    Some((year, bytes.get(4..)?.strip_prefix(b" ")?))
}

/// `2026 Nov 21 16:02:10` (Cisco's NX-OS).
pub(super) fn year_first(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (year, rest) = year(line)?;
    match traditional(rest)? {
        (Stamp::Local(stamp @ LocalStamp { year: None, .. }), rest) => {
            let LocalStamp { month, day, hour, minute, second, micros, .. } = stamp;
            let valid = Civil { year, month, day, hour, minute, second, micros }.is_valid();
            valid.then_some((Stamp::Local(LocalStamp { year: Some(year), ..stamp }), rest))
        }
        _ => None,
    }
}

/// A year, a zone, or both behind the time, in any order: `Nov 21 16:02:10 2026 host`,
/// `Nov 21 16:02:10 CET host`, `Sat Nov 21 16:02:10 CET 2026 host`. A zone whose name is an
/// abbreviation (but for that of Greenwich) is taken for the one of who reads.
#[cold]
pub(super) fn behind_time(stamp: Stamp, rest: &[u8]) -> Option<(Stamp, &[u8])> {
    let Stamp::Local(mut local) = stamp else { return None };
    let (mut known_zone, mut rest, mut has_zone) = (None, rest, false);
    let mut found = false;
    for _ in 0..2 {
        if let Some((told, behind)) = year(rest).filter(|_| local.year.is_none()) {
            (local.year, rest, found) = (Some(told), behind, true);
        } else if let Some((zone, behind)) = zone_word(rest).filter(|_| !has_zone) {
            (known_zone, rest, has_zone, found) = (zone, behind, true, true);
        }
    }
    let LocalStamp { year, month, day, hour, minute, second, micros } = local;
    let civil = Civil { year: year.unwrap_or(2024), month, day, hour, minute, second, micros };
    let stamp = match (year, known_zone) {
        (Some(_), Some(east_s)) => Stamp::Utc(civil.utc().plus_seconds(-east_s)),
        (None, Some(east_s)) => Stamp::Zoned(local, i32::try_from(east_s).ok()?),
        (_, None) => Stamp::Local(local),
    };
    (found && civil.is_valid()).then_some((stamp, rest))
}

/// A zone and the space behind it; the seconds east of Greenwich where they are known.
fn zone_word(bytes: &[u8]) -> Option<(Option<i64>, &[u8])> {
    let (word, rest) = scan::word(bytes);
    let east_s = match word {
        b"UTC" | b"GMT" => Some(0),
        _ => match zone(word) {
            Some((east_s, [])) => Some(east_s),
            _ => None,
        },
    };
    let is_name = (3..=5).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase);
    (east_s.is_some() || is_name).then_some((east_s, rest))
}

/// `1795282302.887933`, seconds since 1970 (journalctl's `short-unix`).
pub(super) fn unix(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (seconds, rest) = line.split_at_checked(10)?;
    let (micros, rest) = rest.strip_prefix(b".")?.split_at_checked(6)?;
    let at = i64::from(scan::number(seconds)?) * 1_000_000 + i64::from(scan::number(micros)?);
    Some((Stamp::Utc(Timestamp(at)), rest))
}

/// `2026-11-21T16:02:10.123456` or with a space for the `T`; the zone is not read here.
pub(super) fn calendar(line: &[u8]) -> Option<(Civil, &[u8])> {
    let (head, rest) = line.split_first_chunk::<8>()?;
    let v = shaped(*head, *b"0000-00-")?;
    let year = i32::from(v[0]) * 1000 + i32::from(v[1]) * 100 + i32::from(v[2] * 10 + v[3]);
    let month = v[5] * 10 + v[6];
    let day = two(rest, 0)?;
    let rest = match rest.get(2..)? {
        [b'T' | b't' | b' ', rest @ ..] => rest,
        _ => return None,
    };
    let ([hour, minute, second], micros, rest) = time_of_day(rest)?;
    let civil = Civil { year, month, day, hour, minute, second, micros };
    civil.is_valid().then_some((civil, rest))
}

/// A zone as `Z`, `+hh:mm`, `+hhmm` or `+hh`, in seconds east of Greenwich.
pub(super) fn zone(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let sign = match bytes.first()? {
        b'Z' | b'z' => return Some((0, bytes.get(1..)?)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = two(bytes, 1)?;
    let (minutes, rest) = match bytes.get(3..)? {
        rest @ [b':', _, _, ..] => (two(rest, 1)?, rest.get(3..)?),
        rest @ [b'0'..=b'9', _, ..] => (two(rest, 0)?, rest.get(2..)?),
        rest => (0, rest),
    };
    let valid = hours < 24 && minutes < 60;
    valid.then(|| (sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60), rest))
}

/// The stamp of a reading with, or without, a zone.
pub(super) fn of(civil: Civil, zone_s: Option<i64>) -> Stamp {
    match zone_s {
        Some(seconds) => Stamp::Utc(civil.utc().plus_seconds(-seconds)),
        None => Stamp::Local(LocalStamp {
            year: Some(civil.year),
            month: civil.month,
            day: civil.day,
            hour: civil.hour,
            minute: civil.minute,
            second: civil.second,
            micros: civil.micros,
        }),
    }
}
