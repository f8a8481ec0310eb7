//! How the commands of the command line reach a running guard: one JSON line there, one back.
//!
//! The socket lies in the state directory, mode 0600: who may open it may order. The kernel says
//! who asks (`SO_PEERCRED`), so the audit trail does not rely on what the asker claims.

use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest request or answer, in bytes.
pub const LINE_MAX: usize = 16 * 1024 * 1024;

/// What can be asked of a running guard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// How it is.
    Status,
    /// Everything about one subject that only the running guard knows.
    Explain {
        /// As written on the command line.
        subject: String,
    },
    /// When somebody last logged in to each of these accounts.
    LastLogins {
        /// Their names, as they are.
        accounts: Vec<String>,
    },
    /// Ban.
    Ban {
        /// As written on the command line.
        subject: String,
        /// `None`: until lifted.
        duration_s: Option<u32>,
        /// For the audit trail.
        reason: String,
    },
    /// End a ban.
    Unban {
        /// As written on the command line.
        subject: String,
        /// For the audit trail.
        reason: String,
    },
    /// Never ban.
    Allow {
        /// A network or address.
        network: String,
        /// `None`: for ever.
        duration_s: Option<u32>,
        /// For the audit trail.
        reason: String,
    },
    /// An order on behalf of somebody whom the asker knows: the console its users. Believed of who
    /// runs the guard, and of root.
    As {
        /// For the audit trail.
        operator: String,
        /// What is ordered.
        request: Box<Request>,
    },
    /// Somebody tried to sign in to the console.
    SignedIn {
        /// From where; not on the console's socket.
        client: Option<IpAddr>,
        /// As whom.
        account: String,
        /// Whether it succeeded.
        is_allowed: bool,
    },
    /// Open an incident about a subject.
    OpenIncident {
        /// As written on the command line.
        subject: String,
        /// For the audit trail; what it is called.
        reason: String,
    },
    /// Take an incident on, end it, or open it again.
    Incident {
        /// Its number.
        number: u64,
        /// `acknowledge`, `resolve` or `reopen`.
        step: String,
        /// For the audit trail.
        reason: String,
    },
    /// Take off the allowlist.
    Disallow {
        /// A network or address.
        network: String,
        /// For the audit trail.
        reason: String,
    },
}

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// False where the request was refused.
    pub ok: bool,
    /// For a person: what was done, or why not.
    pub text: String,
    /// What was asked for.
    #[serde(default)]
    pub data: serde_json::Value,
}

impl Answer {
    /// Done.
    pub fn done(text: impl Into<String>) -> Self {
        Answer { ok: true, text: text.into(), data: serde_json::Value::Null }
    }

    /// Not done, and why.
    pub fn refused(text: impl Into<String>) -> Self {
        Answer { ok: false, text: text.into(), data: serde_json::Value::Null }
    }

    /// What was asked for.
    pub fn data(data: serde_json::Value) -> Self {
        Answer { ok: true, text: String::new(), data }
    }
}

/// The socket of the guard whose state lies in `dir`.
pub fn socket_path(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Asks the running guard; `Ok(None)` where none runs.
pub fn ask(dir: &Path, request: &Request) -> Result<Option<Answer>, Failure> {
    let path = socket_path(dir);
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if is_nobody_there(&error) => return Ok(None),
        Err(error) => {
            let remedy = if error.kind() == std::io::ErrorKind::PermissionDenied {
                "ask as the user who runs the guard (root), or name its configuration with --config"
            } else {
                "name the configuration of the guard with --config: state.dir says where it is asked"
            };
            return Err(Failure::new(format!("{}: {error}", path.display())).remedy(remedy));
        }
    };
    exchange(stream, request)
        .map(Some)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// Asks the running guard; a failure with the remedy where none runs.
pub fn order(dir: &Path, request: &Request) -> Result<Answer, Failure> {
    let Some(answer) = ask(dir, request)? else {
        return Err(Failure::new(format!(
            "no guard runs with the state directory {}",
            dir.display()
        ))
        .remedy("start it with `mailward up`, or name its configuration with --config"));
    };
    if answer.ok { Ok(answer) } else { Err(Failure::new(answer.text)) }
}

fn is_nobody_there(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused)
}

fn exchange(mut stream: UnixStream, request: &Request) -> std::io::Result<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE_MAX as u64)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
