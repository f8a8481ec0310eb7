//! What a running guard shows: lines that nobody has to read.
//!
//! Whoever writes to a stopped terminal (ctrl-S), or to a pipe whose reader stands still, waits.
//! A guard must not: a thread of its own writes, and what does not fit before it is counted
//! instead.

use crate::terminal::count;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Texts that wait for the reader.
const WAITING_MAX: usize = 10_000;
/// How long the end waits for what was not written yet.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// What is said after a number.
const NOTE: &str = " lines were not shown: nobody read them in time";

/// One stream that may stand still.
pub struct Screen {
    texts: Option<SyncSender<String>>,
    /// Closes when all is written.
    end: Receiver<()>,
    /// Texts that did not fit since the last one that did.
    unshown: u64,
}

impl Screen {
    /// A screen that writes to `out`. Who stopped watching is no failure.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn on(mut out: impl Write + Send + 'static) -> io::Result<Screen> {
        let (texts, waiting) = sync_channel::<String>(WAITING_MAX);
        let (ended, end) = sync_channel::<()>(0);
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            let _ended = ended;
            for text in waiting {
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
        })?;
        Ok(Screen { texts: Some(texts), end, unshown: 0 })
    }

    /// Shows a text, which ends its last line itself. Never waits.
    pub fn show(&mut self, text: String) {
        self.catch_up();
        if self.unshown > 0 || !self.fits(text) {
            self.unshown += 1;
        }
    }

    /// Says how much was not shown, once there is room again.
    pub fn catch_up(&mut self) {
        if self.unshown > 0 {
            let unshown = count(self.unshown);
            let text = format!("{unshown}{NOTE}\n");
            if self.fits(text) {
                self.unshown = 0;
            }
        }
    }

    fn fits(&self, text: String) -> bool {
        let Some(texts) = &self.texts else { return true };
        !matches!(texts.try_send(text), Err(TrySendError::Full(_)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.catch_up();
        self.texts = None;
        let _ = self.end.recv_timeout(LAST_WORDS_WITHIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn who_shows_never_waits_and_what_was_lost_is_told() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut screen = Screen::on(writer).unwrap();
        // More than a pipe and the queue hold.
        let line = format!("{}\n", "x".repeat(99));
        let lines = WAITING_MAX as u64 + 5_000;
        for _ in 0..lines {
            screen.show(line.clone());
        }
        assert!(screen.unshown > 0);
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        while screen.unshown > 0 {
            screen.catch_up();
            std::thread::sleep(Duration::from_millis(1));
        }
        screen.show("the last\n".to_owned());
        drop(screen);
        let text = reader.join().unwrap();
        let shown = text.lines().filter(|shown| shown.starts_with('x')).count() as u64;
        let told = text.lines().filter_map(|line| line.strip_suffix(NOTE));
        let told: u64 = told.map(|number| number.replace(' ', "").parse::<u64>().unwrap()).sum();
        assert_eq!((shown + told, told > 0), (lines, true));
        assert!(text.ends_with("the last\n"));
    }

    #[test]
    fn an_end_comes_though_nobody_reads() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut screen = Screen::on(writer).unwrap();
        screen.show("x".repeat(1 << 20));
        drop(screen);
    }
}
