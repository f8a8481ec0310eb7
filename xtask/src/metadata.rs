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
    /// What it is really built with here, by name: features and platform applied.
    pub built_with: Vec<String>,
    /// Its examples and benches, as `example NAME` and `bench NAME`.
    pub extras: Vec<String>,
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
        let built_with = built_with(value);
        let packages = list(&value["packages"])
            .filter_map(|found| Some(package(found, built_with.get(&text(&found["id"]))?)))
            .collect();
        Ok(Metadata { packages, target: text(&value["target_directory"]) })
    }

    /// The crates of this repository.
    pub fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }
}

/// What each package is built with, by id, for the packages that are built for this platform:
/// `packages` also names those of other platforms.
fn built_with(value: &Value) -> BTreeMap<String, Vec<String>> {
    let names: BTreeMap<String, String> = list(&value["packages"])
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let named = |id: &Value| names.get(&text(id)).cloned();
    list(&value["resolve"]["nodes"])
        .map(|node| (text(&node["id"]), list(&node["dependencies"]).filter_map(named).collect()))
        .collect()
}

fn package(value: &Value, built_with: &[String]) -> Package {
    let extras = list(&value["targets"]).flat_map(|target| {
        let name = text(&target["name"]);
        let kinds = list(&target["kind"]).filter(|kind| *kind == "example" || *kind == "bench");
        kinds.map(move |kind| format!("{} {name}", text(kind)))
    });
    let imports = list(&value["dependencies"])
        .map(|import| Import { name: text(&import["name"]), dev_only: import["kind"] == "dev" });
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        licence: value["license"].as_str().map(str::to_owned),
        source: value["source"].as_str().map(str::to_owned),
        imports: imports.collect(),
        built_with: built_with.to_vec(),
        extras: extras.collect(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
