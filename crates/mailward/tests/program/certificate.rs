//! A certificate from a real authority that speaks ACME (pebble), fetched for the console of a real
//! guard, in a network namespace of its own.
#![cfg(all(feature = "console", feature = "acme"))]

use crate::console::{answer, is_served};
use crate::world::{Guard, Place, Ran, USER, World, wait_until};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const DIRECTORY: &str = "https://localhost:14000/dir";
/// Where the namespace has an address that is not loopback.
const CONSOLE: &str = "192.0.2.10:8925";

fn world() -> World {
    let world = World::new();
    openssl(&world, "req -x509 -subj /CN=authority -days 2 -keyout ca.key -out ca.pem");
    openssl(
        &world,
        "req -x509 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext \
         basicConstraints=CA:FALSE -days 2 -CA ca.pem -CAkey ca.key -keyout pebble.key -out pebble.pem",
    );
    configure(&world, "mail.example.org", 80);
    world.append("");
    fs::set_permissions(world.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    world
}

fn configure(world: &World, names: &str, port: u16) {
    world.configure("");
    let text = fs::read_to_string(world.config()).unwrap();
    let own = format!(
        "console.listen = [\"{CONSOLE}\"]\nconsole.names = [\"{names}\"]\n\
         console.acme.directory = \"{DIRECTORY}\"\nconsole.acme.email = \"postmaster@example.org\"\n\
         console.acme.signed_by = {:?}\nconsole.acme.listen = \"[::]:{port}\"",
        world.path("ca.pem")
    );
    fs::write(world.config(), text.replace("console.listen = []", &own)).unwrap();
}

fn openssl(world: &World, words: &str) {
    let ran = Command::new("openssl")
        .args(words.split_whitespace())
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .current_dir(world.path("."))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A command in the guard's namespaces.
fn inside(guard: &Guard, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--net", "--mount", "--target", &guard.pid().to_string(), program]);
    command
}

/// The authority and the name server that it asks; both end with this.
struct Authority([Child; 2]);

impl Authority {
    fn start(world: &World, guard: &Guard) -> Authority {
        let path = |name: &str| world.path(name).display().to_string();
        let config = format!(
            "{{\"pebble\": {{\"listenAddress\": \"127.0.0.1:14000\", \
             \"managementListenAddress\": \"127.0.0.1:15000\", \"certificate\": {:?}, \
             \"privateKey\": {:?}, \"httpPort\": 80, \"tlsPort\": 443, \
             \"certificateValidityPeriod\": 7776000}}}}",
            path("pebble.pem"),
            path("pebble.key")
        );
        let config = world.file("pebble.json", config.as_bytes());
        let file = fs::File::create(world.path("pebble.log")).unwrap();
        let names = inside(guard, "pebble-challtestsrv")
            .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-dns01", "127.0.0.1:8053", "-management", "127.0.0.1:8055"])
            .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pebble = inside(guard, "pebble")
            .args(["-config", &config, "-dnsserver", "127.0.0.1:8053"])
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_AUTHZREUSE", "0")])
            // By itself it refuses one good nonce of twenty, and now and then three in a row, after
            // which the library gives up: that it tries again is its own, and not tested here.
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        wait_until("the authority listens", || {
            let said = fs::read_to_string(world.path("pebble.log")).unwrap();
            said.contains("ACME directory available")
        });
        Authority([names, pebble])
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn fetch(world: &World, guard: &Guard, more: &[&str]) -> Ran {
    let mut command = inside(guard, env!("CARGO_BIN_EXE_mailward"));
    command.args(["console", "certificate"]).args(more).arg("--config").arg(world.config());
    Ran::of(command.stdin(Stdio::null()).output().unwrap())
}

/// Issuer, names and serial of the certificate that is served.
fn served(guard: &Guard) -> String {
    let ask = format!(
        "openssl s_client -connect {CONSOLE} -servername mail.example.org </dev/null 2>/dev/null | \
         openssl x509 -noout -issuer -serial -ext subjectAltName"
    );
    let ran = inside(guard, "sh").args(["-c", &ask]).output().unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

fn kept(world: &World) -> PathBuf {
    world.state().join("acme")
}

fn is_of_the_guard_alone(path: &Path) {
    let file = fs::metadata(path).unwrap();
    let mode = if file.is_dir() { 0o700 } else { 0o600 };
    assert_eq!((file.uid(), file.mode() & 0o777), (USER, mode), "{}", path.display());
}

#[test]
fn a_certificate_is_fetched_by_who_has_no_other_right_and_renewed_without_a_restart() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs root, to be somebody else");
    }
    let world = world();
    let guard = world.guard(Place::User);
    // An authority that is away is told once, with what to do, and not asked again at once.
    wait_until("the failure is kept", || kept(&world).join("failures.json").exists());
    wait_until("it is told", || guard.said().contains("see that console.acme.directory is right"));
    assert_eq!(guard.said().matches("no certificate: https://localhost:14000/dir: ").count(), 1);
    assert!(!is_served(&world), "there is nothing to serve yet");
    let authority = Authority::start(&world, &guard);
    let fetched = fetch(&world, &guard, &[]).good().out;
    assert!(fetched.contains("a certificate for mail.example.org, good until "), "{fetched}");
    wait_until("the console serves it", || is_served(&world));
    let first = served(&guard);
    assert!(first.contains("Pebble") && first.contains("DNS:mail.example.org"), "{first}");
    for name in ["", "console.pem", "account.json", "failures.json"] {
        is_of_the_guard_alone(&kept(&world).join(name));
    }
    let account = fs::read(kept(&world).join("account.json")).unwrap();
    // One that is good is left alone; another is served as soon as it is there.
    let told = fetch(&world, &guard, &[]).good().out;
    assert!(told.contains("mail.example.org is good until ") && told.contains("--now"), "{told}");
    assert_eq!(served(&guard), first);
    fetch(&world, &guard, &["--now"]).good();
    wait_until("the other one is served", || {
        served(&guard).contains("serial") && served(&guard) != first
    });
    assert_eq!(fs::read(kept(&world).join("account.json")).unwrap(), account, "the same account");
    // Where the authority does not get the proof, what there is stays.
    let before = served(&guard);
    configure(&world, "other.example.org", 81);
    fetch(&world, &guard, &[]).bad(
        1,
        &["other.example.org is not proved to be this host", "have the name lead to this host"],
    );
    assert_eq!(served(&guard), before);
    let health = answer(&world, "GET /health", "").unwrap();
    assert!(health.contains("tried once without success, last at "), "{health}");
    assert!(health.contains("other.example.org is not proved to be this host"), "{health}");
    // Another process may be at it.
    let lock = fs::File::create(kept(&world).join("lock")).unwrap();
    lock.lock().unwrap();
    fetch(&world, &guard, &["--now"]).bad(1, &["another process asks the authority just now"]);
    drop(lock);
    // An authority that forgot the account is given another.
    configure(&world, "mail.example.org", 80);
    drop(authority);
    let authority = Authority::start(&world, &guard);
    fetch(&world, &guard, &["--now"]).good();
    assert_ne!(fs::read(kept(&world).join("account.json")).unwrap(), account, "another account");
    drop(authority);
    guard.stop();
}

#[test]
fn what_contradicts_itself_is_told() {
    let world = World::new();
    let say = |keys: &str| {
        world.configure(&format!("console.acme.listen = \"127.0.0.1:0\"\n{keys}"));
        world.ask(&["console", "certificate"])
    };
    say("").bad(1, &["no authority is named", "set console.acme.directory"]);
    say(&format!("console.acme.directory = \"{DIRECTORY}\""))
        .bad(1, &["for no name", "console.names"]);
    let named =
        format!("console.acme.directory = \"{DIRECTORY}\"\nconsole.names = [\"a.example\"]");
    say(&format!("{named}\nconsole.key = \"/key.pem\""))
        .bad(1, &["take console.acme.directory away"]);
    for name in ["192.0.2.1", "2001:db8::1", "*.example.org", "b\u{fc}cher.example", ""] {
        say(&named.replace("a.example", name)).bad(1, &["no certificate can be had for", "xn--"]);
    }
    say(&named).bad(1, &["start the guard first"]);
    say("console.acme.directory = \"http://localhost/dir\"")
        .bad(1, &["console.acme.directory: cannot be that", "https:"]);
}
