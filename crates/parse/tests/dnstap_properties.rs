//! Whatever name a stranger asks for, the client of a line of dnstap is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"2026-11-21T16:02:10.123456Z ns1 dnstap[0]: client-query 203.0.113.66#1234 udp MX {}"#,
    r#"2026-11-21T16:02:10.123456Z ns1 dnstap[0]: auth-response 203.0.113.66#1234 tcp MX {} REFUSED"#,
];

/// As dnstap writes a name.
fn written(name: &[u8]) -> Vec<u8> {
    dns::escaped(name, b".\\", |byte| byte.is_ascii_graphic())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn dnstap_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let names = (&name[..], &written(&name)[..]);
        dns::names_the_peer_or_nobody(Server::Dnstap, template, names, cut, false)?;
    }
}
