//! What is kept in a directory of the state directory: the account, the certificate with its key in
//! one file (both are others at the same moment), and which tries failed.

use crate::{AcmeError, Request};
use instant_acme::AccountCredentials;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const CERTIFICATE: &str = "console.pem";
const ACCOUNT: &str = "account.json";
const FAILURES: &str = "failures.json";
const LOCK: &str = "lock";
/// What stands before the PEM, and before the name of the authority.
const ISSUED_BY: &str = "issued by ";
/// What of a reason is kept, in characters.
const WHY_MAX: usize = 500;
/// The reason of a try that did not come to an end.
const BROKEN_OFF: &str = "it was broken off";
/// The longest file that is read, in bytes.
const FILE_MAX: u64 = 1 << 20;
/// The shortest and the longest pause behind a failure, in seconds: authorities count failures, and
/// keep away for an hour who has five.
const PAUSE_MIN_S: i64 = 900;
const PAUSE_MAX_S: i64 = 86_400;

/// The directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    dir: PathBuf,
}

/// What the authority gave.
pub struct Issued {
    /// The certificate and those above it, PEM.
    pub chain: String,
    /// Its key, PEM.
    pub key: String,
}

/// Whether there is a certificate as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// There is.
    Good {
        /// When it ends, seconds since 1970.
        end_s: i64,
        /// When another is asked for, seconds since 1970.
        renew_s: i64,
    },
    /// Another is wanted, and why.
    Wanted(&'static str),
}

/// Tries that failed since the last that did not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was, seconds since 1970.
    pub last_s: i64,
    /// Why.
    pub why: String,
}

impl Failures {
    /// When the next try is due, seconds since 1970: each pause is twice the one before.
    pub fn next_s(&self) -> i64 {
        let doubled = PAUSE_MIN_S << self.count.saturating_sub(1).min(16);
        match self.count {
            0 => i64::MIN,
            _ => self.last_s.saturating_add(doubled.min(PAUSE_MAX_S)),
        }
    }

    /// True where the next try is not due yet. A failure that is to come is of a clock that was
    /// wrong.
    pub fn holds_at(&self, now_s: i64) -> bool {
        self.last_s <= now_s && now_s < self.next_s()
    }
}

#[derive(Serialize, Deserialize)]
struct Account<C> {
    directory: String,
    credentials: C,
}

impl Kept {
    /// In this directory, which exists before anything is written to it.
    pub const fn in_dir(dir: PathBuf) -> Kept {
        Kept { dir }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file with key and certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join(CERTIFICATE)
    }

