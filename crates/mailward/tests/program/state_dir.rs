//! The state directory: whose it is, who may look into it, and which one is refused.

use crate::world::{Place, USER, World, wait_until};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped in part: needs root");
    }
    is_root
}

#[test]
fn one_that_was_open_is_closed_and_all_in_it_is_private() {
    let places: &[Place] =
        if is_root() { &[Place::Powerless, Place::User] } else { &[Place::Powerless] };
    for place in places {
        let world = World::new();
        world.append("");
        fs::create_dir(world.state()).unwrap();
        set_mode(&world.state(), 0o755);
        let guard = world.guard(*place);
        assert_eq!(mode(&world.state()), 0o700);
        for file in fs::read_dir(world.state()).unwrap() {
            let path = file.unwrap().path();
            let found = fs::metadata(&path);
            // One that is written anew may have gone meanwhile.
            if found.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
                continue;
            }
            assert_eq!(found.unwrap().mode() & 0o077, 0, "{}", path.display());
        }
        guard.stop();
    }
}

/// A slip of the pen in `state.dir` must not give the files of others away.
#[test]
fn a_directory_of_something_else_is_refused_and_stays_as_it_was() {
    let places: &[Place] =
        if is_root() { &[Place::Powerless, Place::User] } else { &[Place::Powerless] };
    for place in places {
        let world = World::new();
        world.append("");
        fs::create_dir_all(world.state().join("below")).unwrap();
        let file = world.file("state/below/letter", b"x");
        set_mode(&world.state(), 0o755);
        let owner = fs::metadata(&file).unwrap().uid();
        let mut guard = world.start(*place);
        assert_eq!(guard.ends().code(), Some(1));
        let said = guard.said();
        assert!(said.contains("is no state directory: it holds below"), "{said}");
        assert!(said.contains("what to do:") && said.contains("state.dir"), "{said}");
        assert_eq!(mode(&world.state()), 0o755);
        assert_eq!(fs::metadata(&file).unwrap().uid(), owner);
        let check = world.ask(&["check"]);
        assert!(check.out.contains("is no state directory"), "{}", check.out);
        if *place == Place::User {
            // Another user prepared one; 1 is a user of every Debian.
            fs::remove_dir_all(world.state().join("below")).unwrap();
            chown(world.state(), Some(1), Some(1)).unwrap();
            let mut guard = world.start(*place);
            assert_eq!(guard.ends().code(), Some(1));
            assert!(guard.said().contains("belongs to the user 1"), "{}", guard.said());
            // That of mailward is taken.
            chown(world.state(), Some(USER), Some(USER)).unwrap();
            world.guard(*place).stop();
        }
    }
}

#[test]
fn a_user_without_a_home_is_told_and_no_directory_of_all_is_taken() {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    command.args(["--", env!("CARGO_BIN_EXE_mailward"), "bans"]);
    command.env_remove("HOME").env("XDG_STATE_HOME", "relative");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("neither XDG_STATE_HOME nor HOME is set"), "{said}");
    assert!(said.contains("state.dir"), "{said}");
}

#[test]
fn the_exported_list_is_for_all_and_what_keeps_it_from_being_written_is_told() {
    let world = World::new();
    world.append("");
    fs::create_dir(world.path("lists")).unwrap();
    let list = world.path("lists/banned");
    world.configure(&format!("export.list = {list:?}"));
    let guard = world.guard(Place::Powerless);
    wait_until("the list is written", || list.exists());
    assert_eq!(mode(&list), 0o644);
    guard.stop();
    let missing = world.path("missing/banned");
    world.configure(&format!("export.list = {missing:?}"));
    let guard = world.guard(Place::Powerless);
    wait_until("it is told", || guard.said().contains("export.list: "));
    assert!(guard.said().contains("what to do: make it"), "{}", guard.said());
    guard.stop();
    let check = world.ask(&["check"]);
    assert!(check.out.contains("there is no such directory; make it"), "{}", check.out);
    if is_root() {
        // Root's alone, and the guard is another user.
        world.configure(&format!("export.list = {list:?}"));
        fs::remove_file(&list).unwrap();
        let guard = world.guard(Place::User);
        wait_until("it is told", || guard.said().contains("export.list: "));
        assert!(guard.said().contains("give it to the user"), "{}", guard.said());
        guard.stop();
    }
}
