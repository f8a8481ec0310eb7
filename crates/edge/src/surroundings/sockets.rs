//! Who listens where, and who is connected: `/proc/net/tcp`, joined with the processes that hold
//! the sockets.

use super::Lack;
use super::network::hex_v4;
use super::tree::Tree;
use event::{Server, canonical};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// TCP states as `/proc/net/tcp` numbers them.
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;

/// A port that a mail server listens on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listener {
    /// Address and port.
    pub at: SocketAddr,
    /// Whose it is, where that could be found out.
    pub server: Option<Server>,
}

impl Listener {
    /// Its port.
    pub fn port(&self) -> u16 {
        self.at.port()
    }
}

/// Somebody connected to a mail server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MailClient {
    /// The other end.
    pub peer: SocketAddr,
    /// Whose port it is, where that could be found out.
    pub server: Option<Server>,
}

/// The TCP sockets of this network namespace and the processes of this host.
#[derive(Clone, Default, Debug)]
pub struct Sockets {
    sockets: Vec<Socket>,
    processes: Vec<Process>,
    /// Socket inode to indices in `processes`.
    owners: BTreeMap<u64, Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Socket {
    local: SocketAddr,
    peer: SocketAddr,
    state: u8,
    /// Who made it.
    uid: u32,
    inode: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Process {
    /// The first fifteen bytes of its name.
    name: String,
    /// Its command line or title, arguments separated by spaces.
    title: String,
    /// Whose it is, where it runs a program that is sshd's.
    sshd: Option<Sshd>,
    /// It is a person's.
    is_of_person: bool,
}

/// Users with at least this number are people, containers or nobody (login.defs(5), `UID_MIN`);
/// those below are the system's.
const PEOPLE_FROM: u32 = 1_000;

/// A process whose program is a file named like sshd's that only root can have made, whatever it
/// calls itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sshd {
    /// It is root's alone: nobody else's process, nor one that became root's by the
    /// set-user-id bit.
    OfRoot,
    /// It is another user's: a session's second process, or one that its owner started.
    OfUser,
}

impl Sockets {
    pub(super) fn read(tree: &Tree, lacks: &mut Vec<Lack>) -> Self {
        let mut sockets = Sockets::default();
        let tables = ["proc/net/tcp", "proc/net/tcp6"].map(|path| tree.read(path));
        let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
        sockets.sockets = lines.filter_map(socket).collect();
        let unreadable = sockets.read_processes(tree);
        if tables.iter().all(Option::is_none) || sockets.processes.is_empty() {
            lacks.push(Lack {
                what: "running processes and sockets cannot be listed (/proc)".to_owned(),
                effect: "mail servers are known from their configuration only",
                remedy: "mount /proc without hidepid for this service",
            });
        } else if unreadable {
            lacks.push(Lack {
                what: "sockets of other users' processes cannot be seen".to_owned(),
                effect: "ports that are no standard mail ports, and administrators' SSH sessions, \
                         are not found",
                remedy: "start as root, or list the ports and the administrators' networks",
            });
        }
        sockets
    }

    /// Reads all processes; true where the descriptors of one could not be read.
    fn read_processes(&mut self, tree: &Tree) -> bool {
        let mut unreadable = false;
        for pid in tree.names("proc").unwrap_or_default() {
            if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let directory = format!("proc/{pid}");
            // A process may end while it is looked at.
            let Some(name) = tree.read(format!("{directory}/comm")) else { continue };
            let name = name.trim_end_matches('\n').to_owned();
            let title = tree.read(format!("{directory}/cmdline")).unwrap_or_default();
            let title = title.replace('\0', " ").trim_end().to_owned();
            let users = users(tree, &directory);
            let is_of_person = users.iter().any(|user| *user >= PEOPLE_FROM);
            let mut process = Process { name, title, sshd: None, is_of_person };
            if process.is_named_sshd() {
                process.sshd = Sshd::of(tree, &directory, &users);
            }
            let is_of_interest = process.server().is_some() || process.is_named_sshd();
            let index = self.processes.len();
            self.processes.push(process);
            if !is_of_interest {
                continue;
            }
            let descriptors = tree.names(format!("{directory}/fd"));
            unreadable |= descriptors.is_none() && tree.has(&directory);
            for descriptor in descriptors.unwrap_or_default() {
                let link = tree.link(format!("{directory}/fd/{descriptor}"));
                if let Some(inode) = link.as_deref().and_then(socket_inode) {
                    self.owners.entry(inode).or_default().push(index);
                }
            }
        }
        unreadable
    }

    fn owners_of(&self, socket: &Socket) -> impl Iterator<Item = &Process> {
        let indices = self.owners.get(&socket.inode).into_iter().flatten();
        indices.filter_map(|index| self.processes.get(*index))
    }

    /// Where mail servers listen, for others than the host itself. A standard mail port counts
    /// even where its owner is not known (a container's proxy).
    pub fn listeners_of_mail(&self) -> Vec<Listener> {
        let listening = self.sockets.iter().filter(|socket| socket.state == LISTEN);
        let mut listeners: Vec<Listener> = listening
            .filter(|socket| !socket.local.ip().is_loopback())
            .map(|socket| Listener {
                at: socket.local,
                server: self.owners_of(socket).find_map(Process::server),
            })
            .filter(|one| one.server.is_some() || super::PORTS_MAIL.contains(&one.port()))
            .collect();
        listeners.sort_unstable();
        listeners.dedup();
        listeners
    }

