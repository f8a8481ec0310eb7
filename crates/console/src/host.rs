//! What the console asks of the rest of mailward.

use event::{Incident, IncidentStep, Timestamp};
use serde_json::Value;
use std::net::IpAddr;
use store::{Found, Reader, Row};

/// Why the program could not answer, in words for the person who asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct HostError(pub String);

/// What an operator orders. Each has a reason, which goes into the audit trail with the name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Ban a client or network.
    Ban {
        /// As a person writes it: `203.0.113.9`, `198.51.100.0/24`.
        subject: String,
        /// Seconds; `None`: until lifted.
        duration_s: Option<u32>,
    },
    /// End a ban.
    Unban {
        /// As above; accounts and senders too.
        subject: String,
    },
    /// Never ban.
    Allow {
        /// An address or network.
        network: String,
        /// Seconds; `None`: for ever.
        duration_s: Option<u32>,
    },
    /// Take off the allowlist.
    Disallow {
        /// An address or network.
        network: String,
    },
    /// Open an incident.
    OpenIncident {
        /// As a person writes it.
        subject: String,
    },
    /// Take an incident on, end it, or open it again.
    Incident {
        /// Its number.
        number: u64,
        /// What is done.
        step: IncidentStep,
    },
}

/// A try to sign in, for the engine: the console is a source like any other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignIn<'a> {
    /// Who came; `None` on the unix socket.
    pub client: Option<IpAddr>,
    /// The name that was given.
    pub account: &'a str,
    /// Whether it succeeded.
    pub is_allowed: bool,
}

/// The program around the console. Methods may wait for the guard: they are called from threads
/// that may block.
pub trait Host: Send + Sync + 'static {
    /// How the guard is, as `mailward status --format json` prints it.
    ///
    /// # Errors
    /// No guard answers.
    fn status(&self) -> Result<Value, HostError>;

    /// What the guard knows of a subject: what `mailward why` prints, as lines for a person.
    ///
    /// # Errors
    /// The subject is none, or no guard answers.
    fn why(&self, subject: &str) -> Result<String, HostError>;

    /// Has it done by the running guard; answers with what was done.
    ///
    /// # Errors
    /// Refused, and why.
    fn order(&self, operator: &str, reason: &str, order: &Order) -> Result<String, HostError>;

    /// All lines that belong to a session or message, over all servers.
    ///
    /// # Errors
    /// The journal cannot be read.
    fn story(&self, reader: &Reader, id: &[u8]) -> Result<Found, HostError>;

    /// A record as JSON, in the form of `mailward query --format json`.
    fn json(&self, row: &Row) -> Option<String>;

    /// An incident as JSON, in the form of `mailward incidents --format json`.
    fn incident(&self, incident: &Incident) -> String;

    /// As the host calls the user with this number, for the audit trail.
    fn user(&self, uid: u32) -> String;

    /// Takes note of a try to sign in.
    fn signed_in(&self, tried: &SignIn<'_>);

    /// Tells whoever reads the program's log of something that wants a person.
    fn warn(&self, what: &str);

    /// When somebody last logged in to each of these accounts, as far as the guard remembers it.
    ///
    /// # Errors
    /// No guard answers.
    fn last_logins(&self, _accounts: &[String]) -> Result<Vec<Option<Timestamp>>, HostError> {
        Ok(Vec::new())
    }

    /// That no new certificate for the console could be fetched lately, and why.
    fn certificate_failure(&self) -> Option<String> {
        None
    }
}
