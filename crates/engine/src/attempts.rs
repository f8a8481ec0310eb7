//! Failed logins counted once each, as the detectors count them, for who sums up and decides
//! nothing.
//!
//! The engine itself stops counting where a client is held: what comes then changes nothing. Who
//! says how much there was counts on, so this has a state of its own.

use crate::client::ClientKey;
use crate::config::Config;
use crate::detect::tells_again;
use crate::engine::Engine;
use crate::session::{self, News};
use crate::state::State;
use alloc::boxed::Box;
use core::net::IpAddr;
use event::{Event, Server};

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
        let Some(client) = self.client(event) else { return Counted::default() };
        let (state, seed, now_s) = (&mut self.state, self.seed, self.now_s);
        let news = if event.hostile && event.attempts > 0 {
            session::news(state, seed, event, client, now_s, 0)
        } else {
            session::settled(state, seed, event, client, now_s, 0)
        };
        let Some(News { attempts, name, .. }) = news else { return Counted::default() };
        Counted { attempts, account: name }
    }

    /// True for what is said of a client for the second time: by Exim in another log, or by a
    /// filter behind the mail server.
    pub fn is_told_again(&mut self, event: &Event<'_>) -> bool {
        if tells_again(event) {
            return true;
        }
        let Some(client) = self.client(event).filter(|_| event.server == Server::Exim) else {
            return false;
        };
        session::is_repeated(&mut self.state, self.seed, event, client, self.now_s)
    }

    fn client(&mut self, event: &Event<'_>) -> Option<ClientKey> {
        let at_s = u32::try_from(event.at.seconds().max(0)).unwrap_or(u32::MAX);
        self.now_s = self.now_s.max(at_s);
        ClientKey::of(event.client?)
    }
}

impl Engine {
    /// True where a decision holds for this client, in whatever mode.
    pub fn is_client_held(&self, client: IpAddr) -> bool {
        ClientKey::of(client).is_some_and(|client| self.is_held(client))
    }
}
