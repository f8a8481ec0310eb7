//! Finds the logs that Docker keeps of its containers, as these come and go.

use super::intake::{self, Followed};
use crate::core::Core;
use edge::clock::Moment;
use edge::source::{FileOptions, FileSource, Start};
use edge::stamp::Zone;
use event::Timestamp;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the directory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Containers that are followed at once.
const CONTAINERS_MAX: usize = 64;
/// Docker's description of a container, and the most that is read of it.
const DESCRIPTION: &str = "config.v2.json";
const DESCRIPTION_MAX: u64 = 1 << 20;

/// The directory of the containers, and which of them are followed.
pub struct Containers {
    directory: PathBuf,
    /// Names of those that are not followed.
    except: Vec<String>,
    /// Those whose name cannot be read, which people were told.
    unnamed: BTreeSet<PathBuf>,
    zone: Zone,
    /// Where to start in a log that was there at the start.
    start: Start,
    positions: Vec<store::Position>,
    known: BTreeSet<PathBuf>,
    look_at: Moment,
}

impl Containers {
    /// Those in `directory` but for those named in `except`; `positions` are those of an earlier
    /// run.
    pub const fn of(
        directory: PathBuf,
        except: Vec<String>,
        zone: Zone,
        start: Start,
        positions: Vec<store::Position>,
    ) -> Self {
        let known = BTreeSet::new();
        let unnamed = BTreeSet::new();
        let look_at = Moment(0);
        Containers { directory, except, unnamed, zone, start, positions, known, look_at }
    }

    /// Follows the logs of new containers, and lets go of those that were removed.
    pub fn look(
        &mut self,
        followed: &mut Vec<Followed>,
        core: &mut Core,
        now: Timestamp,
        moment: Moment,
    ) {
        if moment < self.look_at {
            return;
        }
        self.look_at = moment.plus(LOOK_EVERY);
        let found = logs(&self.directory);
        let gone: Vec<PathBuf> = self.known.difference(&found).cloned().collect();
        for path in gone {
            let name = path.display().to_string();
            // A log that is only being rotated has a directory still.
            let holds = followed.iter().any(|followed| followed.name() == name && followed.holds());
            if holds || path.parent().is_some_and(Path::exists) {
                continue;
            }
            followed.retain(|followed| followed.name() != name);
            self.known.remove(&path);
        }
        self.unnamed.retain(|path| found.contains(path));
        for path in found {
            let is_read = |name: &str| followed.iter().any(|followed| followed.name() == name);
            let name = path.display().to_string();
            if self.known.len() >= CONTAINERS_MAX
                || is_read(&name)
                || self.is_excepted(&path, core, now)
            {
                continue;
            }
            let resume = intake::position(&name, &self.positions);
            let options = FileOptions { start: self.start, ..FileOptions::default() };
            let source = FileSource::open(&name, &path, options, resume.as_ref(), moment);
            followed.push(Followed::new(Box::new(source), &self.zone, core));
            self.known.insert(path);
        }
        // What comes from now on is new.
        self.start = Start::Begin;
    }
}

impl Containers {
    /// True for the log of a container that is not to be followed: by its name, or because there
    /// are such and its name cannot be read, which is told once.
    fn is_excepted(&mut self, log: &Path, core: &mut Core, now: Timestamp) -> bool {
        if self.except.is_empty() {
            return false;
        }
        if let Some(name) = name(log) {
            return self.except.contains(&name);
        }
        if self.unnamed.insert(log.to_owned()) {
            let text = format!(
                "{}: not read, for its container's name is not known and source.containers_except \
                 names some; see that {DESCRIPTION} beside it can be read",
                log.display()
            );
            core.note(now, "source", &text);
        }
        true
    }
}

/// The name of the container whose log this is, as Docker describes it: `"Name": "/web"`.
fn name(log: &Path) -> Option<String> {
    let file = std::fs::File::open(log.with_file_name(DESCRIPTION)).ok()?;
    let mut text = Vec::new();
    file.take(DESCRIPTION_MAX).read_to_end(&mut text).ok()?;
    let description: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let name = description.get("Name")?.as_str()?;
    Some(name.strip_prefix('/').unwrap_or(name).to_owned())
}

/// `ID/ID-json.log` of each container.
fn logs(directory: &Path) -> BTreeSet<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return BTreeSet::new() };
    let log = |entry: std::fs::DirEntry| {
        let id = entry.file_name().into_string().ok()?;
        let path = entry.path().join(format!("{id}-json.log"));
        path.is_file().then_some(path)
    };
    entries.flatten().filter_map(log).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_of_containers_are_found() {
        let world = tempfile::tempdir().unwrap();
        for path in ["a/a-json.log", "b/b-json.log.1", "b/other", "c/d-json.log"] {
            let path = world.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let found: Vec<PathBuf> = logs(world.path()).into_iter().collect();
        assert_eq!(found, [world.path().join("a/a-json.log")]);
        assert!(logs(Path::new("/nowhere")).is_empty());
    }
}
