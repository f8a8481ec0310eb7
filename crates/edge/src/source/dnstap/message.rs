//! One dnstap message (dnstap.proto, Protocol Buffers) with the DNS message in it (RFC 1035, 4.1),
//! as a line of text. Both are read by hand: few fields are of interest, and the bytes are hostile.

use event::Timestamp;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a message is no line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skipped {
    /// It tells of no client: one between servers, or no query.
    NoClient,
    /// It cannot be read.
    Malformed,
}

/// The line of a frame's payload, without newline, as `parse` reads it:
/// `2026-11-21T16:02:10.123456Z HOST dnstap[0]: client-query 203.0.113.9#1234 udp MX example.com`.
pub fn line(payload: &[u8]) -> Result<String, Skipped> {
    let (mut identity, mut message) = (&b""[..], None);
    for field in Fields(payload) {
        match field.ok_or(Skipped::Malformed)? {
            (1, Value::Bytes(bytes)) => identity = bytes,
            (14, Value::Bytes(bytes)) => message = Some(bytes),
            _ => {}
        }
    }
    Message::of(message.ok_or(Skipped::NoClient)?)?.line(identity)
}

/// The fields of interest of a `Message`.
#[derive(Default)]
struct Message<'a> {
    kind: u64,
    transport: u64,
    address: &'a [u8],
    port: u64,
    query: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
    /// Seconds and nanoseconds.
    queried: (Option<u64>, u64),
    answered: (Option<u64>, u64),
}

const KINDS: [(u64, &str); 4] =
    [(1, "auth-query"), (2, "auth-response"), (5, "client-query"), (6, "client-response")];

impl<'a> Message<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, Skipped> {
        let mut message = Message::default();
        for field in Fields(bytes) {
            match field.ok_or(Skipped::Malformed)? {
                (1, Value::Number(kind)) => message.kind = kind,
                (3, Value::Number(transport)) => message.transport = transport,
                (4, Value::Bytes(address)) => message.address = address,
                (6, Value::Number(port)) => message.port = port,
                (8, Value::Number(seconds)) => message.queried.0 = Some(seconds),
                (9, Value::Number(nanos)) => message.queried.1 = nanos,
                (10, Value::Bytes(query)) => message.query = Some(query),
                (12, Value::Number(seconds)) => message.answered.0 = Some(seconds),
                (13, Value::Number(nanos)) => message.answered.1 = nanos,
                (14, Value::Bytes(response)) => message.response = Some(response),
                _ => {}
            }
        }
        Ok(message)
    }

    fn line(&self, identity: &[u8]) -> Result<String, Skipped> {
        let kind = KINDS.iter().find(|(number, _)| *number == self.kind);
        let (_, kind) = kind.ok_or(Skipped::NoClient)?;
        let is_answer = kind.ends_with("response");
        let (time, dns) = match is_answer {
            true if self.answered.0.is_some() => (self.answered, self.response),
            true => (self.queried, self.response),
            false => (self.queried, self.query),
        };
        let at = time_of(time).ok_or(Skipped::Malformed)?;
        let dns = dns.ok_or(Skipped::Malformed)?;
        let header = Header::of(dns).ok_or(Skipped::Malformed)?;
        if header.opcode != 0 {
            return Err(Skipped::NoClient);
        }
        // An answer to what could not be read may repeat no question.
        let question = Question::of(dns).or_else(|| Question::of(self.query?));
        let question = question.ok_or(Skipped::Malformed)?;
        let client = self.client().ok_or(Skipped::Malformed)?;
        let (host, port, transport) = (host(identity), self.port & 0xffff, self.transport());
        let mut line = format!("{at} {host} dnstap[0]: {kind} {client}#{port} {transport} ");
        question.write(&mut line);
        if is_answer {
            line.push(' ');
            write_code(header.code, &mut line);
        }
        Ok(line)
    }

    fn client(&self) -> Option<IpAddr> {
        match self.address.len() {
            4 => Some(Ipv4Addr::from(*self.address.first_chunk()?).into()),
            16 => Some(event::canonical(Ipv6Addr::from(*self.address.first_chunk()?).into())),
            _ => None,
        }
    }

    const fn transport(&self) -> &'static str {
        match self.transport {
            1 => "udp",
            2 => "tcp",
            3 => "dot",
            4 => "doh",
            5 => "dnscrypt-udp",
            6 => "dnscrypt-tcp",
            7 => "doq",
            _ => "-",
        }
    }
}

/// Up to the end of the year 9999: what a stamp can show.
const SECONDS_MAX: u64 = 253_402_300_799;

fn time_of((seconds, nanos): (Option<u64>, u64)) -> Option<Timestamp> {
    let seconds = seconds.filter(|seconds| *seconds <= SECONDS_MAX)?;
    let micros = nanos.min(999_999_999) / 1000;
    i64::try_from(seconds * 1_000_000 + micros).ok().map(Timestamp)
}

