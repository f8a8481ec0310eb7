//! Stamps of RFC 3339 in UTC, as rsyslog writes them: `2026-11-21T16:26:37.287993+00:00`.

use crate::world::clock::{DAY, Micros, date};

/// Remembers the day, which most stamps have in common with the one before.
#[derive(Default)]
pub(crate) struct Day {
    day: Option<i64>,
    text: [u8; 11],
}

impl Day {
    pub fn write(&mut self, at: Micros, line: &mut Vec<u8>) {
        let day = at.div_euclid(DAY);
        if self.day != Some(day) {
            let (year, month, dom) = date(day);
            self.day = Some(day);
            self.text = *b"0000-00-00T";
            digits(&mut self.text[0..4], year as u64);
            digits(&mut self.text[5..7], month as u64);
            digits(&mut self.text[8..10], dom as u64);
        }
        let micros = at.rem_euclid(DAY) as u64;
        let seconds = micros / 1_000_000;
        let mut time = *b"00:00:00.000000+00:00";
        digits(&mut time[0..2], seconds / 3_600);
        digits(&mut time[3..5], seconds / 60 % 60);
        digits(&mut time[6..8], seconds % 60);
        digits(&mut time[9..15], micros % 1_000_000);
        line.extend_from_slice(&self.text);
        line.extend_from_slice(&time);
    }
}

fn digits(place: &mut [u8], mut number: u64) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_those_of_rsyslog() {
        let mut day = Day::default();
        let mut line = Vec::new();
        day.write(1_795_278_397_287_993, &mut line);
        assert_eq!(line, b"2026-11-21T16:26:37.287993+00:00");
        line.clear();
        day.write(1_795_305_600_000_000, &mut line);
        assert_eq!(line, b"2026-11-22T00:00:00.000000+00:00");
    }
}
