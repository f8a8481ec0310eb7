//! Where passkeys are offered. A passkey belongs to a name of a host (its RP ID), never to an
//! address, and browsers want TLS, or `localhost`. Of a name's ports only ours count: what else is
//! served there could ask for the same passkeys, and hand us the answer.

use super::AccessError;
use crate::app::App;
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use std::net::IpAddr;
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

/// The name that always means the browser's own machine.
const LOCAL: &str = "localhost";

/// The console, as a browser finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The name of the host: the RP ID.
    pub host: String,
    /// Scheme, name and port.
    origin: Url,
}

/// Why passkeys are not offered, and where they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Elsewhere {
    /// In a sentence.
    pub what: &'static str,
    /// Where to go.
    pub url: Option<String>,
}

impl Place {
    /// What checks the answers of authenticators.
    pub fn webauthn(&self) -> Result<Webauthn, AccessError> {
        WebauthnBuilder::new(&self.host, &self.origin)
            .and_then(|builder| builder.rp_name("Mailward").build())
            .map_err(|error| AccessError::Passkey(error.to_string()))
    }

    /// Where this page is looked at.
    pub fn of(app: &App, headers: &HeaderMap) -> Result<Place, Elsewhere> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let scheme = if app.options.tls.is_some() { "https" } else { "http" };
        let asked = Url::parse(&format!("{scheme}://{host}/")).ok().filter(is_origin);
        let name = asked.as_ref().and_then(Url::domain).unwrap_or_default().to_owned();
        let port = asked.as_ref().and_then(Url::port_or_known_default);
        let is_named = app.options.names.iter().any(|own| own.eq_ignore_ascii_case(&name));
        match (asked, app.options.tls.is_some()) {
            (Some(origin), _) if name == LOCAL => Ok(Place { host: name, origin }),
            (Some(origin), true) if is_named && is_ours(app, port) => {
                Ok(Place { host: name, origin })
            }
            // In the open nobody is asked by name but by a proxy that has TLS, on its usual port.
            (Some(_), false) if is_named => match Url::parse(&format!("https://{host}/")) {
                Ok(origin) if origin.port().is_none() => Ok(Place { host: name, origin }),
                _ => Err(elsewhere(app, port)),
            },
            _ => Err(elsewhere(app, port)),
        }
    }

    /// Where this was sent from: by a page of ours, as the browser says itself.
    pub fn sent_from(app: &App, headers: &HeaderMap) -> Option<Place> {
        let place = Place::of(app, headers).ok()?;
        let said = Url::parse(headers.get(ORIGIN)?.to_str().ok()?).ok()?;
        (said.origin() == place.origin.origin()).then_some(place)
    }
}

/// Name and port, and nothing else.
fn is_origin(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
}

fn is_ours(app: &App, port: Option<u16>) -> bool {
    app.options.listen.iter().any(|address| Some(address.port()) == port)
}

fn elsewhere(app: &App, port: Option<u16>) -> Elsewhere {
    let own = app.options.listen.first().map(std::net::SocketAddr::port);
    let name = app.options.names.iter().find(|name| name.parse::<IpAddr>().is_err());
    let (what, url) = match (app.options.tls.is_some(), name) {
        (true, None) => ("Passkeys want a name: set console.names.", None),
        (true, Some(name)) => {
            ("Passkeys work at", own.map(|port| format!("https://{name}:{port}")))
        }
        // By ssh -L the port is another than that on which it listens.
        (false, _) => ("Passkeys work at", port.map(|port| format!("http://{LOCAL}:{port}"))),
    };
    Elsewhere { what, url }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::passkeys::tests::{app, headers};

    #[test]
    fn passkeys_are_offered_by_name_and_on_our_own_ports_only() {
        let (_dir, tls) = app(true, &["Mail.example.org", "192.0.2.1"]);
        let (_dir, open) = app(false, &["mail.example.org"]);
        let at = |app: &App, host: &str| Place::of(app, &headers(&[("host", host)]));
        for (app, host, origin) in [
            (&tls, "mail.example.org:8925", "https://mail.example.org:8925/"),
            (&tls, "MAIL.example.ORG:8925", "https://mail.example.org:8925/"),
            (&tls, "localhost:1234", "https://localhost:1234/"),
            (&open, "localhost:1234", "http://localhost:1234/"),
            (&open, "mail.example.org", "https://mail.example.org/"),
        ] {
            let place = at(app, host).unwrap();
            assert_eq!(place.origin.as_str(), origin, "{host}");
            assert!(place.webauthn().is_ok(), "{host}");
        }
        for host in [
            "mail.example.org",
            "mail.example.org:443",
            "mail.example.org:9999",
            "other.example.org:8925",
            "192.0.2.1:8925",
            "[2001:db8::1]:8925",
            "127.1:8925",
            "mail.example.org:8925/x@localhost",
            "user@mail.example.org:9999",
            "",
        ] {
            let there = Some("https://Mail.example.org:8925".to_owned());
            assert_eq!(at(&tls, host).unwrap_err().url, there, "{host}");
        }
        let near = Some("http://localhost:9000".to_owned());
        assert_eq!(at(&open, "127.0.0.1:9000").unwrap_err().url, near);
        assert!(at(&open, "mail.example.org:8925").is_err(), "no browser offers them without TLS");
        let (_dir, nameless) = app(true, &[]);
        assert!(at(&nameless, "192.0.2.1:8925").unwrap_err().what.contains("console.names"));
    }

    #[test]
    fn only_our_own_page_sends() {
        let (_dir, app) = app(false, &[]);
        let from = |origin: &str| {
            let sent = headers(&[("host", "localhost:8925"), ("origin", origin)]);
            Place::sent_from(&app, &sent).is_some()
        };
        assert!(from("http://localhost:8925"));
        for other in
            ["https://localhost:8925", "http://localhost:8926", "http://127.0.0.1:8925", "null", ""]
        {
            assert!(!from(other), "{other}");
        }
        assert!(Place::sent_from(&app, &headers(&[("host", "localhost:8925")])).is_none());
    }
}
