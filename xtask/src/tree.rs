//! The repository's own files, read once.

use crate::{Outcome, process};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// All text files that git keeps or would keep, by path from the root.
#[derive(Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the repository: tracked files and new ones that are not ignored.
    pub fn read(root: &Path) -> Outcome<Tree> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listing = process::output(git.current_dir(root))?;
        let mut files = BTreeMap::new();
        for path in listing.split('\0').filter(|path| !path.is_empty()) {
            // A file that was deleted but not yet committed is listed; one that is no text is data.
            if let Ok(bytes) = std::fs::read(root.join(path))
                && let Ok(text) = String::from_utf8(bytes)
            {
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Tree { files })
    }

    /// A tree of given files, for the tests of the checks.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let owned = |&(path, text): &(&str, &str)| (path.to_owned(), text.to_owned());
        Tree { files: files.iter().map(owned).collect() }
    }

    /// All files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose path ends so.
    pub fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files().filter(move |(path, _)| path.ends_with(end))
    }

    /// One file.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// True where the path is a file or a folder with files.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.under(&format!("{path}/")).next().is_some()
    }

    /// The files whose path begins so.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files().filter(move |(path, _)| path.starts_with(prefix))
    }
}
