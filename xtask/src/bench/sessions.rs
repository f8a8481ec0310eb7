//! The sessions that the generated log is woven from, in the shapes of real lines.

use super::generate::Random;
use std::collections::VecDeque;

/// One line without its stamp.
pub struct Line {
    pub program: &'static str,
    pub pid: u64,
    pub message: String,
}

type Lines = VecDeque<Line>;

const NAMES: &[&str] = &[
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "laura",
    "mike", "nina", "oscar", "peggy", "rupert", "sybil", "trent", "uma", "victor", "walter",
];
const GUESSED: &[&str] = &[
    "admin",
    "info",
    "test",
    "sales",
    "support",
    "office",
    "contact",
    "postmaster",
    "scanner",
    "webmaster",
    "backup",
    "user",
    "root",
    "hr",
    "billing",
];
const TLS: &str = "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 \
                   server-signature RSA-PSS (2048 bits) server-digest SHA256";
const EXIM_TLS: &str = "X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=no";

/// A session of somebody who belongs here.
pub fn honest(random: &mut Random) -> Lines {
    match random.below(100) {
        0..30 => postfix_inbound(random),
        30..45 => postfix_submission(random),
        45..50 => postscreen_pass(random),
        50..80 => dovecot_login(random),
        80..82 => dovecot_typo(random),
        82..92 => exim_inbound(random),
        _ => exim_submission(random),
    }
}

/// A session of somebody who does not.
pub fn hostile(random: &mut Random, addresses: u64) -> Lines {
    let client = attacker(random, addresses);
    match random.below(100) {
        0..30 => postfix_guess(random, &client),
        30..38 => postfix_relay(random, &client),
        38..45 => postfix_harvest(random, &client),
        45..52 => postfix_rubbish(random, &client),
        52..56 => postscreen_caught(random, &client),
        56..78 => dovecot_guess(random, &client),
        78..82 => dovecot_scan(random, &client),
        82..94 => exim_guess(random, &client),
        _ => exim_refused(random, &client),
    }
}

fn attacker(random: &mut Random, addresses: u64) -> String {
    let number = random.below_skewed(addresses);
    // 198.18.0.0/15 has 131 072 addresses; a larger crowd goes on in 100.0.0.0/10.
    match number {
        0..131_072 => {
            format!("198.{}.{}.{}", 18 + (number >> 16), number >> 8 & 255, number & 255)
        }
        more => format!("100.{}.{}.{}", more >> 16 & 63, more >> 8 & 255, more & 255),
    }
}

/// One of 2 000 accounts; each has its home.
fn owner(random: &mut Random) -> (String, String) {
    let number = random.below(2_000);
    let name = NAMES.get(number as usize % NAMES.len()).copied().unwrap_or("zoe");
    let home = match number % 5 {
        0 => format!("2001:db8:c0de:{number:x}::1"),
        _ => format!("100.64.{}.{}", number >> 8, number & 255),
    };
    (format!("{name}{number}@example.org"), home)
}

fn account_guessed(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("{}@example.org", random.one_of(GUESSED)),
        1 => owner(random).0,
        _ => format!("{}{}", random.one_of(NAMES), random.below(100)),
    }
}

fn server(random: &mut Random) -> String {
    let number = random.below(200);
    format!("mx{number}.partner{}.example[203.0.113.{number}]", number % 40)
}

fn process(random: &mut Random) -> u64 {
    1_000 + random.below(400_000)
}

fn queue_id(random: &mut Random) -> String {
    format!("{:011X}", random.below(1 << 44))
}

fn exim_id(random: &mut Random) -> String {
    let mut number = random.next();
    let mut letter = || {
        number = number.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        DIGITS.get((number >> 40) as usize % 62).copied().map_or('0', char::from)
    };
    let mut id = String::from("1x");
    (0..4).for_each(|_| id.push(letter()));
    id.push_str("-000");
    (0..3).for_each(|_| id.push(letter()));
    id.push('-');
    (0..2).for_each(|_| id.push(letter()));
    id
}

