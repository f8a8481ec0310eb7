//! Whatever name a stranger asks for, the client of a line of PowerDNS is the peer or nobody.

mod dns;
mod stranger;

use event::Server;
use proptest::prelude::*;
use stranger::text;

/// Lines with a stranger's name (`{}`) and 203.0.113.66 where the server writes the peer.
const TEMPLATES: &[&str] = &[
    r#"2026-11-28T06:35:10.021000+00:00 ns1 pdns_recursor[61]: msg="Question answered from packet cache" subsystem="in" level="0" prio="Notice" tid="2" ts="1795849349.509" proto="udp" qname="{}" qtype="MX" remote="203.0.113.66:38818" source="203.0.113.66:38818""#,
    r#"Nov 28 06:35:10 msg="Question" subsystem="syncres" level="0" prio="Info" tid="3" ts="1795847710.021" ecs="" mtid="1" proto="udp" qname="{}" qtype="MX" remote="203.0.113.66:50890""#,
    r#"Nov 28 06:35:10 ns1 pdns_recursor[811]: msg="Answer" subsystem="syncres" level="0" prio="Info" tid="3" ts="1795847710.021" additional="0" qname="{}" qtype="MX" rcode="3" rd="1" remote="203.0.113.66:50890" tcpout="0""#,
    r#"Nov 28 06:35:12 2 [1/1] question for '{}|MX' from 203.0.113.66:37809"#,
    r#"Nov 28 06:35:12 ns1 pdns_recursor[811]: 1 [1/1] TCP question for '{}|MX' from 203.0.113.66:53829"#,
    r#"Nov 28 06:35:14 Remote 203.0.113.66 wants '{}|MX', do = 0, bufsize = 512: packetcache MISS"#,
    r#"Nov 28 06:35:14 AXFR-out zone '{}', client '203.0.113.66:35739', denied: client IP has no permission"#,
];

/// As PowerDNS writes a name, in a line of pairs or another.
fn written(name: &[u8], template: &str) -> Vec<u8> {
    let name = dns::escaped(name, b".\\", |byte| byte.is_ascii_graphic());
    match template.contains("qname=") {
        true => dns::escaped(&name, b"\"\\", |_| true),
        false => name,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn pdns_names_the_peer_or_nobody(
        template in prop::sample::select(TEMPLATES),
        name in text(dns::PIECES),
        cut in 0usize..400,
    ) {
        let names = (&name[..], &written(&name, template)[..]);
        dns::names_the_peer_or_nobody(Server::Pdns, template, names, cut, true)?;
    }
}
