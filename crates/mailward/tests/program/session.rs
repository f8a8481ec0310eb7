//! The story of one session or message, over all servers that logged parts of it.

use crate::world::{Place, World, now, stamp, wait_until};
use event::Timestamp;

/// A message from outside: Postfix takes it in and hands it to Dovecot. Between its lines those of
/// others: another connection of the same process before, another message, a stranger who writes
/// the ids that he saw.
const LINES: &[&str] = &[
    "mx postfix/smtpd[71]: connect from unknown[203.0.113.9]",
    "mx postfix/smtpd[71]: disconnect from unknown[203.0.113.9] quit=1 commands=1",
    "mx postfix/smtpd[71]: connect from mail.partner.example[203.0.113.9]",
    "mx postfix/smtpd[71]: 4D3C66C6A0: client=mail.partner.example[203.0.113.9]",
    "mx postfix/smtpd[72]: connect from unknown[198.51.100.7]",
    "mx postfix/smtpd[72]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 454 4.7.1 <x@y.example>: Relay access denied; from=<4D3C66C6A0@evil.example> to=<x@y.example> proto=ESMTP helo=<4D3C66C6A0>",
    "mx postfix/qmgr[60]: 4D3C66C6A0: from=<ann@partner.example>, size=512, nrcpt=2 (queue active)",
    "mx postfix/smtpd[71]: disconnect from mail.partner.example[203.0.113.9] ehlo=1 mail=1 rcpt=2 data=1 quit=1 commands=6",
    "mx dovecot: lmtp(bob@example.org)<80><mmOzDCbvAWt9AQAAwX/9vA>: msgid=<1@partner.example>: saved mail to INBOX",
    "mx postfix/lmtp[81]: 4D3C66C6A0: to=<bob@example.org>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.07/0.07/0.83/0.04, dsn=2.0.0, status=sent (250 2.0.0 <bob@example.org> mmOzDCbvAWt9AQAAwX/9vA Saved)",
    "mx postfix/smtp[82]: 4D3C66C6A0: to=<zoe@far.example>, relay=mx.far.example[203.0.113.201]:25, delay=1, delays=0.1/0/0/0.9, dsn=4.2.0, status=deferred (host mx.far.example[203.0.113.201] said: 450 4.2.0 later (in reply to RCPT TO command))",
    "mx postfix/smtpd[71]: connect from unknown[203.0.113.9]",
];

/// A message that amavis has in between: Postfix hands it on, and gets it back under another id.
/// The last lines are a stranger's server, which claims to have it under real ids of ours.
const FILTERED: &[&str] = &[
    "mx postfix/smtpd[71]: connect from mail.partner.example[203.0.113.9]",
    "mx postfix/smtpd[71]: 4D3C66C6A0: client=mail.partner.example[203.0.113.9]",
    "mx postfix/qmgr[60]: 4D3C66C6A0: from=<ann@partner.example>, size=512, nrcpt=1 (queue active)",
    "mx postfix/smtpd[75]: connect from localhost[127.0.0.1]",
    "mx postfix/smtpd[75]: 5E4D77D7B1: client=localhost[127.0.0.1]",
    "mx postfix/qmgr[60]: 5E4D77D7B1: from=<ann@partner.example>, size=900, nrcpt=1 (queue active)",
    "mx amavis[85]: (00085-06) Passed CLEAN {RelayedInbound}, [203.0.113.9]:4711 [203.0.113.9] <ann@partner.example> -> <bob@example.org>, Queue-ID: 4D3C66C6A0, Message-ID: <1@partner.example>, mail_id: BdX, Hits: 0.1, size: 415, queued_as: 5E4D77D7B1, 86 ms",
    "mx postfix/lmtp[81]: 4D3C66C6A0: to=<bob@example.org>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0.1/0/0/0.9, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 5E4D77D7B1)",
    "mx postfix/lmtp[82]: 5E4D77D7B1: to=<bob@example.org>, relay=mx[private/dovecot-lmtp], delay=1, delays=0.07/0.07/0.83/0.04, dsn=2.0.0, status=sent (250 2.0.0 <bob@example.org> mmOzDCbvAWt9AQAAwX/9vA Saved)",
    "mx postfix/smtpd[76]: 6F5E88E8C2: client=mail.other.example[198.51.100.7]",
    "mx postfix/smtp[83]: 6F5E88E8C2: to=<eve@evil.example>, relay=mx.evil.example[198.51.100.66]:25, delay=1, delays=0.1/0/0/0.9, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4D3C66C6A0)",
    "mx postfix/smtp[84]: 6F5E88E8C2: to=<eve@evil.example>, relay=mx.evil.example[198.51.100.66]:25, delay=1, delays=0.1/0/0/0.9, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as nosuch1)",
    "mx postfix/smtp[85]: 6F5E88E8C2: to=<\"relay=127.0.0.1[127.0.0.1]\"@evil.example>, relay=mx.evil.example[198.51.100.66]:25, delay=1, delays=0.1/0/0/0.9, dsn=2.0.0, status=sent (250 2.0.0 relay=127.0.0.1[127.0.0.1]:10024 queued as 5E4D77D7B1)",
];

fn told(object: &serde_json::Value) -> String {
    object["text"].as_str().unwrap()[33..].to_owned()
}

/// A world whose guard has read these lines.
fn world_of(lines: &[&str]) -> World {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Powerless);
    let begin = now().0 - 1_000_000;
    for (line, number) in lines.iter().zip(0..) {
        world.append(&format!("{} {line}\n", stamp(Timestamp(begin + number * 10_000))));
    }
    wait_until("all is read", || {
        guard.status().is_some_and(|status| status["lines"] == lines.len())
    });
    guard.stop();
    world
}

#[test]
fn a_message_through_a_filter_is_one_story_and_a_strangers_answer_leads_nowhere() {
    let world = world_of(FILTERED);
    for id in ["4D3C66C6A0", "5E4D77D7B1", "00085-06"] {
        let found = world.objects(&["query", "session", id]);
        let lines: Vec<String> = found.iter().map(told).collect();
        assert_eq!(lines, FILTERED[..9], "{id}");
    }
    let found = world.objects(&["query", "session", "6F5E88E8C2"]);
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), FILTERED[9..]);
}

#[test]
fn a_message_is_one_story_from_its_connection_to_each_recipient() {
    let world = world_of(LINES);
    for id in ["4D3C66C6A0", "mmOzDCbvAWt9AQAAwX/9vA"] {
        let found = world.objects(&["query", "session", id]);
        let lines: Vec<String> = found.iter().map(told).collect();
        let expected = [2, 3, 6, 7, 8, 9, 10].map(|number| LINES[number]);
        assert_eq!(lines, expected, "{id}");
    }
    let shown = world.ask(&["query", "session", "4D3C66C6A0"]).good().out;
    for wanted in
        ["client 203.0.113.9", "to bob@example.org: allowed", "to zoe@far.example: deferred"]
    {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    let nothing = world.ask(&["query", "session", "nosuchid"]).good().out;
    assert!(nothing.contains("Nothing on record"), "{nothing}");
}