    /// Whether what is kept is what `request` asks for, and good for a while.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn standing(&self, request: &Request, now_s: i64) -> Result<Standing, AcmeError> {
        let Some(content) = self.read(CERTIFICATE)? else {
            return Ok(Standing::Wanted("there is none yet"));
        };
        let Some(leaf) = Leaf::of(&content) else {
            return Ok(Standing::Wanted("what is kept is no certificate"));
        };
        if leaf.names != wanted(&request.names) {
            return Ok(Standing::Wanted("it is for other names"));
        }
        if issuer(&content) != Some(request.directory.as_bytes()) {
            return Ok(Standing::Wanted("it is of another authority"));
        }
        let renew_s = leaf.renew_s();
        match now_s < renew_s {
            true => Ok(Standing::Good { end_s: leaf.end_s, renew_s }),
            false => Ok(Standing::Wanted("less than a third of its time is left")),
        }
    }

    /// Which tries failed.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn failures(&self) -> Result<Failures, AcmeError> {
        Ok(self.read_json(FAILURES)?.unwrap_or_default())
    }

    /// The lock of whoever asks the authority; nothing where another process has it.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn lock(&self) -> Result<Option<File>, AcmeError> {
        let file = self.options().open(self.dir.join(LOCK)).map_err(self.told(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(self.told(LOCK)(error)),
        }
    }

    /// Notes a failure before the authority is asked, for authorities count what is broken off,
    /// too: however this process ends, the next try keeps its distance.
    ///
    /// # Errors
    /// The file cannot be written: then nobody must be asked.
    pub(crate) fn begin(&self, now_s: i64) -> Result<(), AcmeError> {
        let count = self.failures()?.count.saturating_add(1);
        self.put_json(FAILURES, &Failures { count, last_s: now_s, why: BROKEN_OFF.to_owned() })
    }

    /// Why the try that was begun failed.
    pub(crate) fn end(&self, why: &str) -> Result<(), AcmeError> {
        let why = why.chars().take(WHY_MAX).collect();
        self.put_json(FAILURES, &Failures { why, ..self.failures()? })
    }

    /// Notes a failure for which no authority was asked.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_failure(&self, now_s: i64, why: &str) -> Result<(), AcmeError> {
        let count = self.failures()?.count.max(1);
        let why = why.chars().take(WHY_MAX).collect();
        self.put_json(FAILURES, &Failures { count, last_s: now_s, why })
    }

    /// Keeps what was issued, if it is what was asked for; tells when it ends.
    pub(crate) fn put(
        &self,
        request: &Request,
        issued: &Issued,
        now_s: i64,
    ) -> Result<i64, AcmeError> {
        let leaf = issued.checked(request, now_s)?;
        let Issued { chain, key } = issued;
        let content = format!("{ISSUED_BY}{}\n{key}{chain}", request.directory);
        self.write(CERTIFICATE, content.as_bytes())?;
        self.put_json(FAILURES, &Failures::default())?;
        Ok(leaf.end_s)
    }

    /// The account at this authority. One that leads elsewhere is none: who may write here must not
    /// have a connection opened to where he likes.
    pub(crate) fn account(&self, directory: &str) -> Result<Option<AccountCredentials>, AcmeError> {
        let kept: Option<Account<Value>> = self.read_json(ACCOUNT)?;
        let is_there = |kept: &Account<Value>| {
            let leads_to = kept.credentials.get("directory").and_then(Value::as_str);
            kept.directory == directory
                && leads_to == Some(directory)
                && kept.credentials.get("urls").is_none()
        };
        let credentials = kept.filter(is_there).map(|kept| kept.credentials);
        Ok(credentials.and_then(|credentials| serde_json::from_value(credentials).ok()))
    }

    pub(crate) fn put_account(
        &self,
        directory: &str,
        credentials: &AccountCredentials,
    ) -> Result<(), AcmeError> {
        self.put_json(ACCOUNT, &Account { directory: directory.to_owned(), credentials })
    }

    fn told(&self, name: &str) -> impl Fn(io::Error) -> AcmeError {
        let path = self.dir.join(name);
        move |error| AcmeError::File { path: path.clone(), error }
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, AcmeError> {
        let file = match std::fs::File::open(self.dir.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(self.told(name))?,
        };
        let mut content = Vec::new();
        file.take(FILE_MAX).read_to_end(&mut content).map_err(self.told(name))?;
        Ok(Some(content))
    }

    /// What is no JSON of ours is as if it were not there: it is made anew.
    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, AcmeError> {
        Ok(self.read(name)?.and_then(|content| serde_json::from_slice(&content).ok()))
    }

    fn put_json(&self, name: &str, content: &impl Serialize) -> Result<(), AcmeError> {
        let bytes = serde_json::to_vec_pretty(content).map_err(io::Error::other);
        self.write(name, &bytes.map_err(self.told(name))?)
    }

    /// How files here are written: for their owner alone, and never through a link.
    fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.custom_flags(libc::O_NOFOLLOW);
        options
    }

    /// The old file or the new one, whatever happens meanwhile.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), AcmeError> {
        let beside = self.dir.join(format!("{name}.new"));
        let write = || {
            let mut file = self.options().open(&beside)?;
            file.write_all(content)?;
            file.sync_all()?;
            std::fs::rename(&beside, self.dir.join(name))?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(self.told(name))
    }
}

