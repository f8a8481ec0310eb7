//! Each step of a rule as nf_tables expressions (`linux/netfilter/nf_tables.h`).

use crate::enforce::netlink::Builder;
use crate::enforce::table::{Family, Mask, PortOf, Step};
use std::net::IpAddr;

/// `NFTA_LIST_ELEM`.
const LIST_ELEM: u16 = 1;
/// `NFT_REG_1`: 16 bytes, enough for every key here.
const REGISTER: u32 = 1;
/// `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;
/// `ARPHRD_LOOPBACK`.
const LOOPBACK: u16 = 772;

/// Writes the expressions of a step into a list of expressions.
pub(super) fn write(list: &mut Builder, step: &Step) {
    match step {
        Step::Loopback => {
            meta(list, 8);
            compare(list, EQUAL, &LOOPBACK.to_ne_bytes());
        }
        Step::Is(family) => {
            meta(list, 15);
            compare(
                list,
                EQUAL,
                &[match family {
                    Family::V4 => 2,
                    Family::V6 => 10,
                }],
            );
        }
        Step::Tcp(is) => {
            meta(list, 16);
            compare(list, if *is { EQUAL } else { NOT_EQUAL }, &[6]);
        }
        Step::Untracked => {
            ct(list, 0, None);
            mask_register(list, &(1u32 | 1 << 6).to_ne_bytes());
            compare(list, NOT_EQUAL, &[0; 4]);
        }
        Step::Reply => {
            ct(list, 1, None);
            compare(list, EQUAL, &[1]);
        }
        Step::NotPublished => {
            ct(list, 2, None);
            mask_register(list, &(1u32 << 5).to_ne_bytes());
            compare(list, EQUAL, &[0; 4]);
        }
        Step::PortIn { of, set, inside } => {
            port(list, *of);
            lookup(list, set, *inside);
        }
        Step::PortIs { of, port: number } => {
            port(list, *of);
            compare(list, EQUAL, &number.to_be_bytes());
        }
        Step::SourceIn { mask, set, inside } => {
            source(list, *mask);
            lookup(list, set, *inside);
        }
        Step::Opens => {
            payload(list, 2, 13, 1);
            mask_register(list, &[0x17]);
            compare(list, EQUAL, &[0x02]);
        }
        Step::RateOver { mask, set, per_minute, burst, timeout_s } => {
            source(list, *mask);
            rate(list, set, *per_minute, *burst, *timeout_s);
        }
        Step::CountOver { mask, set, count } => {
            source(list, *mask);
            connections(list, set, *count);
        }
        Step::Count => expression(list, "counter", |_| {}),
        Step::Drop => verdict(list, 0),
        Step::Accept => verdict(list, 1),
    }
}

/// A `counter` expression as a set wants it for its elements.
pub(super) fn counter(set: &mut Builder, kind: u16) {
    set.nest(kind, |expr| {
        expr.text(1, "counter").nest(2, |_| {});
    });
}

fn expression(list: &mut Builder, name: &str, body: impl FnOnce(&mut Builder)) {
    list.nest(LIST_ELEM, |expr| {
        expr.text(1, name).nest(2, body);
    });
}

fn data(into: &mut Builder, kind: u16, value: &[u8]) {
    into.nest(kind, |data| {
        data.bytes(1, value);
    });
}

fn meta(list: &mut Builder, key: u32) {
    expression(list, "meta", |e| {
        e.u32(2, key).u32(1, REGISTER);
    });
}

fn ct(list: &mut Builder, key: u32, direction: Option<u8>) {
    expression(list, "ct", |e| {
        e.u32(2, key).u32(1, REGISTER);
        if let Some(direction) = direction {
            e.u8(3, direction);
        }
    });
}

fn compare(list: &mut Builder, operator: u32, value: &[u8]) {
    expression(list, "cmp", |e| {
        e.u32(1, REGISTER).u32(2, operator);
        data(e, 3, value);
    });
}

/// Loads from the network header (base 1) or the transport header (base 2).
fn payload(list: &mut Builder, base: u32, offset: u32, length: u32) {
    expression(list, "payload", |e| {
        e.u32(1, REGISTER).u32(2, base).u32(3, offset).u32(4, length);
    });
}

fn mask_register(list: &mut Builder, mask: &[u8]) {
    expression(list, "bitwise", |e| {
        e.u32(1, REGISTER).u32(2, REGISTER).u32(3, mask.len() as u32);
        data(e, 4, mask);
        data(e, 5, &vec![0; mask.len()]);
    });
}

fn lookup(list: &mut Builder, set: &str, inside: bool) {
    expression(list, "lookup", |e| {
        e.text(1, set).u32(2, REGISTER);
        if !inside {
            e.u32(5, 1);
        }
    });
}

fn port(list: &mut Builder, of: PortOf) {
    match of {
        PortOf::Packet => payload(list, 2, 2, 2),
        PortOf::Connection => ct(list, 12, Some(0)),
    }
}

/// Loads the masked source address.
fn source(list: &mut Builder, mask: Mask) {
    match mask.family {
        Family::V4 => payload(list, 1, 12, 4),
        Family::V6 => payload(list, 1, 8, 16),
    }
    if !mask.is_whole() {
        match mask.address() {
            IpAddr::V4(v4) => mask_register(list, &v4.octets()),
            IpAddr::V6(v6) => mask_register(list, &v6.octets()),
        }
    }
}

fn rate(list: &mut Builder, set: &str, per_minute: u32, burst: u32, timeout_s: u32) {
    expression(list, "dynset", |e| {
        e.text(1, set).u32(3, 1).u32(4, REGISTER);
        e.u64(6, u64::from(timeout_s) * 1000);
        e.nest(7, |expr| {
            expr.text(1, "limit").nest(2, |limit| {
                limit.u64(1, u64::from(per_minute)).u64(2, 60);
                limit.u32(3, burst.max(1)).u32(4, 0).u32(5, 1);
            });
        });
    });
}

fn connections(list: &mut Builder, set: &str, count: u32) {
    expression(list, "dynset", |e| {
        e.text(1, set).u32(3, 0).u32(4, REGISTER);
        e.nest(7, |expr| {
            expr.text(1, "connlimit").nest(2, |limit| {
                limit.u32(1, count).u32(2, 1);
            });
        });
    });
}

fn verdict(list: &mut Builder, code: u32) {
    expression(list, "immediate", |e| {
        e.u32(1, VERDICT).nest(2, |data| {
            data.nest(2, |verdict| {
                verdict.u32(1, code);
            });
        });
    });
}
