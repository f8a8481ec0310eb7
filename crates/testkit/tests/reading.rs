//! Our own parsers over the world's lines: nothing is unknown, and who acts is who is named.

use event::{Kind as Told, Timestamp};
use parse::{Parsed, Stamp, frame, parse};
use std::collections::BTreeMap;
use std::net::IpAddr;
use testkit::world::{Guard, Kind, Micros, Nobody, Plan, Said, Standing, What, World};

fn stamp(line: &[u8]) -> Option<Timestamp> {
    match frame(line)?.stamp {
        Stamp::Utc(at) => Some(at),
        _ => None,
    }
}

fn account(what: What) -> Option<u32> {
    match what {
        What::LoginRight { account }
        | What::LoginShut { account }
        | What::LoginUnchecked { account }
        | What::MessageOut { account, .. } => Some(account),
        What::LoginWrong { account } | What::LoginsWrong { account, .. } => account,
        _ => None,
    }
}

/// Postfix before 3.6, and logins without a message, name nobody.
fn tells_no_name(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    line.contains(": SASL ") || line.contains(": disconnect from ")
}

/// Reads one line and compares it with the truth.
fn agrees(world: &World, line: &[u8], said: &Said) -> Result<(), String> {
    let record = frame(line).ok_or("no envelope")?;
    let at = stamp(line).ok_or("no stamp")?;
    if at.0 != said.at_micros {
        return Err(format!("stamp {} is not {}", at.0, said.at_micros));
    }
    let event = match parse(&record, at) {
        Parsed::Event(event) => event,
        Parsed::Noise(_) if said.what == What::Detail => return Ok(()),
        parsed => return Err(format!("{parsed:?} beside {:?}", said.what)),
    };
    if event.client.is_some() && event.client != said.client {
        return Err(format!("client {:?} is not {:?}", event.client, said.client));
    }
    if said.client.is_some() && event.client.is_none() && said.what != What::Detail {
        return Err(format!("no client, and it is {:?}", said.client));
    }
    let actor = world.actor(said.actor).ok_or("no such actor")?;
    if let Some(client) = said.client
        && !actor.addresses.contains(&client)
    {
        return Err(format!("{client} is no address of {:?}", actor.kind));
    }
    match (account(said.what), event.account) {
        (Some(account), Some(name)) => {
            let name = String::from_utf8_lossy(name.0).to_lowercase();
            if name != world.login(account) {
                return Err(format!("account {name} is not {}", world.login(account)));
            }
        }
        (Some(account), None) if !tells_no_name(line) => {
            return Err(format!("no account, and it is {}", world.login(account)));
        }
        _ => {}
    }
    Ok(())
}

fn all_is_read(plan: &Plan, seed: u64) {
    all_is_read_under(plan, seed, &mut Nobody);
}

fn all_is_read_under(plan: &Plan, seed: u64, guard: &mut dyn Guard) {
    let mut world = World::new(plan, seed);
    let mut line = Vec::new();
    let mut count = 0u64;
    while let Some(said) = world.next(guard, &mut line) {
        count += 1;
        let agrees = agrees(&world, &line, &said);
        let text = String::from_utf8_lossy(&line);
        assert!(agrees.is_ok(), "seed {seed}: {agrees:?}\n{text}\n{said:?}");
    }
    assert!(count > 10_000, "{count} lines");
}

#[test]
fn a_day_of_the_world_is_read_whole_and_names_who_acts() {
    let mut plan = Plan::quiet(1.0);
    plan.numbers.accounts = 120.0;
    all_is_read(&plan, 1);
}

#[test]
fn days_under_every_attack_are_read_whole_and_name_who_acts() {
    let mut plan = Plan::quiet(3.0);
    plan.numbers.accounts = 60.0;
    plan.numbers.bots = 60.0;
    plan.attacks =
        Kind::ALL.iter().filter(|kind| kind.is_planned()).map(|kind| (*kind, 1)).collect();
    all_is_read(&plan, 2);
    plan.settings.has_auth_verbose = false;
    plan.settings.has_sasl_username = false;
    plan.settings.has_postscreen = false;
    all_is_read(&plan, 3);
    plan.settings.has_auth_verbose = true;
    plan.settings.has_password_tags = true;
    all_is_read(&plan, 4);
}

/// Decides without a reason, a little of everything.
struct Moody;

impl Guard for Moody {
    fn is_refused(&mut self, client: IpAddr, at: Micros) -> bool {
        let last = client.to_string().bytes().last().map_or(0, i64::from);
        (last + at / 3_600_000_000) % 7 == 0
    }

    fn standing(&mut self, account: &str, _: IpAddr, at: Micros) -> Standing {
        match (account.len() as i64 + at / 3_600_000_000) % 9 {
            0 => Standing::Locked,
            1 => Standing::Held,
            2 => Standing::Throttled,
            _ => Standing::Free,
        }
    }
}

#[test]
fn what_decisions_lead_to_is_read_and_names_who_acts() {
    let mut plan = Plan::quiet(2.0);
    plan.numbers.accounts = 100.0;
    plan.attacks = vec![(Kind::PhishedBurst, 2), (Kind::FastList, 1), (Kind::SprayBotnet, 1)];
    all_is_read_under(&plan, 10, &mut Moody);
    plan.settings.has_auth_verbose = false;
    all_is_read_under(&plan, 11, &mut Moody);
}

/// Detectors join lines by process: two connections of one process would be one.
#[test]
fn no_process_serves_two_connections_at_once() {
    let mut plan = Plan::quiet(2.0);
    plan.numbers.accounts = 120.0;
    plan.attacks = vec![(Kind::FastList, 2), (Kind::SprayBotnet, 1), (Kind::SpamCampaign, 1)];
    let mut world = World::new(&plan, 9);
    let (mut line, mut open, mut count) = (Vec::new(), BTreeMap::new(), 0);
    while world.next(&mut Nobody, &mut line).is_some() {
        let Some(record) = frame(&line) else { continue };
        let Parsed::Event(event) = parse(&record, Timestamp(0)) else { continue };
        let Some(pid) = event.pid.filter(|_| record.program.bytes().ends_with(b"smtpd")) else {
            continue;
        };
        let text = String::from_utf8_lossy(&line);
        match event.kind {
            Told::Connect => {
                assert_eq!(open.insert(pid, event.client), None, "{text}");
                count += 1;
            }
            // Postfix looks at the name before it says that somebody is there.
            _ if text.contains(" does not resolve to address ") => {}
            _ => assert_eq!(open.get(&pid), Some(&event.client), "{text}"),
        }
        // `lost connection` comes before `disconnect`, which has the counts.
        if event.commands.is_some() {
            open.remove(&pid);
        }
    }
    assert!(count > 1_000 && open.is_empty(), "{count} connections, {} open", open.len());
}
