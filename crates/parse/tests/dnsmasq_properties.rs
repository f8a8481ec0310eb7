//! Whatever name a stranger asks for, the client of a line of dnsmasq is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"Nov 28 06:35:05 dnsmasq[8941]: 1 203.0.113.66/42677 query[MX] {} from 203.0.113.66"#,
    r#"Nov 28 06:35:05 dnsmasq[8941]: 1 203.0.113.66/42677 config {} is NXDOMAIN"#,
    r#"Nov 28 06:35:02 gw dnsmasq[8940]: query[MX] {} from 203.0.113.66"#,
    r#"Nov 28 06:35:02 dnsmasq[8940]: query[type=65280] {} from 203.0.113.66"#,
];

/// As dnsmasq writes a name.
fn written(name: &[u8]) -> Vec<u8> {
    name.iter().take(255).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn dnsmasq_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        // The plain form ends with the address: a cut may leave another. Names are short enough
        // that nothing cuts such a line.
        let cut = if template.contains("/42677") { cut } else { usize::MAX };
        let names = (&name[..], &written(&name)[..]);
        dns::names_the_peer_or_nobody(Server::Dnsmasq, template, names, cut, true)?;
    }
}
