//! What all handlers share.

use crate::access::{Access, AccessError};
use crate::api::metrics::Base;
use crate::clock;
use crate::data::{Kept, Readers};
use crate::pages::live::Live;
use crate::server::Options;
use crate::{Host, HostError};
use event::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Reader, StoreError};
use tokio::sync::OwnedSemaphorePermit;

/// Outcomes of orders that are kept for a page.
const TOLD_MAX: usize = 64;

/// What all handlers share; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Where and how the console listens.
    pub options: Arc<Options>,
    /// The program around it.
    pub host: Arc<dyn Host>,
    /// What counters for monitoring begin with.
    pub counted: Arc<Base>,
    /// Dashboards that are looked at.
    pub live: Live,
    /// Who may look, and who may act. Asked where one may block: its file is on a disk.
    access: Arc<Access>,
    /// What is kept for those who look often.
    pub kept: Arc<Kept>,
    readers: Arc<Readers>,
    /// What became of the latest orders, for the page that is shown next.
    told: Arc<Mutex<(u64, BTreeMap<u64, String>)>>,
}

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The journal cannot be read.
    #[error("{0}")]
    Journal(#[from] StoreError),
    /// The guard refused, or does not run.
    #[error("{0}")]
    Host(#[from] HostError),
    /// There is no such thing.
    #[error("there is no such thing here")]
    Missing,
    /// What was asked for makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// The work was not done.
    #[error("the console is overloaded or ends: try again")]
    Gone,
}

impl App {
    /// Of a console with these options.
    pub fn of(options: Options, host: Arc<dyn Host>, access: Access) -> Self {
        let readers = Arc::new(Readers::of(options.dir.clone()));
        App {
            options: Arc::new(options),
            host,
            access: Arc::new(access),
            counted: Arc::default(),
            live: Live::default(),
            kept: Arc::default(),
            readers,
            told: Arc::default(),
        }
    }

    /// Keeps what is to be told by the next page; returns its number.
    pub fn tell(&self, text: String) -> u64 {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.0 += 1;
        let number = told.0;
        told.1.insert(number, text);
        while told.1.len() > TOLD_MAX {
            told.1.pop_first();
        }
        number
    }

    /// What was to be told.
    pub fn told(&self, number: u64) -> Option<String> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.1.get(&number).cloned()
    }

    /// Does work that reads the journal, on a thread that may block.
    ///
    /// # Errors
    /// What the work says.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Reader, &App) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            // The trouble of the work is no reason to open the journal again.
            app.readers.ask(|reader| match work(reader, &app) {
                Err(Trouble::Journal(error)) => Err(error),
                other => Ok(other),
            })
        });
        match done.await {
            Ok(answer) => answer?,
            Err(_) => Err(Trouble::Gone),
        }
    }

    /// Does work that waits for the guard, on a thread that may block.
    ///
    /// # Errors
    /// What the work says.
    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Host) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let host = Arc::clone(&self.host);
        match tokio::task::spawn_blocking(move || work(&*host)).await {
            Ok(answer) => answer.map_err(Trouble::Host),
            Err(_) => Err(Trouble::Gone),
        }
    }

    /// Asks who may look and who may act, on a thread that may block.
    ///
    /// # Errors
    /// What the work says.
    pub async fn gate<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Access) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let access = Arc::clone(&self.access);
        match tokio::task::spawn_blocking(move || work(&access)).await {
            Ok(answer) => answer.map_err(Trouble::from),
            Err(_) => Err(Trouble::Gone),
        }
    }

    /// A turn to try a secret, as [`Access::turn`]: waited for without a thread.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.access.turn().await
    }

    /// Who may look, and who may act: for who is on a thread that may block.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// The time by which "the last hour" is meant: this host's, or that of the recorded day.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn now(&self, reader: &Reader) -> Result<Timestamp, StoreError> {
        match self.options.is_recorded {
            true => Ok(reader.newest()?.unwrap_or_else(clock::now)),
            false => Ok(clock::now()),
        }
    }
}
