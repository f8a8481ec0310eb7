//! The mail server's own affairs: what it writes by itself, without a client.

use super::clock::{DAY, MINUTE, Micros, SECOND, date};
use super::stage::{Beside, HOUSE, Mind, Stage};
use super::truth::What;

/// The mail server. It writes its statistics, and cron's letter to root each morning.
pub(crate) struct House {
    pub next_letter: Micros,
}

impl Mind for House {
    fn wake(&mut self, stage: &mut Stage<'_>) -> Option<Micros> {
        let at = stage.at;
        if at >= self.next_letter {
            self.next_letter += DAY;
            letter(stage);
        }
        statistics(stage);
        // anvil's `anvil_status_update_time`.
        Some(self.next_letter.min(at + 10 * MINUTE))
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn statistics(stage: &mut Stage<'_>) {
    let peak = stage.at - stage.chance.within(SECOND, 9 * MINUTE);
    let (_, month, dom) = date(peak.div_euclid(DAY));
    let month = MONTHS[(month as usize - 1) % 12];
    let second = peak.rem_euclid(DAY) / SECOND;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let pid = stage.servers.qmgr.pid + 9;
    let size = stage.chance.within(1, 12);
    let line = format_args!(
        "postfix/anvil[{pid}]: statistics: max cache size {size} at {month} {dom:2} \
         {hour:02}:{minute:02}:{second:02}"
    );
    stage.say(stage.at, pid, HOUSE, line);
}

/// By pickup, into root's mailbox on this host.
fn letter(stage: &mut Stage<'_>) {
    let at = stage.at;
    let host = format!("mail.{}", stage.site.domain);
    let id = stage.servers.queue_id(at);
    let local = stage.servers.pid();
    stage.postfix_picks_up(at, &id, 0, "root");
    let message_id = format!("{}.{id}@{host}", at / SECOND);
    stage.postfix_cleanup(at + 6_000, &id, &message_id, None);
    stage.postfix_queues(at + 9_000, &id, &format!("root@{host}"), 800, 1);
    let line = format_args!(
        "postfix/local[{local}]: {id}: to=<root@{host}>, orig_to=<root>, relay=local, delay=0.03, \
         delays=0.02/0.01/0/0, dsn=2.0.0, status=sent (delivered to mailbox)"
    );
    stage.say(at + 30_000, local, Beside { client: None, what: What::Delivered }, line);
    stage.postfix_removes(at + 32_000, &id);
}
