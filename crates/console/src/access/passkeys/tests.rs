//! A ceremony that is forged, late, replayed or another's, over HTTP and below it.

mod authenticator;

use super::*;
use crate::access::Role;
use crate::app::App;
use crate::host::{Host, HostError, Order};
use crate::server::{Options, Peer, router};
use authenticator::Authenticator;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use std::sync::Arc;
use tower::ServiceExt as _;

const PASSWORD: &str = "correct horse battery";
const ORIGIN: &str = "http://localhost:8925";

/// What the program around the console was told.
#[derive(Default)]
struct Heard {
    tried: Mutex<Vec<(String, bool)>>,
    warned: Mutex<Vec<String>>,
}

impl Host for Heard {
    fn status(&self) -> Result<Value, HostError> {
        Ok(json!({}))
    }

    fn why(&self, _: &str) -> Result<String, HostError> {
        Ok(String::new())
    }

    fn order(&self, _: &str, _: &str, _: &Order) -> Result<String, HostError> {
        Ok(String::new())
    }

    fn story(&self, _: &store::Reader, _: &[u8]) -> Result<store::Found, HostError> {
        Err(HostError("none".to_owned()))
    }

    fn json(&self, _: &store::Row) -> Option<String> {
        None
    }

    fn incident(&self, _: &event::Incident) -> String {
        "{}".to_owned()
    }

    fn user(&self, uid: u32) -> String {
        uid.to_string()
    }

    fn signed_in(&self, tried: &SignIn<'_>) {
        self.tried.lock().unwrap().push((tried.account.to_owned(), tried.is_allowed));
    }

    fn warn(&self, what: &str) {
        self.warned.lock().unwrap().push(what.to_owned());
    }
}

fn with(host: Arc<dyn Host>, is_tls: bool, names: &[&str]) -> (tempfile::TempDir, App) {
    let dir = tempfile::tempdir().unwrap();
    let tls = is_tls.then(|| Arc::new(crate::server::tls_for_tests(dir.path())));
    let options = Options {
        listen: vec!["127.0.0.1:8925".parse().unwrap()],
        socket: None,
        dir: dir.path().to_owned(),
        tls,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        is_open: false,
        is_recorded: false,
        any_port: false,
    };
    let access = Access::open(dir.path()).unwrap();
    (dir, App::of(options, host, access))
}

/// A console of these names, which nobody serves.
pub fn app(is_tls: bool, names: &[&str]) -> (tempfile::TempDir, App) {
    with(Arc::new(Heard::default()), is_tls, names)
}

pub fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// A console at `http://localhost:8925`, and a browser that keeps its cookies.
struct World {
    _dir: tempfile::TempDir,
    app: App,
    heard: Arc<Heard>,
    router: Router,
}

struct Browser<'w> {
    world: &'w World,
    cookies: Vec<(String, String)>,
    origin: &'static str,
    client: &'static str,
}

struct Answered {
    status: StatusCode,
    text: String,
}

impl World {
    fn new() -> World {
        let heard = Arc::new(Heard::default());
        let (dir, app) = with(Arc::clone(&heard) as Arc<dyn Host>, false, &[]);
        let router = router(app.clone(), false);
        World { _dir: dir, app, heard, router }
    }

    fn access(&self) -> &Access {
        self.app.access()
    }

    /// A browser in which nobody is signed in.
    fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: Vec::new(), origin: ORIGIN, client: "192.0.2.1" }
    }

    /// A browser in which somebody signed in just now.
    fn signed_in(&self, name: &str) -> Browser<'_> {
        let from = From { client: "192.0.2.1".parse().ok(), agent: String::new() };
        let cookie = self.access().begin(name, Role::Reader, &from).unwrap();
        Browser { cookies: vec![("mailward".to_owned(), cookie)], ..self.browser() }
    }

    fn age(&self, by_s: i64) {
        self.access().ceremonies.adding.lock().unwrap().age(by_s);
        self.access().ceremonies.signing.lock().unwrap().age(by_s);
    }

    /// Tries that failed, enough to make the next one wait for minutes.
    fn guess(&self, name: &str) {
        for _ in 0..10 {
            self.access().throttle().failed("192.0.2.1".parse().ok(), name, now_s());
        }
    }

    fn tried(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.heard.tried.lock().unwrap())
    }
}

