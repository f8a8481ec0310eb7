//! The real server on loopback and on its unix socket, spoken to as strangers would.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use console::access::{Access, Role, Scope};
use console::{Console, Host, HostError, Options, Order, ServeError, SignIn, Tls, TlsFiles};
use event::{
    Concerned, Event, Incident, IncidentState, Kind, Outcome, Reason, Server, Standing, Subject,
    Text, Timestamp,
};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Found, Journal, Policy, Reader, Row};

/// A name, a HELO, an account that want to be more than text.
const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\"'&=cmd|'/C calc'!A0";

#[derive(Default)]
struct Recorder {
    orders: Mutex<Vec<String>>,
    tries: Mutex<Vec<(String, bool)>>,
}

impl Host for Recorder {
    fn status(&self) -> Result<serde_json::Value, HostError> {
        Ok(serde_json::json!({ "sources": [{ "name": HOSTILE, "lines": 7 }] }))
    }

    fn why(&self, subject: &str) -> Result<String, HostError> {
        Ok(format!("because of {subject}"))
    }

    fn order(&self, operator: &str, reason: &str, order: &Order) -> Result<String, HostError> {
        self.orders.lock().unwrap().push(format!("{operator}: {order:?}: {reason}"));
        Ok("done".to_owned())
    }

    fn story(&self, reader: &Reader, id: &[u8]) -> Result<Found, HostError> {
        let filter = store::Filter { text: Some(id.to_vec()), ..store::Filter::default() };
        reader.query(&filter, 10).map_err(|error| HostError(error.to_string()))
    }

    fn json(&self, row: &Row) -> Option<String> {
        let line = Text(row.line()?).to_string();
        Some(serde_json::json!({ "type": "event", "text": line }).to_string())
    }

    fn incident(&self, _: &event::Incident) -> String {
        "{}".to_owned()
    }

    fn user(&self, uid: u32) -> String {
        format!("uid {uid}")
    }

    fn signed_in(&self, tried: &SignIn<'_>) {
        self.tries.lock().unwrap().push((tried.account.to_owned(), tried.is_allowed));
    }

    fn warn(&self, _: &str) {}
}

struct World {
    dir: tempfile::TempDir,
    host: Arc<Recorder>,
    address: String,
    cookie: String,
    /// Ends the server when it is dropped.
    _stop: tokio::sync::oneshot::Sender<()>,
}

fn options(dir: &Path) -> Options {
    Options {
        names: vec!["mail.example.org".to_owned()],
        is_recorded: true,
        ..support::options(dir)
    }
}

fn fill(dir: &Path) {
    let (mut journal, _) = Journal::open(dir, store::Options::default()).unwrap();
    let line = format!("Nov 21 10:00:00 mx1 dovecot: imap-login: failed: user=<{HOSTILE}>");
    let source = journal.source("a");
    for seq in 1..=300 {
        let at = Timestamp::from_seconds(1_795_219_200 + seq as i64);
        let outcome = if seq % 3 == 0 { Outcome::Allowed } else { Outcome::Rejected };
        let mut event =
            Event::new(at, Server::Dovecot, Text::from("imap-login"), Kind::Auth, outcome);
        event.reason = (outcome == Outcome::Rejected).then_some(Reason::AuthFailed);
        event.client = format!("198.51.100.{}", seq % 200).parse().ok();
        event.account = Some(Text::from(HOSTILE));
        event.helo = Some(Text::from(HOSTILE));
        journal.append_event(seq, source, &event, line.as_bytes());
    }
    journal.set_incident(incident(1, Timestamp::from_seconds(1_795_219_200)));
    journal.commit(&[]).unwrap();
    journal.maintainer(Policy::default()).maintain(Timestamp::from_seconds(1_795_219_500)).unwrap();
}

