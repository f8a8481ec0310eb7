//! How many connections there are at once: in all, and of one client.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections of one client at once: a browser opens about six. Loopback is nobody: a proxy or a
/// tunnel speaks there for many.
const OF_CLIENT_MAX: u32 = 64;

/// Connections that are open now; bounded by the places there are.
type Open = Arc<Mutex<BTreeMap<event::Network, u32>>>;

/// Places for connections.
#[derive(Clone)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    open: Open,
}

/// A client's place, given back when it is dropped.
pub(super) struct Place(Option<(Open, event::Network)>);

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Places { all: Arc::new(Semaphore::new(max)), open: Arc::default() }
    }

    /// One of all places, as soon as there is one.
    pub(super) async fn one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// One of a client's places; `None` where all of them are taken.
    pub(super) fn of_client(&self, client: IpAddr) -> Option<Place> {
        if client.is_loopback() {
            return Some(Place(None));
        }
        let network = super::of_one_client(client);
        let mut open = counts(&self.open);
        let count = open.entry(network).or_insert(0);
        if *count >= OF_CLIENT_MAX {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(&self.open), network))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((open, network)) = &self.0 else { return };
        let mut open = counts(open);
        let Some(count) = open.get_mut(network) else { return };
        *count -= 1;
        if *count == 0 {
            open.remove(network);
        }
    }
}

fn counts(open: &Open) -> MutexGuard<'_, BTreeMap<event::Network, u32>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_places_to_others() {
        let places = Places::new(1);
        let place = |client: &str| places.of_client(client.parse().unwrap());
        let mut held: Vec<Place> =
            (0..OF_CLIENT_MAX).map(|n| place(&format!("2001:db8::{n:x}")).unwrap()).collect();
        assert!(place("2001:db8::ffff").is_none(), "the same /64");
        assert!(place("2001:db8:0:1::1").is_some() && place("192.0.2.1").is_some());
        held.pop();
        let again = place("2001:db8::ffff");
        assert!(again.is_some());
        drop((held, again));
        assert!(counts(&places.open).is_empty(), "nothing is left of who is gone");
        let near: Vec<Option<Place>> = (0..1000).map(|_| place("127.0.0.1")).collect();
        assert!(near.iter().all(Option::is_some));
    }
}
