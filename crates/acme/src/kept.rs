//! What is kept in a directory of the state directory: the account, the certificate with its key in
//! one file (both are others at the same moment), and which tries failed.

use crate::{AcmeError, Request};
use instant_acme::AccountCredentials;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const CERTIFICATE: &str = "console.pem";
const ACCOUNT: &str = "account.json";
const FAILURES: &str = "failures.json";
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
        if self.account(&request.directory)?.is_none() {
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

    /// Notes that a try failed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_failure(&self, now_s: i64, why: &str) -> Result<(), AcmeError> {
        let count = self.failures()?.count.saturating_add(1);
        self.put_json(FAILURES, &Failures { count, last_s: now_s, why: why.to_owned() })
    }

    pub(crate) fn put(&self, issued: &Issued) -> Result<(), AcmeError> {
        self.write(CERTIFICATE, format!("{}{}", issued.key, issued.chain).as_bytes())?;
        self.put_json(FAILURES, &Failures::default())
    }

    /// The account at this authority.
    pub(crate) fn account(&self, directory: &str) -> Result<Option<AccountCredentials>, AcmeError> {
        let kept: Option<Account<AccountCredentials>> = self.read_json(ACCOUNT)?;
        Ok(kept.filter(|kept| kept.directory == directory).map(|kept| kept.credentials))
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

    /// The old file or the new one, whatever happens meanwhile; for its owner alone.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), AcmeError> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(self.dir.join(name)).map_err(|error| error.error)?;
            std::fs::File::open(&self.dir)?.sync_all()
        };
        write().map_err(self.told(name))
    }
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

    #[test]
    fn a_failure_is_counted_until_there_is_a_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::in_dir(dir.path().to_owned());
        assert_eq!(kept.failures().unwrap(), Failures::default());
        kept.put_failure(10, "one").unwrap();
        kept.put_failure(20, "two").unwrap();
        let failed = Failures { count: 2, last_s: 20, why: "two".to_owned() };
        assert_eq!(kept.failures().unwrap(), failed);
        std::fs::write(dir.path().join(FAILURES), "{torn").unwrap();
        assert_eq!(kept.failures().unwrap(), Failures::default(), "made anew");
        kept.put(&Issued { chain: "chain".to_owned(), key: "key\n".to_owned() }).unwrap();
        assert_eq!(std::fs::read_to_string(kept.certificate()).unwrap(), "key\nchain");
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(kept.certificate()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a key is its owner's");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left over");
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
        let request = |directory: &str, names: &[&str]| Request {
            directory: directory.to_owned(),
            signed_by: None,
            email: None,
            names: names.iter().map(ToString::to_string).collect(),
        };
        let ours = request("https://ca.example/dir", &["a.example", "B.example"]);
        let why = |request: &Request, now_s| match kept.standing(request, now_s).unwrap() {
            Standing::Good { .. } => "",
            Standing::Wanted(why) => why,
        };
        assert_eq!(why(&ours, 0), "there is none yet");
        std::fs::write(kept.certificate(), "torn").unwrap();
        assert_eq!(why(&ours, 0), "what is kept is no certificate");
        kept.put(&issued(made.path(), "DNS:b.example,DNS:A.example")).unwrap();
        assert_eq!(why(&ours, 0), "it is of another authority");
        let account = serde_json::json!({"directory": ours.directory,
            "credentials": {"id": "1", "key_pkcs8": "AAAA", "directory": ours.directory}});
        std::fs::write(dir.path().join(ACCOUNT), account.to_string()).unwrap();
        let Standing::Good { end_s, renew_s } = kept.standing(&ours, 0).unwrap() else { panic!() };
        assert_eq!(end_s - renew_s, 30 * 86_400);
        assert_eq!(why(&ours, renew_s - 1), "");
        assert_eq!(why(&ours, renew_s), "less than a third of its time is left");
        assert_eq!(why(&request(&ours.directory, &["a.example"]), 0), "it is for other names");
        let other = request("https://other.example/dir", &["a.example", "b.example"]);
        assert_eq!(why(&other, 0), "it is of another authority");
    }
}
