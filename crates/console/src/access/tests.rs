use super::secret::code_at;
use super::*;
use std::cell::RefCell;

const PASSWORD: &str = "correct horse battery";

fn access() -> (tempfile::TempDir, Access) {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    (dir, access)
}

fn from(client: &str) -> From {
    From { client: client.parse().ok(), agent: "x".repeat(1000) }
}

fn secret_of(base32: &str) -> Vec<u8> {
    data_encoding::BASE32_NOPAD.decode(base32.as_bytes()).unwrap()
}

#[test]
fn a_link_signs_in_once_and_not_for_ever() {
    let (_dir, access) = access();
    assert!(access.has_no_user().unwrap());
    let path = access.link("admin", Role::Operator, 60).unwrap();
    let token = path.strip_prefix("/link/").unwrap();
    assert!(access.is_link(token).unwrap() && !access.is_link("other").unwrap());
    let cookie = access.use_link(token, &from("192.0.2.1")).unwrap().unwrap();
    assert!(!access.is_link(token).unwrap());
    assert_eq!(access.use_link(token, &from("192.0.2.1")).unwrap(), None);
    let who = access.session(&cookie).unwrap().unwrap();
    assert_eq!((who.name.as_str(), who.role), ("admin", Role::Operator));
    let session = &access.sessions().unwrap()[0];
    assert_eq!((session.client.as_str(), session.agent.len()), ("192.0.2.1", 200));
    for forged in ["", "x", &cookie[1..], &format!("{cookie}x"), &cookie.to_lowercase()] {
        assert_eq!(access.session(forged).unwrap(), None, "{forged}");
    }
    access.sign_out(&who.session.unwrap()).unwrap();
    assert_eq!(access.session(&cookie).unwrap(), None);
    let old = access.link("admin", Role::Operator, -1).unwrap();
    assert_eq!(access.use_link(old.strip_prefix("/link/").unwrap(), &from("")).unwrap(), None);
}

#[test]
fn name_password_and_code_sign_in_and_nothing_less() {
    let (_dir, access) = access();
    let secret = secret_of(&access.set_user("alice", Role::Reader, PASSWORD).unwrap());
    let told = RefCell::new(Vec::new());
    let note = |tried: &SignIn<'_>| {
        told.borrow_mut().push((tried.account.to_owned(), tried.is_allowed));
    };
    let code = code_at(&secret, now_s());
    let try_in = |name: &str, password: &str, code: &str, client: &str| {
        access.sign_in(name, password, code, &from(client), note).unwrap()
    };
    assert!(try_in("alice", "wrong password!", &code, "192.0.2.1").is_err());
    assert!(try_in("alice", PASSWORD, "", "192.0.2.2").is_err());
    assert!(try_in("bob", PASSWORD, &code, "192.0.2.3").is_err());
    let cookie = try_in("alice", PASSWORD, &code, "192.0.2.4").unwrap();
    assert_eq!(access.session(&cookie).unwrap().unwrap().role, Role::Reader);
    assert!(try_in("alice", PASSWORD, &code, "192.0.2.5").is_err(), "a code is used once");
    let expected =
        [("alice", false), ("alice", false), ("bob", false), ("alice", true), ("alice", false)];
    assert_eq!(*told.borrow(), expected.map(|(name, allowed)| (name.to_owned(), allowed)));
    // Another password ends what was.
    access.set_user("alice", Role::Operator, "another password").unwrap();
    assert_eq!(access.session(&cookie).unwrap(), None);
    access.remove_user("alice").unwrap();
    assert!(matches!(access.remove_user("alice"), Err(AccessError::Missing(_))));
}

#[test]
fn who_guesses_waits_and_hashes_no_password_meanwhile() {
    let (_dir, access) = access();
    let told = RefCell::new(0);
    let waits: Vec<u64> = (0..1000)
        .map(|_| {
            let note = |_: &SignIn<'_>| *told.borrow_mut() += 1;
            access
                .sign_in("alice", "a guess", "000000", &from("192.0.2.1"), note)
                .unwrap()
                .unwrap_err()
        })
        .collect();
    assert!((5..100).contains(&*told.borrow()), "{} were told", told.borrow());
    assert!(waits[999] >= 1);
}

#[test]
fn tokens_have_scopes_and_are_shown_once() {
    let (_dir, access) = access();
    let token = access.add_token("grafana", &[Scope::Metrics]).unwrap();
    assert!(matches!(access.add_token("grafana", &[Scope::Read]), Err(AccessError::Known(_))));
    let who = access.bearer(&token).unwrap().unwrap();
    assert_eq!((who.role, who.scopes), (Role::Reader, Some(vec![Scope::Metrics])));
    assert!(access.tokens().unwrap()[0].used_s.is_some());
    assert_eq!(access.bearer("other").unwrap(), None);
    access.remove_token("grafana").unwrap();
    assert_eq!(access.bearer(&token).unwrap(), None);
}

