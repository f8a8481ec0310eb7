//! The console's certificate from an authority that issues them by ACME (RFC 8555): an account, an
//! order, the proof by http-01 that the names are this host's, and what is kept of it.
//!
//! The one crate that opens connections to another host: to the directory that a person named, and
//! only while a certificate is wanted.

mod challenge;
mod kept;
mod order;

pub use kept::{Failures, Kept, Standing};

use challenge::Answers;
use kept::Issued;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

/// An order that has no end within this is given up.
const WITHIN: Duration = Duration::from_secs(300);

/// What is asked of whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The authority's directory (RFC 8555, 7.1.1): `https://` and so on.
    pub directory: String,
    /// Who signed the certificate of the directory's own server, PEM; nothing: whom the system
    /// trusts.
    pub signed_by: Option<PathBuf>,
    /// Where the authority may write to, if it wants to.
    pub email: Option<String>,
    /// The host names that the certificate is for.
    pub names: Vec<String>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// What is kept cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Nobody could ask for the proof.
    #[error("{address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The authority cannot be reached, or refuses.
    #[error("{directory}: {why}")]
    Directory {
        /// The authority.
        directory: String,
        /// What it says, or what stands between.
        why: String,
    },
    /// The authority asked at the name, and did not get the proof.
    #[error("{name} is not proved to be this host: {why}")]
    NotProved {
        /// The name.
        name: String,
        /// What the authority says.
        why: String,
    },
    /// The authority wants another proof than the one that can be given.
    #[error("{directory} offers no http-01 for {name}")]
    NoHttp01 {
        /// The authority.
        directory: String,
        /// The name.
        name: String,
    },
    /// It takes too long.
    #[error("{directory}: no certificate in good time")]
    Slow {
        /// The authority.
        directory: String,
    },
}

/// Listens where the authority will ask for the proof. On hosts without IPv6, `[::]` is `0.0.0.0`.
///
/// # Errors
/// The address is taken, or wants a right that this process has not.
pub fn listen(address: SocketAddr) -> Result<TcpListener, AcmeError> {
    let bound = match TcpListener::bind(address) {
        Err(_) if address.ip().is_unspecified() && address.is_ipv6() && !has_ipv6() => {
            TcpListener::bind(("0.0.0.0", address.port()))
        }
        bound => bound,
    };
    bound.map_err(|error| AcmeError::Listen { address, error })
}

fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

/// Has a certificate issued, and keeps it. Answers the authority's questions on `listener`
/// meanwhile. It is a failure from the begin on, until it is none. Tells when the certificate ends,
/// seconds since 1970.
///
/// # Errors
/// Why there is none; what was kept before stays.
pub fn obtain(
    request: &Request,
    kept: &Kept,
    listener: TcpListener,
    now_s: i64,
) -> Result<i64, AcmeError> {
    kept.begin(now_s)?;
    let kept_now =
        issued(request, kept, listener).and_then(|issued| kept.put(request, &issued, now_s));
    if let Err(error) = &kept_now {
        // Where it cannot be written, that it was broken off stands there.
        let _ = kept.end(&error.to_string());
    }
    kept_now
}

fn issued(request: &Request, kept: &Kept, listener: TcpListener) -> Result<Issued, AcmeError> {
    let told = |error| AcmeError::File { path: kept.dir().to_owned(), error };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(told)?;
    runtime.block_on(async {
        let answers = Answers::default();
        challenge::serve(listener, answers.clone())?;
        tokio::time::timeout(WITHIN, order::issued(request, kept, &answers))
            .await
            .unwrap_or_else(|_| Err(order::slow(request)))
    })
}
