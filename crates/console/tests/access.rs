//! Who keeps others out, gets in by a side door, or stays after the door was shut; and TLS, as
//! `openssl` sees it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use console::access::{Access, Role, Scope};
use console::{Host, HostError, Options, Order, SignIn, Tls, TlsFiles};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use store::{Found, Journal, Reader, Row};

struct Deaf;

impl Host for Deaf {
    fn status(&self) -> Result<serde_json::Value, HostError> {
        Ok(serde_json::json!({}))
    }

    fn why(&self, _: &str) -> Result<String, HostError> {
        Ok(String::new())
    }

    fn order(&self, _: &str, _: &str, _: &Order) -> Result<String, HostError> {
        Ok("done".to_owned())
    }

    fn story(&self, _: &Reader, _: &[u8]) -> Result<Found, HostError> {
        Err(HostError("none".to_owned()))
    }

    fn json(&self, _: &Row) -> Option<String> {
        None
    }

    fn incident(&self, _: &event::Incident) -> String {
        "{}".to_owned()
    }

    fn user(&self, uid: u32) -> String {
        format!("uid {uid}")
    }

    fn signed_in(&self, _: &SignIn<'_>) {}

    fn warn(&self, _: &str) {}
}

struct World {
    dir: tempfile::TempDir,
    address: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

fn world(change: impl FnOnce(&mut Options)) -> World {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(dir.path(), store::Options::default()).unwrap();
    journal.commit(&[]).unwrap();
    let mut options = support::options(dir.path());
    change(&mut options);
    let (address, stop) = support::serve(options, Arc::new(Deaf));
    World { dir, address, _stop: stop }
}

impl World {
    fn access(&self) -> Access {
        Access::open(self.dir.path()).unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn head(&self, method: &str, path: &str, headers: &str, length: usize) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n{headers}\r\n",
            self.address
        )
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(self.head(method, path, headers, body.len()).as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        all_of(stream)
    }

    fn own_page(&self) -> String {
        format!("Origin: http://{}\r\n", self.address)
    }

    /// The cookie of a session by a link.
    fn session(&self, role: Role) -> String {
        self.session_of("admin", role)
    }

