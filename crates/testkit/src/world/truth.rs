//! What is so, whatever the lines say: who acts, and what each line tells.

use super::clock::Micros;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A list of words that nobody adds to from outside.
macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$about])* $word,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// The word, as it is written outside.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }
    };
}

/// An actor's place in the list of [`World::actors`](super::World::actors).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ActorId(pub u32);

/// A campaign: all actors that one attacker sent. Its place in the list of
/// [`World::groups`](super::World::groups).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GroupId(pub u32);

closed! {
/// What an actor is.
Kind {
    /// A mail program on a desk.
    Desktop = "desktop",
    /// A phone, on Wi-Fi and carrier in turn.
    Phone = "phone",
    /// A tablet on the sofa.
    Tablet = "tablet",
    /// A person at the site's own webmail.
    Webmail = "webmail",
    /// A team's mailbox in the program of one of them.
    Team = "team",
    /// A copier that mails its scans.
    Copier = "copier",
    /// One that cannot speak TLS, or a mechanism that is allowed.
    BrokenCopier = "broken-copier",
    /// A monitor that logs in every minute.
    Monitor = "monitor",
    /// A monitor that tries a wrong password by design.
    WrongMonitor = "wrong-monitor",
    /// A job that reads many mailboxes from one address.
    Backup = "backup",
    /// A large provider that reads a mailbox here for its user, from many addresses.
    Fetcher = "fetcher",
    /// A newsletter to thousands, once a week.
    Newsletter = "newsletter",
    /// A mailing list that lives here.
    MailingList = "mailing-list",
    /// A machine that mails invoices at the end of a month.
    Invoices = "invoices",
    /// A large provider's servers.
    Provider = "provider",
    /// A newsletter from elsewhere, with stale recipients.
    Bulk = "bulk",
    /// A server that forwards what its users get, spam included.
    Forwarder = "forwarder",
    /// A small site's server.
    SmallServer = "small-server",
    /// Servers that bounce what somebody forged.
    Backscatter = "backscatter",
    /// Somebody who asks `VRFY` by hand.
    VrfyAsker = "vrfy-asker",
    /// A host that asks for relay by mistake: this was its MX once.
    RetiredMx = "retired-mx",
    /// The mail server itself, asking where its mail goes.
    MailHost = "mail-host",
    /// A desk's computer asking the resolver.
    Workstation = "workstation",
    /// A second mail server in the house.
    SecondServer = "second-server",
    /// A marketing tool in the house, which checks addresses.
    MarketingTool = "marketing-tool",
    /// Many guesses on one account.
    FastOne = "fast-one",
    /// Many guesses on a list of names.
    FastList = "fast-list",
    /// Many guesses on few connections, some of them at once.
    OpenConnection = "open-connection",
    /// About one guess a minute.
    SlowMinute = "slow-minute",
    /// About three guesses an hour.
    SlowHour = "slow-hour",
    /// One an hour.
    SlowDay = "slow-day",
    /// One in five hours, for weeks.
    SlowWeek = "slow-week",
    /// Four in ten minutes, then rest, for weeks.
    UnderThreshold = "under-threshold",
    /// A thousand addresses, one try each, one account, within hours.
    DistributedHours = "distributed-hours",
    /// The same over days.
    DistributedDays = "distributed-days",
    /// A botnet, each bot with a part of one list.
    DistributedLists = "distributed-lists",
    /// Stolen pairs, each tried once.
    Stuffing = "stuffing",
    /// One password over all accounts, one address.
    SprayAddress = "spray-address",
    /// Through an IPv6 /64.
    Spray64 = "spray-64",
    /// Through an IPv6 /48.
    Spray48 = "spray-48",
    /// Through an IPv6 /32.
    Spray32 = "spray-32",
    /// Through an IPv4 /24.
    Spray24 = "spray-24",
    /// Across a botnet.
    SprayBotnet = "spray-botnet",
    /// A guesser who logs in to an account of his own between his guesses.
    Launderer = "launderer",
    /// Wrong logins in a victim's name, to have it locked.
    LockOut = "lock-out",
    /// A guesser behind an office's address.
    BehindOffice = "behind-office",
    /// A guesser behind a carrier's address.
    BehindCarrier = "behind-carrier",
    /// Names in every case, form and length.
    OddNames = "odd-names",
    /// A right guess after an attack, then a burst of spam.
    GuessedBurst = "guessed-burst",
    /// A right guess after an attack, then quiet reading.
    GuessedQuiet = "guessed-quiet",
    /// A phished password, then a burst of spam.
    PhishedBurst = "phished-burst",
    /// A phished password, then a slow ramp.
    PhishedRamp = "phished-ramp",
    /// A phished password, then quiet reading.
    PhishedQuiet = "phished-quiet",
    /// A stolen account made used to much mail over weeks, then a burst.
    Poison = "poison",
    /// Attempts to send through here to elsewhere.
    RelayProbe = "relay-probe",
    /// Recipients tried out, fast.
    HarvestFast = "harvest-fast",
    /// Recipients tried out, slowly.
    HarvestSlow = "harvest-slow",
    /// Recipients tried out with a null sender.
    HarvestNull = "harvest-null",
    /// Recipients tried out from many addresses.
    HarvestBotnet = "harvest-botnet",
    /// A scanner over all mail services.
    Scanner = "scanner",
    /// Bots that do not wait for answers.
    Pipeliner = "pipeliner",
    /// Bots that talk before the greeting.
    EarlyTalker = "early-talker",
    /// Strings that exploit known faults.
    Exploiter = "exploiter",
    /// One spam campaign over many senders and addresses.
    SpamCampaign = "spam-campaign",
    /// A host of the site that asks for MX of everybody: an infected desk.
    MxBurst = "mx-burst",
    /// The same, with forged addresses in front.
    MxForged = "mx-forged",
    /// A botnet's spam, all of it refused: as much again as the mail of a day's busy hours.
    FloodMild = "flood-mild",
    /// The same, a multiple of all other mail.
    FloodStrong = "flood-strong",
    /// Many phished passwords at once, and a little spam from each account.
    PhishedMany = "phished-many",
    /// The servers of a large provider cannot be reached.
    RemoteTimeout = "remote-timeout",
    /// They put all mail off.
    RemoteBusy = "remote-busy",
    /// They put this site's mail off: its address is on a list.
    BlockSoft = "block-soft",
    /// They refuse this site's mail for good: its address is on a list.
    BlockHard = "block-hard",
}
}

