//! Tells systemd how the service is (sd_notify(3)): ready, alive, what it does, that it ends.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The way to the service manager; without one nothing is told.
#[derive(Debug, Default)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    watched: bool,
    status: String,
}

impl Notify {
    /// As `NOTIFY_SOCKET` and `WATCHDOG_USEC` say.
    pub fn from_environment() -> Self {
        let path = std::env::var_os("NOTIFY_SOCKET");
        Notify::to(path.as_deref(), std::env::var_os("WATCHDOG_USEC").is_some())
    }

    /// To a socket by its path, or by its abstract name behind `@`. One that cannot be reached is
    /// none: the service manager will say so itself.
    fn to(name: Option<&OsStr>, watched: bool) -> Self {
        let socket = name.and_then(|name| {
            let address = match name.as_bytes().split_first() {
                Some((b'@', name)) => SocketAddr::from_abstract_name(name),
                _ => SocketAddr::from_pathname(name),
            };
            let socket = UnixDatagram::unbound().ok()?;
            socket.connect_addr(&address.ok()?).ok()?;
            socket.set_nonblocking(true).ok()?;
            Some(socket)
        });
        Notify { socket, watched, status: String::new() }
    }

    /// The service does its work now.
    pub fn ready(&mut self) {
        self.say("READY=1");
    }

    /// It is alive. The status must hold no control characters; it is told where it is news.
    pub fn alive(&mut self, status: &str) {
        if self.watched {
            self.say("WATCHDOG=1");
        }
        if self.status != status {
            status.clone_into(&mut self.status);
            self.say(&format!("STATUS={status}"));
        }
    }

    /// It ends.
    pub fn stopping(&mut self) {
        self.say("STOPPING=1");
    }

    /// Nobody waits for a service manager that does not listen.
    fn say(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_socket_by_path_or_by_name_hears_each_word() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let name = format!("mailward-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let sockets = [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}").into()),
        ];
        for (socket, name) in sockets {
            let mut notify = Notify::to(Some(&name), true);
            notify.ready();
            notify.alive("2 bans hold");
            notify.alive("2 bans hold");
            notify.stopping();
            let told = ["READY=1", "WATCHDOG=1", "STATUS=2 bans hold", "WATCHDOG=1", "STOPPING=1"];
            assert_eq!(told.map(|_| heard(&socket)), told);
        }
    }

    #[test]
    fn without_a_service_manager_nothing_is_told() {
        for name in [None, Some(OsStr::new("/nonexistent/notify")), Some(OsStr::new(""))] {
            let mut notify = Notify::to(name, true);
            notify.ready();
            notify.alive("x");
        }
    }
}
