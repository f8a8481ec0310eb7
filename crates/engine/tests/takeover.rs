//! Who is told of as taken over, and who is not.

use engine::{Config, Engine, Input, Output};
use event::{
    Event, Kind, Measure, Mode, Origin, Outcome, Protocol, Reason, Server, Subject, Text, Timestamp,
};
use std::net::{IpAddr, Ipv4Addr};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
const BEGIN_S: i64 = 1_767_571_200;
const HOME: (IpAddr, &str, u32) = (IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), "DE", 64_500);

struct Site {
    engine: Engine,
    line: u64,
    out: Vec<Output>,
}

impl Site {
    /// Twenty accounts that log in from home for so many days, at nine and at six.
    fn after(days: i64) -> Site {
        let mut site = Site { engine: Engine::new(Config::default()), line: 0, out: Vec::new() };
        for day in 0..days {
            for hour in [9, 18] {
                for account in 0..20_u8 {
                    let at_s = BEGIN_S + day * DAY_S + hour * HOUR_S + i64::from(account);
                    site.login(at_s, &name(account), HOME);
                }
            }
        }
        assert_eq!(site.told(), [] as [&str; 0], "at home");
        site
    }

    fn step(&mut self, event: &Event<'_>) {
        self.line += 1;
        self.engine.step(self.line, &Input::Event(event), &mut self.out);
    }

    fn login(
        &mut self,
        at_s: i64,
        account: &str,
        (client, country, operator): (IpAddr, &str, u32),
    ) {
        let origin = Origin { operator, country: Origin::country_of(country) };
        let event = auth(at_s, account, client, Outcome::Allowed);
        self.step(&Event { origin, ..event });
    }

    fn fail(&mut self, at_s: i64, account: &str, client: IpAddr) {
        let event = auth(at_s, account, client, Outcome::Rejected);
        let reason = Some(Reason::AuthFailed);
        self.step(&Event { hostile: true, attempts: 1, reason, ..event });
    }

    /// The accounts that were told of since it was asked last.
    fn told(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.out).into_iter().filter_map(|output| match output {
            Output::Finding(finding) if finding.detector == "takeover" => {
                Some(finding.subject.to_string())
            }
            _ => None,
        });
        told.collect()
    }
}

fn auth<'a>(at_s: i64, account: &'a str, client: IpAddr, outcome: Outcome) -> Event<'a> {
    Event {
        protocol: Protocol::Imap,
        client: Some(client),
        account: Some(Text(account.as_bytes())),
        ..Event::new(
            Timestamp::from_seconds(at_s),
            Server::Dovecot,
            Text(b"imap-login"),
            Kind::Auth,
            outcome,
        )
    }
}

fn name(number: u8) -> String {
    format!("user{number}@example.org")
}

/// Elsewhere: the country is another for each number, and the operator is, too.
fn abroad(number: u8) -> (IpAddr, &'static str, u32) {
    let country = ["FR", "US", "BR", "VN", "NG"][usize::from(number) % 5];
    (IpAddr::from([203, number, 113, 9]), country, 65_000 + u32::from(number))
}

#[test]
fn one_journey_is_nobodys_business() {
    let mut site = Site::after(30);
    let start_s = BEGIN_S + 30 * DAY_S + 10 * HOUR_S;
    for day in 0..9 {
        let (hotel, country, operator) = abroad(0);
        site.login(start_s + day * DAY_S, "user0@example.org", (hotel, country, operator));
        let phone = (IpAddr::from([203, 77, 113, 4]), country, operator + 50);
        site.login(start_s + day * DAY_S + 5 * HOUR_S, "user0@example.org", phone);
        site.login(start_s + day * DAY_S + 6 * HOUR_S, "user0@example.org", HOME);
    }
    assert_eq!(site.told(), [] as [&str; 0]);
}

#[test]
fn more_countries_than_a_person_has_are_told_and_a_lock_is_proposed() {
    let mut site = Site::after(30);
    let start_s = BEGIN_S + 30 * DAY_S + 10 * HOUR_S;
    for number in 0..3 {
        site.login(start_s + i64::from(number) * 5 * HOUR_S, "User0@example.org", abroad(number));
    }
    let lock = site.out.iter().find_map(|output| match output {
        Output::Decision(decision) => Some(decision.clone()),
        _ => None,
    });
    let lock = lock.unwrap();
    assert_eq!((lock.measure, lock.mode), (Measure::Lock, Mode::Observe), "shown, not carried out");
    assert_eq!(lock.subject, Subject::Account(b"user0@example.org".as_slice().into()));
    let last = site.line;
    assert_eq!(lock.evidence.lines(), [last - 2, last - 1, last], "the strange logins");
    assert_eq!(site.told(), ["user0@example.org"]);
    site.login(start_s + DAY_S, "user0@example.org", abroad(3));
    assert_eq!(site.told(), [] as [&str; 0], "not again within the week");
}

