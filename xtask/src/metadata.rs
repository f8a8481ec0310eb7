//! `cargo metadata`, as far as the chores need it.

use crate::{Outcome, process};
use serde_json::Value;
use std::collections::BTreeMap;

/// One package of the lock file.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its SPDX licence expression, where it has one.
    pub licence: Option<String>,
    /// Where it came from; `None` for a crate of this repository.
    pub source: Option<String>,
    /// What it imports, by name.
    pub imports: Vec<Import>,
    /// Its examples, by name.
    pub examples: Vec<String>,
}

/// One import of a package.
pub struct Import {
    /// The package imported.
    pub name: String,
    /// For its tests, examples and benches only.
    pub dev_only: bool,
}

/// The workspace as cargo sees it.
pub struct Metadata {
    /// All packages, by name and version.
    pub packages: Vec<Package>,
    /// Where builds go.
    pub target: String,
}

impl Metadata {
    /// Asks cargo. Offline where everything is there already.
    pub fn read() -> Outcome<Metadata> {
        let text = process::output(&mut process::cargo(&[
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ]))?;
        Metadata::of(&serde_json::from_str(&text)?)
    }

    fn of(value: &Value) -> Outcome<Metadata> {
        let used = used_ids(value);
        let packages = list(&value["packages"])
            .filter(|package| used.contains_key(text(&package["id"]).as_str()))
            .map(package)
            .collect();
        Ok(Metadata { packages, target: text(&value["target_directory"]) })
    }

    /// The crates of this repository.
    pub fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }
}

/// The packages that are built for this platform: `packages` also names those of other platforms.
fn used_ids(value: &Value) -> BTreeMap<String, ()> {
    list(&value["resolve"]["nodes"]).map(|node| (text(&node["id"]), ())).collect()
}

fn package(value: &Value) -> Package {
    let examples = list(&value["targets"])
        .filter(|target| list(&target["kind"]).any(|kind| kind == "example"))
        .map(|target| text(&target["name"]));
    let imports = list(&value["dependencies"])
        .map(|import| Import { name: text(&import["name"]), dev_only: import["kind"] == "dev" });
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        licence: value["license"].as_str().map(str::to_owned),
        source: value["source"].as_str().map(str::to_owned),
        imports: imports.collect(),
        examples: examples.collect(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