    fn session_of(&self, name: &str, role: Role) -> String {
        let link = self.access().link(name, role, 60).unwrap();
        let answer = self.ask("POST", &link, &self.own_page(), "");
        answer.split("mailward=").nth(1).unwrap().split(';').next().unwrap().to_owned()
    }
}

fn all_of(mut stream: impl std::io::Read) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_token_that_may_act_hands_out_no_access() {
    let world = world(|_| {});
    let token = world.access().add_token("bans", &[Scope::Read, Scope::Act]).unwrap();
    let headers = format!("Authorization: Bearer {token}\r\n");
    assert!(world.ask("GET", "/decisions", &headers, "").starts_with("HTTP/1.1 200"));
    for (path, body) in [
        ("/access/users", "deed=add&name=eve&role=operator"),
        ("/access/users", "deed=remove&name=admin"),
        ("/access/tokens", "deed=add&name=eve&scope=act"),
        ("/access/sessions", "id=00"),
        ("/access/password", "password=correct+horse+battery"),
    ] {
        let answer = world.ask("POST", path, &headers, body);
        assert!(answer.starts_with("HTTP/1.1 403"), "{path}: {answer}");
    }
    assert!(world.ask("GET", "/access", &headers, "").starts_with("HTTP/1.1 403"));
    assert_eq!(world.access().tokens().unwrap().len(), 1);
    // A person may.
    let own = format!("Cookie: mailward={}\r\n{}", world.session(Role::Operator), world.own_page());
    let answer = world.ask("POST", "/access/tokens", &own, "deed=add&name=eve&scope=act");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn who_finds_a_browser_signed_in_sets_no_password() {
    let world = world(|_| {});
    let own = |cookie: &str| format!("Cookie: mailward={cookie}\r\n{}", world.own_page());
    let set = |cookie: &str, body: &str| world.ask("POST", "/access/password", &own(cookie), body);
    let first = set(&world.session(Role::Operator), "password=correct+horse+battery");
    assert!(first.starts_with("HTTP/1.1 200") && first.contains("class=\"qr\""), "{first}");
    let cookie = first.split("mailward=").nth(1).unwrap().split(';').next().unwrap();
    let page = world.ask("GET", "/access", &own(cookie), "");
    assert!(page.contains("name=\"old\""), "{page}");
    for old in ["", "&old=", "&old=a+wrong+password"] {
        let answer = set(cookie, &format!("password=another+horse+battery{old}"));
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(answer.contains("present password"), "{answer}");
    }
    let short = set(cookie, "password=short&old=correct+horse+battery");
    assert!(short.contains("A password has at least 12 characters"), "{short}");
    let again = set(cookie, "password=another+horse+battery&old=correct+horse+battery");
    assert!(again.starts_with("HTTP/1.1 200"), "{again}");
    // Who forgot it comes by a link.
    let answer = set(&world.session(Role::Operator), "password=a+third+horse+battery");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_password_for_a_proxy_makes_no_other_site_ours() {
    let world = world(|_| {});
    let cookie = world.session(Role::Operator);
    let body = "order=ban&subject=198.51.100.7&reason=x";
    let post = |authorization: &str, origin: &str| {
        let headers = format!(
            "Cookie: mailward={cookie}\r\nAuthorization: {authorization}\r\nOrigin: {origin}\r\n"
        );
        world.ask("POST", "/orders", &headers, body)
    };
    let basic = "Basic YTpi";
    assert!(post(basic, "http://127.0.0.1:1").starts_with("HTTP/1.1 403"));
    assert!(post(basic, &format!("http://{}", world.address)).starts_with("HTTP/1.1 303"));
    // A token that is none is nobody, whatever cookie comes with it.
    let nobody = post("Bearer x", "http://127.0.0.1:1");
    assert!(nobody.contains("location: /sign-in"), "{nobody}");
}

/// A person at a browser.
struct Person<'w>(&'w World, String);

impl<'w> Person<'w> {
    fn of(world: &'w World, name: &str, role: Role) -> Self {
        Person(world, format!("Cookie: mailward={}\r\n", world.session_of(name, role)))
    }

    fn get(&self, path: &str) -> String {
        self.0.ask("GET", path, &self.1, "")
    }

    fn post(&self, path: &str, body: &str) -> String {
        self.0.ask("POST", path, &format!("{}{}", self.1, self.0.own_page()), body)
    }
}

/// The numbers of the views that a page offers to remove.
fn removable(page: &str) -> Vec<&str> {
    let numbers = page.split("name=\"id\" value=\"").skip(1);
    numbers.filter_map(|part| part.split('"').next()).collect()
}

const VIEW: &str = "/events?last=7d&q=client%3A198.51.100.9";
const LINK: &str = "href=\"/events?last=7d&#38;q=client%3A198.51.100.9\" title=\"spray (";

#[test]
fn a_view_is_saved_seen_and_removed_where_it_is_looked_at() {
    let world = world(|_| {});
    let alice = Person::of(&world, "alice", Role::Operator);
    let bob = Person::of(&world, "bob", Role::Reader);
    let saved = alice.post(VIEW, "deed=save&name=spray");
    assert!(saved.starts_with("HTTP/1.1 303") && saved.contains(&format!("location: {VIEW}\r\n")));
    // One click on any page that shows views, there as it was saved.
    let page = alice.get("/events?last=1h&q=");
    assert!(page.contains(&format!("{LINK}yours)\"><span")), "{page}");
    assert!(alice.get(VIEW).contains(&format!("{LINK}yours)\" aria-current=\"true\">")));
    assert!(
        alice.get("/").contains("href=\"/?last=7d&#38;q=client%3A198.51.100.9\" title=\"spray")
    );
    assert!(!bob.get("/").contains("spray") && !bob.get("/api/v1/views").contains("spray"));
    assert!(
        alice.post("/?last=1h&q=", "deed=save&name=spray&shared=yes").starts_with("HTTP/1.1 303")
    );
    let seen = bob.get("/events?q=");
    assert!(
        seen.contains("href=\"/events?last=1h&#38;q=\" title=\"spray (for everybody, by alice)\"")
    );
    assert!(removable(&seen).is_empty(), "{seen}");
    let own = alice.get("/");
    let [number] = removable(&own).try_into().unwrap();
    let remove = format!("deed=remove&id={number}");
    let refused = bob.post("/", &remove);
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("There is no such view."));
    // Whoever is an operator.
    let eve = Person::of(&world, "eve", Role::Operator);
    assert!(eve.post(VIEW, &remove).contains(&format!("location: {VIEW}\r\n")));
    assert!(!alice.get("/").contains("spray"));
    for nothing in ["deed=remove&id=x", "deed=burn", ""] {
        let answer = alice.post("/", nothing);
        assert!(answer.starts_with("HTTP/1.1 4"), "{nothing}: {answer}");
    }
}

#[test]
fn what_is_not_saved_is_told_on_the_page_that_is_looked_at() {
    let world = world(|_| {});
    let alice = Person::of(&world, "alice", Role::Operator);
    let bob = Person::of(&world, "bob", Role::Reader);
    alice.post("/?q=", "deed=save&name=ours&shared=yes");
    let long = format!("deed=save&name={}", "x".repeat(65));
    for (path, body, told) in [
        ("/?q=", "deed=save&name=+", "The view was not saved: its name has 1 to 64 characters."),
        (VIEW, long.as_str(), "The view was not saved: its name has 1 to 64 characters."),
        (VIEW, "deed=save&name=a&shared=yes", "only an operator saves one for everybody."),
        (VIEW, "deed=save&name=ours", "There is a view ours for everybody already."),
        ("/?q=acount:bob", "deed=save&name=a", "its terms cannot be understood: column 1"),
    ] {
        let answer = bob.post(path, body);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains(told), "{body}: {answer}");
        assert!(answer.contains("<details class=\"keep\" open>"), "{answer}");
        let page = if path == VIEW { "Events – Mailward" } else { "Dashboard – Mailward" };
        assert!(answer.contains(page), "{answer}");
    }
    assert!(!bob.get("/").contains("for everybody</label>"), "a reader is not offered it");
}

#[test]
fn names_of_views_are_text_and_come_from_our_own_pages() {
    let world = world(|_| {});
    let alice = Person::of(&world, "alice", Role::Operator);
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE%1B%22%27";
    for page in ["/", VIEW] {
        let saved = alice.post(page, &format!("deed=save&shared=yes&name={hostile}"));
        assert!(saved.starts_with("HTTP/1.1 303"), "{saved}");
    }
    let taken =
        Person::of(&world, "bob", Role::Reader).post("/", &format!("deed=save&name={hostile}"));
    let csv = alice.get("/api/v1/views.csv");
    for answer in [&alice.get("/"), &alice.get(VIEW), &taken, &csv, &alice.get("/api/v1/views")] {
        assert!(answer.contains("alert(1)") && answer.contains("\\u{202e}"), "{answer}");
        assert!(!answer.contains(['\u{202e}', '\u{1b}']), "{answer}");
    }
    assert!(!alice.get("/").contains("<script>alert"));
    assert!(csv.contains("text/csv") && csv.contains("name,user,for_everybody,saved_at,view\r\n"));
    // Neither another site nor a program saves one; a program sees those for everybody.
    let body = "deed=save&name=planted";
    for origin in ["", "Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let headers = format!("{}{origin}", alice.1);
        assert!(world.ask("POST", "/", &headers, body).starts_with("HTTP/1.1 403"), "{origin}");
    }
    let token = world.access().add_token("t", &[Scope::Read, Scope::Act]).unwrap();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert!(world.ask("POST", "/", &bearer, body).starts_with("HTTP/1.1 403"));
    assert!(world.ask("POST", "/", &world.own_page(), body).contains("location: /sign-in"));
    alice.post("/", "deed=save&name=her+own");
    let listed = world.ask("GET", "/api/v1/views", &bearer, "");
    assert!(listed.contains("\"for_everybody\":true") && !listed.contains("her own"), "{listed}");
    assert!(!world.ask("GET", "/", &bearer, "").contains("deed"), "nor is it offered");
}

#[test]
fn who_comes_without_sign_in_saves_views_too() {
    let world = world(|options| options.is_open = true);
    let saved = world.ask("POST", VIEW, &world.own_page(), "deed=save&name=spray&shared=yes");
    assert!(saved.starts_with("HTTP/1.1 303"), "{saved}");
    let mut socket = UnixStream::connect(world.dir.path().join("console.sock")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket.write_all(world.head("GET", "/api/v1/views", "", 0).as_bytes()).unwrap();
    let seen = all_of(socket);
    assert!(seen.contains("\"name\":\"spray\",\"user\":\"anybody\""), "{seen}");
}

#[test]
fn who_sends_by_drops_gives_the_places_back() {
    let world = world(|_| {});
    let head = world.head("POST", "/sign-in", &world.own_page(), 1000);
    let mut slow: Vec<TcpStream> = (0..256).map(|_| world.connect()).collect();
    for stream in &mut slow {
        stream.write_all(head.as_bytes()).unwrap();
    }
    // All places on TCP are taken: on the socket there are others.
    let mut socket = UnixStream::connect(world.dir.path().join("console.sock")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket.write_all(b"GET /decisions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(all_of(socket).starts_with("HTTP/1.1 200"));
    // And on TCP there are some again, without any of these going away by itself.
    assert!(world.ask("GET", "/sign-in", "", "").starts_with("HTTP/1.1 200"));
    let answer = all_of(slow.swap_remove(0));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn who_was_signed_out_hears_no_more() {
    let world = world(|_| {});
    let cookie = world.session(Role::Reader);
    let mut stream = world.connect();
    let headers = format!("Cookie: mailward={cookie}\r\n");
    stream.write_all(world.head("GET", "/live?q=", &headers, 0).as_bytes()).unwrap();
    let mut part = [0; 8192];
    let mut heard = String::new();
    while !heard.contains("event: panels") {
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&part[..count]));
    }
    let own = format!("Cookie: mailward={cookie}\r\n{}", world.own_page());
    let out = world.ask("POST", "/sign-out", &own, "");
    assert!(out.contains("mailward=; Path=/; Max-Age=0"), "{out}");
    let (mut journal, _) = Journal::open(world.dir.path(), store::Options::default()).unwrap();
    let source = journal.source("a");
    let event = event::Event::new(
        event::Timestamp::from_seconds(1_795_219_700),
        event::Server::Exim,
        event::Text::from("exim"),
        event::Kind::Connect,
        event::Outcome::Deferred,
    );
    journal.append_event(1, source, &event, b"a line");
    journal.commit(&[]).unwrap();
    let rest = all_of(stream);
    assert!(!rest.contains("event: panels"), "{rest}");
}

#[test]
fn while_the_file_is_locked_others_are_answered() {
    let world = world(|_| {});
    let link = world.access().link("admin", Role::Operator, 60).unwrap();
    let other = rusqlite::Connection::open(world.dir.path().join("console.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = world.connect();
    waiting.write_all(world.head("POST", &link, &world.own_page(), 0).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(world.ask("GET", "/licences", "", "").starts_with("HTTP/1.1 200"));
    // Had that waited for the file, this would be too late by now.
    other.execute_batch("COMMIT").unwrap();
    let answer = all_of(waiting);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[test]
fn files_say_what_they_are_too() {
    let world = world(|_| {});
    let page = world.ask("GET", "/sign-in", "", "");
    let asset = page.split("\"/assets/").nth(1).unwrap().split('"').next().unwrap();
    let answer = world.ask("GET", &format!("/assets/{asset}"), "", "");
    for header in ["x-content-type-options: nosniff", "content-security-policy: ", "immutable"] {
        assert!(answer.contains(header), "{header}: {answer}");
    }
}

/// What `openssl` reads and sees of a server.
fn by_tls(address: &str, request: &str) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect", address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    String::from_utf8_lossy(&client.wait_with_output().unwrap().stdout).into_owned()
}

fn tls_files(dir: &Path) -> TlsFiles {
    TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") }
}

/// It takes a look of the console at its files, or two.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..300 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("it did not come about");
}

#[test]
fn tls_has_its_own_cookie_and_takes_a_new_certificate() {
    let pem = tempfile::tempdir().unwrap();
    let files = tls_files(pem.path());
    support::make_certificate(&files, "first.example");
    let tls = Arc::new(Tls::read(&files).unwrap());
    let world = world(|options| options.tls = Some(tls));
    let link = world.access().link("admin", Role::Operator, 60).unwrap();
    let origin = format!("Origin: https://{}\r\n", world.address);
    let answer = by_tls(&world.address, &world.head("POST", &link, &origin, 0));
    assert!(answer.contains("first.example"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    let cookie = answer.split("__Host-mailward=").nth(1).unwrap();
    assert!(cookie.lines().next().unwrap().ends_with("; Secure"), "{answer}");
    let cookie = cookie.split(';').next().unwrap();
    let get = |name: &str| {
        let headers = format!("Cookie: {name}={cookie}\r\n");
        by_tls(&world.address, &world.head("GET", "/decisions", &headers, 0))
    };
    assert!(get("__Host-mailward").contains("HTTP/1.1 200"));
    assert!(get("mailward").contains("HTTP/1.1 303"), "any host of the domain could set this one");
    // Without TLS nobody is heard.
    let plain = world.ask("GET", "/sign-in", "", "");
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
    // Files that are half-written leave what was; a new pair is taken.
    let token = world.access().add_token("monitoring", &[Scope::Metrics]).unwrap();
    let metrics = || {
        let headers = format!("Authorization: Bearer {token}\r\n");
        by_tls(&world.address, &world.head("GET", "/metrics", &headers, 0))
    };
    let number = |name: &str| {
        let metrics = metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{metrics}")).trim().parse::<i64>().unwrap()
    };
    let left_s = number("mailward_console_certificate_left_seconds");
    assert!((2 * 86_400 - 3600..=2 * 86_400).contains(&left_s), "{left_s}");
    assert_eq!(number("mailward_console_certificate_stale"), 0);
    std::fs::write(&files.certificate, "-----BEGIN").unwrap();
    wait_until(|| number("mailward_console_certificate_stale") == 1);
    assert!(get("__Host-mailward").contains("first.example"));
    let headers = format!("Cookie: __Host-mailward={cookie}\r\n");
    let health = by_tls(&world.address, &world.head("GET", "/health", &headers, 0));
    assert!(health.contains("days left") && health.contains("not served: "), "{health}");
    support::make_certificate(&files, "second.example");
    wait_until(|| get("__Host-mailward").contains("second.example"));
    assert_eq!(number("mailward_console_certificate_stale"), 0);
}
