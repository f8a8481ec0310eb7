//! Reads what nf_tables answers.

use super::Found;
use crate::enforce::netlink::Attributes;
use crate::enforce::plan::ObservedChain;
use crate::enforce::table::TABLE;

/// Bytes of `struct nfgenmsg` before the attributes.
const FIXED: usize = 4;

/// What a counter says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CounterValue {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A table: whether it is dormant.
pub(super) fn read_table(payload: &[u8]) -> bool {
    Attributes::behind(payload, FIXED).u32(2).is_some_and(|flags| flags & 1 != 0)
}

/// A set of our table: name, flags, bytes of a key.
pub fn read_set(payload: &[u8]) -> Option<(String, u32, u32)> {
    let set = Attributes::behind(payload, FIXED);
    if set.text(1) != Some(TABLE) {
        return None;
    }
    Some((set.text(2)?.to_owned(), set.u32(3).unwrap_or_default(), set.u32(5)?))
}

/// A chain of our table: its name, and what it is apart from its rules.
pub fn read_chain(payload: &[u8]) -> Option<(String, ObservedChain)> {
    let chain = Attributes::behind(payload, FIXED);
    if chain.text(1) != Some(TABLE) {
        return None;
    }
    let base = chain.nested(4).and_then(|hook| Some((hook.u32(1)?, hook.u32(2)?.cast_signed())));
    // NF_DROP is 0; a chain that is not a base chain has no policy.
    let drops = chain.u32(5) == Some(0);
    Some((chain.text(3)?.to_owned(), ObservedChain { base, drops, marks: Vec::new() }))
}

/// A rule of our table: chain, mark, counter.
pub fn read_chain_rule(payload: &[u8]) -> Option<(String, String, Option<CounterValue>)> {
    let rule = Attributes::behind(payload, FIXED);
    if rule.text(1) != Some(TABLE) {
        return None;
    }
    let mark = rule.value(7).and_then(read_comment).unwrap_or_default().to_owned();
    let counter = rule.nested(4).and_then(|mut list| {
        list.find_map(|(_, expression)| read_counter(&Attributes::new(expression)))
    });
    Some((rule.text(2)?.to_owned(), mark, counter))
}

/// The first element of an answer.
pub fn read_element(payload: &[u8]) -> Option<Found> {
    let list = Attributes::behind(payload, FIXED).nested(3)?;
    let element = list.nested(1)?;
    element.nested(1)?;
    let counted = element.nested(7).or_else(|| element.nested(11).and_then(|l| l.nested(1)));
    Some(Found {
        remaining_ms: element.u64(5),
        packets: counted.and_then(|expression| read_counter(&expression)).map(|c| c.packets),
    })
}

fn read_counter(expression: &Attributes<'_>) -> Option<CounterValue> {
    if expression.text(1) != Some("counter") {
        return None;
    }
    let counter = expression.nested(2)?;
    Some(CounterValue { bytes: counter.u64(1)?, packets: counter.u64(2)? })
}

fn read_comment(userdata: &[u8]) -> Option<&str> {
    let (&[kind, length], rest) = userdata.split_first_chunk::<2>()?;
    let text = rest.get(..usize::from(length))?;
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    (kind == 0).then(|| std::str::from_utf8(text).ok()).flatten()
}