impl Kind {
    /// True for those who mean ill.
    pub fn is_attack(self) -> bool {
        self >= Kind::FastOne && !self.is_trouble()
    }

    /// True for what befalls other sites, and the mail that goes there: nobody here acts.
    pub fn is_trouble(self) -> bool {
        self >= Kind::RemoteTimeout
    }

    /// True for what a plan has so many of.
    pub fn is_planned(self) -> bool {
        self >= Kind::FastOne
    }
}

closed! {
/// What befalls an honest account in its life.
Habit {
    /// A device keeps an old password after a change.
    StalePassword = "stale-password",
    /// Forgets the password on holiday.
    Forgets = "forgets",
    /// Writes with caps lock now and then.
    CapsLock = "caps-lock",
    /// Travels.
    Travels = "travels",
    /// Moves to another home.
    MovesHouse = "moves-house",
    /// Gets another phone.
    NewPhone = "new-phone",
    /// The password expires.
    Expires = "expires",
    /// Leaves; the devices go on.
    Leaves = "leaves",
    /// Comes new.
    Joins = "joins",
    /// Sends greetings to two hundred before the year ends.
    Greets = "greets",
    /// Writes to many strangers for an event.
    Invites = "invites",
    /// Has all mail forwarded to a mailbox elsewhere.
    Forwards = "forwards",
    /// Comes out of a private network's exits, in any country, now and then.
    UsesVpn = "uses-vpn",
}
}

closed! {
/// Why a recipient was refused.
Refusal {
    /// There is no such mailbox.
    Unknown = "unknown",
    /// It is elsewhere, and the client may not send there.
    Relay = "relay",
    /// Try again later.
    Greylisted = "greylisted",
    /// The client did not keep to the protocol.
    Protocol = "protocol",
    /// A DNS list names the client.
    Listed = "listed",
    /// There is no such domain as the sender's.
    SenderUnknown = "sender-unknown",
    /// The client greets with what is no name.
    BadHelo = "bad-helo",
}
}

/// What one line tells, in truth. The lines that accompany an act are [`What::Detail`], so that
/// each act is counted once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Accompanies an act that another line tells.
    Detail,
    /// A login with the right password.
    LoginRight {
        /// Whose.
        account: u32,
    },
    /// A login with a wrong password.
    LoginWrong {
        /// Whose; `None` where there is no such account.
        account: Option<u32>,
    },
    /// So many wrong logins on one connection, told at its end.
    LoginsWrong {
        /// Whose; `None` where there is no such account.
        account: Option<u32>,
        /// How many.
        attempts: u32,
    },
    /// The right or wrong password of an account that is shut.
    LoginShut {
        /// Whose.
        account: u32,
    },
    /// A login that could not be checked.
    LoginUnchecked {
        /// Whose.
        account: u32,
    },
    /// A login in a way that is not allowed, so nobody knows whose.
    LoginDisallowed,
    /// A message of an account was accepted.
    MessageOut {
        /// Whose.
        account: u32,
        /// To how many.
        recipients: u32,
        /// True where no honest person wrote it.
        spam: bool,
    },
    /// A message of an account was put off or held by a decision.
    MessageStopped {
        /// Whose.
        account: u32,
        /// To how many.
        recipients: u32,
        /// True where no honest person wrote it.
        spam: bool,
    },
    /// A program in the house sent a message, without an account.
    MessageHere {
        /// To how many.
        recipients: u32,
    },
    /// A message from elsewhere was accepted.
    MessageIn {
        /// True where no honest person wrote it.
        spam: bool,
    },
    /// A recipient's mailbox took it.
    Delivered,
    /// It did not.
    Bounced,
    /// It will be tried again.
    PutOff,
    /// It was not taken elsewhere, because of what happens there.
    NotTaken {
        /// The happening.
        group: GroupId,
        /// False for the same message once more.
        is_first: bool,
    },
    /// A recipient was refused.
    RecipientRefused {
        /// Why.
        why: Refusal,
    },
    /// A connection without a purpose that an honest client has.
    Probe,
    /// Commands or text that honest clients do not send.
    Abuse,
    /// A question to the resolver.
    Question {
        /// For a mail exchanger.
        mx: bool,
        /// False where there is no such name.
        exists: bool,
    },
}