/// One whose every text a stranger chose.
fn incident(number: u64, at: Timestamp) -> Incident {
    let concerned =
        [Subject::Account(HOSTILE.as_bytes().into()), Subject::Client([198, 51, 100, 7].into())];
    let concerned = concerned.into_iter().zip(Standing::ALL).map(|(subject, standing)| Concerned {
        subject,
        since: at,
        standing,
    });
    Incident {
        latest_at: at.plus_seconds(600),
        state: IncidentState::ALL[number as usize % 3],
        opened_by: HOSTILE.into(),
        title: HOSTILE.into(),
        detectors: vec!["brute-force".into(), "prefix".into()],
        concerned: concerned.collect(),
        findings_more: 12,
        findings: 40,
        decisions: 31,
        score_max: 12.0,
        evidence: std::iter::once(number).collect(),
        acknowledged_at: Some(at.plus_seconds(60)),
        contained_at: Some(at.plus_seconds(3)),
        resolved_at: Some(at.plus_seconds(500)),
        acted_by: HOSTILE.into(),
        end: HOSTILE.into(),
        ..Incident::new(number, at)
    }
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let host = Arc::new(Recorder::default());
    let (address, stop) = support::serve(options(dir.path()), host.clone());
    let mut world = World { dir, host, address, cookie: String::new(), _stop: stop };
    let access = Access::open(world.dir.path()).unwrap();
    let answer = world.post(&access.link("admin", Role::Operator, 60).unwrap(), "");
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let cookie = answer.split("mailward=").nth(1).unwrap().split(';').next().unwrap();
    world.cookie = cookie.to_owned();
    world
}

impl World {
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        ))
    }

    fn get(&self, path: &str) -> String {
        self.request("GET", path, &format!("Cookie: mailward={}\r\n", self.cookie), "")
    }

    fn post(&self, path: &str, body: &str) -> String {
        let headers = format!(
            "Cookie: a=b; mailward={}\r\nOrigin: http://{}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n",
            self.cookie, self.address
        );
        self.request("POST", path, &headers, body)
    }
}

const PAGES: [&str; 10] = [
    "/?last=24h&q=",
    "/events?q=",
    "/events/rows?q=",
    "/incidents",
    "/incident/1",
    "/decisions",
    "/audit",
    "/health",
    "/access",
    "/why?subject=198.51.100.7",
];

