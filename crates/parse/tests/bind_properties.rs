//! Whatever name a stranger asks for, the client of a line of BIND is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"2026-11-28T06:34:56.854 queries: info: client @0x7f9ac4705c98 203.0.113.66#44664 ({}): query: {} IN MX + (192.0.2.10)"#,
    r#"28-Nov-2026 06:34:56.854 client @0x7f9ac4705c98 203.0.113.66#44664 ({}): query: {} IN MX + (192.0.2.10)"#,
    r#"2026-11-28T06:34:56.854Z client @0x7f9ac4705c98 203.0.113.66#44664 ({}): view a: query: {} IN MX + (192.0.2.10)"#,
    r#"28-Nov-2026 06:34:56.854 info: client @0x7f9ac4705c98 203.0.113.66#44664/key {} ({}): query: {} IN MX + (192.0.2.10)"#,
    r#"Nov 28 06:34:56 ns1 named[811]: client 203.0.113.66#44664 ({}): query: {} IN MX +"#,
    r#"28-Nov-2026 06:34:56.854 security: info: client @0x7f9ac4707898 203.0.113.66#44664 ({}): query (cache) '{}/MX/IN' denied (allow-query-cache did not match)"#,
    r#"Nov 28 06:34:56 ns1 named[811]: client @0x7f9ac4707898 203.0.113.66#44664 ({}): zone transfer '{}/AXFR/IN' denied"#,
    r#"Nov 28 06:34:56 ns1 named[811]: client @0x7f9ac4707898 203.0.113.66#44664 ({}): bad zone transfer request: '{}/IN': non-authoritative zone (NOTAUTH)"#,
    r#"Nov 28 06:34:56 ns1 named[811]: client @0x7f9ac4707898 203.0.113.66#44664 ({}): rate limit drop NXDOMAIN response to 203.0.113.0/24 for {}  (3023ffe2)"#,
];

/// As BIND writes a name.
fn written(name: &[u8]) -> Vec<u8> {
    dns::escaped(name, b"\"().;\\@$", |byte| byte.is_ascii_graphic())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn bind_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let names = (&name[..], &written(&name)[..]);
        dns::names_the_peer_or_nobody(Server::Bind, template, names, cut, false)?;
    }
}
