//! Notices that a limit of the kernel dropped packets, and names the key by which it is changed:
//! nothing else tells an administrator why an office cannot connect.

use edge::clock::Moment;
use edge::enforce::Counter;
use event::Mode;
use std::time::Duration;

/// One limit is told of at most so often.
const TOLD_EVERY: Duration = Duration::from_secs(3_600);

/// A limit: how the names of its rules begin, its key, and what is limited.
struct Limit {
    rules: &'static str,
    key: &'static str,
    what: &'static str,
}

const LIMITS: [Limit; 4] = [
    Limit {
        rules: "rate-address-",
        key: "kernel.connections_per_minute",
        what: "an address opened connections faster",
    },
    Limit {
        rules: "rate-prefix-",
        key: "kernel.prefix_connections_per_minute",
        what: "a prefix opened connections faster",
    },
    Limit {
        rules: "concurrent-address-",
        key: "kernel.concurrent_max",
        what: "an address held more connections open",
    },
    Limit {
        rules: "concurrent-prefix-",
        key: "kernel.prefix_concurrent_max",
        what: "a prefix held more connections open",
    },
];

/// What was seen of each limit.
#[derive(Default)]
pub struct LimitWatch {
    /// Packets that were told of, or were counted before this guard began.
    told: Option<[u64; LIMITS.len()]>,
    told_at: [Option<Moment>; LIMITS.len()],
}

impl LimitWatch {
    /// A sentence for each limit that acted and was not told of lately.
    pub fn look(&mut self, counters: &[Counter], mode: Mode, now: Moment) -> Vec<String> {
        let packets = LIMITS.map(|limit| {
            let of_limit = counters.iter().filter(|counter| counter.name.starts_with(limit.rules));
            of_limit.fold(0u64, |sum, counter| sum.saturating_add(counter.packets))
        });
        let Some(told) = &mut self.told else {
            self.told = Some(packets);
            return Vec::new();
        };
        let rows = LIMITS.iter().zip(packets).zip(told.iter_mut().zip(&mut self.told_at));
        let mut sentences = Vec::new();
        for ((limit, packets), (told, told_at)) in rows {
            let lately = told_at.is_some_and(|at| now.since(at) < TOLD_EVERY);
            // The counters begin anew where the table was made anew.
            let more = if packets < *told { packets } else { packets - *told };
            if more > 0 && !lately {
                (*told, *told_at) = (packets, Some(now));
                sentences.push(sentence(limit, more, mode));
            }
        }
        sentences
    }
}

fn sentence(limit: &Limit, packets: u64, mode: Mode) -> String {
    let Limit { key, what, .. } = limit;
    let packets = crate::terminal::things(packets as usize, "packet", "packets");
    let dropped = match mode {
        Mode::Enforce => "dropped",
        Mode::Observe | Mode::Off => "over the limit, and let through",
    };
    format!(
        "{what} than {key} allows: {packets} {dropped}; where that is an office or a proxy, raise \
         {key} or list it in {}",
        crate::config::keys::UNLIMITED
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(address: u64, prefix: u64) -> Vec<Counter> {
        [("rate-address-v4", address), ("rate-address-v6", 1), ("concurrent-prefix-v6", prefix)]
            .map(|(name, packets)| Counter { name: name.to_owned(), packets, bytes: 0 })
            .into()
    }

    #[test]
    fn a_limit_that_acts_is_told_with_its_key_and_not_each_time() {
        let mut watch = LimitWatch::default();
        let begun = Moment::default();
        let mut look = |address, prefix, seconds| {
            let now = begun.plus(Duration::from_secs(seconds));
            watch.look(&counters(address, prefix), Mode::Enforce, now)
        };
        assert!(look(40, 0, 0).is_empty(), "counted before this guard began");
        assert!(look(40, 0, 10).is_empty());
        let told = look(47, 0, 20);
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("kernel.connections_per_minute"), "{}", told[0]);
        assert!(told[0].contains("7 packets dropped"), "{}", told[0]);
        assert!(told[0].contains("kernel.unlimited"), "{}", told[0]);
        assert!(look(90, 0, 30).is_empty(), "told lately");
        let told = look(90, 2, 40);
        assert!(told.len() == 1 && told[0].contains("kernel.prefix_concurrent_max"), "{told:?}");
        let told = look(91, 2, 3_700);
        assert!(told.len() == 1 && told[0].contains("44 packets"), "{told:?}");
        assert!(look(91, 2, 9_000).is_empty(), "nothing new");
    }

    #[test]
    fn counters_that_begin_anew_and_a_mode_that_drops_nothing() {
        let mut watch = LimitWatch::default();
        let now = Moment::default();
        assert!(watch.look(&counters(40, 0), Mode::Observe, now).is_empty());
        let told = watch.look(&counters(4, 0), Mode::Observe, now);
        assert!(told.len() == 1 && told[0].contains("5 packets over the limit"), "{told:?}");
    }

    #[test]
    fn every_limit_names_a_key_that_there_is() {
        for limit in LIMITS {
            assert!(crate::config::settings().any(|setting| setting.path() == limit.key));
        }
        assert!(crate::config::settings().any(|s| s.path() == crate::config::keys::UNLIMITED));
    }
}