#[test]
fn what_strangers_wrote_is_text_on_every_page() {
    let world = world();
    let events = world.get("/events?q=");
    let event = events.split("/event/").nth(1).unwrap().split('"').next().unwrap();
    let one = format!("/event/{event}");
    for path in PAGES.iter().copied().chain([one.as_str(), "/session?id=script"]) {
        let answer = world.get(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(!answer.contains("<script>alert"), "{path}");
        assert!(!answer.contains('\u{202e}'), "{path}");
        let told = ["/decisions", "/audit", "/access"].contains(&path) || path.starts_with("/why");
        assert!(told || answer.contains("alert(1)"), "{path} tells of it: {answer}");
    }
    for link in ["/events?q=account:%22a+%E2%80%AEb%22", "/events?q=reason:%E2%80%AEx"] {
        let answer = world.get(link);
        let told = answer.replace("value=\"reason:\u{202e}x\"", "");
        let told = told.replace("value=\"account:&#34;a \u{202e}b&#34;\"", "");
        assert!(told.contains("\\u{202e}") && !told.contains('\u{202e}'), "{link}: {answer}");
    }
    let csv = world.get("/api/v1/accounts.csv?q=&last=24h");
    assert!(csv.contains("text/csv") && csv.contains("attachment"));
    let formula = world.get("/api/v1/events.csv?q=account:none&limit=1");
    assert!(!formula.contains("\r\n="), "{formula}");
}

/// A page of events weighs so many bytes at most, whatever strangers wrote.
const PAGE_MAX: usize = 2 << 20;
/// Of names that are too long to be shown it weighs so much.
const LONG_MAX: usize = 512 << 10;

#[test]
fn a_page_of_long_names_is_light_and_each_stands_whole_on_its_own() {
    let world = world();
    let (mut journal, _) = Journal::open(world.dir.path(), store::Options::default()).unwrap();
    let source = journal.source("a");
    let mut seq = 300;
    let mut weight_of = |name: &str| {
        let line = format!("Nov 21 10:30:00 mx1 dovecot: imap-login: failed: user=<{name}>");
        for _ in 0..100 {
            seq += 1;
            let at = Timestamp::from_seconds(1_795_219_200 + seq as i64);
            let service = Text::from(name);
            let mut event = Event::new(at, Server::Dovecot, service, Kind::Auth, Outcome::Rejected);
            event.account = Some(Text::from(name));
            event.helo = Some(Text::from(name));
            journal.append_event(seq, source, &event, line.as_bytes());
        }
        journal.commit(&[]).unwrap();
        let end = Timestamp::from_seconds(1_795_219_300 + seq as i64);
        journal.maintainer(Policy::default()).maintain(end).unwrap();
        let page = world.get("/events?last=24h&q=");
        assert!(page.starts_with("HTTP/1.1 200") && page.matches("<tr>").count() > 100, "{page}");
        (page.len(), page)
    };
    for letter in ["x", "\u{202e}", "\"", "\u{1}"] {
        // The longest that is shown whole, and longer than any.
        let (whole, _) = weight_of(&letter.repeat(256 / letter.len()));
        assert!(whole < PAGE_MAX, "{letter:?}: {whole}");
        let name = letter.repeat((64 << 10) / letter.len());
        let (long, page) = weight_of(&name);
        assert!(long < if letter == "x" { LONG_MAX } else { PAGE_MAX }, "{letter:?}: {long}");
        let event = page.split("class=\"line\"><a class=\"foreign\" href=\"").nth(1).unwrap();
        let one = world.get(event.split('"').next().unwrap());
        let shown = Text::from(name.as_str()).to_string().replace('"', "&#34;");
        assert!(one.contains(&shown), "{letter:?} stands whole on its page");
        assert!(one.len() < 6 * shown.len() + (64 << 10), "{letter:?}: {}", one.len());
        println!("{letter:?}: {whole} {long} {}", one.len());
    }
}

#[test]
fn every_answer_keeps_its_content_to_itself() {
    let world = world();
    let wanted = [
        "content-security-policy: default-src 'none'; script-src 'self'",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "referrer-policy: same-origin",
        "cache-control: no-store",
    ];
    for path in PAGES.iter().copied().chain(["/nothing", "/sign-in", "/api/v1/nothing", "/metrics"])
    {
        let answer = world.get(path);
        for header in wanted {
            assert!(answer.contains(header), "{path}: {header}: {answer}");
        }
        assert!(!answer.contains("onclick=") && !answer.contains(" style="), "{path}");
    }
    let asset =
        world.get("/").split("href=\"").find(|part| part.contains("app.css")).unwrap().to_owned();
    let asset = asset.split('"').next().unwrap();
    assert!(world.get(asset).contains("immutable"));
}

#[test]
fn who_is_not_signed_in_gets_nothing() {
    let mut world = world();
    let good = std::mem::take(&mut world.cookie);
    for forged in ["", "x", "' OR 1=1 --", &good[1..], &"x".repeat(5000)] {
        forged.clone_into(&mut world.cookie);
        for path in PAGES {
            let answer = world.get(path);
            assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /sign-in"));
        }
        for path in ["/api/v1/events", "/metrics", "/live"] {
            assert!(world.get(path).starts_with("HTTP/1.1 401"), "{path}");
        }
        let body = "order=ban&subject=198.51.100.7&reason=x";
        assert!(world.post("/orders", body).starts_with("HTTP/1.1 303"));
    }
    assert!(world.host.orders.lock().unwrap().is_empty());
}

#[test]
fn orders_want_an_operator_a_reason_and_our_own_page() {
    let world = world();
    let body = "order=ban&subject=198.51.100.0%2F24&reason=a+botnet&duration=3600";
    let answer = world.post("/orders", body);
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /audit?told="));
    let orders = || world.host.orders.lock().unwrap().clone();
    assert!(orders()[0].starts_with("admin: Ban") && orders()[0].ends_with(": a botnet"));
    for wrong in [
        "order=ban&subject=198.51.100.7&reason=+",
        "order=ban&subject=198.51.100.7&reason=x&duration=soon",
        "order=destroy&subject=198.51.100.7&reason=x",
        &format!("order=ban&subject=x&reason={}", "x".repeat(2000)),
    ] {
        assert!(world.post("/orders", wrong).starts_with("HTTP/1.1 400"), "{wrong}");
    }
    let cookie = format!(
        "Cookie: mailward={}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        world.cookie
    );
    for headers in [
        "",
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let answer = world.request("POST", "/orders", &format!("{cookie}{headers}"), body);
        assert!(answer.starts_with("HTTP/1.1 403"), "{headers}: {answer}");
    }
    let access = Access::open(world.dir.path()).unwrap();
    let bearer = |path: &str, token: &str, body: &str| {
        let headers =
            format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        world.request(if body.is_empty() { "GET" } else { "POST" }, path, &headers, body)
    };
    let [reader, actor, metrics] = [("r", Scope::Read), ("a", Scope::Act), ("m", Scope::Metrics)]
        .map(|(name, scope)| access.add_token(name, &[scope]).unwrap());
    let order = "{\"order\":\"unban\",\"subject\":\"198.51.100.7\",\"reason\":\"x\"}";
    assert!(bearer("/api/v1/orders", &reader, order).starts_with("HTTP/1.1 403"));
    assert!(bearer("/api/v1/orders", &metrics, order).starts_with("HTTP/1.1 403"));
    assert!(bearer("/api/v1/orders", &actor, order).contains("{\"done\":\"done\"}"));
    assert!(bearer("/api/v1/events?limit=2", &reader, "").contains("\"before\""));
    assert!(bearer("/api/v1/events", &metrics, "").starts_with("HTTP/1.1 403"));
    assert!(bearer("/metrics", &metrics, "").contains("mailward_events_total{server=\"dovecot\""));
    assert!(bearer("/metrics", &actor, "").starts_with("HTTP/1.1 403"));
    assert_eq!(orders().len(), 2);
    // A reader looks, and is offered no button.
    let link = access.link("eve", Role::Reader, 60).unwrap();
    let answer = world.post(&link, "");
    let cookie = answer.split("mailward=").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let headers = format!(
        "Cookie: mailward={cookie}\r\nOrigin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        world.address
    );
    assert!(world.request("POST", "/orders", &headers, body).starts_with("HTTP/1.1 403"));
    assert!(
        !world
            .request("GET", "/why?subject=198.51.100.7", &headers, "")
            .contains("action=\"/orders\"")
    );
    assert!(
        world
            .request("POST", "/access/tokens", &headers, "deed=add&name=x&scope=act")
            .starts_with("HTTP/1.1 403")
    );
}

#[test]
fn a_link_is_not_used_up_by_who_only_looks_at_it() {
    let world = world();
    let access = Access::open(world.dir.path()).unwrap();
    let link = access.link("bob", Role::Reader, 60).unwrap();
    for _ in 0..3 {
        assert!(world.get(&link).contains("signs you in once"));
    }
    assert!(world.post(&link, "").contains("HttpOnly; SameSite=Strict"));
    assert!(world.post(&link, "").starts_with("HTTP/1.1 410"));
}

#[test]
fn a_thousand_wrong_sign_ins_leave_the_pages_as_they_are() {
    let world = world();
    Access::open(world.dir.path())
        .unwrap()
        .set_user("alice", Role::Operator, "correct horse battery")
        .unwrap();
    for guess in 0..1000 {
        let answer = world.post("/sign-in", &format!("name=alice&password=guess{guess}&code=1"));
        assert!(
            answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 429"),
            "{answer}"
        );
    }
    let tries = world.host.tries.lock().unwrap();
    assert!(
        (3..500).contains(&tries.len()) && tries.iter().all(|(name, ok)| name == "alice" && !ok)
    );
    assert!(world.get("/").starts_with("HTTP/1.1 200"));
    // A way back is one of our own pages, or the dashboard.
    let page = world.request("GET", "/sign-in?to=https://evil.example/", "", "");
    assert!(page.contains("name=\"to\" value=\"/\""), "{page}");
}

#[test]
fn another_name_a_flood_and_a_slow_hand_are_refused() {
    let world = world();
    for host in ["evil.example", "evil.example:80", ""] {
        let answer = world
            .raw(&format!("GET /sign-in HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
    }
    let named = "GET /sign-in HTTP/1.1\r\nHost: mail.example.org\r\nConnection: close\r\n\r\n";
    assert!(world.raw(named).starts_with("HTTP/1.1 200"));
    let flood = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(200_000));
    let answer = world.raw(&flood);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let large = world.post("/sign-in", &format!("name={}", "x".repeat(100_000)));
    assert!(large.starts_with("HTTP/1.1 413") || large.is_empty(), "{large}");
    // Connections that say nothing are ended, and meanwhile others are served.
    let mut silent: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(&world.address).unwrap()).collect();
    assert!(world.get("/").starts_with("HTTP/1.1 200"));
    silent[0].set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(silent[0].read(&mut [0]).unwrap_or(0), 0, "ended within half a minute");
}

#[test]
fn who_owns_the_host_is_known_on_the_socket() {
    let world = world();
    let mut stream = UnixStream::connect(world.dir.path().join("console.sock")).unwrap();
    stream
        .write_all(b"GET /api/v1/holds HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"holds\":[]"), "{answer}");
}

