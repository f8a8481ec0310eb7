//! The course of each campaign, in truth: what it did, and what was done before it was found.

use crate::world::{GroupId, Kind, Micros, Said, What};
use event::Network;
use std::collections::BTreeSet;

/// A finding is about campaigns that wrote a line within so long before.
const HOUR: Micros = 3_600_000_000;

/// A campaign.
#[derive(Clone, Debug)]
pub struct Course {
    /// What it is.
    pub kind: Kind,
    /// The account that it is about.
    pub account: Option<u32>,
    /// When it wrote its first line; `None`: it never came.
    pub began: Option<Micros>,
    /// The latest, so far.
    pub latest: Option<Micros>,
    /// When it logged in for the first time.
    pub got_in: Option<Micros>,
    /// Guesses that were answered.
    pub guesses: u64,
    /// Messages in the name of a user that no honest person wrote; of a server in trouble, those
    /// that it did not take.
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
            latest: None,
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
        self.latest = Some(said.at_micros);
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
            What::NotTaken { is_first: true, .. } if self.kind.is_trouble() => self.messages += 1,
            _ => {}
        }
    }

    /// True where several addresses came so far, and none from outside of the network.
    pub(crate) fn is_within(&self, network: &Network) -> bool {
        self.addresses.len() > 1 && self.addresses.iter().all(|client| network.contains(*client))
    }

    /// True while it acts: one of its lines was written within the last hour.
    pub(crate) fn acts(&self, at: Micros) -> bool {
        self.latest.is_some_and(|latest| at - latest <= HOUR)
    }

    /// True where one of its addresses is in the network.
    pub(crate) fn came_from(&self, network: &Network) -> bool {
        let from = self.addresses.range(network.address()..).next();
        from.is_some_and(|client| network.contains(*client))
    }

    /// Its account or host was found now.
    pub(crate) fn is_found(&mut self, at: Micros) {
        if self.found.is_none() {
            self.found = Some(at);
            self.messages_before = self.messages;
        }
    }
}

/// Of campaigns on one account or host, those that a finding of now is about: who acts, or where
/// nobody does, who acted last.
pub(crate) fn about(courses: &[Course], all: Vec<GroupId>, at: Micros) -> Vec<GroupId> {
    let course = |group: &GroupId| courses.get(group.0 as usize);
    let acting: Vec<GroupId> =
        all.iter().copied().filter(|group| course(group).is_some_and(|one| one.acts(at))).collect();
    if !acting.is_empty() {
        return acting;
    }
    let last = all.into_iter().max_by_key(|group| course(group).and_then(|one| one.latest));
    last.into_iter().collect()
}

/// Which accounts attackers have, or guess at.
#[derive(Default)]
pub(crate) struct Accounts {
    /// Campaigns that logged in to it or wrote in its name.
    stolen: std::collections::BTreeMap<u32, BTreeSet<GroupId>>,
    /// Those that anybody guessed at.
    attacked: BTreeSet<u32>,
}

impl Accounts {
    pub fn note(&mut self, group: GroupId, what: What) {
        match what {
            What::LoginRight { account } | What::MessageOut { account, spam: true, .. } => {
                self.stolen.entry(account).or_default().insert(group);
            }
            What::LoginWrong { account: Some(account) }
            | What::LoginsWrong { account: Some(account), .. } => {
                self.attacked.insert(account);
            }
            _ => {}
        }
    }

    pub fn thieves(&self, account: u32) -> impl Iterator<Item = GroupId> {
        self.stolen.get(&account).into_iter().flatten().copied()
    }

    pub fn is_attacked(&self, account: u32) -> bool {
        self.attacked.contains(&account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ActorId;

    fn acts(course: &mut Course, at_h: i64) {
        let what = What::LoginRight { account: 1 };
        course.note(&Said { at_micros: at_h * HOUR, actor: ActorId(0), client: None, what });
    }

    #[test]
    fn who_is_attacked_twice_is_found_twice() {
        let mut courses = vec![Course::new(Kind::PhishedBurst, Some(1)); 2];
        let both = || vec![GroupId(0), GroupId(1)];
        acts(&mut courses[0], 10);
        assert_eq!(about(&courses, both(), 10 * HOUR), [GroupId(0)]);
        acts(&mut courses[1], 50);
        assert_eq!(about(&courses, both(), 50 * HOUR), [GroupId(1)], "the first is long over");
        assert_eq!(about(&courses, both(), 60 * HOUR), [GroupId(1)], "who acted last");
        acts(&mut courses[0], 60);
        acts(&mut courses[1], 60);
        assert_eq!(about(&courses, both(), 61 * HOUR), both(), "at one time");
        assert_eq!(about(&courses, Vec::new(), HOUR), []);
    }
}