/// The server's identity, where it can be a host's name.
fn host(identity: &[u8]) -> &str {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let fits = matches!(identity.len(), 1..=64) && identity.iter().all(plain);
    str::from_utf8(identity).ok().filter(|_| fits).unwrap_or("-")
}

/// A field's value.
enum Value<'a> {
    /// A varint, or 32 or 64 fixed bits.
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message: number and value. `None` once, and then the end, where it is malformed.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = field(self.0);
        self.0 = field.as_ref().map_or(&[], |(_, _, rest)| rest);
        Some(field.map(|(number, value, _)| (number, value)))
    }
}

fn field(bytes: &[u8]) -> Option<(u64, Value<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let (value, rest) = match tag & 7 {
        0 => varint(rest).map(|(number, rest)| (Value::Number(number), rest))?,
        1 => {
            let (fixed, rest) = rest.split_first_chunk::<8>()?;
            (Value::Number(u64::from_le_bytes(*fixed)), rest)
        }
        2 => {
            let (length, rest) = varint(rest)?;
            let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Value::Bytes(bytes), rest)
        }
        5 => {
            let (fixed, rest) = rest.split_first_chunk::<4>()?;
            (Value::Number(u64::from(u32::from_le_bytes(*fixed))), rest)
        }
        // Groups are not in dnstap.
        _ => return None,
    };
    Some((tag >> 3, value, rest))
}

/// A number of at most ten bytes, seven bits in each.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(7 * place as u32)?;
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(place + 1..)?));
        }
    }
    None
}

/// What a DNS message begins with.
struct Header {
    opcode: u8,
    code: u8,
    questions: u16,
}

const HEADER_BYTES: usize = 12;

impl Header {
    fn of(dns: &[u8]) -> Option<Self> {
        let head = dns.first_chunk::<HEADER_BYTES>()?;
        let questions = u16::from_be_bytes([head[4], head[5]]);
        Some(Header { opcode: head[2] >> 3 & 15, code: head[3] & 15, questions })
    }
}

/// The first question.
struct Question<'a> {
    labels: Vec<&'a [u8]>,
    kind: u16,
}

/// The longest name, lengths included (RFC 1035, 2.3.4).
const NAME_MAX: usize = 255;

impl<'a> Question<'a> {
    /// Nothing stands before the first question, so its name cannot point to an earlier one: a
    /// pointer there is malformed, and there is no loop to fall into.
    fn of(dns: &'a [u8]) -> Option<Self> {
        if Header::of(dns)?.questions == 0 {
            return None;
        }
        let mut rest = dns.get(HEADER_BYTES..)?;
        let (mut labels, mut length) = (Vec::new(), 1);
        loop {
            let (count, behind) = rest.split_first()?;
            if *count == 0 {
                rest = behind;
                break;
            }
            length += usize::from(*count) + 1;
            if *count > 63 || length > NAME_MAX {
                return None;
            }
            let (label, behind) = behind.split_at_checked(usize::from(*count))?;
            labels.push(label);
            rest = behind;
        }
        let (kind, rest) = rest.split_first_chunk::<2>()?;
        let _class = rest.first_chunk::<2>()?;
        Some(Question { labels, kind: u16::from_be_bytes(*kind) })
    }

    /// `MX example.com`: as a zone file has it (RFC 1035, 5.1), so that no blank is left.
    fn write(&self, line: &mut String) {
        match TYPES.iter().find(|(number, _)| *number == self.kind) {
            Some((_, name)) => line.push_str(name),
            None => push(line, format_args!("TYPE{}", self.kind)),
        }
        line.push(' ');
        if self.labels.is_empty() {
            line.push('.');
        }
        for (place, label) in self.labels.iter().enumerate() {
            if place > 0 {
                line.push('.');
            }
            label.iter().for_each(|byte| write_byte(*byte, line));
        }
    }
}

fn write_byte(byte: u8, line: &mut String) {
    match byte {
        b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
            line.push('\\');
            line.push(char::from(byte));
        }
        b'!'..=b'~' => line.push(char::from(byte)),
        _ => push(line, format_args!("\\{byte:03}")),
    }
}

fn write_code(code: u8, line: &mut String) {
    const CODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
    match CODES.get(usize::from(code)) {
        Some(name) => line.push_str(name),
        None => push(line, format_args!("RCODE{code}")),
    }
}

/// Writing into a string does not fail.
fn push(line: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = line.write_fmt(text);
}

/// The types that are asked for (IANA's registry); others are `TYPE65280` (RFC 3597, 5).
const TYPES: [(u16, &str); 36] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (28, "AAAA"),
    (29, "LOC"),
    (33, "SRV"),
    (35, "NAPTR"),
    (37, "CERT"),
    (39, "DNAME"),
    (43, "DS"),
    (44, "SSHFP"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];