#[test]
fn names_and_passwords_have_bounds() {
    let (_dir, access) = access();
    for name in ["", "a b", "<script>", "a\nb", "\u{202e}x", &"x".repeat(65)] {
        assert!(matches!(access.set_user(name, Role::Reader, PASSWORD), Err(AccessError::Name)));
        assert!(matches!(access.link(name, Role::Reader, 60), Err(AccessError::Name)), "{name:?}");
    }
    for password in ["short", &"x".repeat(1025)] {
        let set = access.set_user("alice", Role::Reader, password);
        assert!(matches!(set, Err(AccessError::Password)), "{} characters", password.len());
    }
}

#[test]
fn sessions_are_bounded_and_secrets_are_not_in_the_file() {
    let (dir, access) = access();
    let secret = access.set_user("alice", Role::Reader, PASSWORD).unwrap();
    let mut cookies = Vec::new();
    for _ in 0..SESSIONS_MAX + 20 {
        cookies.push(access.begin("alice", Role::Reader, &from("")).unwrap());
    }
    assert_eq!(access.sessions().unwrap().len(), SESSIONS_MAX);
    drop(access);
    let file = [FILE.to_owned(), format!("{FILE}-wal")].map(|name| dir.path().join(name));
    let bytes: Vec<u8> =
        file.iter().flat_map(|path| std::fs::read(path).unwrap_or_default()).collect();
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("alice") && !holds(PASSWORD) && !cookies.iter().any(|cookie| holds(cookie)));
    assert!(!secret.is_empty());
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file[0]).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_password_that_can_be_set_signs_in() {
    let (_dir, access) = access();
    let umlauts = "\u{fc}".repeat(512);
    let secret = secret_of(&access.set_user("alice", Role::Reader, &umlauts).unwrap());
    let try_in = |password: &str| {
        access.sign_in("alice", password, &code_at(&secret, now_s()), &from("192.0.2.1"), |_| {})
    };
    assert!(try_in(&format!("{umlauts}x")).unwrap().is_err());
    assert!(try_in(&umlauts).unwrap().is_ok());
    let longer = "\u{fc}".repeat(513);
    let set = access.set_user("alice", Role::Reader, &longer);
    assert!(matches!(set, Err(AccessError::Password)));
}

#[test]
fn who_is_removed_comes_by_no_link_either() {
    let (_dir, access) = access();
    access.set_user("alice", Role::Operator, PASSWORD).unwrap();
    let link = access.link("alice", Role::Operator, 60).unwrap();
    let session = access.begin("alice", Role::Operator, &from("")).unwrap();
    let hash = secret::hash(&session);
    assert!(access.is_session(&hash).unwrap());
    access.remove_user("alice").unwrap();
    assert!(!access.is_session(&hash).unwrap());
    let token = link.strip_prefix("/link/").unwrap();
    assert_eq!(access.use_link(token, &from("")).unwrap(), None);
}

#[test]
fn sessions_end_when_nobody_uses_them_and_in_any_case() {
    let (_dir, access) = access();
    let begin = || access.begin("alice", Role::Reader, &from("")).unwrap();
    let [idle, old, fresh] = [begin(), begin(), begin()];
    let set = |cookie: &str, began: i64, seen: i64| {
        let hash = secret::hash(cookie);
        access.database().put_times(&hash, began, seen).unwrap();
        let is_on = access.is_session(&hash).unwrap();
        assert_eq!(access.session(cookie).unwrap().is_some(), is_on);
        is_on
    };
    assert!(!set(&idle, now_s() - IDLE_S - 60, now_s() - IDLE_S - 60));
    assert!(!set(&old, now_s() - SESSION_S - 60, now_s()));
    assert!(set(&fresh, now_s() - SESSION_S + 60, now_s() - IDLE_S + 60));
    assert_eq!(access.sessions().unwrap().len(), 1, "what is over is gone");
}