impl What {
    /// True where the line shows that something is wrong; false for what the right password, an
    /// existing recipient or a mere connection looks like.
    pub const fn is_open(self) -> bool {
        !matches!(
            self,
            What::Detail
                | What::LoginRight { .. }
                | What::LoginUnchecked { .. }
                | What::Delivered
                | What::MessageOut { spam: false, .. }
                | What::MessageIn { spam: false }
        )
    }

    /// The word, as it is written outside.
    pub const fn name(self) -> &'static str {
        match self {
            What::Detail => "detail",
            What::LoginRight { .. } => "login-right",
            What::LoginWrong { .. } => "login-wrong",
            What::LoginsWrong { .. } => "logins-wrong",
            What::LoginShut { .. } => "login-shut",
            What::LoginUnchecked { .. } => "login-unchecked",
            What::LoginDisallowed => "login-disallowed",
            What::MessageOut { spam: false, .. } => "message-out",
            What::MessageOut { spam: true, .. } => "spam-out",
            What::MessageStopped { .. } => "message-stopped",
            What::MessageHere { .. } => "message-here",
            What::MessageIn { spam: false } => "message-in",
            What::MessageIn { spam: true } => "spam-in",
            What::Delivered => "delivered",
            What::Bounced => "bounced",
            What::PutOff => "put-off",
            What::NotTaken { .. } => "not-taken",
            What::RecipientRefused { .. } => "recipient-refused",
            What::Probe => "probe",
            What::Abuse => "abuse",
            What::Question { mx: true, .. } => "question-mx",
            What::Question { mx: false, .. } => "question",
        }
    }
}

/// What stands beside each line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said {
    /// The line's stamp.
    pub at_micros: Micros,
    /// Who acts.
    pub actor: ActorId,
    /// The peer, where the line names one.
    pub client: Option<IpAddr>,
    /// What the line tells.
    pub what: What,
}

/// What decisions did to an actor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Harm {
    /// Connections dropped.
    pub refused: u64,
    /// Logins refused because the account was locked.
    pub locked: u64,
    /// Messages held or put off.
    pub stopped: u64,
}

/// Somebody who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    /// What it is.
    pub kind: Kind,
    /// The campaign that it belongs to.
    pub group: Option<GroupId>,
    /// The account that it owns or attacks, where there is one.
    pub account: Option<u32>,
    /// What befalls the honest account that it belongs to.
    pub habits: Vec<Habit>,
    /// When it acted for the first time.
    pub began: Option<Micros>,
    /// The addresses that it has used so far.
    pub addresses: BTreeSet<IpAddr>,
    /// What decisions did to it so far.
    pub harm: Harm,
    last: Option<IpAddr>,
}

impl Actor {
    pub(crate) fn new(kind: Kind, group: Option<GroupId>, account: Option<u32>) -> Self {
        let (habits, began, addresses, last) = (Vec::new(), None, BTreeSet::new(), None);
        Actor { kind, group, account, habits, began, addresses, harm: Harm::default(), last }
    }

    pub(crate) fn acts(&mut self, client: Option<IpAddr>, at: Micros) {
        self.began.get_or_insert(at);
        if client.is_some() && client != self.last {
            self.last = client;
            self.addresses.extend(client);
        }
    }
}

/// A campaign.
#[derive(Clone, Debug)]
pub struct Group {
    /// What its attackers do.
    pub kind: Kind,
    /// Its first actor; the others follow.
    pub actors: Vec<ActorId>,
}

/// What the whole site feels, for some hours.
#[derive(Clone, Debug)]
pub struct Happening {
    /// What it is.
    pub kind: Kind,
    /// Its campaign.
    pub group: GroupId,
    /// Its first moment.
    pub from: Micros,
    /// Its end.
    pub until: Micros,
    /// Domains whose mail goes through the servers that it befalls.
    pub domains: BTreeSet<String>,
    /// Who runs these.
    pub(crate) provider: Option<u64>,
}

impl Happening {
    /// True where mail to the domain does not get through now.
    pub(crate) fn befalls(&self, provider: Option<u64>, at: Micros) -> bool {
        provider.is_some() && self.provider == provider && (self.from..self.until).contains(&at)
    }
}
