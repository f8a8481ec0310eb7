//! The stories of accounts and cohorts in words, for somebody who was woken up: what matters first,
//! in short sentences, each number once; commands on lines of their own, to be copied.

use super::account::{Account, Place};
use super::cohort::Cohort;
use super::proposal;
use crate::terminal::{self, Style, Tone, local, short_local, things, wrapped};
use event::{Decision, Network, Subject};
use std::collections::BTreeMap;

/// Rows of a table of places or logins.
const ROWS_MAX: usize = 12;
/// A day with so many recipients, and so many times the most of any other, is unusual.
const UNUSUAL_MIN: u64 = 30;
const UNUSUAL_FACTOR: u64 = 3;
/// The detector of what an account sends; all others are about who uses it.
const OUTBOUND: &str = "outbound-surge";

/// What a story is written to.
struct Page {
    style: Style,
    out: String,
}

impl Page {
    fn new(style: Style) -> Page {
        Page { style, out: String::new() }
    }

    fn heading(&mut self, text: &str) {
        let gap = if self.out.is_empty() { "" } else { "\n" };
        self.out.push_str(&format!("{gap}{}\n", self.style.paint(Tone::Strong, text)));
    }

    fn say(&mut self, tone: Option<Tone>, text: &str) {
        for line in wrapped(text, self.style.width().unwrap_or(80).into()).lines() {
            let line = tone.map_or_else(|| line.to_owned(), |tone| self.style.paint(tone, line));
            self.out.push_str(&format!("{line}\n"));
        }
    }

    fn table(&mut self, header: &[&str], rows: Vec<Vec<String>>) {
        self.out.push_str(&self.style.table(header, rows));
    }
}

/// An account: `is_under_attack` is what the running guard says, if one runs.
pub fn account(
    style: Style,
    name: &Subject,
    account: &Account,
    held: &[Decision],
    is_under_attack: Option<bool>,
) -> String {
    let mut page = Page::new(style);
    if account.since.is_some() || !account.notable.is_empty() || !held.is_empty() {
        page.heading(&format!("{} {name}", name.kind()));
    }
    let (Some(since), Some(now)) = (account.since, account.now) else {
        if !account.notable.is_empty() {
            page.say(
                None,
                "None of its lines are on record any more; what was found and decided is.",
            );
        }
        proposals(&mut page, held);
        return page.out;
    };
    let cut = if account.is_cut { ", the newest records only" } else { "" };
    page.say(None, &format!("On record from {} to {}{cut}.", local(since), local(now)));
    attack(&mut page, account, is_under_attack);
    got_in(&mut page, account);
    home(&mut page, account);
    sent(&mut page, account);
    proposals(&mut page, held);
    page.out
}

fn attack(page: &mut Page, account: &Account, is_under_attack: Option<bool>) {
    page.heading("Who failed on it, in the last week");
    let (strangers, networks) = (account.strangers.len(), account.strange_networks());
    let own = match account.own_failures {
        0 => String::new(),
        number => {
            format!(" {number} failures came from where it is at home: typos, or an old password.")
        }
    };
    if strangers == 0 {
        return page.say(None, &format!("No stranger.{own}"));
    }
    if is_under_attack == Some(true) {
        page.say(
            Some(Tone::Bad),
            "It is under distributed attack now: newcomers that fail on it are banned.",
        );
    }
    let since = account.attack_since().map(local).unwrap_or_default();
    page.say(
        None,
        &format!(
            "{} in {}, {} in all, the latest ones since {since}.{own}",
            things(strangers, "strange address", "strange addresses"),
            things(networks, "network", "networks"),
            things(account.strange_failures() as usize, "failure", "failures"),
        ),
    );
    found(page, account, |detector| detector != OUTBOUND);
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    let bans = account.strangers.iter().filter_map(|stranger| stranger.ban.as_ref());
    bans.for_each(|ban| *rules.entry(&ban.rule).or_default() += 1);
    page.say(
        None,
        &match rules.values().sum::<usize>() {
            0 => "None of them was banned: they have not done enough yet, or are protected."
                .to_owned(),
            banned => format!("Banned, or would be: {banned} of them ({}).", listed(&rules)),
        },
    );
}

/// What detectors found about the account, each once.
fn found(page: &mut Page, account: &Account, is_wanted: impl Fn(&str) -> bool) {
    let mut found: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for finding in account.findings.iter().filter(|finding| is_wanted(&finding.detector)) {
        let known = found.entry(&finding.detector).or_default();
        *known = (known.0 + 1, local(finding.at));
    }
    for (detector, (times, latest)) in found {
        let times = if times == 1 { String::new() } else { format!(", {times} times") };
        let text = format!("Found: {detector}{times}, the latest at {latest}.");
        page.say(Some(Tone::Warning), &text);
    }
}

