//! `mailward geo`: which files of operators and countries are used, what they say, which ones fit.

use super::{Command, config, config_argument};
use crate::failure::Failure;
use clap::{Arg, ArgMatches};
use edge::clock;
use edge::geo::Geo;
use event::{Text, canonical};
use std::net::IpAddr;
use std::process::ExitCode;

/// The row of this command.
pub const COMMAND: Command = Command {
    name: "geo",
    summary: "Show operator and country of addresses, and the files that say so",
    about: "Says which files of `geo.files` are used and how old they are, and of each ADDRESS its operator and country. \
            Nothing is ever downloaded: without ADDRESS it names free files that fit.",
    examples: &[
        ("mailward geo", "the files in use, and which ones fit"),
        ("mailward geo 203.0.113.9", "who runs an address, and where"),
    ],
    arguments: |command| {
        config_argument(command).arg(
            Arg::new("address")
                .value_name("ADDRESS")
                .num_args(0..)
                .value_parser(clap::value_parser!(IpAddr))
                .help("Addresses to look up"),
        )
    },
    run,
    hidden: false,
};

/// Free files: name, what they hold, licence, where.
const FITTING: &str = "\
Free files that fit (name them in geo.files; one of operators and one of countries, or one of both):
  IPinfo Lite            operators and countries; licence and account: https://ipinfo.io/lite
  DB-IP Lite             two files, CC BY 4.0, no account: https://db-ip.com/db/lite.php
  GeoLite2               two files, MaxMind's own licence, free account, not to be passed on:
                         https://dev.maxmind.com/geoip/geolite2-free-geolocation-data
  IPLocate               two files; licence and account: https://www.iplocate.io/free-databases
Renew them once a month, then reload (systemctl reload mailward).
";

const DAY_S: u64 = 86_400;
/// From this age on a file tells much that is over.
const OLD_DAYS: u64 = 90;

fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let (geo, unusable) = Geo::open(&config(matches)?.geo_files);
    let now = clock::now().0.div_euclid(1_000_000).cast_unsigned();
    for file in geo.files() {
        let built = file.built.duration_since(std::time::UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let days = now.saturating_sub(built) / DAY_S;
        let age = if days > OLD_DAYS { ": old, renew it" } else { "" };
        let (path, kind) = (file.path.display(), Text::from(&*file.kind));
        println!("{path}: {kind}, made {days} days ago{age}");
    }
    for why in &unusable {
        println!("not used: {why}");
    }
    let addresses: Vec<IpAddr> =
        matches.get_many("address").map(|all| all.copied().collect()).unwrap_or_default();
    if geo.files().next().is_none() {
        println!("No file is used: `takeover` knows neither operators nor countries.");
    }
    for address in &addresses {
        let found = geo.whereabouts(*address);
        let name = found.name.as_deref().unwrap_or("-");
        println!("{}  {}  {}", canonical(*address), found.origin, Text::from(name));
    }
    if addresses.is_empty() {
        print!("{FITTING}");
    }
    Ok(if unusable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