fn session_id(random: &mut Random) -> String {
    format!("{:08x}{:08x}", random.below(1 << 32), random.below(1 << 32))
}

fn one(program: &'static str, pid: u64, message: String) -> Line {
    Line { program, pid, message }
}

fn queue(lines: Vec<Line>) -> Lines {
    lines.into()
}

fn postfix_inbound(random: &mut Random) -> Lines {
    let (pid, other) = (process(random), process(random));
    let (peer, id, session) = (server(random), queue_id(random), session_id(random));
    let (account, _) = owner(random);
    let (sender, size) = (random.one_of(NAMES), 900 + random.below(90_000));
    let smtpd = "postfix/smtpd";
    let lmtp = format!(
        "{id}: to=<{account}>, relay=mail.example.org[private/dovecot-lmtp], delay=0.26, \
         delays=0.16/0.03/0.05/0.02, dsn=2.0.0, status=sent (250 2.0.0 <{account}> {session} Saved)"
    );
    let saved = format!(
        "lmtp({account})<{other}><{session}>: msgid=<{id}@partner.example>: saved mail to INBOX"
    );
    queue(vec![
        one(smtpd, pid, format!("connect from {peer}")),
        one(smtpd, pid, format!("Anonymous TLS connection established from {peer}: {TLS}")),
        one(smtpd, pid, format!("{id}: client={peer}")),
        one("postfix/cleanup", other, format!("{id}: message-id=<{id}@partner.example>")),
        one(
            "postfix/qmgr",
            611,
            format!("{id}: from=<{sender}@partner.example>, size={size}, nrcpt=1 (queue active)"),
        ),
        one(
            smtpd,
            pid,
            format!(
                "disconnect from {peer} ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"
            ),
        ),
        one("postfix/lmtp", other, lmtp),
        one("dovecot", 590, saved),
        one("postfix/qmgr", 611, format!("{id}: removed")),
    ])
}

fn postfix_submission(random: &mut Random) -> Lines {
    let (pid, other, id) = (process(random), process(random), queue_id(random));
    let (account, home) = owner(random);
    let (peer, to) = (format!("unknown[{home}]"), random.one_of(NAMES));
    let smtpd = "postfix/submission/smtpd";
    let sent = format!(
        "{id}: to=<{to}@lists.example>, relay=mx.lists.example[203.0.113.201]:25, delay=0.11, \
         delays=0.03/0.03/0/0.05, dsn=2.0.0, status=sent (250 2.0.0 OK queued)"
    );
    let counts = "ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8";
    queue(vec![
        one(smtpd, pid, format!("connect from {peer}")),
        one(smtpd, pid, format!("Anonymous TLS connection established from {peer}: {TLS}")),
        one(smtpd, pid, format!("{id}: client={peer}, sasl_method=PLAIN, sasl_username={account}")),
        one("postfix/cleanup", other, format!("{id}: message-id=<{id}@laptop.lan>")),
        one(
            "postfix/qmgr",
            611,
            format!("{id}: from=<{account}>, size=3412, nrcpt=1 (queue active)"),
        ),
        one(smtpd, pid, format!("disconnect from {peer} {counts}")),
        one("postfix/smtp", other, sent),
        one("postfix/qmgr", 611, format!("{id}: removed")),
    ])
}

fn postscreen_pass(random: &mut Random) -> Lines {
    let client = format!("203.0.113.{}", random.below(200));
    let port = 1024 + random.below(60_000);
    queue(vec![
        one(
            "postfix/postscreen",
            640,
            format!("CONNECT from [{client}]:{port} to [192.0.2.10]:25"),
        ),
        one("postfix/postscreen", 640, format!("PASS OLD [{client}]:{port}")),
    ])
}

fn dovecot_login(random: &mut Random) -> Lines {
    let ((account, home), session) = (owner(random), session_id(random));
    let pid = process(random);
    let (program, service) = ("dovecot", if random.below(5) == 0 { "pop3" } else { "imap" });
    let (incoming, out) = (random.below(9_000), random.below(900_000));
    queue(vec![
        one(
            program,
            590,
            format!(
                "{service}-login: Login: user=<{account}>, method=PLAIN, rip={home}, \
                 lip=192.0.2.10, mpid={pid}, TLS, session=<{session}>"
            ),
        ),
        one(
            program,
            590,
            format!(
                "{service}({account})<{pid}><{session}>: Disconnected: Logged out in={incoming} \
                 out={out} deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 \
                 body_bytes=0"
            ),
        ),
    ])
}

