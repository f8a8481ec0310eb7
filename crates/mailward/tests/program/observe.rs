//! `mode = "observe"`: all is found, decided and recorded, and nothing outside of the journal
//! changes.

use crate::world::{Place, World, attack, now, wait_until};

/// A hook that leaves a line for each call, and a list.
fn configure(world: &World, mode: &str, guessing: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path(""), open).unwrap();
    let called = world.state().join("called");
    let script = world.file("hook.sh", format!("echo \"$@\" >> {}\n", called.display()).as_bytes());
    world.configure(&format!(
        "mode = {mode:?}\nexport.list = {:?}\nexport.hook = [\"/bin/sh\", {script:?}]\n\
         [password-spray]\nmode = {guessing:?}\n[brute-force]\nmode = {guessing:?}\n[slow-guessing]\nmode = {guessing:?}",
        world.path("list/bans")
    ));
}

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn without_power_over_the_kernel_a_list_is_written_all_the_same() {
    let world = World::new();
    std::fs::create_dir(world.path("list")).unwrap();
    world.append("");
    configure(&world, "enforce", "enforce");
    let guard = world.guard(Place::Powerless);
    assert!(guard.said().contains("enforcing by list or hook only"), "{}", guard.said());
    let told = world.ask(&["ban", "203.0.113.9"]).good().out;
    assert_eq!(told, "203.0.113.9 is banned until it is lifted\n");
    wait_until("the list holds it", || read(&world.path("list/bans")) == "203.0.113.9\n");
    guard.stop();
}

#[test]
fn what_only_a_detector_observed_has_no_end_for_others() {
    let world = World::new();
    std::fs::create_dir(world.path("list")).unwrap();
    world.append("");
    configure(&world, "enforce", "observe");
    let guard = world.guard(Place::Namespace);
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
    world.ask(&["unban", "203.0.113.9"]).good();
    world.ask(&["ban", "203.0.113.77"]).good();
    let called = || read(&world.state().join("called"));
    wait_until("the hook was called", || called().contains("203.0.113.77"));
    assert_eq!(called(), "ban 203.0.113.77/32 0 operator\n");
    let actions = world.ask(&["query", "--actions"]).good().out;
    assert!(actions.contains("ended      ban of 203.0.113.9"), "{actions}");
    assert_eq!(actions.matches("[observe only]").count(), 2, "{actions}");
    guard.stop();
}

#[test]
fn a_guard_that_observes_writes_no_list_calls_no_hook_and_says_would() {
    let world = World::new();
    std::fs::create_dir(world.path("list")).unwrap();
    world.append("");
    let (list, called) = (world.path("list/bans"), world.state().join("called"));
    configure(&world, "enforce", "enforce");
    let guard = world.guard(Place::Namespace);
    world.append(&attack(now(), "203.0.113.9"));
    guard.reads(12);
    wait_until("the list holds it", || read(&list) == "203.0.113.9\n");
    wait_until("the hook was called", || read(&called).starts_with("ban 203.0.113.9/32 "));
    guard.stop();

    configure(&world, "observe", "enforce");
    let guard = world.guard(Place::Namespace);
    wait_until("what an enforcing guard wrote is taken back", || read(&list).is_empty());
    world.append(&attack(now(), "203.0.114.9"));
    guard.reads(24);
    let told = world.ask(&["ban", "203.0.113.77", "--for", "1h"]).good().out;
    assert!(told.starts_with("203.0.113.77 would be banned for 60 min"), "{told}");
    world.ask(&["unban", "203.0.113.9"]).good();
    wait_until("decisions are shown", || guard.said().contains("would ban  203.0.114.9 for"));
    wait_until("the kernel knows both, to count them", || {
        guard.status().is_some_and(|status| status["kernel"]["bans"] == 2)
    });
    assert_eq!(guard.status().unwrap()["enforcing"], false);
    let bans = world.ask(&["bans"]).good().out;
    assert!(bans.starts_with("These would be banned") && bans.contains("203.0.114.9"), "{bans}");
    let bans = world.objects(&["bans"]);
    assert_eq!(bans.len(), 2);
    assert!(bans.iter().all(|ban| ban["mode"] == "observe"));
    let why = world.ask(&["why", "203.0.114.9"]).good().out;
    assert!(why.contains("would be banned until") && !why.contains("\nbanned"), "{why}");
    // Where the kernel's answer is late, it is not told.
    wait_until("the kernel is asked", || {
        world.ask(&["why", "203.0.114.9"]).good().out.contains("the kernel would drop 203.0.114.9")
    });
    guard.stop();
    assert_eq!(read(&list), "");
    assert_eq!(read(&called).lines().count(), 1, "{}", read(&called));
    let bans = world.ask(&["bans"]).good().out;
    assert!(bans.starts_with("These would be banned"), "also while no guard runs: {bans}");

    configure(&world, "enforce", "enforce");
    let guard = world.guard(Place::Namespace);
    wait_until("what was observed is enforced", || read(&list) == "203.0.113.77\n203.0.114.9\n");
    assert!(!world.ask(&["bans"]).good().out.contains("would"));
    guard.stop();
    let actions = world.ask(&["query", "--actions"]).good().out;
    let starts: Vec<&str> = actions.lines().filter(|line| line.contains("  start  ")).collect();
    assert_eq!(starts.len(), 3, "{actions}");
    assert!(starts[1].contains("observing") && !starts[2].contains("observing"), "{starts:?}");
}
