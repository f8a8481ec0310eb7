//! Whatever name a stranger asks for, the client of a line of NSD is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::{PEER, text};

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

    /// Raw bytes too, which the server would not write, and lines that were cut.
    #[test]
    fn nsd_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let line = dns::line(template, &name);
        dns::is_peer_or_nobody(&line, PEER)?;
        // The peer stands behind the name: a cut may only fall into what the server can write.
        let line = dns::line(template, &written(&name));
        dns::is_peer_or_nobody(line.get(..cut).unwrap_or(&line), PEER)?;
    }

    #[test]
    fn a_query_is_its_clients_whatever_the_name(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
    ) {
        let line = dns::line(template, &written(&name));
        dns::tells_of_peer(&line, PEER, Server::Nsd)?;
    }
}
