//! Files are made here, field by field as each publisher's are.

use super::*;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::Ipv4Addr;

/// A value of the format.
enum Value {
    Text(&'static str),
    Number(u32),
    Map(Vec<(&'static str, Value)>),
    /// Only in the metadata.
    Array(Vec<Value>),
    Wide(u64),
    Small(u16),
}

use Value::{Array, Map, Number, Small, Text, Wide};

fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    assert!(size < 285);
    let (low, more) = if size < 29 { (size as u8, None) } else { (29, Some((size - 29) as u8)) };
    // Kinds above 7 stand in a byte of their own.
    match kind {
        0..=7 => out.push(kind << 5 | low),
        _ => out.extend([low, kind - 7]),
    }
    out.extend(more);
}

fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Text(text) => {
            control(out, 2, text.len());
            out.extend(text.as_bytes());
        }
        Number(number) => {
            control(out, 6, 4);
            out.extend(number.to_be_bytes());
        }
        Small(number) => {
            control(out, 5, 2);
            out.extend(number.to_be_bytes());
        }
        Wide(number) => {
            control(out, 9, 8);
            out.extend(number.to_be_bytes());
        }
        Map(fields) => {
            control(out, 7, fields.len());
            for (name, value) in fields {
                put(out, &Text(name));
                put(out, value);
            }
        }
        Array(values) => {
            control(out, 11, values.len());
            values.iter().for_each(|value| put(out, value));
        }
    }
}

/// A file of IPv4 networks: a tree of 32-bit records, the data, the metadata.
fn file(kind: &'static str, networks: Vec<(Ipv4Addr, u8, Value)>) -> Vec<u8> {
    let (mut data, mut leaves) = (Vec::new(), BTreeMap::new());
    for (first, bits, value) in &networks {
        leaves.insert((first.to_bits() >> (32 - bits), *bits), data.len() as u32);
        put(&mut data, value);
    }
    // Each node: what 0 and 1 lead to.
    let mut nodes: Vec<[Option<Result<u32, u32>>; 2]> = vec![[None; 2]];
    for ((prefix, bits), at) in leaves {
        let mut node = 0;
        for bit in (0..bits).rev() {
            let side = (prefix >> bit & 1) as usize;
            if bit == 0 {
                nodes[node][side] = Some(Err(at));
            } else if let Some(Ok(next)) = nodes[node][side] {
                node = next as usize;
            } else {
                nodes[node][side] = Some(Ok(nodes.len() as u32));
                node = nodes.len();
                nodes.push([None; 2]);
            }
        }
    }
    let count = nodes.len() as u32;
    let mut out = Vec::new();
    for record in nodes.iter().flatten() {
        let record = match record {
            None => count,
            Some(Ok(node)) => *node,
            Some(Err(at)) => count + 16 + at,
        };
        out.extend(record.to_be_bytes());
    }
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    put(
        &mut out,
        &Map(vec![
            ("binary_format_major_version", Small(2)),
            ("binary_format_minor_version", Small(0)),
            ("build_epoch", Wide(1_790_000_000)),
            ("database_type", Text(kind)),
            ("description", Map(vec![("en", Text("made by a test"))])),
            ("ip_version", Small(4)),
            ("languages", Array(vec![Text("en")])),
            ("node_count", Number(count)),
            ("record_size", Small(32)),
        ]),
    );
    out
}

/// 198.51.100.0/24 in the form of one publisher.
fn one(kind: &'static str, fields: Vec<(&'static str, Value)>) -> Vec<u8> {
    file(kind, vec![(Ipv4Addr::new(198, 51, 100, 0), 24, Map(fields))])
}

fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn opened(files: &[Vec<u8>]) -> Geo {
    let files: Vec<_> = files.iter().map(|bytes| on_disk(bytes)).collect();
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().into()).collect();
    let (geo, errors) = Geo::open(&paths);
    assert!(errors.is_empty(), "{errors:?}");
    geo
}

const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77));
const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 101, 77));

