//! Which files are read, of the files and directories that the command line names, and which are
//! left out, why, and what to do about it.

use crate::failure::{Context as _, Failure};
use edge::source::NotRead;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Directories inside a directory that are looked into.
const DEPTH_MAX: u32 = 3;

/// A file that is not read, or not all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
    /// What to do about it, if anything.
    pub remedy: Option<String>,
}

/// What the command line names.
#[derive(Default, Debug)]
pub struct Listing {
    /// The files to read, in the order of their names; and whether each is named itself, not by its
    /// directory.
    pub files: Vec<(PathBuf, bool)>,
    /// Those that are not.
    pub left_out: Vec<LeftOut>,
    /// Something that should be read is not.
    pub is_short: bool,
    /// Device and inode, and the name under which it is read.
    seen: BTreeMap<(u64, u64), PathBuf>,
}

/// A directory stands for the logs in it.
pub fn list(named: Vec<PathBuf>) -> Result<Listing, Failure> {
    let mut listing = Listing::default();
    for path in named {
        if path.as_os_str() == "-" {
            if listing.files.iter().any(|(file, _)| file == &path) {
                listing.leave(&path, "standard input is read once", None);
            } else {
                listing.files.push((path, true));
            }
        } else if path.is_dir() {
            listing.directory(&path)?;
        } else {
            listing.file(path, true);
        }
    }
    if listing.files.is_empty() {
        return Err(listing.nothing());
    }
    Ok(listing)
}

impl Listing {
    fn leave(&mut self, path: &Path, why: impl Into<String>, remedy: Option<String>) {
        let name = path.display().to_string();
        self.left_out.push(LeftOut { name, why: why.into(), remedy });
    }

    /// Leaves out what should have been read.
    pub fn miss(&mut self, path: &Path, why: impl Into<String>, remedy: Option<String>) {
        self.is_short = true;
        self.leave(path, why, remedy);
    }

    /// Leaves out what is no log; it should have been read where it is named itself.
    pub fn not_read(&mut self, path: &Path, is_named: bool, what: NotRead) {
        self.is_short |= is_named;
        let name = path.display().to_string();
        let remedy = what
            .unpacker()
            .map(|command| format!("{} | mailward replay -", command.replace("FILE", &name)));
        self.leave(path, what.name(), remedy);
    }

    fn directory(&mut self, path: &Path) -> Result<(), Failure> {
        let before = (self.files.len(), self.left_out.len());
        let inside = entries(path).context(|| path.display().to_string()).map_err(|failure| {
            failure.remedy("name a directory that you may read (as root, or in the group adm)")
        })?;
        if let Ok(metadata) = path.metadata() {
            self.seen.insert(identity(&metadata), path.to_path_buf());
        }
        self.entries(inside, DEPTH_MAX);
        if (self.files.len(), self.left_out.len()) == before {
            self.leave(path, "no file is in it", None);
        }
        Ok(())
    }

    fn entries(&mut self, inside: Vec<PathBuf>, depth: u32) {
        let names: BTreeSet<PathBuf> = inside.iter().cloned().collect();
        for path in inside {
            let metadata = match path.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.leave(&path, "a link to nothing", None);
                    continue;
                }
                Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                    self.leave(&path, "a link that leads to itself", None);
                    continue;
                }
                Err(error) => {
                    self.miss(&path, words(&error), Some(READ_IT.to_owned()));
                    continue;
                }
            };
            if metadata.is_dir() {
                self.inner(path, &metadata, depth);
            } else if !metadata.is_file() {
                self.leave(&path, "no file: a pipe, socket or device", None);
            } else if let Some(plain) = unpacked(&path, &metadata, &names) {
                let plain = plain.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.leave(&path, format!("{plain} packed: same name and same time"), None);
            } else {
                self.file(path, false);
            }
        }
    }

    fn inner(&mut self, path: PathBuf, metadata: &Metadata, depth: u32) {
        if depth == 0 {
            let remedy = format!("name it: mailward replay {}", path.display());
            return self.miss(&path, "a directory too far down", Some(remedy));
        }
        if let Some(first) = self.seen.get(&identity(metadata)) {
            let why = format!("the same directory as {}", first.display());
            return self.leave(&path, why, None);
        }
        self.seen.insert(identity(metadata), path.clone());
        match entries(&path) {
            Ok(inside) => self.entries(inside, depth - 1),
            Err(error) => self.miss(&path, words(&error), Some(READ_IT.to_owned())),
        }
    }

    fn file(&mut self, path: PathBuf, is_named: bool) {
        // What cannot be opened is told by who opens it.
        let metadata = path.metadata().ok().filter(Metadata::is_file);
        if let Some(metadata) = metadata {
            if let Some(first) = self.seen.get(&identity(&metadata)) {
                let why = format!("the same file as {}: read once", first.display());
                return self.leave(&path, why, None);
            }
            if is_record(&path) {
                self.is_short |= is_named;
                return self.leave(&path, "no text, but the system's records of its users", None);
            }
            self.seen.insert(identity(&metadata), path.clone());
        }
        self.files.push((path, is_named));
    }

    /// Why nothing can be read.
    pub fn nothing(&self) -> Failure {
        const TOLD_MAX: usize = 5;
        let mut what = "nothing to read".to_owned();
        for LeftOut { name, why, .. } in self.left_out.iter().take(TOLD_MAX) {
            what.push_str(&format!("\n  {name}: {why}"));
        }
        if self.left_out.len() > TOLD_MAX {
            what.push_str(&format!("\n  ... and {} more", self.left_out.len() - TOLD_MAX));
        }
        let remedy = self.left_out.iter().find_map(|left_out| left_out.remedy.clone());
        Failure::new(what).remedy(
            remedy.unwrap_or_else(|| "name a mail server's log, or a directory of logs".to_owned()),
        )
    }
}

/// What to do about what may not be read.
pub const READ_IT: &str = "run as root, or as a user of the group adm";

/// A system's error without its number.
pub fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or(&text).to_lowercase(),
        None => text,
    }
}

fn entries(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let inside = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    let mut inside = inside.collect::<std::io::Result<Vec<PathBuf>>>()?;
    inside.sort();
    Ok(inside)
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Of a packed file, the plain one beside it. Who packs a file gives it the same time, so it is the
/// same log twice.
fn unpacked(path: &Path, metadata: &Metadata, beside: &BTreeSet<PathBuf>) -> Option<PathBuf> {
    const ENDS: [&str; 3] = ["gz", "zst", "zstd"];
    let end = path.extension()?.to_str()?;
    let plain = path.with_extension("");
    let changed = |metadata: &Metadata| -> Option<u64> {
        let since = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs())
    };
    let is_twin = ENDS.contains(&end)
        && beside.contains(&plain)
        && changed(&plain.metadata().ok()?)? == changed(metadata)?;
    is_twin.then_some(plain)
}

/// Records of who was logged in on this host, by the begin of their names.
const RECORDS: [&str; 3] = ["wtmp", "btmp", "lastlog"];

fn is_record(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    RECORDS.iter().any(|record| name.starts_with(record))
}
