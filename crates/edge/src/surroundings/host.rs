//! What this process may do, and the host's time zone.

use super::tree::Tree;

/// Bits of a capability set (capabilities(7)).
const CAP_DAC_OVERRIDE: u64 = 1 << 1;
const CAP_DAC_READ_SEARCH: u64 = 1 << 2;
const CAP_NET_ADMIN: u64 = 1 << 12;

/// What this process may do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Privileges {
    /// It runs as user 0.
    pub root: bool,
    /// It may change the packet filter (`CAP_NET_ADMIN`).
    pub net_admin: bool,
    /// It may read every file (`CAP_DAC_READ_SEARCH` or `CAP_DAC_OVERRIDE`).
    pub read_all: bool,
}

impl Privileges {
    pub(super) fn read(tree: &Tree) -> Self {
        let status = tree.read("proc/self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let capabilities =
            field("CapEff:").and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
        let capabilities = capabilities.unwrap_or_default();
        let effective_user = field("Uid:").and_then(|ids| ids.split_ascii_whitespace().nth(1));
        Privileges {
            root: effective_user == Some("0"),
            net_admin: capabilities & CAP_NET_ADMIN != 0,
            read_all: capabilities & (CAP_DAC_READ_SEARCH | CAP_DAC_OVERRIDE) != 0,
        }
    }
}

/// The name of the host's time zone: where `/etc/localtime` leads (localtime(5)), else what
/// `/etc/timezone` says.
pub(super) fn zone(tree: &Tree) -> Option<String> {
    let linked = tree
        .link("etc/localtime")
        .and_then(|target| Some(target.split_once("zoneinfo/")?.1.to_owned()));
    let written = || tree.read("etc/timezone").map(|text| text.trim().to_owned());
    linked.or_else(written).filter(|name| !name.is_empty())
}
