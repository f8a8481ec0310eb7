//! The guarded site: its names, accounts, settings and outages.

use super::clock::{Micros, Zone, is_working_day};
use super::internet::Internet;
use super::truth::{ActorId, Happening};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How the site's servers are set up: which lines they write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Dovecot's `auth_verbose`: a line for each wrong password, at once.
    pub has_auth_verbose: bool,
    /// Dovecot's `auth_verbose_passwords = sha1:6`.
    pub has_password_tags: bool,
    /// Postfix 3.6 and later tell the name in `SASL ... authentication failed`.
    pub has_sasl_username: bool,
    /// postscreen stands before port 25.
    pub has_postscreen: bool,
    /// `header_checks` write the subject of each message.
    pub has_subjects: bool,
    /// Unbound's `log-replies`, beside `log-queries`.
    pub has_replies: bool,
}

/// Why an account is shut for a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shut {
    /// There is no such account, not yet or no more.
    Gone,
    /// The password has expired.
    Expired,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The whole login name.
    pub login: String,
    pub shut: Vec<(Micros, Micros, Shut)>,
    /// Times in which an answer goes to whoever writes.
    pub answers: Vec<(Micros, Micros)>,
    /// Domain and mailbox elsewhere to which all goes.
    pub forward: Option<(u64, u64)>,
}

impl Account {
    pub fn new(login: String) -> Self {
        Account { login, shut: Vec::new(), answers: Vec::new(), forward: None }
    }

    pub fn answers_at(&self, at: Micros) -> bool {
        self.answers.iter().any(|(from, until)| (*from..*until).contains(&at))
    }

    pub fn shut_at(&self, at: Micros) -> Option<Shut> {
        let now = self.shut.iter().find(|(from, until, _)| (*from..*until).contains(&at));
        now.map(|(_, _, shut)| *shut)
    }
}

/// What all actors see and none changes.
pub(crate) struct Site {
    pub seed: u64,
    pub internet: Internet,
    pub settings: Settings,
    pub domain: String,
    pub zone: Zone,
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
    /// The host of the webmail, in the site's own net.
    pub webmail: Ipv4Addr,
    /// First those of people, then those of teams, machines and whoever took one to do harm.
    pub accounts: Vec<Account>,
    /// How many of the accounts are people's.
    pub people: u32,
    /// When the back end that knows the passwords is away.
    pub outages: Vec<(Micros, Micros)>,
    /// How many domains there are on the net.
    pub domains: u64,
    /// The actor that is the mail server itself.
    pub mail_host: ActorId,
    /// Offices of users, each behind one address.
    pub offices: Vec<IpAddr>,
    /// What its administrator has on the allowlist.
    pub allowed: Vec<IpAddr>,
    /// What all of it feels, be it here or elsewhere.
    pub happenings: Vec<Happening>,
}

impl Site {
    /// The end of the outage at this time.
    pub fn outage(&self, at: Micros) -> Option<Micros> {
        self.outages.iter().find(|(from, until)| (*from..*until).contains(&at)).map(|(_, end)| *end)
    }

    /// The address to which a client of this kind connects.
    pub fn own_address(&self, client: IpAddr) -> IpAddr {
        if client.is_ipv4() { self.v4.into() } else { self.v6.into() }
    }

    pub fn is_working_day(&self, at: Micros) -> bool {
        is_working_day(self.zone.day(at), self.seed)
    }

    pub fn login(&self, account: u32) -> &str {
        self.accounts.get(account as usize).map_or("", |account| &account.login)
    }
}
