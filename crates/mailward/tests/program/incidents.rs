//! Incidents of a real guard: found, taken on, ended, there again after a kill.

use crate::world::{Guard, Place, World, attack, now, wait_until};
use serde_json::Value;

/// The incidents that are not over.
fn open(world: &World) -> Vec<Value> {
    world.objects(&["incidents"])
}

#[test]
fn what_is_found_is_an_incident_that_a_person_takes_on_and_ends() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Namespace);
    assert!(world.ask(&["incidents"]).good().out.contains("No incident is open"));
    world.append(&attack(now(), "203.0.113.9"));
    wait_until("it is found", || !open(&world).is_empty());
    let found = open(&world);
    let one = &found[0];
    assert_eq!((found.len(), &one["number"], &one["state"]), (1, &1.into(), &"open".into()));
    assert_eq!(one["concerned"][0]["subject"]["client"], "203.0.113.9");
    assert_eq!(one["concerned"][0]["standing"], "answered");
    assert!(one["contained_at"].is_string(), "{one}");
    let open_and_waiting = |guard: &Guard| {
        let status = guard.status().unwrap();
        (status["incidents"].as_u64(), status["incidents_waiting"].as_u64())
    };
    assert_eq!(open_and_waiting(&guard), (Some(1), Some(0)));
    let lines = world.objects(&["query", "incident:1"]);
    assert!(lines.len() > 3 && lines.iter().all(|line| line["client"] == "203.0.113.9"));
    assert!(world.objects(&["query", "incident:2"]).is_empty());

    let told = world.ask(&["incidents", "1", "--acknowledge", "--reason", "I look"]).good();
    assert!(told.out.contains("incident 1 is acknowledged"), "{}", told.out);
    assert_eq!(open_and_waiting(&guard), (Some(1), Some(1)));
    let told = world.ask(&["status"]).out;
    assert!(
        told.contains("1 incident is open, 1 waits for a person: `mailward incidents`"),
        "{told}"
    );
    world.ask(&["incidents", "1", "--acknowledge"]).bad(1, &["incident 1 is acknowledged already"]);
    world.ask(&["incidents", "7", "--resolve"]).bad(1, &["there is no incident 7"]);
    world.ask(&["incidents", "7"]).bad(1, &["there is no incident 7"]);
    world.ask(&["incidents", "--resolve"]).bad(2, &["NUMBER"]);
    let table = world.ask(&["incidents"]).good().out;
    assert!(table.contains("acknowledged, contained"), "{table}");

    // Killed: what was answered for is on record.
    guard.kill();
    assert_eq!(open(&world)[0]["state"], "acknowledged");
    let guard = world.guard(Place::Namespace);
    assert_eq!(guard.status().unwrap()["incidents"], 1);
    world.ask(&["incidents", "1", "--resolve", "--reason", "a bot"]).good();
    assert!(open(&world).is_empty());
    let all = world.objects(&["incidents", "--all"]);
    assert_eq!((all.len(), &all[0]["end"]), (1, &"a bot".into()));
    let whole = world.ask(&["incidents", "1"]).good().out;
    for part in ["resolved", "contained", "a bot", "203.0.113.9", "answered"] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    world.ask(&["incidents", "1", "--reopen"]).good();
    assert_eq!(open(&world)[0]["state"], "open");
    let audit = world.objects(&["query", "--actions"]);
    let orders: Vec<&str> = audit
        .iter()
        .filter(|record| record["type"] == "command")
        .filter_map(|record| record["order"].as_str())
        .filter(|order| order.contains("incident"))
        .collect();
    assert_eq!(orders, ["acknowledge incident 1", "resolve incident 1", "reopen incident 1"]);
    guard.stop();
}

#[test]
fn one_that_a_person_opens_collects_what_is_found_about_its_subject() {
    let world = World::new();
    world.append("");
    let guard = world.guard(Place::Namespace);
    let told = world.ask(&["incidents", "--open", "203.0.113.9", "--reason", "seen <b>"]).good();
    assert!(told.out.contains("incident 1 is open"), "{}", told.out);
    world.append(&attack(now(), "203.0.113.9"));
    wait_until("it is found", || open(&world)[0]["findings"] != 0);
    let found = open(&world);
    assert_eq!((found.len(), &found[0]["title"]), (1, &"seen <b>".into()));
    world.append(&attack(now(), "203.0.113.10"));
    wait_until("another is found", || open(&world).len() == 2);
    guard.stop();
    world.ask(&["incidents", "1", "--resolve"]).bad(1, &["no guard runs"]);
    assert_eq!(open(&world).len(), 2, "they are read while no guard runs");
}