fn listed(rules: &BTreeMap<&str, usize>) -> String {
    let parts: Vec<String> =
        rules.iter().map(|(rule, number)| format!("{rule} {number}")).collect();
    parts.join(", ")
}

fn got_in(page: &mut Page, account: &Account) {
    page.heading("Did anyone get in?");
    let suspects: Vec<&Place> = account.suspects().collect();
    if suspects.is_empty() {
        let fresh = account.places.iter().filter(|place| place.is_new).count();
        let text = match (account.places.is_empty(), fresh) {
            (true, _) => "Nobody logged in at all, as far as is on record.".to_owned(),
            (false, 0) => {
                "No: every login of the last week came from where it is at home.".to_owned()
            }
            (false, fresh) => format!(
                "Not that it shows: {} in the last week, and nobody had failed from there.",
                things(fresh, "new place logged in", "new places logged in")
            ),
        };
        return page.say(Some(Tone::Good), &text);
    }
    for place in suspects.iter().take(ROWS_MAX) {
        let before = match place.failures_before {
            0 => String::new(),
            number => {
                let failures = things(number as usize, "failure", "failures");
                format!(", after {failures} from there")
            }
        };
        let ban = place.ban.as_ref().map_or_else(String::new, |ban| {
            format!("; {} was banned, or would be, by {}", place.client, ban.rule)
        });
        let since = match place.logins {
            1 => String::new(),
            number => format!(" and {} times since", number - 1),
        };
        let (client, first) = (place.client, local(place.first));
        let text = format!(
            "PERHAPS: {client} logged in at {first}{since}, never seen before{before}{ban}."
        );
        page.say(Some(Tone::Bad), &text);
    }
    page.say(
        None,
        "Ask its owner, by telephone. If it was not him: lock the account, change the password, and look at what was sent.",
    );
}

fn home(page: &mut Page, account: &Account) {
    page.heading("Where it is at home");
    if account.places.is_empty() {
        return page.say(None, "Nowhere that is on record: nobody logged in.");
    }
    let mut places: Vec<&Place> = account.places.iter().collect();
    places.sort_by_key(|place| (std::cmp::Reverse(place.logins), place.first));
    let rows = places.iter().take(ROWS_MAX).map(|place| {
        let services: Vec<&str> = place.services.iter().map(String::as_str).collect();
        vec![
            place.network.to_string(),
            terminal::count(place.logins),
            short_local(place.first),
            short_local(place.latest),
            services.join(", "),
            if place.is_new { "new".to_owned() } else { String::new() },
        ]
    });
    let rows = rows.collect();
    page.table(&["network", "logins", "first", "latest", "by", ""], rows);
    if places.len() > ROWS_MAX {
        page.say(None, &format!("... and {} more.", places.len() - ROWS_MAX));
    }
}

fn sent(page: &mut Page, account: &Account) {
    page.heading("What it sent");
    found(page, account, |detector| detector == OUTBOUND);
    let messages: u64 = account.days.values().map(super::account::Sent::messages).sum();
    if messages == 0 {
        return page.say(None, "Nothing, as far as is on record.");
    }
    let days = account.days.len();
    page.say(
        None,
        &format!(
            "{} on {}.",
            things(messages as usize, "message", "messages"),
            things(days, "day", "days"),
        ),
    );
    let Some((latest, most)) = account.latest_day() else { return };
    let recipients = latest.recipients();
    let is_unusual = recipients >= UNUSUAL_MIN && recipients >= most.saturating_mul(UNUSUAL_FACTOR);
    let tone = is_unusual.then_some(Tone::Bad);
    let verdict = if is_unusual { "That is unusual" } else { "That is nothing unusual" };
    page.say(
        tone,
        &format!(
            "On the latest day {} to {} or more. {verdict}: the most of any other day is {most}.",
            things(latest.messages() as usize, "message", "messages"),
            things(recipients as usize, "recipient", "recipients"),
        ),
    );
}

/// What is proposed, and how it is done by hand; nothing where nothing is.
fn proposals(page: &mut Page, held: &[Decision]) {
    let now = edge::clock::now();
    for decision in held {
        if decision.until.is_some_and(|until| until <= now) {
            page.heading("Was proposed");
            page.say(None, &format!("To {}. It has ended.", proposal::line(decision)));
            continue;
        }
        if !proposal::is_proposal(decision) {
            page.heading("Ordered");
            page.say(None, &format!("To {}.", proposal::line(decision)));
            continue;
        }
        page.heading("Proposed");
        page.say(Some(Tone::Warning), &format!("To {}.", proposal::line(decision)));
        page.say(None, "Mailward does not do it by itself. By hand:");
        let steps = proposal::by_hand(decision);
        if steps.is_empty() {
            page.say(None, "The name holds characters that a shell would not take as they are: no lines to copy.");
        }
        for step in steps {
            page.say(Some(Tone::Dim), &format!("# {}", step.what));
            step.lines.iter().for_each(|line| page.out.push_str(&format!("    {line}\n")));
        }
    }
}