fn dovecot_typo(random: &mut Random) -> Lines {
    let (account, home) = owner(random);
    dovecot_failure(random, &account, &home, 1)
}

fn dovecot_failure(random: &mut Random, account: &str, client: &str, attempts: u64) -> Lines {
    let session = session_id(random);
    let mut lines = Lines::new();
    for _ in 0..attempts {
        let message =
            format!("auth: passwd-file({account},{client},<{session}>): Password mismatch");
        lines.push_back(one("dovecot", 590, message));
    }
    lines.push_back(one(
        "dovecot",
        590,
        format!(
            "imap-login: Disconnected: Connection closed (auth failed, {attempts} attempts in 6 \
             secs): user=<{account}>, method=PLAIN, rip={client}, lip=192.0.2.10, TLS, \
             session=<{session}>"
        ),
    ));
    lines
}

fn exim_inbound(random: &mut Random) -> Lines {
    let (pid, id, number) = (process(random), exim_id(random), random.below(200));
    let (account, _) = owner(random);
    let (local, size) = (account.split('@').next().unwrap_or_default(), random.below(90_000));
    queue(vec![
        one(
            "exim",
            pid,
            format!(
                "{id} <= joe@partner.example H=mx{number}.partner.example [203.0.113.{number}] \
                 P=esmtps {EXIM_TLS} S={size} id={id}@partner.example"
            ),
        ),
        one("exim", pid + 1, format!("{id} => {local} <{account}> R=localuser T=local_delivery")),
        one("exim", pid + 1, format!("{id} Completed")),
    ])
}

fn exim_submission(random: &mut Random) -> Lines {
    let (pid, id) = (process(random), exim_id(random));
    let (account, home) = owner(random);
    queue(vec![
        one(
            "exim",
            pid,
            format!(
                "{id} <= {account} H=(laptop.lan) [{home}] P=esmtpsa {EXIM_TLS} \
                 A=plain_server:{account} S=3416 id={id}@laptop.lan"
            ),
        ),
        one(
            "exim",
            pid + 1,
            format!(
                "{id} => reader@lists.example R=dnslookup T=remote_smtp H=mx.lists.example \
                 [203.0.113.201] C=\"250 2.0.0 OK queued\""
            ),
        ),
        one("exim", pid + 1, format!("{id} Completed")),
    ])
}

fn postfix_guess(random: &mut Random, client: &str) -> Lines {
    let (pid, account) = (process(random), account_guessed(random));
    let smtpd = "postfix/submission/smtpd";
    let peer = format!("unknown[{client}]");
    let method = random.one_of(&["LOGIN", "PLAIN"]);
    queue(vec![
        one(smtpd, pid, format!("connect from {peer}")),
        one(
            smtpd,
            pid,
            format!(
                "warning: {peer}: SASL {method} authentication failed: (reason unavailable), \
                 sasl_username={account}"
            ),
        ),
        one(smtpd, pid, format!("disconnect from {peer} ehlo=1 auth=0/1 quit=1 commands=2/3")),
    ])
}

fn postfix_relay(random: &mut Random, client: &str) -> Lines {
    let pid = process(random);
    let (smtpd, peer) = ("postfix/smtpd", format!("unknown[{client}]"));
    queue(vec![
        one(smtpd, pid, format!("connect from {peer}")),
        one(
            smtpd,
            pid,
            format!(
                "NOQUEUE: reject: RCPT from {peer}: 554 5.7.1 <check@bigmail.example>: Relay access \
                 denied; from=<spam@spamsrc.example> to=<check@bigmail.example> proto=ESMTP helo=<vm>"
            ),
        ),
        one(
            smtpd,
            pid,
            format!("disconnect from {peer} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"),
        ),
    ])
}

