//! The course of each campaign, in truth: what it did, and what was done before it was found.

use crate::world::{GroupId, Kind, Micros, Said, What};
use event::Network;
use std::collections::BTreeSet;

/// A campaign.
#[derive(Clone, Debug)]
pub struct Course {
    /// What it is.
    pub kind: Kind,
    /// The account that it is about.
    pub account: Option<u32>,
    /// When it wrote its first line; `None`: it never came.
    pub began: Option<Micros>,
    /// When it logged in for the first time.
    pub got_in: Option<Micros>,
    /// Guesses that were answered.
    pub guesses: u64,
    /// Messages in the name of a user that no honest person wrote.
    pub messages: u64,
    /// When the latest of them was.
    pub wrote: Option<Micros>,
    /// When its account or host was found.
    pub found: Option<Micros>,
    /// Messages until then.
    pub messages_before: u64,
    /// Names of mail exchangers that it asked for until then.
    pub names: BTreeSet<Vec<u8>>,
    /// Addresses that it came from, and how many there were when its prefix was banned.
    pub addresses: BTreeSet<std::net::IpAddr>,
    /// `None`: the prefix was not banned.
    pub addresses_before: Option<u64>,
    /// When it was.
    pub prefix_banned: Option<Micros>,
    /// The ban, where it is narrower than the prefix: a later address elsewhere belies it.
    pub banned: Option<Network>,
}

impl Course {
    pub(crate) fn new(kind: Kind, account: Option<u32>) -> Self {
        Course {
            kind,
            account,
            began: None,
            got_in: None,
            guesses: 0,
            messages: 0,
            wrote: None,
            found: None,
            messages_before: 0,
            names: BTreeSet::new(),
            addresses: BTreeSet::new(),
            addresses_before: None,
            prefix_banned: None,
            banned: None,
        }
    }

    /// Notes what one of its lines tells.
    pub(crate) fn note(&mut self, said: &Said) {
        self.began.get_or_insert(said.at_micros);
        if let (Some(client), Some(banned)) = (said.client, self.banned)
            && !banned.contains(client)
        {
            (self.addresses_before, self.prefix_banned, self.banned) = (None, None, None);
        }
        self.addresses.extend(said.client);
        match said.what {
            What::LoginWrong { .. } => self.guesses += 1,
            What::LoginsWrong { attempts, .. } => self.guesses += u64::from(attempts),
            What::LoginRight { .. } => {
                self.got_in.get_or_insert(said.at_micros);
            }
            What::MessageOut { spam: true, .. } => {
                self.messages += 1;
                self.wrote = Some(said.at_micros);
            }
            _ => {}
        }
    }

    /// True where several addresses came so far, and none from outside of the network.
    pub(crate) fn is_within(&self, network: &Network) -> bool {
        self.addresses.len() > 1 && self.addresses.iter().all(|client| network.contains(*client))
    }

    /// Its account or host was found now.
    pub(crate) fn is_found(&mut self, at: Micros) {
        if self.found.is_none() {
            self.found = Some(at);
            self.messages_before = self.messages;
        }
    }
}

/// Which accounts attackers have, or guess at.
#[derive(Default)]
pub(crate) struct Accounts {
    /// Campaigns that logged in to it or wrote in its name.
    stolen: std::collections::BTreeMap<u32, GroupId>,
    /// Those that anybody guessed at.
    attacked: BTreeSet<u32>,
}

impl Accounts {
    pub fn note(&mut self, group: GroupId, what: What) {
        match what {
            What::LoginRight { account } | What::MessageOut { account, spam: true, .. } => {
                self.stolen.entry(account).or_insert(group);
            }
            What::LoginWrong { account: Some(account) }
            | What::LoginsWrong { account: Some(account), .. } => {
                self.attacked.insert(account);
            }
            _ => {}
        }
    }

    pub fn thief(&self, account: u32) -> Option<GroupId> {
        self.stolen.get(&account).copied()
    }

    pub fn is_attacked(&self, account: u32) -> bool {
        self.attacked.contains(&account)
    }
}
