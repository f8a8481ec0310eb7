//! The listener: TCP addresses (with TLS or on loopback), and a unix socket. Every connection has
//! limits, every answer the headers that keep a page's content its own.

mod guarded;
mod places;
mod tls;

use crate::access::Access;
use crate::app::App;
use crate::{Host, api, assets, pages};
use axum::Router;
use axum::extract::Request;
use guarded::guarded;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tower::ServiceExt as _;

use places::Places;

#[cfg(all(test, feature = "passkeys"))]
pub use tls::tests::tls as tls_for_tests;
pub use tls::{Stamp, Tls, TlsError, TlsFiles};

/// Connections open at once, on TCP; more wait in the kernel's queue. As many again on the socket:
/// no stranger keeps this host's own people out.
const CONNECTIONS_MAX: usize = 256;
/// Who does not take in what is sent to him for so long, in milliseconds, is gone.
const TAKEN_WITHIN_MS: u32 = 30_000;
/// Who connects says what he wants within this.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The longest head of a request, in bytes.
const HEAD_MAX: usize = 32 << 10;

/// Where and how the console listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP addresses.
    pub listen: Vec<SocketAddr>,
    /// A unix socket, mode 0600.
    pub socket: Option<PathBuf>,
    /// The state directory: the journal lies there, and the console's own file.
    pub dir: PathBuf,
    /// Certificate and key, for every TCP address.
    pub tls: Option<Arc<Tls>>,
    /// Names by which it may be asked for besides `localhost` and addresses.
    pub names: Vec<String>,
    /// Whoever comes is an operator: on loopback only.
    pub is_open: bool,
    /// The journal is of a recorded day: its newest event is now.
    pub is_recorded: bool,
    /// Where an address is taken, any other port will do.
    pub any_port: bool,
}

/// Why the console cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Beyond loopback everybody could read along.
    #[error(
        "console.listen: {0} is beyond this host, and wants TLS: set console.certificate and console.key, or listen on 127.0.0.1 and come by ssh -L"
    )]
    NoTls(SocketAddr),
    /// Beyond loopback everybody would be an operator.
    #[error("console.listen: {0} is beyond this host, and wants sign-in: take console.open away")]
    Open(SocketAddr),
    /// An address cannot be had.
    #[error("{place}: {error}")]
    Listen {
        /// Address or path.
        place: String,
        /// Why.
        error: io::Error,
    },
    /// The console's own file.
    #[error("{0}")]
    Access(#[from] crate::access::AccessError),
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// An address.
    Address(IpAddr),
    /// A user of this host, on the unix socket.
    User(u32),
}

/// All addresses of one client: an IPv6 client has a whole /64 to itself.
pub fn of_one_client(client: IpAddr) -> event::Network {
    event::Network::of(client, if client.is_ipv4() { 32 } else { 64 })
}

/// Where a browser finds a console that listens on these: beyond this host by its first name, for
/// which its certificate is.
pub fn url(listen: &[SocketAddr], names: &[String], is_tls: bool) -> Option<String> {
    let scheme = if is_tls { "https" } else { "http" };
    let beyond = listen.iter().find(|address| !address.ip().is_loopback());
    if let (Some(address), Some(name)) = (beyond, names.first()) {
        return Some(format!("{scheme}://{name}:{}", address.port()));
    }
    let mut address = *listen.first()?;
    match address.ip() {
        IpAddr::V4(all) if all.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(all) if all.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Some(format!("{scheme}://{address}"))
}

/// A console that listens and does not serve yet.
pub struct Console {
    app: App,
    tcp: Vec<TcpListener>,
    unix: Option<UnixListener>,
}

impl Console {
    /// Listens.
    ///
    /// # Errors
    /// It would be unsafe, or an address cannot be had.
    pub async fn listen(mut options: Options, host: Arc<dyn Host>) -> Result<Console, ServeError> {
        for address in options.listen.iter().filter(|address| !address.ip().is_loopback()) {
            if options.tls.is_none() {
                return Err(ServeError::NoTls(*address));
            }
            if options.is_open {
                return Err(ServeError::Open(*address));
            }
        }
        let mut tcp = Vec::new();
        for address in &options.listen {
            tcp.push(listen(*address, options.any_port).await?);
        }
        // Where it does listen: a port that was left to the kernel has a number now.
        let addresses = tcp.iter().filter_map(|listener| listener.local_addr().ok());
        options.listen = addresses.collect();
        let unix = options.socket.as_deref().map(listen_unix).transpose()?;
        let access = Access::open(&options.dir)?;
        let app = App::of(options, host, access);
        Ok(Console { app, tcp, unix })
    }

    /// Where a browser finds it.
    pub fn url(&self) -> Option<String> {
        let options = &self.app.options;
        url(&options.listen, &options.names, options.tls.is_some())
    }

    /// Who may look, and who may act.
    pub fn access(&self) -> &Access {
        self.app.access()
    }

    /// Serves until `stop` is done.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let places = Places::new(CONNECTIONS_MAX);
        let tls = self.app.options.tls.clone();
        let router = router(self.app.clone(), tls.is_some());
        if let Some(tls) = &tls {
            tokio::spawn(renewals(Arc::clone(tls), Arc::clone(&self.app.host)));
        }
        for listener in self.tcp {
            let serving =
                Serving { router: router.clone(), places: places.clone(), tls: tls.clone() };
            tokio::spawn(serving.accept(listener));
        }
        if let Some(listener) = self.unix {
            let places = Places::new(CONNECTIONS_MAX);
            tokio::spawn(Serving { router, places, tls: None }.accept_unix(listener));
        }
        stop.await;
    }
}