#[test]
fn a_new_country_amid_failures_of_strangers_is_told_and_home_is_not() {
    let mut site = Site::after(30);
    let start_s = BEGIN_S + 30 * DAY_S;
    for number in 0..120 {
        let stranger = IpAddr::from([192, number, 2, 1]);
        site.fail(start_s + i64::from(number) * 300, "user1@example.org", stranger);
    }
    let now_s = start_s + 10 * HOUR_S;
    site.login(now_s, "user1@example.org", (IpAddr::from([198, 51, 99, 3]), "DE", 64_500));
    assert_eq!(site.told(), [] as [&str; 0], "another address of his provider");
    site.login(now_s + 60, "user2@example.org", abroad(1));
    assert_eq!(site.told(), [] as [&str; 0], "nobody guessed at that one");
    site.login(now_s + 120, "user1@example.org", abroad(0));
    assert_eq!(site.told(), ["user1@example.org"]);
}

#[test]
fn a_client_that_failed_on_others_and_gets_in_is_told_without_any_file() {
    let mut site = Site::after(30);
    let start_s = BEGIN_S + 30 * DAY_S;
    let bot = IpAddr::from([203, 0, 113, 9]);
    // Slowly, so that it is not banned before.
    for account in 0..4 {
        site.fail(start_s + i64::from(account) * HOUR_S / 2, &name(account), bot);
    }
    site.login(start_s + 3 * HOUR_S, "user9@example.org", (bot, "", 0));
    assert_eq!(site.told(), [] as [&str; 0], "four are few");
    for account in 4..12 {
        site.fail(start_s + 4 * HOUR_S + i64::from(account), &name(account), bot);
    }
    site.login(start_s + 6 * HOUR_S, "user15@example.org", (bot, "FR", 65_000));
    assert_eq!(site.told(), ["user15@example.org"]);
}

/// An attacker must not become at home by coming back a few times.
#[test]
fn a_place_becomes_home_after_two_weeks_and_no_sooner() {
    let logins = |days: i64| {
        let mut site = Site::after(30);
        let start_s = BEGIN_S + 30 * DAY_S;
        for day in 0..days {
            for hour in 0..20 {
                site.login(start_s + day * DAY_S + hour * HOUR_S, "user3@example.org", abroad(0));
            }
        }
        // Were it home, two more countries would not be three.
        let then_s = start_s + days * DAY_S;
        site.login(then_s + 11 * HOUR_S, "user3@example.org", abroad(1));
        site.login(then_s + 16 * HOUR_S, "user3@example.org", abroad(2));
        site.told()
    };
    assert_eq!(logins(3), ["user3@example.org"]);
    assert_eq!(logins(20), [] as [&str; 0]);
}

#[test]
fn what_is_new_is_learnt_for_a_week() {
    let mut site = Site::after(3);
    let start_s = BEGIN_S + 3 * DAY_S + 10 * HOUR_S;
    for number in 0..5 {
        site.login(start_s + i64::from(number) * HOUR_S, "user0@example.org", abroad(number));
    }
    assert_eq!(site.told(), [] as [&str; 0]);
}

#[test]
fn the_last_login_is_known_wherever_it_was_from_and_failures_are_none() {
    let mut site = Site::after(10);
    let last = |site: &Site, account: &str| {
        site.engine.last_login(account.as_bytes()).map(|at| at.seconds())
    };
    let home_s = BEGIN_S + 9 * DAY_S + 18 * HOUR_S + 3;
    assert_eq!(last(&site, &name(3)), Some(home_s));
    assert_eq!(last(&site, &name(3).to_uppercase()), Some(home_s), "as names of accounts are");
    let abroad: (IpAddr, &str, u32) = ("203.0.113.7".parse().unwrap(), "BR", 64_501);
    site.fail(home_s + HOUR_S, &name(3), abroad.0);
    assert_eq!(last(&site, &name(3)), Some(home_s));
    site.login(home_s + 2 * HOUR_S, &name(3), abroad);
    assert_eq!(last(&site, &name(3)), Some(home_s + 2 * HOUR_S));
    assert_eq!(last(&site, "nobody@example.org"), None);
}