#[test]
fn a_name_that_nobody_has_costs_the_time_of_a_password() {
    let hash = secret::hashed(PASSWORD).unwrap();
    let time = |hash: Option<&str>| {
        let began = crate::clock::monotonic();
        assert!(!secret::verify("a guess", hash));
        began.elapsed()
    };
    // The least of many, in turn: a busy machine only adds.
    let pairs: Vec<_> = (0..20).map(|_| (time(Some(hash.as_str())), time(None))).collect();
    let known = pairs.iter().map(|(known, _)| *known).min().unwrap();
    let unknown = pairs.iter().map(|(_, unknown)| *unknown).min().unwrap();
    assert!(unknown * 2 > known && known * 2 > unknown, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn few_wait_for_a_turn() {
    use std::future::Future as _;
    let (_dir, access) = access();
    let held = access.turn().await.unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(access.turn())).collect();
    assert!(waiting.iter_mut().all(|turn| turn.as_mut().poll(&mut context).is_pending()));
    assert!(access.turn().await.is_none(), "one too many is sent away");
    drop((held, waiting));
    assert!(access.turn().await.is_some());
}

/// A file as the version wrote it that had the first so many formats.
fn file_of_format(format: usize) -> (tempfile::TempDir, rusqlite::Connection) {
    let dir = tempfile::tempdir().unwrap();
    let early = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    database::FORMATS[..format].iter().for_each(|schema| early.execute_batch(schema).unwrap());
    early.execute("INSERT INTO user VALUES('alice', 'operator', 'x', NULL, 0, 1)", []).unwrap();
    let session = "INSERT INTO session(hash, user, role, began, seen, client, agent)
                   VALUES(x'00', 'alice', 'operator', 1, 1, '', '')";
    early.execute(session, []).unwrap();
    early.pragma_update(None, "user_version", format as i64).unwrap();
    (dir, early)
}

#[test]
fn a_file_of_an_earlier_version_is_brought_on_and_one_of_a_later_left_alone() {
    for format in 1..=database::FORMATS.len() {
        let (dir, early) = file_of_format(format);
        for _ in 0..2 {
            let access = Access::open(dir.path()).unwrap();
            assert_eq!(access.users().unwrap()[0].name, "alice");
            assert!(!access.sessions().unwrap()[0].is_by_link);
            assert!(access.database().own_secret(b"secret").unwrap() == b"secret");
            let who =
                Who { name: "alice".to_owned(), role: Role::Reader, session: None, scopes: None };
            access.save_view(&who, "it", "q=", false).unwrap();
            assert_eq!(access.views(&who).unwrap().len(), 1, "of format {format}");
        }
        early.pragma_update(None, "user_version", 1000).unwrap();
        assert!(matches!(Access::open(dir.path()), Err(AccessError::Newer)));
    }
}

fn who_has(access: &Access, cookie: &str) -> Who {
    access.session(cookie).unwrap().unwrap()
}

#[test]
fn a_new_password_wants_the_old_one_but_of_who_came_by_a_link_just_now() {
    let (_dir, access) = access();
    let by_link = || {
        let link = access.link("alice", Role::Reader, 60).unwrap();
        access.use_link(link.strip_prefix("/link/").unwrap(), &from("")).unwrap().unwrap()
    };
    let wanted = |cookie: &str| access.proof_for_password(&who_has(&access, cookie)).unwrap();
    let age = |cookie: &str, by_s: i64| {
        access.database().put_times(&secret::hash(cookie), now_s() - by_s, now_s()).unwrap();
    };
    let first = by_link();
    age(&first, 86_400);
    assert_eq!(wanted(&first), Proof::Nothing, "there is none yet");
    access.set_user("alice", Role::Reader, PASSWORD).unwrap();
    let session = access.begin("alice", Role::Reader, &from("")).unwrap();
    assert_eq!(wanted(&session), Proof::Password, "however fresh the session is");
    let forgotten = by_link();
    assert_eq!(wanted(&forgotten), Proof::Nothing);
    age(&forgotten, LINK_S + 1);
    assert_eq!(wanted(&forgotten), Proof::Password, "the link's time is over");
    let socket = Who { session: None, ..who_has(&access, &session) };
    assert_eq!(access.proof_for_password(&socket).unwrap(), Proof::Password);
}

#[test]
fn a_wrong_old_password_counts_as_one_at_the_sign_in() {
    let (_dir, access) = access();
    access.set_user("alice", Role::Reader, PASSWORD).unwrap();
    let who = who_has(&access, &access.begin("alice", Role::Reader, &from("")).unwrap());
    let told = RefCell::new(Vec::new());
    let shown = |password: &str| {
        let note = |tried: &SignIn<'_>| told.borrow_mut().push(tried.is_allowed);
        access.confirm(&who, Proof::Password, password, &from("192.0.2.1"), note)
    };
    let refused = |password: &str| shown(password).unwrap_err().to_string();
    assert_eq!(refused(""), "this wants your present password");
    assert!(told.borrow().is_empty(), "none is no wrong one");
    assert_eq!(refused("wrong password"), "the present password is wrong");
    assert_eq!(refused(&"x".repeat(PASSWORD_MAX + 1)), "the present password is wrong");
    shown(PASSWORD).unwrap();
    assert_eq!(*told.borrow(), [false, false]);
    for _ in 0..10 {
        access.throttle().failed("192.0.2.1".parse().ok(), "alice", now_s());
    }
    assert!(refused(PASSWORD).starts_with("too many wrong passwords"));
    let elsewhere = access.sign_in("alice", PASSWORD, "", &from("192.0.2.1"), |_| {}).unwrap();
    assert!(elsewhere.unwrap_err() > 0, "at the sign-in too");
    assert!(
        access.is_session(who.session.as_ref().unwrap()).unwrap(),
        "nobody is signed out by it"
    );
}