impl Issued {
    /// Whether it is what was asked for: what was kept before is worth more than anything else.
    fn checked(&self, request: &Request, now_s: i64) -> Result<Leaf, AcmeError> {
        let wrong = |what: &str| AcmeError::Directory {
            directory: request.directory.clone(),
            why: format!("it gave a certificate, but {what}"),
        };
        let leaf = Leaf::of(self.chain.as_bytes()).ok_or_else(|| wrong("it cannot be read"))?;
        if leaf.names != wanted(&request.names) {
            return Err(wrong("for other names"));
        }
        if now_s >= leaf.renew_s() {
            return Err(wrong("by this host's clock most of its time is over"));
        }
        self.belongs().then_some(leaf).ok_or_else(|| wrong("not for the key that was made"))
    }

    fn belongs(&self) -> bool {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let (Ok(chain), Ok(key)) = (chain, key) else { return false };
        CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).is_ok()
    }
}

/// The authority that a file with a certificate names.
fn issuer(content: &[u8]) -> Option<&[u8]> {
    content.strip_prefix(ISSUED_BY.as_bytes())?.split(|byte| *byte == b'\n').next()
}

/// What counts of a certificate.
struct Leaf {
    names: BTreeSet<String>,
    begin_s: i64,
    end_s: i64,
}

impl Leaf {
    /// The first one of a PEM file.
    fn of(content: &[u8]) -> Option<Leaf> {
        let first = CertificateDer::pem_slice_iter(content).next()?.ok()?;
        let certificate = x509_cert::Certificate::from_der(&first).ok()?;
        let certificate = certificate.tbs_certificate();
        let time = |time: &x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
        };
        let names = certificate.get_extension::<SubjectAltName>().ok()??.1;
        let names = names.0.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _ => None,
        });
        let validity = certificate.validity();
        Some(Leaf {
            names: names.collect(),
            begin_s: time(&validity.not_before),
            end_s: time(&validity.not_after),
        })
    }

    /// When a third of its time is left.
    const fn renew_s(&self) -> i64 {
        self.end_s.saturating_sub(self.end_s.saturating_sub(self.begin_s) / 3)
    }
}