/// What holds for a sender or a host.
pub fn held(style: Style, decision: &Decision) -> String {
    let mut page = Page::new(style);
    proposals(&mut page, std::slice::from_ref(decision));
    page.out
}

/// A cohort.
pub fn cohort(style: Style, rule: &str, cohort: &Cohort) -> String {
    let mut page = Page::new(style);
    let (Some(from), Some(until)) = (cohort.from, cohort.until) else { return page.out };
    page.heading(&format!("{rule}: the latest cohort"));
    page.say(None, &format!("Found and decided from {} to {}.", local(from), local(until)));
    for ((kind, name), at) in cohort.about.iter().take(ROWS_MAX) {
        page.say(Some(Tone::Warning), &format!("About {kind} {name}, since {}.", local(*at)));
    }
    if cohort.about.len() > ROWS_MAX {
        page.say(None, &format!("... and {} more.", cohort.about.len() - ROWS_MAX));
    }
    who(&mut page, cohort);
    what(&mut page, cohort);
    if !cohort.members.is_empty() {
        page.heading("Did anyone get in?");
    }
    if cohort.got_in.is_empty() && !cohort.members.is_empty() {
        page.say(Some(Tone::Good), "No: none of them logged in.");
    }
    for (at, client, account) in cohort.got_in.iter().take(ROWS_MAX) {
        page.say(
            Some(Tone::Bad),
            &format!(
                "YES: {client} logged in as {account} at {}. See `mailward why {account}`.",
                local(*at)
            ),
        );
    }
    if cohort.got_in.len() > ROWS_MAX {
        page.say(None, &format!("... and {} more logins.", cohort.got_in.len() - ROWS_MAX));
    }
    let (proposals, more) = cohort.proposals.split_at(cohort.proposals.len().min(1));
    self::proposals(&mut page, proposals);
    if !more.is_empty() {
        page.say(
            None,
            &format!(
                "{} like this one: `mailward bans` lists them.",
                things(more.len(), "more proposal", "more proposals")
            ),
        );
    }
    page.out
}

fn who(page: &mut Page, cohort: &Cohort) {
    page.heading("Who took part");
    if cohort.members.is_empty() {
        return page.say(None, "No address was decided on.");
    }
    let wide = match cohort.networks.len() {
        0 => String::new(),
        number => format!(", {} of them as a whole", things(number, "network", "networks")),
    };
    page.say(
        None,
        &format!(
            "{} in {}{wide}.",
            things(cohort.members.len(), "address", "addresses"),
            things(cohort.places(), "network (/24, /48)", "networks (/24, /48)"),
        ),
    );
    let sample: Vec<String> = cohort.members.iter().take(4).map(Network::short).collect();
    let more = if cohort.members.len() > 4 { ", ..." } else { "" };
    page.say(None, &format!("{}{more}", sample.join(", ")));
    for ((measure, mode), number) in &cohort.decisions {
        let only = if *mode == "enforce" { String::new() } else { format!(" ({mode} only)") };
        page.say(None, &format!("Decided: {measure} {number}{only}."));
    }
}

fn what(page: &mut Page, cohort: &Cohort) {
    if cohort.lines == 0 {
        return;
    }
    page.heading("What they did");
    let mut accounts: Vec<(&String, &u64)> = cohort.accounts.iter().collect();
    accounts.sort_by_key(|(name, number)| (std::cmp::Reverse(**number), *name));
    if !accounts.is_empty() {
        let names: Vec<&str> = accounts.iter().take(4).map(|(name, _)| name.as_str()).collect();
        let more = if accounts.len() > 4 { ", ..." } else { "" };
        page.say(
            None,
            &format!(
                "They tried {}: {}{more}.",
                things(accounts.len(), "account", "accounts"),
                names.join(", ")
            ),
        );
    }
    let shared = cohort.shared();
    for (name, value, percent) in &shared {
        page.say(None, &format!("{percent} % share the {name} {value}."));
    }
    page.say(
        Some(Tone::Dim),
        &format!(
            "By {} that the decisions rest on.",
            things(cohort.lines as usize, "line", "lines")
        ),
    );
}
