//! Whatever name a stranger asks for, the client of a line of CoreDNS is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"Nov 21 16:02:10 k1 coredns[811]: [INFO] 203.0.113.66:1234 - 1 "MX IN {}. udp 41 false 512" NOERROR qr,rd,ra 106 0.001s"#,
    r#"2026-11-21T16:02:10.123456789Z stdout F [INFO] 203.0.113.66:1234 - 1 "MX IN {}. udp 41 false 512" NXDOMAIN qr,rd,ra 106 0.001s"#,
    r#"2026-11-21T16:02:10.123456789Z [INFO] 203.0.113.66:1234 - 1 "MX IN {}. udp 41 false 512" REFUSED qr,rd,ra 106 0.001s"#,
];

/// As CoreDNS writes a name.
fn written(name: &[u8]) -> Vec<u8> {
    dns::escaped(name, b". '@;()\"\\", |byte| byte.is_ascii_graphic())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn coredns_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let names = (&name[..], &written(&name)[..]);
        dns::names_the_peer_or_nobody(Server::Coredns, template, names, cut, false)?;
    }
}