fn wanted(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_day_and_end_when_the_clock_was_wrong() {
        let pause = |count| Failures { count, last_s: 0, why: String::new() }.next_s();
        assert_eq!((pause(1), pause(2), pause(3)), (900, 1800, 3600));
        assert_eq!((pause(7), pause(8), pause(u32::MAX)), (57_600, 86_400, 86_400));
        let failed = Failures { count: 1, last_s: 1000, why: String::new() };
        assert!(failed.holds_at(1000) && failed.holds_at(1899));
        assert!(!failed.holds_at(1900) && !failed.holds_at(999));
        assert!(!Failures::default().holds_at(0));
    }

    fn ours(names: &[&str]) -> Request {
        Request {
            directory: "https://ca.example/dir".to_owned(),
            signed_by: None,
            email: None,
            names: names.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_try_is_a_failure_until_there_is_a_certificate() {
        let (dir, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let kept = Kept::in_dir(dir.path().to_owned());
        assert_eq!(kept.failures().unwrap(), Failures::default());
        kept.begin(10).unwrap();
        kept.end("one").unwrap();
        kept.begin(20).unwrap();
        let broken = Failures { count: 2, last_s: 20, why: BROKEN_OFF.to_owned() };
        assert_eq!(kept.failures().unwrap(), broken);
        kept.put_failure(30, &"\u{fc}".repeat(1 << 20)).unwrap();
        let unasked = kept.failures().unwrap();
        assert_eq!((unasked.count, unasked.last_s, unasked.why.chars().count()), (2, 30, WHY_MAX));
        std::fs::write(dir.path().join(FAILURES), "{torn").unwrap();
        assert_eq!(kept.failures().unwrap(), Failures::default(), "made anew");
        kept.begin(40).unwrap();
        kept.put(&ours(&["a.example"]), &issued(made.path(), "DNS:a.example"), 0).unwrap();
        assert_eq!(kept.failures().unwrap(), Failures::default());
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(kept.certificate()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a key is its owner's");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn what_was_not_asked_for_takes_the_place_of_nothing() {
        let (dir, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let kept = Kept::in_dir(dir.path().to_owned());
        let (ours, good) = (ours(&["a.example"]), issued(made.path(), "DNS:a.example"));
        kept.put(&ours, &good, 0).unwrap();
        let before = std::fs::read(kept.certificate()).unwrap();
        let other = issued(made.path(), "DNS:a.example,DNS:b.example");
        let mixed = Issued { chain: good.chain.clone(), key: other.key.clone() };
        let torn = Issued { chain: "torn".to_owned(), key: good.key.clone() };
        for (issued, now_s, what) in [
            (&other, 0, "for other names"),
            (&good, i64::MAX, "most of its time is over"),
            (&mixed, 0, "not for the key"),
            (&torn, 0, "cannot be read"),
        ] {
            let told = kept.put(&ours, issued, now_s).unwrap_err().to_string();
            assert!(told.contains(what), "{told}");
            assert_eq!(std::fs::read(kept.certificate()).unwrap(), before);
        }
    }

    #[test]
    fn an_account_leads_to_its_authority_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::in_dir(dir.path().to_owned());
        let ours = "https://ca.example/dir";
        let is_taken = |outer: &str, credentials: Value| {
            let account = serde_json::json!({ "directory": outer, "credentials": credentials });
            std::fs::write(dir.path().join(ACCOUNT), account.to_string()).unwrap();
            kept.account(ours).unwrap().is_some()
        };
        let inner = |directory: &str| serde_json::json!({ "id": "1", "key_pkcs8": "AAAA", "directory": directory });
        assert!(is_taken(ours, inner(ours)));
        assert!(!is_taken("https://other.example/dir", inner(ours)));
        assert!(!is_taken(ours, inner("https://127.0.0.1/")));
        let mut urls = inner(ours);
        urls["urls"] = serde_json::json!({});
        assert!(!is_taken(ours, urls));
        std::fs::remove_file(dir.path().join(ACCOUNT)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join(LOCK)).unwrap();
        assert!(kept.lock().is_err(), "never through a link");
    }

    /// A key and a certificate for these names that is good for 90 days, by openssl.
    fn issued(dir: &Path, names: &str) -> Issued {
        let made = std::process::Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args(["-subj", "/CN=nobody", "-days", "90", "-keyout", "made.key", "-out", "made.pem"])
            .args(["-addext", &format!("subjectAltName={names}")])
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        Issued { chain: read("made.pem"), key: read("made.key") }
    }

    #[test]
    fn another_is_wanted_for_other_names_of_another_authority_and_when_a_third_is_left() {
        let (dir, made) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let kept = Kept::in_dir(dir.path().to_owned());
        let ours = ours(&["a.example", "B.example"]);
        let why = |request: &Request, now_s| match kept.standing(request, now_s).unwrap() {
            Standing::Good { .. } => "",
            Standing::Wanted(why) => why,
        };
        assert_eq!(why(&ours, 0), "there is none yet");
        std::fs::write(kept.certificate(), "torn").unwrap();
        assert_eq!(why(&ours, 0), "what is kept is no certificate");
        kept.put(&ours, &issued(made.path(), "DNS:b.example,DNS:A.example"), 0).unwrap();
        let Standing::Good { end_s, renew_s } = kept.standing(&ours, 0).unwrap() else { panic!() };
        assert_eq!(end_s - renew_s, 30 * 86_400);
        assert_eq!(why(&ours, renew_s - 1), "");
        assert_eq!(why(&ours, renew_s), "less than a third of its time is left");
        let fewer = Request { names: vec!["a.example".to_owned()], ..ours.clone() };
        assert_eq!(why(&fewer, 0), "it is for other names");
        let directory = "https://ca.example/di".to_owned();
        assert_eq!(why(&Request { directory, ..ours }, 0), "it is of another authority");
    }
}