/// Looks after certificate and key, on a thread that may block.
async fn renewals(tls: Arc<Tls>, host: Arc<dyn Host>) {
    loop {
        tokio::time::sleep(tls::LOOK_EVERY).await;
        let (tls, host) = (Arc::clone(&tls), Arc::clone(&host));
        let look = move || tls.look(crate::clock::monotonic()).iter().for_each(|it| host.warn(it));
        let _ = tokio::task::spawn_blocking(look).await;
    }
}

async fn listen(address: SocketAddr, any_port: bool) -> Result<TcpListener, ServeError> {
    let bound = match TcpListener::bind(address).await {
        Err(_) if any_port => TcpListener::bind((address.ip(), 0)).await,
        bound => bound,
    };
    bound.map_err(|error| ServeError::Listen { place: address.to_string(), error })
}

fn listen_unix(path: &Path) -> Result<UnixListener, ServeError> {
    let told = |error| ServeError::Listen { place: path.display().to_string(), error };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(told)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(told)?;
    Ok(listener)
}

/// All routes, with what stands around each.
pub fn router(app: App, is_tls: bool) -> Router {
    let routes = Router::new()
        .merge(pages::routes())
        .merge(crate::access::routes())
        .merge(api::routes())
        .fallback(pages::missing);
    guarded(routes, assets::routes(), &app, is_tls).with_state(app)
}

#[derive(Clone)]
struct Serving {
    router: Router,
    places: Places,
    tls: Option<Arc<Tls>>,
}

impl Serving {
    async fn accept(self, listener: TcpListener) {
        loop {
            let Some(place) = self.places.one().await else { return };
            let Ok((stream, peer)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let client = event::canonical(peer.ip());
            let Some(own) = self.places.of_client(client) else { continue };
            let serving = self.clone();
            let _ = stream.set_nodelay(true);
            let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, TAKEN_WITHIN_MS);
            tokio::spawn(async move {
                let peer = Peer::Address(client);
                match &serving.tls {
                    None => serving.connection(stream, peer).await,
                    Some(tls) => {
                        let shaken = tokio::time::timeout(HEAD_WITHIN, tls.accept(stream)).await;
                        if let Ok(Ok(stream)) = shaken {
                            serving.connection(stream, peer).await;
                        }
                    }
                }
                drop((place, own));
            });
        }
    }

    async fn accept_unix(self, listener: UnixListener) {
        loop {
            let Some(place) = self.places.one().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let serving = self.clone();
            tokio::spawn(async move {
                if let Some(uid) = user_of(&stream) {
                    serving.connection(stream, Peer::User(uid)).await;
                }
                drop(place);
            });
        }
    }

    async fn connection<S>(&self, stream: S, peer: Peer)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let service = self.router.clone().map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(peer);
            request.map(axum::body::Body::new)
        });
        // Whatever ends a connection is the peer's affair.
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .await;
    }
}

fn user_of(stream: &UnixStream) -> Option<u32> {
    stream.peer_cred().ok().map(|credentials| credentials.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_by_its_name_from_beyond_and_by_an_address_here() {
        let at = |listen: &[&str], names: &[&str]| {
            let listen: Vec<SocketAddr> = listen.iter().map(|it| it.parse().unwrap()).collect();
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            url(&listen, &names, false).unwrap_or_default()
        };
        assert_eq!(at(&[], &["a.example"]), "");
        assert_eq!(at(&["127.0.0.1:8925"], &["a.example"]), "http://127.0.0.1:8925");
        assert_eq!(at(&["127.0.0.1:1", "[::]:2"], &["a.example"]), "http://a.example:2");
        assert_eq!(at(&["0.0.0.0:1"], &[]), "http://127.0.0.1:1");
        assert_eq!(at(&["[::]:1"], &[]), "http://[::1]:1");
        assert_eq!(at(&["192.0.2.1:1"], &[]), "http://192.0.2.1:1");
    }
}
