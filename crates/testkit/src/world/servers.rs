//! The server's own numbers: processes, queue ids, session ids.

use super::chance::mix;
use super::clock::{MINUTE, Micros};
use std::net::IpAddr;

/// One process of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    /// What stands in front of the process id: `postfix/smtpd`.
    pub name: &'static str,
    pub pid: u32,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.name, self.pid)
    }
}

/// The services that run more than one process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    Smtpd,
    Submission,
    Submissions,
    Cleanup,
    Smtp,
    Lmtp,
    Bounce,
}

struct Worker {
    free_at: Micros,
    pid: u32,
    uses: u32,
}

/// Postfix's `max_use` and `max_idle`.
const USES_MAX: u32 = 100;
const IDLE_MAX: Micros = 2 * MINUTE;

pub(crate) struct Servers {
    pools: [(&'static str, Vec<Worker>); 7],
    last_pid: u32,
    inode: u32,
    pub qmgr: Process,
    pub postscreen: Process,
    pub unbound: Process,
    pub auth_pid: u32,
    pub worker_pid: u32,
    worker_count: u64,
}

impl Servers {
    pub fn new(seed: u64) -> Self {
        let pid = 700 + (mix(seed, 1) % 400) as u32;
        let pool = |name| (name, Vec::new());
        Servers {
            pools: [
                pool("postfix/smtpd"),
                pool("postfix/submission/smtpd"),
                pool("postfix/submissions/smtpd"),
                pool("postfix/cleanup"),
                pool("postfix/smtp"),
                pool("postfix/lmtp"),
                pool("postfix/bounce"),
            ],
            // Those between are the house's: pickup, anvil.
            last_pid: pid + 20,
            inode: 0x1_0000 + (mix(seed, 2) % 0x8_0000) as u32,
            qmgr: Process { name: "postfix/qmgr", pid },
            postscreen: Process { name: "postfix/postscreen", pid: pid + 1 },
            unbound: Process { name: "unbound", pid: pid + 2 },
            auth_pid: pid + 3,
            worker_pid: pid + 4,
            worker_count: 0,
        }
    }

    /// A process for itself from `from` to `until`.
    pub fn process(&mut self, service: Service, from: Micros, until: Micros) -> Process {
        let (name, workers) = &mut self.pools[service as usize];
        workers.retain(|worker| worker.free_at + IDLE_MAX >= from && worker.uses < USES_MAX);
        if let Some(worker) = workers.iter_mut().find(|worker| worker.free_at < from) {
            worker.free_at = until;
            worker.uses += 1;
            return Process { name, pid: worker.pid };
        }
        self.last_pid = if self.last_pid > 4_000_000 { 2_000 } else { self.last_pid + 1 };
        workers.push(Worker { free_at: until, pid: self.last_pid, uses: 1 });
        Process { name, pid: self.last_pid }
    }

    /// A process id for what lives as long as one session.
    pub fn pid(&mut self) -> u32 {
        self.last_pid = if self.last_pid > 4_000_000 { 2_000 } else { self.last_pid + 1 };
        self.last_pid
    }

    /// Microseconds and inode, in capitals, as Postfix makes its short ids.
    pub fn queue_id(&mut self, at: Micros) -> String {
        self.inode = 0x1_0000 + (self.inode + 1) % 0xf_0000;
        format!("{:05X}{:X}", at.rem_euclid(1_000_000), self.inode)
    }

    /// The number of a request to Dovecot's password worker.
    pub fn worker_request(&mut self) -> u64 {
        self.worker_count += 1;
        self.worker_count
    }
}

/// Dovecot's session id: time, port and address in base 64.
pub(crate) fn session_id(at: Micros, port: u16, client: IpAddr) -> String {
    let mut bytes = [0u8; 24];
    bytes[..6].copy_from_slice(&at.to_le_bytes()[..6]);
    bytes[6..8].copy_from_slice(&port.to_le_bytes());
    let length = match client {
        IpAddr::V4(v4) => {
            bytes[8..12].copy_from_slice(&v4.octets());
            12
        }
        IpAddr::V6(v6) => {
            bytes[8..24].copy_from_slice(&v6.octets());
            24
        }
    };
    base64(&bytes[..length])
}

/// Of a multiple of three bytes, so without padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4);
    for three in bytes.chunks_exact(3) {
        let word = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(LETTERS[(word >> shift & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_serves_one_at_a_time_and_not_for_ever() {
        let mut servers = Servers::new(1);
        let first = servers.process(Service::Smtpd, 0, 10).pid;
        let second = servers.process(Service::Smtpd, 5, 15).pid;
        assert_ne!(first, second, "the first is busy");
        assert_eq!(servers.process(Service::Smtpd, 11, 12).pid, first, "and is free again");
        let mut uses = 1;
        while servers.process(Service::Smtpd, 20 + uses, 20 + uses).pid == first {
            uses += 1;
        }
        assert!(uses < 110, "{uses}");
    }

    #[test]
    fn session_ids_are_those_of_dovecot() {
        let id = session_id(0, 0, IpAddr::from([198, 51, 100, 7]));
        assert!(id.len() == 16 && id.ends_with("GM2QH"), "{id}");
    }
}
