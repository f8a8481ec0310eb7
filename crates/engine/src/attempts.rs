//! Failed logins counted once each, as the detectors count them, for who sums up and decides
//! nothing.
//!
//! The engine itself stops counting where a client is held: what comes then changes nothing. Who
//! says how much there was counts on, so this has a state of its own.

use crate::client::ClientKey;
use crate::config::Config;
use crate::detect::tells_again;
use crate::engine::Engine;
use crate::session::{self, Line, News};
use crate::state::State;
use alloc::boxed::Box;
use core::net::IpAddr;
use event::Event;

/// What an event adds to what the events before it told.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// Failed logins.
    pub attempts: u32,
    /// Whose these were, where a line before this one named him (Exchange), lower case.
    pub account: Option<Box<[u8]>>,
}

/// Counts attempts.
pub struct Attempts {
    state: State,
    seed: u64,
    now_s: u32,
}

impl Attempts {
    /// One that has seen nothing. Memory is bounded by `table.sessions` of the configuration.
    pub fn new(config: &Config) -> Self {
        Attempts { state: State::new(config), seed: config.seed, now_s: 0 }
    }

    /// What failed logins an event adds to what the events before it told. None for events that
    /// tell of none, or of no client.
    pub fn count(&mut self, event: &Event<'_>) -> Counted {
        let Some(line) = self.line(event) else { return Counted::default() };
        let Some(News { attempts, name, .. }) = session::any_news(&mut self.state, &line) else {
            return Counted::default();
        };
        Counted { attempts, account: name }
    }

    /// True for what is said of a client for the second time: by Exim in another log, or by a
    /// filter behind the mail server.
    pub fn is_told_again(&mut self, event: &Event<'_>) -> bool {
        tells_again(event)
            || self.line(event).is_some_and(|line| session::is_repeated(&mut self.state, &line))
    }

    fn line<'a>(&mut self, event: &'a Event<'a>) -> Option<Line<'a>> {
        self.now_s = self.now_s.max(event.at.seconds_u32());
        let client = ClientKey::of(event.client?)?;
        Some(Line { seed: self.seed, event, client, now_s: self.now_s, seq: 0 })
    }
}

impl Engine {
    /// True where a decision holds for this client, in whatever mode.
    pub fn is_client_held(&self, client: IpAddr) -> bool {
        ClientKey::of(client).is_some_and(|client| self.is_held(client))
    }
}
