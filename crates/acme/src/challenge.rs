//! The proof that a name is this host: the authority asks it for a file, by HTTP (RFC 8555, 8.3).
//! Anybody can ask; who does not know the token learns nothing.

use crate::AcmeError;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Where the files are asked for.
const PREFIX: &str = "/.well-known/acme-challenge/";
/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 512;
/// Who connects asks, and is answered, within this.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// The longest head of a request, in bytes.
const HEAD_MAX: usize = 8 << 10;

/// What is answered to whom knows which token.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<BTreeMap<String, String>>>);

impl Answers {
    /// Answers this token from now on.
    pub fn put(&self, token: &str, answer: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(token.to_owned(), answer.to_owned());
    }

    fn of(&self, method: &Method, path: &str) -> Option<String> {
        let token = path.strip_prefix(PREFIX).filter(|_| method == Method::GET)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

/// Answers until the runtime ends.
pub fn serve(listener: TcpListener, answers: Answers) -> Result<(), AcmeError> {
    let address = listener.local_addr();
    let told = |error| match address {
        Ok(address) => AcmeError::Listen { address, error },
        Err(_) => AcmeError::File { path: "the listener".into(), error },
    };
    listener.set_nonblocking(true).map_err(told)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(told)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let answers = answers.clone();
            tokio::spawn(async move {
                // Whatever ends a connection is the peer's affair.
                let _ = tokio::time::timeout(ANSWERED_WITHIN, connection(stream, answers)).await;
                drop(place);
            });
        }
    });
    Ok(())
}

async fn connection(stream: tokio::net::TcpStream, answers: Answers) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answers.of(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response(answer)) }
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn response(answer: Option<String>) -> Response<Full<Bytes>> {
    let is_missing = answer.is_none();
    let mut response = Response::new(Full::from(answer.unwrap_or_default()));
    if is_missing {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    /// What the first line of the answer and its body are.
    fn asked(port: u16, request: &str) -> (String, String) {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        // Who asks for too much is cut off in the midst of it.
        let _ = stream.write_all(format!("{request}\r\nHost: a.example\r\n\r\n").as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
        (answer.lines().next().unwrap_or_default().to_owned(), body)
    }

    #[test]
    fn only_who_knows_the_token_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (done, is_done) = tokio::sync::oneshot::channel::<()>();
        let server = std::thread::spawn(move || {
            runtime.block_on(async {
                let answers = Answers::default();
                answers.put("token", "token.thumbprint");
                serve(listener, answers).unwrap();
                let _ = is_done.await;
            });
        });
        let ok = ("HTTP/1.1 200 OK".to_owned(), "token.thumbprint".to_owned());
        assert_eq!(asked(port, "GET /.well-known/acme-challenge/token HTTP/1.1"), ok);
        assert_eq!(asked(port, "GET /.well-known/acme-challenge/token?x=1 HTTP/1.1"), ok);
        for other in [
            "GET / HTTP/1.1",
            "GET /.well-known/acme-challenge/ HTTP/1.1",
            "GET /.well-known/acme-challenge/toke HTTP/1.1",
            "GET /.well-known/acme-challenge/../acme-challenge/token HTTP/1.1",
            "POST /.well-known/acme-challenge/token HTTP/1.1",
        ] {
            let (first, body) = asked(port, other);
            assert_eq!((first.as_str(), body.as_str()), ("HTTP/1.1 404 Not Found", ""), "{other}");
        }
        let long = format!("GET /{} HTTP/1.1", "a".repeat(HEAD_MAX));
        let (first, _) = asked(port, &long);
        assert!(!first.contains("200"), "{first}");
        assert_eq!(asked(port, "GET /.well-known/acme-challenge/token HTTP/1.1"), ok, "it goes on");
        done.send(()).unwrap();
        server.join().unwrap();
    }
}
