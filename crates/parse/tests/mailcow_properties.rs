//! Whatever a stranger writes, a line of mailcow's own names nobody.

mod stranger;

use event::Server;
use parse::{Parsed, frame, parse};
use proptest::prelude::*;
use stranger::text;

const PIECES: &[&str] = &[
    "6.6.6.6",
    " by 6.6.6.6",
    " by 6.6.6.6\"",
    "mailcow UI: Invalid password for x by 6.6.6.6",
    "Rspamd UI: Invalid password by 6.6.6.6",
    "NOTICE: PHP message: ",
    " said into stderr: \"",
    "6.6.6.6 matched rule id 1 (x)",
    "Banning 6.6.6.6/32 for 30 minutes",
    " ",
    "\"",
];

/// `{}` is a stranger's. The last ones are what he can make of them with a line feed.
const TEMPLATES: &[&str] = &[
    "stderr F NOTICE: PHP message: mailcow UI: Invalid password for {} by 203.0.113.66",
    "stdout F [21-Nov-2026 16:02:10] WARNING: [pool web] child 42 said into stderr: \"NOTICE: PHP message: mailcow UI: Invalid password for {} by 203.0.113.66\"",
    "NOTICE: PHP message: mailcow UI: Invalid password for {} by 203.0.113.66",
    "mailcow UI: Invalid password for {} by 203.0.113.66",
    "stderr F NOTICE: PHP message: mailcow UI: Invalid password for {}",
    "stderr F mailcow UI: Invalid password for {}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn mailcow_names_nobody(
        template in prop::sample::select(TEMPLATES),
        words in text(PIECES),
        cut in 0usize..300,
    ) {
        let parts: Vec<&[u8]> = template.split("{}").map(str::as_bytes).collect();
        let line = [&b"2026-11-21T16:02:10.123456789Z "[..], &parts.join(&words[..])].concat();
        let shown = String::from_utf8_lossy(&line);
        for (line, whole) in [(&line[..], true), (line.get(..cut).unwrap_or(&line), false)] {
            let event = match frame(line).map(|record| parse(&record, event::Timestamp(0))) {
                Some(Parsed::Event(event)) => Some(event),
                _ => None,
            };
            prop_assert!(event.is_none_or(|event| event.client.is_none()), "{}", shown);
            let is_told = event.is_some_and(|e| e.server == Server::Mailcow && e.hostile);
            prop_assert!(!whole || is_told, "{}", shown);
        }
    }
}
