//! Whatever name a stranger asks for, the client of a line of NSD is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"[2026-11-28 06:35:09.519] nsd[8972]: info: axfr for {}. from 203.0.113.66 refused, no acl matches"#,
    r#"Nov 28 06:35:09 ns1 nsd[8972]: notify for {}. from 203.0.113.66 refused, no acl matches."#,
    r#"[1795847709] nsd[8972]: info: ratelimit block {}. type nxdomain target 203.0.113.0/24 query 203.0.113.66 MX"#,
];

/// As NSD writes a name.
fn written(name: &[u8]) -> Vec<u8> {
    dns::escaped(name, b".\\", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn nsd_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let names = (&name[..], &written(&name)[..]);
        dns::names_the_peer_or_nobody(Server::Nsd, template, names, cut, true)?;
    }
}