#[test]
fn the_fields_of_all_publishers_are_known() {
    let iso = |code| Map(vec![("geoname_id", Number(7)), ("iso_code", Text(code))]);
    let named = |organization: &'static str| ("autonomous_system_organization", Text(organization));
    for (kind, files, expected) in [
        (
            "GeoLite2 and DB-IP: two files",
            vec![
                one("GeoLite2-Country", vec![("country", iso("DE"))]),
                one(
                    "GeoLite2-ASN",
                    vec![("autonomous_system_number", Number(64_500)), named("Example Net")],
                ),
            ],
            (64_500, *b"DE", Some("Example Net")),
        ),
        (
            "IPinfo Lite",
            vec![one(
                "ipinfo generic_bundle_lite.mmdb",
                vec![
                    ("as_name", Text("Example Net")),
                    ("asn", Text("AS64500")),
                    ("country", Text("Germany")),
                    ("country_code", Text("DE")),
                ],
            )],
            (64_500, *b"DE", Some("Example Net")),
        ),
        (
            "IPLocate",
            vec![one(
                "iplocate-ip-to-asn",
                vec![("asn", Number(64_500)), ("country_code", Text("DE")), ("org", Text("Net"))],
            )],
            (64_500, *b"DE", Some("Net")),
        ),
        ("a country only", vec![one("x", vec![("country", Text("de"))])], (0, *b"DE", None)),
    ] {
        let mut geo = opened(&files);
        for _ in 0..2 {
            let (operator, country, _) = expected;
            assert_eq!(geo.origin(INSIDE), Origin { operator, country }, "{kind}");
            assert!(geo.origin(OUTSIDE).is_unknown(), "{kind}");
        }
        assert_eq!(geo.whereabouts(INSIDE).name.as_deref(), expected.2, "{kind}");
        assert!(geo.origin("2001:db8::1".parse().unwrap()).is_unknown(), "{kind}");
        assert!(!geo.origin("::ffff:198.51.100.1".parse().unwrap()).is_unknown(), "{kind}");
    }
}

#[test]
fn what_is_of_no_use_is_told_and_the_others_are_used() {
    let good = on_disk(&one("ASN", vec![("autonomous_system_number", Number(64_500))]));
    let whole = one("GeoLite2-ASN", vec![("asn", Number(64_500))]);
    let cut = on_disk(&whole[..whole.len() / 2]);
    let other = on_disk(&one("GeoIP2-Connection-Type", vec![("connection_type", Text("Cable"))]));
    let text = on_disk(b"1.0.0.0\t1.0.0.255\t64500\n");
    let paths = [good.path(), cut.path(), other.path(), text.path(), Path::new("/nowhere.mmdb")];
    let (mut geo, errors) = Geo::open(&paths.map(PathBuf::from));
    assert_eq!(geo.files().count(), 1);
    assert_eq!(geo.files().next().unwrap().kind, "ASN");
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert_eq!(geo.origin(INSIDE).operator, 64_500);
}

#[test]
fn a_damaged_file_never_ends_the_process() {
    let whole = one("GeoLite2-ASN", vec![("autonomous_system_number", Number(64_500))]);
    for at in 0..whole.len() {
        for byte in [0x00, 0xff, whole[at] ^ 0x21] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            let file = on_disk(&bytes);
            let (geo, _) = Geo::open(&[file.path().into()]);
            geo.whereabouts(INSIDE);
        }
    }
}

#[test]
fn only_logins_that_succeed_are_looked_up() {
    let mut geo = opened(&[one("ASN", vec![("asn", Number(64_500))])]);
    let event = |kind, outcome| Event {
        client: Some(INSIDE),
        account: Some(event::Text(b"bob")),
        ..Event::new(
            event::Timestamp(0),
            event::Server::Dovecot,
            event::Text(b"imap"),
            kind,
            outcome,
        )
    };
    let login = event(Kind::Auth, Outcome::Allowed);
    assert_eq!(geo.placed(&login).unwrap().origin.operator, 64_500);
    assert!(geo.placed(&event(Kind::Auth, Outcome::Rejected)).is_none());
    assert!(geo.placed(&event(Kind::Delivery, Outcome::Allowed)).is_none());
    assert!(geo.placed(&Event { client: Some(OUTSIDE), ..login }).is_none());
    assert!(Geo::default().placed(&login).is_none());
}

#[test]
fn look_ups_that_share_a_slot_find_their_own() {
    let networks = (0..60_000_u32).map(|number| {
        let fields = vec![
            ("autonomous_system_number", Number(number)),
            ("autonomous_system_organization", Text("Example Net")),
        ];
        (Ipv4Addr::from_bits((1 << 24) + number * 256 * 16), 24, Map(fields))
    });
    let mut geo = opened(&[file("GeoLite2-ASN", networks.collect())]);
    let address = |number: u32| IpAddr::V4(Ipv4Addr::from_bits((1 << 24) + number * 256 * 16 + 9));
    // Few that are kept, and many more than are.
    for spread in [500, 60_000] {
        let mut known = 0_u32;
        for number in 0..600_000 {
            let origin = geo.origin(address(number % spread));
            assert!(origin.is_unknown() || origin.operator == number % spread);
            known += u32::from(!origin.is_unknown());
        }
        assert_eq!(known, 600_000 - 600_000 / spread);
    }
}
