//! Operator and country of an address, from files in MaxMind's format that an administrator keeps.
//!
//! Nothing is downloaded. A file is read whole: one that is replaced under a map of it would end
//! the process. Files differ in the names of their fields; what is known of each is taken from the
//! first file that tells it. Look-ups of lately are kept, in a fixed number of slots.
//!
//! The format: <https://maxmind.github.io/MaxMind-DB/>.

use event::{Event, Kind, Origin, Outcome, canonical};
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Slots for look-ups of lately, some 40 bytes each.
const SLOTS: usize = 4_096;
/// A larger file is none of operators and countries.
const SIZE_MAX: u64 = 512 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It cannot be read.
    #[error("{}: {why}", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// It is no file of this format, or a damaged one.
    #[error("{}: not a file in MaxMind's format: {why}", path.display())]
    Format {
        /// Where it is.
        path: PathBuf,
        /// Why.
        why: MaxMindDbError,
    },
    /// It has no operators and no countries.
    #[error("{}: has neither operators nor countries ({kind})", path.display())]
    Useless {
        /// Where it is.
        path: PathBuf,
        /// Its kind, as it names itself.
        kind: String,
    },
}

/// What a file says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeoFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its kind, as it names itself: `GeoLite2-ASN`.
    pub kind: String,
    /// When it was made.
    pub built: SystemTime,
}

/// What the files say of an address.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Whereabouts {
    /// Operator and country.
    pub origin: Origin,
    /// The operator's name.
    pub name: Option<String>,
}

/// Files of operators and countries.
#[derive(Default)]
pub struct Geo {
    files: Vec<(GeoFile, Reader<Vec<u8>>)>,
    /// The latest look-ups, each at its address's slot.
    kept: Vec<Option<(IpAddr, Origin)>>,
}

/// The fields, by all the names that they have in files for everybody.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Row<'a> {
    /// GeoLite2, DB-IP: a map; older IPinfo: two letters; IPinfo Lite: a name.
    #[serde(borrow)]
    country: Country<'a>,
    /// IPinfo Lite, IPLocate, ip-location-db.
    #[serde(borrow)]
    country_code: Option<&'a str>,
    /// GeoLite2, DB-IP, ip-location-db.
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    autonomous_system_organization: Option<&'a str>,
    /// IPinfo: `AS64500`; IPLocate: the number.
    #[serde(borrow)]
    asn: Number<'a>,
    #[serde(borrow)]
    as_name: Option<&'a str>,
    #[serde(borrow)]
    org: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Country<'a> {
    Text(#[serde(borrow)] &'a str),
    Map {
        #[serde(borrow)]
        iso_code: Option<&'a str>,
    },
}

impl Default for Country<'_> {
    fn default() -> Self {
        Country::Map { iso_code: None }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Number(u32),
    Text(#[serde(borrow)] &'a str),
}

impl Default for Number<'_> {
    fn default() -> Self {
        Number::Number(0)
    }
}

impl Row<'_> {
    fn origin(&self) -> Origin {
        let country = self.country_code.or(match self.country {
            Country::Text(text) => Some(text),
            Country::Map { iso_code } => iso_code,
        });
        let number = self.autonomous_system_number.or(match self.asn {
            Number::Number(number) => Some(number),
            Number::Text(text) => text.strip_prefix("AS").unwrap_or(text).parse().ok(),
        });
        Origin {
            operator: number.unwrap_or_default(),
            country: country.map_or([0; 2], Origin::country_of),
        }
    }

    fn name(&self) -> Option<&str> {
        self.autonomous_system_organization.or(self.as_name).or(self.org)
    }
}

impl Geo {
    /// Reads files; what cannot be used is told, and the others are.
    pub fn open(paths: &[PathBuf]) -> (Geo, Vec<GeoError>) {
        let (mut geo, mut errors) = (Geo::default(), Vec::new());
        for path in paths {
            match read(path) {
                Ok(file) => geo.files.push(file),
                Err(error) => errors.push(error),
            }
        }
        if !geo.files.is_empty() {
            geo.kept = vec![None; SLOTS];
        }
        (geo, errors)
    }

    /// The files that are used.
    pub fn files(&self) -> impl Iterator<Item = &GeoFile> {
        self.files.iter().map(|(file, _)| file)
    }

    /// The event with the origin of its client, where it is a login that succeeded: nothing else
    /// asks for it. `None`: it stays as it is.
    #[inline]
    pub fn placed<'a>(&mut self, event: &Event<'a>) -> Option<Event<'a>> {
        let is_login = event.kind == Kind::Auth && event.outcome == Outcome::Allowed;
        if !is_login || self.files.is_empty() || event.account.is_none() {
            return None;
        }
        let origin = self.origin(event.client?);
        (!origin.is_unknown()).then_some(Event { origin, ..*event })
    }

    /// Operator and country of an address.
    pub fn origin(&mut self, address: IpAddr) -> Origin {
        let address = canonical(address);
        let slot = slot(address);
        if let Some(Some((kept, origin))) = self.kept.get(slot)
            && *kept == address
        {
            return *origin;
        }
        let origin = self.whereabouts(address).origin;
        if let Some(kept) = self.kept.get_mut(slot) {
            *kept = Some((address, origin));
        }
        origin
    }

    /// All that the files say of an address.
    pub fn whereabouts(&self, address: IpAddr) -> Whereabouts {
        let mut all = Whereabouts::default();
        for (_, reader) in &self.files {
            let found = reader.lookup(canonical(address)).ok();
            let row = found.and_then(|found| found.decode::<Row<'_>>().ok().flatten());
            let Some(row) = row else { continue };
            let origin = row.origin();
            if all.origin.operator == 0 {
                all.origin.operator = origin.operator;
            }
            if all.origin.country == [0; 2] {
                all.origin.country = origin.country;
            }
            all.name = all.name.or_else(|| row.name().map(str::to_owned));
        }
        all
    }
}

fn slot(address: IpAddr) -> usize {
    let bits = match address {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ v6.to_bits() as u64,
    };
    (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % SLOTS
}

fn read(path: &Path) -> Result<(GeoFile, Reader<Vec<u8>>), GeoError> {
    let failed = |why| GeoError::File { path: path.into(), why };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > SIZE_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let reader =
        Reader::from_source(bytes).map_err(|why| GeoError::Format { path: path.into(), why })?;
    let metadata = reader.metadata();
    let kind = metadata.database_type.clone();
    let built = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(metadata.build_epoch));
    let built = built.unwrap_or(SystemTime::UNIX_EPOCH);
    if !is_useful(&reader) {
        return Err(GeoError::Useless { path: path.into(), kind });
    }
    Ok((GeoFile { path: path.into(), kind, built }, reader))
}

/// Whether any of the first networks has an operator or a country.
fn is_useful(reader: &Reader<Vec<u8>>) -> bool {
    let Ok(networks) = reader.networks(maxminddb::WithinOptions::default()) else { return false };
    let rows = networks.take(2_000).flatten();
    rows.filter_map(|found| found.decode::<Row<'_>>().ok().flatten())
        .any(|row| !row.origin().is_unknown())
}

#[cfg(test)]
mod tests;