#[tokio::test]
async fn beyond_this_host_it_wants_tls_and_sign_in() {
    let dir = tempfile::tempdir().unwrap();
    let everywhere = Options { listen: vec!["0.0.0.0:0".parse().unwrap()], ..options(dir.path()) };
    let refused =
        |options| async { Console::listen(options, Arc::new(Recorder::default())).await.err() };
    assert!(matches!(refused(everywhere.clone()).await, Some(ServeError::NoTls(_))));
    let path = |name: &str| dir.path().join(name);
    let files = TlsFiles { certificate: path("cert.pem"), key: path("key.pem") };
    support::make_certificate(&files, "mail.example.org");
    let tls = Some(Arc::new(Tls::read(&files).unwrap()));
    let open = Options { tls, is_open: true, ..everywhere };
    assert!(matches!(refused(open).await, Some(ServeError::Open(_))));
}

#[test]
fn a_dashboard_hears_what_changes_and_a_slow_reader_gets_the_latest() {
    let world = world();
    let mut stream = TcpStream::connect(&world.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "GET /live?last=24h&q= HTTP/1.1\r\nHost: {}\r\nCookie: mailward={}\r\n\r\n",
        world.address, world.cookie
    );
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let (mut journal, _) = Journal::open(world.dir.path(), store::Options::default()).unwrap();
    let source = journal.source("a");
    let at = Timestamp::from_seconds(1_795_219_700);
    let event = Event::new(at, Server::Exim, Text::from("exim"), Kind::Connect, Outcome::Deferred);
    journal.append_event(301, source, &event, b"a line");
    journal.commit(&[]).unwrap();
    journal.maintainer(Policy::default()).maintain(at).unwrap();
    let mut heard = Vec::new();
    let mut part = [0; 8192];
    while let Ok(count) = stream.read(&mut part) {
        heard.extend_from_slice(&part[..count]);
        if count == 0 || String::from_utf8_lossy(&heard).contains("deferred</a>") {
            break;
        }
    }
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.contains("event: panels") && heard.contains("panel-outcomes"), "{heard}");
}
