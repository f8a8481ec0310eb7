//! What the browser is given, put together when mailward is built: the chart library and the map of
//! the world from the npm registry (pinned by `web/package-lock.json`, checked by npm against its
//! hashes) and our own style and scripts. Nothing is fetched at run time, and no file of others is
//! in the repository.

#[path = "build/world.rs"]
mod world;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// A file for the browser, and of what it is made: `npm:` stands for what npm brought.
const FILES: [(&str, &str, &[&str]); 7] = [
    ("app.css", "text/css; charset=utf-8", &["npm:uplot/dist/uPlot.min.css", "web/style.css"]),
    (
        "app.js",
        "text/javascript; charset=utf-8",
        &["npm:uplot/dist/uPlot.iife.min.js", "web/app.js"],
    ),
    // Worn before anything is shown, so that no page is first light and then dark.
    ("theme.js", "text/javascript; charset=utf-8", &["web/theme.js"]),
    // Asked for where somebody signs in, or has access.
    ("passkey.js", "text/javascript; charset=utf-8", &["web/passkey.js"]),
    // Asked for where a map is to be seen.
    (WORLD, "image/svg+xml", &["npm:world-atlas/countries-110m.json"]),
    ("icon.svg", "image/svg+xml", &["web/icon.svg"]),
    (
        "licences.txt",
        "text/plain; charset=utf-8",
        &["web/licences.txt", "npm:uplot/LICENSE", "npm:world-atlas/LICENSE"],
    ),
];
/// The one that is made of another format.
const WORLD: &str = "world.svg";

/// What npm reads.
const PACKAGES: [&str; 2] = ["package.json", "package-lock.json"];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    println!("cargo::rerun-if-changed=web");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let modules = fetched(&out.join("npm"))?;
    let mut table = String::from("pub const ASSETS: &[Asset] = &[\n");
    for (name, media_type, parts) in FILES {
        let mut content = Vec::new();
        for part in parts {
            let path = match part.strip_prefix("npm:") {
                Some(part) => modules.join(part),
                None => PathBuf::from(part),
            };
            content.extend(fs::read(&path).map_err(|error| told(&path, &error))?);
            content.push(b'\n');
        }
        if name == WORLD {
            content = world::svg(&content)?;
        }
        let plain = out.join(name);
        let packed = out.join(format!("{name}.gz"));
        fs::write(&plain, &content).map_err(|error| told(&plain, &error))?;
        let bytes = compressed(&content).map_err(|error| told(&packed, &error))?;
        fs::write(&packed, bytes).map_err(|error| told(&packed, &error))?;
        let _ = writeln!(
            table,
            "    Asset {{ name: {name:?}, hash: \"{:016x}\", media_type: {media_type:?}, \
             plain: include_bytes!({plain:?}), packed: include_bytes!({packed:?}) }},",
            hash(&content)
        );
    }
    table.push_str("];\n");
    let path = out.join("assets.rs");
    fs::write(&path, table).map_err(|error| told(&path, &error))
}

/// What npm brings, in a directory of the build; npm runs only where it is asked for something else
/// than when it last came to its end.
fn fetched(dir: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(dir).map_err(|error| told(dir, &error))?;
    let modules = dir.join("node_modules");
    let mut asked = Vec::new();
    for file in PACKAGES {
        let from = Path::new("web").join(file);
        let content = fs::read(&from).map_err(|error| told(&from, &error))?;
        fs::write(dir.join(file), &content).map_err(|error| told(dir, &error))?;
        asked.extend(content);
    }
    let answered = dir.join("answered");
    if fs::read(&answered).is_ok_and(|answered| answered == asked) {
        return Ok(modules);
    }
    let ran = Command::new("npm")
        .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(dir)
        .output();
    let why = match ran {
        Ok(done) if done.status.success() => {
            fs::write(&answered, asked).map_err(|error| told(&answered, &error))?;
            return Ok(modules);
        }
        Ok(done) => String::from_utf8_lossy(&done.stderr).into_owned(),
        Err(error) => format!("npm: {error}"),
    };
    Err(format!(
        "The console's charts and map could not be had from the npm registry:\n{why}\nWhat to do: \
         install npm (Debian: apt-get install npm) and build where the registry can be reached, or \
         build mailward without its console: cargo build --release --no-default-features"
    ))
}

fn compressed(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

/// FNV-1a: another content is another name, so that browsers may keep a file for ever.
fn hash(content: &[u8]) -> u64 {
    content.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