impl Browser<'_> {
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answered {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::post(path)
            .header("host", "localhost:8925")
            .header("origin", self.origin)
            .header("cookie", cookies.join("; "))
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(Peer::Address(self.client.parse().unwrap()))
            .body(Body::from(form.finish()))
            .unwrap();
        let answer = self.world.router.clone().oneshot(request).await.unwrap();
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        Answered { status, text: String::from_utf8_lossy(&body).into_owned() }
    }

    async fn options(&mut self, path: &str, name: &str) -> Value {
        let answer = self.post(path, &[("name", name)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Makes a passkey.
    async fn register(&mut self, name: &str) -> Authenticator {
        let options = self.options("/access/passkeys/begin", name).await;
        let (authenticator, credential) = Authenticator::register(&options, ORIGIN);
        let answer = self.post("/access/passkeys", &[("credential", &credential)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert!(
            answer.text.contains(&format!("The passkey {name} signs you in")),
            "{}",
            answer.text
        );
        authenticator
    }

    async fn begin(&mut self, user: &str) -> Value {
        self.options("/sign-in/passkey/begin", user).await
    }

    async fn end(&mut self, user: &str, credential: &str) -> Answered {
        self.post("/sign-in/passkey", &[("name", user), ("credential", credential)]).await
    }

    async fn sign_in(&mut self, user: &str, authenticator: &mut Authenticator) -> Answered {
        let options = self.begin(user).await;
        let credential = authenticator.sign(&options, ORIGIN);
        self.end(user, &credential).await
    }
}

fn is_in(answer: &Answered) -> bool {
    answer.status == StatusCode::SEE_OTHER
}

#[tokio::test]
async fn a_passkey_signs_in_where_password_and_code_would() {
    let world = World::new();
    world.access().set_user("alice", Role::Operator, PASSWORD).unwrap();
    let mut key = world.signed_in("alice").register("her phone").await;
    let mut browser = world.browser();
    assert!(is_in(&browser.sign_in("alice", &mut key).await));
    let cookie = &browser.cookies.iter().find(|(name, _)| name == "mailward").unwrap().1;
    let who = world.access().session(cookie).unwrap().unwrap();
    assert_eq!((who.name.as_str(), who.role), ("alice", Role::Operator));
    assert_eq!(world.tried(), [("alice".to_owned(), true)]);
    let known = &world.access().passkeys("alice").unwrap()[0];
    assert!(known.used_s.is_some() && known.counter == 1, "{known:?}");
    assert!(is_in(&world.browser().sign_in("alice", &mut key).await), "as often as one likes");
}

#[tokio::test]
async fn who_has_no_password_needs_none_and_nobody_signs_in_with_an_empty_one() {
    let world = World::new();
    let mut key = world.signed_in("bob").register("stick").await;
    assert!(is_in(&world.browser().sign_in("bob", &mut key).await));
    let form = [("name", "bob"), ("password", ""), ("code", "")];
    let answer = world.browser().post("/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    world.access().remove_user("bob").unwrap();
    assert!(world.access().passkeys("bob").unwrap().is_empty());
    assert!(!is_in(&world.browser().sign_in("bob", &mut key).await));
}

#[tokio::test]
async fn what_was_not_begun_here_now_and_once_is_refused_and_told() {
    let world = World::new();
    let mut key = world.signed_in("alice").register("phone").await;
    // A challenge that this server never gave.
    let mut browser = world.browser();
    let mut forged = browser.begin("alice").await;
    forged["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let credential = key.sign(&forged, ORIGIN);
    assert!(!is_in(&browser.end("alice", &credential).await));
    // No cookie, another's cookie, a cookie that was made up.
    let options = browser.begin("alice").await;
    let credential = key.sign(&options, ORIGIN);
    assert!(!is_in(&world.browser().end("alice", &credential).await));
    let mut other = world.browser();
    other.begin("alice").await;
    assert!(!is_in(&other.end("alice", &credential).await));
    other.cookies = vec![("mailward-passkey".to_owned(), "x".repeat(43))];
    other.client = "192.0.2.2";
    assert_eq!(other.end("alice", &credential).await.status, StatusCode::TOO_MANY_REQUESTS);
    let fails = vec![("alice".to_owned(), false); 4];
    assert_eq!(world.tried(), fails, "each is told as a wrong password is");
}

#[tokio::test]
async fn an_answer_counts_once_and_in_time() {
    let world = World::new();
    let mut key = world.signed_in("alice").register("phone").await;
    let mut browser = world.browser();
    let options = browser.begin("alice").await;
    let credential = key.sign(&options, ORIGIN);
    let before = browser.cookies.clone();
    assert!(is_in(&browser.end("alice", &credential).await));
    browser.cookies = before;
    let again = browser.end("alice", &credential).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "replayed");
    let options = browser.begin("alice").await;
    let credential = key.sign(&options, ORIGIN);
    world.age(ceremonies::OPEN_S);
    let late = browser.end("alice", &credential).await;
    assert!(late.text.contains("or it took too long"), "{}", late.text);
    assert!(is_in(&browser.sign_in("alice", &mut key).await));
}

#[tokio::test]
async fn another_origin_is_refused_by_the_page_and_by_what_was_signed() {
    let world = World::new();
    let mut key = world.signed_in("alice").register("phone").await;
    let mut browser = world.browser();
    for origin in
        ["http://localhost:9999", "https://localhost:8925", "https://evil.example", "null"]
    {
        // The browser signed for a page that is not ours, and the page hands it to us.
        let options = browser.begin("alice").await;
        let signed = key.sign(&options, origin);
        let answer = browser.end("alice", &signed).await;
        assert!(!is_in(&answer), "{origin}");
        world.access().throttle().succeeded("192.0.2.1".parse().ok(), "alice", 0);
        // The page sends for itself.
        browser.origin = origin;
        let begun = browser.post("/sign-in/passkey/begin", &[("name", "alice")]).await;
        assert_eq!(begun.status, StatusCode::FORBIDDEN, "{origin}");
        let signed = key.sign(&options, ORIGIN);
        assert_eq!(browser.end("alice", &signed).await.status, StatusCode::FORBIDDEN, "{origin}");
        browser.origin = ORIGIN;
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_also_in_the_middle() {
    let world = World::new();
    let mut owner = world.signed_in("alice");
    let mut key = owner.register("phone").await;
    let id = data_encoding::HEXLOWER.encode(&key.id);
    let mut browser = world.browser();
    let options = browser.begin("alice").await;
    let credential = key.sign(&options, ORIGIN);
    // Nobody revokes another's.
    let mut other = world.signed_in("bob");
    let answer = other.post("/access/passkeys/revoke", &[("id", &id)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    assert_eq!(world.access().passkeys("alice").unwrap().len(), 1);
    let answer = owner.post("/access/passkeys/revoke", &[("id", &id)]).await;
    assert!(answer.text.contains("The passkey phone is of no use any more"), "{}", answer.text);
    assert!(!is_in(&browser.end("alice", &credential).await), "begun before it was revoked");
    assert!(!is_in(&world.browser().sign_in("alice", &mut key).await));
}

#[tokio::test]
async fn the_key_of_one_is_not_that_of_another() {
    let world = World::new();
    let mut alices = world.signed_in("alice").register("phone").await;
    let mut bobs = world.signed_in("bob").register("phone").await;
    assert!(!is_in(&world.browser().sign_in("alice", &mut bobs).await), "his own id");
    let (id, handle) = (bobs.id.clone(), bobs.handle.clone());
    bobs.id.clone_from(&alices.id);
    assert!(!is_in(&world.browser().sign_in("alice", &mut bobs).await), "her id, his signature");
    (bobs.id, bobs.handle) = (id, handle);
    // Begun by one name and ended by another, it is the first that counts.
    let mut browser = world.browser();
    let options = browser.begin("bob").await;
    let credential = bobs.sign(&options, ORIGIN);
    assert!(is_in(&browser.end("alice", &credential).await));
    assert_eq!(world.tried().last().unwrap(), &("bob".to_owned(), true));
    // An authenticator that says it is somebody else's.
    world.access().throttle().succeeded("192.0.2.1".parse().ok(), "alice", 0);
    alices.handle = Some(vec![7; 16]);
    assert!(!is_in(&world.browser().sign_in("alice", &mut alices).await));
    alices.handle = None;
    assert!(is_in(&world.browser().sign_in("alice", &mut alices).await), "it need not say");
}

#[tokio::test]
async fn a_count_that_goes_back_is_refused_and_told() {
    let world = World::new();
    let mut owner = world.signed_in("alice");
    let mut key = owner.register("phone").await;
    let mut copy = key.copied();
    for _ in 0..2 {
        assert!(is_in(&world.browser().sign_in("alice", &mut key).await));
    }
    let refused = world.browser().sign_in("alice", &mut copy).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.text.contains("The passkey phone was refused"), "{}", refused.text);
    let warned = world.heard.warned.lock().unwrap().clone();
    assert!(warned.len() == 1 && warned[0].contains("the passkey phone of alice"), "{warned:?}");
    assert!(world.access().passkeys("alice").unwrap()[0].doubted_s.is_some());
    // Two that were begun at the same count: the second to end is behind.
    let [mut one, mut two] = [world.browser(), world.browser()];
    let (first, second) = (one.begin("alice").await, two.begin("alice").await);
    let mut copy = key.copied();
    let (first, second) = (key.sign(&first, ORIGIN), copy.sign(&second, ORIGIN));
    assert!(is_in(&one.end("alice", &first).await));
    let refused = two.end("alice", &second).await;
    assert!(refused.text.contains("was refused"), "{}", refused.text);
    assert!(is_in(&world.browser().sign_in("alice", &mut key).await), "the owner goes on");
}

#[tokio::test]
async fn a_touch_without_finger_or_pin_is_not_enough() {
    let world = World::new();
    let mut key = world.signed_in("alice").register("stick").await;
    key.is_verifying = false;
    assert!(!is_in(&world.browser().sign_in("alice", &mut key).await));
    key.is_verifying = true;
    assert!(is_in(&world.browser().sign_in("alice", &mut key).await));
}

#[tokio::test]
async fn strangers_learn_no_names() {
    let world = World::new();
    world.signed_in("alice").register("phone").await;
    let mut ids = Vec::new();
    for name in ["alice", "nobody", "nobody", "somebody"] {
        let mut options = world.browser().begin(name).await;
        let id = options["allowCredentials"][0]["id"].take();
        assert!(options["allowCredentials"].as_array().is_some_and(|all| all.len() == 1));
        ids.push(id);
        assert_eq!(options["userVerification"], "required");
    }
    assert_eq!(ids[1], ids[2], "the same each time");
    assert!(ids[0] != ids[1] && ids[1] != ids[3]);
}

#[tokio::test]
async fn who_guesses_gets_no_more_challenges_for_a_while() {
    let world = World::new();
    world.signed_in("alice").register("phone").await;
    let mut browser = world.browser();
    world.guess("alice");
    let answer = browser.post("/sign-in/passkey/begin", &[("name", "alice")]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.text.starts_with("Too many tries failed"), "{}", answer.text);
    let form = [("name", "alice"), ("password", PASSWORD), ("code", "")];
    let answer = browser.post("/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "of passwords neither");
}

#[tokio::test]
async fn a_passkey_is_added_by_its_owner_only() {
    let world = World::new();
    world.access().set_user("alice", Role::Reader, PASSWORD).unwrap();
    let (mut alice, mut bob) = (world.signed_in("alice"), world.signed_in("bob"));
    assert_eq!(
        world.browser().post("/access/passkeys/begin", &[("name", "x")]).await.status,
        StatusCode::SEE_OTHER,
        "nobody is signed in"
    );
    // What one begins another does not end, whatever cookies he has.
    let options = alice.options("/access/passkeys/begin", "phone").await;
    let (_, credential) = Authenticator::register(&options, ORIGIN);
    bob.cookies.extend(alice.cookies.iter().filter(|(name, _)| name.contains("passkey")).cloned());
    let answer = bob.post("/access/passkeys", &[("credential", &credential)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    let answer = alice.post("/access/passkeys", &[("credential", &credential)]).await;
    assert!(answer.text.contains("took too long, or was begun elsewhere"), "it is gone");
    // For another origin, and rubbish.
    let options = alice.options("/access/passkeys/begin", "phone").await;
    let (_, credential) = Authenticator::register(&options, "http://localhost:1");
    let answer = alice.post("/access/passkeys", &[("credential", &credential)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    for credential in ["", "{}", "[]", "\u{0}"] {
        alice.options("/access/passkeys/begin", "phone").await;
        let answer = alice.post("/access/passkeys", &[("credential", credential)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert!(world.access().passkeys("alice").unwrap().is_empty());
    assert!(world.tried().is_empty(), "nobody tried to sign in");
}

#[tokio::test]
async fn an_old_session_adds_and_revokes_none_without_the_password() {
    let world = World::new();
    world.access().set_user("alice", Role::Reader, PASSWORD).unwrap();
    let mut alice = world.signed_in("alice");
    let key = alice.register("phone").await;
    let hash = secret::hash(&alice.cookies[0].1);
    world.access().database().put_times(&hash, now_s() - 601, now_s()).unwrap();
    let begin = |password: &'static str| [("name", "second"), ("password", password)];
    for (password, why) in [("", "wants your present password"), ("wrong password", "is wrong")] {
        let answer = alice.post("/access/passkeys/begin", &begin(password)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text.contains(why) && !answer.text.contains('<'), "{}", answer.text);
    }
    let id = data_encoding::HEXLOWER.encode(&key.id);
    let answer = alice.post("/access/passkeys/revoke", &[("id", &id)]).await;
    assert!(answer.text.contains("This wants your present password."), "{}", answer.text);
    assert_eq!(world.tried(), [("alice".to_owned(), false)], "the wrong one is told");
    let answer = alice.post("/access/passkeys/begin", &begin(PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let right = [("id", id.as_str()), ("password", PASSWORD)];
    assert_eq!(alice.post("/access/passkeys/revoke", &right).await.status, StatusCode::OK);
    // Who has none signs in anew.
    let mut bob = world.signed_in("bob");
    bob.register("phone").await;
    let hash = secret::hash(&bob.cookies[0].1);
    world.access().database().put_times(&hash, now_s() - 601, now_s()).unwrap();
    let answer = bob.post("/access/passkeys/begin", &begin("")).await;
    assert!(answer.text.contains("sign out, sign in"), "{}", answer.text);
    // And wrong passwords make wait.
    world.guess("alice");
    let answer = alice.post("/access/passkeys/begin", &begin(PASSWORD)).await;
    assert!(answer.text.contains("Too many wrong passwords"), "{}", answer.text);
}

#[tokio::test]
async fn passkeys_have_names_and_bounds() {
    let world = World::new();
    let mut alice = world.signed_in("alice");
    for name in ["", "  ", "a\u{202e}b", "a\nb", &"x".repeat(65)] {
        let answer = alice.post("/access/passkeys/begin", &[("name", name)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name:?}");
    }
    for number in 0..PASSKEYS_MAX {
        alice.register(&format!("phone {number}")).await;
    }
    let answer = alice.post("/access/passkeys/begin", &[("name", "phone 1")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    world.access().database().remove_passkey("alice", b"none").unwrap();
    let all = world.access().passkeys("alice").unwrap();
    world.access().database().remove_passkey("alice", &all[0].id).unwrap();
    let answer = alice.post("/access/passkeys/begin", &[("name", &all[1].name)]).await;
    assert!(answer.text.contains("already"), "{}", answer.text);
}
