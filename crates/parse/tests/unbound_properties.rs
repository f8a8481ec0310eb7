//! Whatever name a stranger asks for, the client of a line of Unbound is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"[1795847698] unbound[8938:0] info: 203.0.113.66 {}. MX IN"#,
    r#"[1795847698] unbound[8938:0] reply: 203.0.113.66 {}. MX IN NXDOMAIN 0.000055 0 82"#,
    r#"Nov 28 06:35:00 unbound[8939:0] query: 203.0.113.66 {}. MX IN"#,
    r#"2026-11-28T06:35:00.123+00:00 unbound[8939:0] info: 203.0.113.66 {}. MX IN REFUSED 0.000000 1 33"#,
    r#"Nov 28 06:34:58 ns1 unbound[8938]: [8938:0] info: 203.0.113.66 {}. MX IN"#,
];

/// As Unbound writes a name.
fn written(name: &[u8]) -> Vec<u8> {
    name.iter()
        .map(|byte| match byte {
            b'-' | b'_' | b'*' | b'.' => *byte,
            _ if byte.is_ascii_alphanumeric() => *byte,
            _ => b'?',
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn unbound_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let names = (&name[..], &written(&name)[..]);
        dns::names_the_peer_or_nobody(Server::Unbound, template, names, cut, false)?;
    }
}