    /// Peers of SSH sessions in which somebody has logged in. A connection alone proves nothing:
    /// a guesser holds one, too. sshd tells by its title: `sshd: user@pts/0` after the login.
    ///
    /// Any user can give a process of his that name and title, run the real sshd on a port of his
    /// own, or have his session forward a connection from or to anywhere. So the socket must be
    /// one that root made, and root's sshd must hold it, too, as the monitor of every session does.
    pub fn administrators(&self) -> Vec<IpAddr> {
        let connected = self.sockets.iter().filter(|socket| socket.state == ESTABLISHED);
        connected
            .filter(|socket| {
                let is_of_root = |process: &Process| process.sshd == Some(Sshd::OfRoot);
                socket.uid == 0
                    && self.owners_of(socket).any(is_of_root)
                    && self.owners_of(socket).any(Process::is_login_session)
            })
            .map(|socket| socket.peer.ip())
            .filter(|address| !address.is_loopback())
            .collect()
    }

    /// Others' ends of the connections to these ports, also of those that ended lately and that the
    /// kernel still remembers. Sorted, each once.
    pub fn clients_of(&self, ports: &BTreeSet<u16>, listeners: &[Listener]) -> Vec<MailClient> {
        let server = |port| listeners.iter().find(|one| one.port() == port)?.server;
        let connected = self.sockets.iter().filter(|socket| socket.state != LISTEN);
        let clients: BTreeSet<MailClient> = connected
            .filter(|socket| ports.contains(&socket.local.port()))
            .map(|socket| MailClient { peer: socket.peer, server: server(socket.local.port()) })
            .filter(|client| !canonical(client.peer.ip()).is_loopback())
            .collect();
        clients.into_iter().collect()
    }

    /// True where a process of this mail server runs.
    pub fn runs(&self, server: Server) -> bool {
        self.processes.iter().any(|process| process.server() == Some(server))
    }

    /// The syslog daemon that runs. A person's process of that name is none: it would have a stale
    /// file read, and not the journal.
    pub fn syslog_daemon(&self) -> Option<&str> {
        const DAEMONS: [&str; 4] = ["rsyslogd", "syslog-ng", "syslogd", "metalog"];
        let of_system = || self.processes.iter().filter(|process| !process.is_of_person);
        let names = of_system().map(|process| process.name.as_str());
        let daemon = names.into_iter().find(|name| DAEMONS.contains(name));
        daemon.or_else(|| {
            // Its main thread is named rs:main on some versions.
            let titles = of_system().map(|process| process.title.as_str());
            titles.into_iter().any(|title| title.contains("/rsyslogd")).then_some("rsyslogd")
        })
    }
}

impl Process {
    /// The mail server that this is a process of.
    fn server(&self) -> Option<Server> {
        let program = self.title.split(' ').next().unwrap_or_default();
        match self.name.as_str() {
            // Postfix's other processes inherit the sockets that its master holds, too.
            "master" if program.contains("postfix") => Some(Server::Postfix),
            "dovecot" => Some(Server::Dovecot),
            "exim4" | "exim" => Some(Server::Exim),
            // Postfix has an `smtpd`, too, started by that name alone.
            "smtpd" if self.title.starts_with("smtpd: ") || program.ends_with("/smtpd") => {
                Some(Server::Opensmtpd)
            }
            _ => None,
        }
    }

    fn is_named_sshd(&self) -> bool {
        self.name.starts_with("sshd")
    }

    fn is_login_session(&self) -> bool {
        let session = self.title.strip_prefix("sshd-session: ");
        let session = session.or_else(|| self.title.strip_prefix("sshd: "));
        // Before the login the title ends in a part's name, `user [net]`.
        let logged_in = |session: &str| session.contains('@') && !session.ends_with(']');
        self.sshd.is_some() && session.is_some_and(logged_in)
    }
}

impl Sshd {
    fn of(tree: &Tree, directory: &str, users: &[u32]) -> Option<Self> {
        let program = format!("{directory}/exe");
        let link = tree.link(&program)?;
        // An update leaves the sessions that run with the program that was there before.
        let path = link.strip_suffix(" (deleted)").unwrap_or(&link);
        let is_named = path.rsplit('/').next()?.starts_with("sshd");
        if !is_named || !tree.is_of_root(&program) {
            return None;
        }
        let all_of_root = !users.is_empty() && users.iter().all(|user| *user == 0);
        Some(if all_of_root { Sshd::OfRoot } else { Sshd::OfUser })
    }
}

/// The real, effective, saved and file system user of a process, where they can be read.
fn users(tree: &Tree, directory: &str) -> Vec<u32> {
    let status = tree.read(format!("{directory}/status")).unwrap_or_default();
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    users.split_ascii_whitespace().filter_map(|user| user.parse().ok()).collect()
}

fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// A line of `/proc/net/tcp` or `/proc/net/tcp6`: number, local, peer, state, and as the eighth
/// and tenth field user and inode.
fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = end(fields.next()?)?;
    let peer = end(fields.next()?)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some(Socket { local, peer, state, uid, inode })
}

/// `address:port`, both hexadecimal.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = match address.len() {
        8 => hex_v4(address)?,
        // Four numbers, each as its four bytes are in memory.
        32 => {
            let mut bytes = [0; 16];
            let digits = address.as_bytes().chunks_exact(8);
            for (word, digits) in bytes.chunks_exact_mut(4).zip(digits) {
                let digits = str::from_utf8(digits).ok()?;
                word.copy_from_slice(&u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
            }
            canonical(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}
