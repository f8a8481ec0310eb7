//! What this host is, found without configuration: mail servers, their logs and ports, the
//! addresses that must never be banned, what this process may do.
//!
//! Everything is read from files under a root directory (`/`, or a made-up tree in tests); no
//! program is run and nothing is changed. What could not be found out is a [`Lack`], never a guess.

mod host;
mod logs;
mod network;
mod servers;
mod sockets;
mod tree;

pub use host::Privileges;
pub use logs::{LogChoice, LogPlace, WEB_LOGS, cannot_read};
pub use network::Neighbours;
pub use servers::{LogTarget, MailServer, PORTS_MAIL};
pub use sockets::{Listener, MailClient, Sockets};

use event::Network;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use tree::Tree;

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Surroundings {
    /// The host's name.
    pub host: Option<String>,
    /// The mail servers that run or are configured here.
    pub servers: Vec<MailServer>,
    /// Which logs to read, and why these. No line is in two of them.
    pub logs: Vec<LogChoice>,
    /// systemd units of mail servers that exist here.
    pub units: Vec<String>,
    /// Ports that a mail server listens on, for others than the host itself.
    pub listeners: Vec<Listener>,
    /// Ports to guard: the standard mail ports and those of `listeners`, ascending.
    pub ports: Vec<u16>,
    /// Own addresses, gateways and resolvers.
    pub neighbours: Neighbours,
    /// Peers of authenticated SSH sessions.
    pub administrators: Vec<IpAddr>,
    /// Others' ends of connections to these ports, also of those that ended a moment ago.
    pub mail_clients: Vec<MailClient>,
    /// What this process may do.
    pub privileges: Privileges,
    /// The time zone's name, where it has one.
    pub zone: Option<String>,
    /// What could not be found out.
    pub lacks: Vec<Lack>,
}

/// Something that could not be found out or is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lack {
    /// What is missing.
    pub what: String,
    /// What it means for guarding.
    pub effect: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for Lack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}; {}", self.what, self.effect, self.remedy)
    }
}

/// Looks around. `root` is `/` but in tests; `ssh_connection` is the environment variable
/// `SSH_CONNECTION` of whoever started the program (sshd(8)).
pub fn look(root: &Path, ssh_connection: Option<&str>) -> Surroundings {
    let tree = Tree::new(root);
    let mut lacks = Vec::new();
    let privileges = Privileges::read(&tree);
    let sockets = Sockets::read(&tree, &mut lacks);
    let servers = servers::find(&tree, &sockets);
    let listeners = sockets.listeners_of_mail();
    let ports = PORTS_MAIL.iter().copied().chain(listeners.iter().map(|one| one.port()));
    let ports: BTreeSet<u16> = ports.collect();
    let mut administrators = sockets.administrators();
    let peer = ssh_connection.and_then(|value| value.split_ascii_whitespace().next());
    administrators.extend(peer.and_then(network::address));
    administrators.sort_unstable();
    administrators.dedup();
    Surroundings {
        host: tree.read("proc/sys/kernel/hostname").map(|name| name.trim().to_owned()),
        logs: logs::choose(&tree, &servers, &sockets, &mut lacks),
        units: logs::units(&tree),
        servers,
        mail_clients: sockets.clients_of(&ports, &listeners),
        listeners,
        ports: ports.into_iter().collect(),
        neighbours: Neighbours::read(&tree, &mut lacks),
        administrators,
        privileges,
        zone: host::zone(&tree),
        lacks,
    }
}

impl Surroundings {
    /// Networks that are never banned: loopback, own addresses, gateways, resolvers,
    /// administrators' peers. Sorted, each once.
    pub fn protected(&self) -> Vec<Network> {
        let loopback = ["127.0.0.0/8", "::1/128"].into_iter().filter_map(|text| text.parse().ok());
        let neighbours = &self.neighbours;
        let hosts =
            [&neighbours.own, &neighbours.gateways, &neighbours.resolvers, &self.administrators];
        let hosts = hosts.into_iter().flatten().map(|address| Network::host(*address));
        loopback.chain(hosts).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