fn postfix_harvest(random: &mut Random, client: &str) -> Lines {
    let pid = process(random);
    let (smtpd, peer) = ("postfix/smtpd", format!("unknown[{client}]"));
    let mut lines = queue(vec![one(smtpd, pid, format!("connect from {peer}"))]);
    for _ in 0..5 {
        let to = format!("{}{}@example.org", random.one_of(GUESSED), random.below(1_000));
        lines.push_back(one(
            smtpd,
            pid,
            format!(
                "NOQUEUE: reject: RCPT from {peer}: 550 5.1.1 <{to}>: Recipient address rejected: \
                 User unknown in virtual mailbox table; from=<> to=<{to}> proto=SMTP helo=<win>"
            ),
        ));
    }
    lines.push_back(one(
        smtpd,
        pid,
        format!("disconnect from {peer} helo=1 mail=1 rcpt=0/5 quit=1 commands=3/8"),
    ));
    lines
}

fn postfix_rubbish(random: &mut Random, client: &str) -> Lines {
    let pid = process(random);
    let (smtpd, peer) = ("postfix/smtpd", format!("unknown[{client}]"));
    let second = match random.below(3) {
        0 => format!("warning: non-SMTP command from {peer}: GET / HTTP/1.1"),
        1 => format!("lost connection after CONNECT from {peer}"),
        _ => format!("SSL_accept error from {peer}: -1"),
    };
    queue(vec![
        one(smtpd, pid, format!("connect from {peer}")),
        one(smtpd, pid, second),
        one(smtpd, pid, format!("disconnect from {peer} commands=0/0")),
    ])
}

fn postscreen_caught(random: &mut Random, client: &str) -> Lines {
    let port = 1024 + random.below(60_000);
    let second = match random.below(3) {
        0 => format!("PREGREET 11 after 0.08 from [{client}]:{port}: EHLO User\\r\\n"),
        1 => format!("DNSBL rank 5 for [{client}]:{port}"),
        _ => format!("HANGUP after 0.2 from [{client}]:{port} in tests before SMTP handshake"),
    };
    let postscreen = "postfix/postscreen";
    queue(vec![
        one(postscreen, 640, format!("CONNECT from [{client}]:{port} to [192.0.2.10]:25")),
        one(postscreen, 640, second),
        one(postscreen, 640, format!("DISCONNECT [{client}]:{port}")),
    ])
}

fn dovecot_guess(random: &mut Random, client: &str) -> Lines {
    let account = account_guessed(random);
    let attempts = 1 + random.below(3);
    dovecot_failure(random, &account, client, attempts)
}

fn dovecot_scan(random: &mut Random, client: &str) -> Lines {
    let session = session_id(random);
    queue(vec![one(
        "dovecot",
        590,
        format!(
            "pop3-login: Disconnected: Aborted login by logging out (no auth attempts in 0 secs): \
             user=<>, rip={client}, lip=192.0.2.10, session=<{session}>"
        ),
    )])
}

fn exim_guess(random: &mut Random, client: &str) -> Lines {
    let (pid, account) = (process(random), account_guessed(random));
    let method = random.one_of(&["plain_server", "login_server"]);
    queue(vec![
        one("exim", pid, format!("no host name found for IP address {client}")),
        one(
            "exim",
            pid,
            format!(
                "{method} authenticator failed for (User) [{client}]: 535 Incorrect authentication \
                 data (set_id={account})"
            ),
        ),
    ])
}

fn exim_refused(random: &mut Random, client: &str) -> Lines {
    let pid = process(random);
    let message = match random.below(3) {
        0 => format!(
            "H=(User) [{client}] F=<spam@spamsrc.example> rejected RCPT <check@bigmail.example>: \
             relay not permitted"
        ),
        1 => format!("SMTP syntax error in \"GET / HTTP/1.1\" H=[{client}] unrecognized command"),
        _ => {
            format!("unexpected disconnection while reading SMTP command from (vm) [{client}] D=4s")
        }
    };
    queue(vec![one("exim", pid, message)])
}
