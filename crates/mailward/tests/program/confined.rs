//! What is taken from the process that reads hostile bytes, and that it does its work without.

use crate::world::{Place, USER, World, attack, children, now, signal, wait_until};
use edge::source::{JournalOptions, JournalSource, Source as _, Start};
use mailward::guard::Starts;
use mailward::guard::confine::Confinement;
use rustix::process::Signal;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// What a confined process of this test does, and where; see [`confined`].
const DEED: &str = "MAILWARD_TEST_DEED";
const DIR: &str = "MAILWARD_TEST_DIR";
/// What a process answers that did its deed, and one that was told `EPERM`.
const DONE: i32 = 40;
const REFUSED: i32 = 41;
const SIGSYS: i32 = 31;

/// Who may start programs, or speak to other hosts.
const KNOWN: [&str; 3] = ["hook", "journalctl", "speaker"];

/// Has another process of this test confine itself and do something.
fn confined(deed: &str, dir: &Path) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["confined::deeds", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(DEED, deed).env(DIR, dir);
    command.stdout(Stdio::null()).status().unwrap()
}

/// Not a test: what the process that [`confined`] starts does.
#[test]
#[ignore = "run by the others"]
fn deeds() {
    let (Ok(deed), Some(dir)) = (std::env::var(DEED), std::env::var_os(DIR)) else { return };
    let dir = PathBuf::from(dir);
    let (who, deed) =
        deed.split_once(' ').filter(|(who, _)| KNOWN.contains(who)).unwrap_or(("", &deed));
    let starts = Starts { hook: who == "hook", journalctl: who == "journalctl" };
    let (write, read) = (vec![dir.clone()], Vec::new());
    Confinement { write, read, starts, speaks: who == "speaker" }.put_on().unwrap();
    let refused = match deed {
        "write" => std::fs::write(dir.join("file"), "x").is_err(),
        "write elsewhere" => std::fs::write("/tmp/mailward-test-elsewhere", "x").is_err(),
        "thread" => std::thread::spawn(|| ()).join().is_err(),
        "program" => Command::new("/bin/true").status().map_or(true, |status| !status.success()),
        "journal" => !writes_history(&dir),
        "journald" => !reads_journald(&dir),
        call => system_call(call),
    };
    std::process::exit(if refused { REFUSED } else { DONE });
}

/// True where it failed.
fn system_call(call: &str) -> bool {
    use rustix::net::{AddressFamily as Family, SocketType, socket};
    use rustix::thread::move_into_link_name_space;
    let opens = |family| socket(family, SocketType::DGRAM, None).is_err();
    match call {
        "unix" => opens(Family::UNIX),
        "inet" => opens(Family::INET),
        "inet6" => opens(Family::INET6),
        "netlink" => opens(Family::NETLINK),
        "packet" => opens(Family::PACKET),
        "setns" => {
            let own = std::fs::File::open("/proc/self/ns/uts").unwrap();
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&own), None).is_err()
        }
        "chroot" => rustix::process::chroot("/proc").is_err(),
        "hostname" => rustix::system::sethostname(b"x").is_err(),
        "mount" => rustix::mount::unmount("/proc", rustix::mount::UnmountFlags::DETACH).is_err(),
        other => panic!("no deed {other}"),
    }
}

/// A journal with a Parquet segment, and what retention removes of it.
fn writes_history(dir: &Path) -> bool {
    let (mut journal, _) =
        store::Journal::open(&dir.join("journal"), store::Options::default()).unwrap();
    let source = journal.source("log");
    for seq in 1..=100 {
        journal.append_line(seq, source, store::Line::Noise);
        journal.append_sample(seq, source, "unknown", b"bytes");
        journal.note(seq, event::Timestamp::from_seconds(1_000), "topic", "text");
    }
    journal.commit(&[("log", "position")]).unwrap();
    let policy = store::Policy { segment_records: 10, ..store::Policy::default() };
    let mut maintainer = journal.maintainer(policy);
    let done = maintainer.maintain(event::Timestamp::from_seconds(2_000)).unwrap();
    let checkpoint = journal.checkpoints();
    checkpoint.write(journal.mark(), b"state").unwrap();
    let segments = |dir: &Path| {
        let files = std::fs::read_dir(dir.join("journal")).unwrap();
        files
            .filter(|file| file.as_ref().unwrap().path().to_string_lossy().contains("parquet"))
            .count()
    };
    let made = segments(dir);
    let later = event::Timestamp::from_seconds(2_000_000_000);
    let removed = maintainer.maintain(later).unwrap().segments_removed;
    done.segments_made > 0 && made > 0 && removed > 0
}

/// A real `journalctl` on the journal in `dir`.
fn reads_journald(dir: &Path) -> bool {
    let files = vec![dir.join("mail.journal")];
    let options =
        JournalOptions { files, start: Start::Begin, follow: false, ..JournalOptions::default() };
    let mut source = JournalSource::open("journald", options, None, edge::clock::monotonic());
    let mut lines = Vec::new();
    for _ in 0..2_000 {
        source.read(edge::clock::monotonic(), 100, &mut |line| lines.push(line.bytes.to_vec()));
        if source.status().state == edge::source::State::Ended {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    lines.len() == 1 && lines[0].ends_with(b"lost connection")
}

#[test]
fn a_call_that_is_forbidden_ends_the_process_and_what_is_needed_works() {
    let dir = tempfile::tempdir().unwrap();
    for deed in [
        "write",
        "thread",
        "unix",
        "journal",
        "hook write",
        "hook program",
        "hook inet",
        "speaker write",
        "speaker thread",
        "speaker inet",
        "speaker inet6",
    ] {
        assert_eq!(confined(deed, dir.path()).code(), Some(DONE), "{deed}");
    }
    for deed in ["write elsewhere", "hook write elsewhere", "speaker write elsewhere"] {
        assert_eq!(confined(deed, dir.path()).code(), Some(REFUSED), "{deed}");
    }
    // Nothing is started, so nothing needs to be told politely.
    for deed in ["program", "inet", "netlink", "packet", "setns", "chroot", "hostname", "mount"] {
        assert_eq!(confined(deed, dir.path()).signal(), Some(SIGSYS), "{deed}");
    }
    // What programs try and do without.
    for deed in [
        "hook netlink",
        "hook packet",
        "hook setns",
        "hook chroot",
        "journalctl inet",
        "speaker program",
        "speaker netlink",
        "speaker packet",
    ] {
        assert_eq!(confined(deed, dir.path()).code(), Some(REFUSED), "{deed}");
    }
    for deed in ["hook hostname", "hook mount", "journalctl mount", "speaker mount"] {
        assert_eq!(confined(deed, dir.path()).signal(), Some(SIGSYS), "{deed}");
    }
}

#[test]
fn journalctl_reads_with_what_is_left() {
    const REMOTE: &str = "/lib/systemd/systemd-journal-remote";
    if !Path::new(REMOTE).exists() {
        eprintln!("skipped: {REMOTE} is not installed (package systemd-journal-remote)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let entry = "__REALTIME_TIMESTAMP=1795276930000000\n__MONOTONIC_TIMESTAMP=1\n\
                 _BOOT_ID=0123456789abcdef0123456789abcdef\n_HOSTNAME=mx1\nSYSLOG_FACILITY=2\n\
                 SYSLOG_IDENTIFIER=postfix/smtpd\n_PID=77\nMESSAGE=lost connection\n\n";
    let text = dir.path().join("export");
    std::fs::write(&text, entry).unwrap();
    let made = Command::new(REMOTE)
        .arg("--output")
        .arg(dir.path().join("mail.journal"))
        .arg(text)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    assert_eq!(confined("journalctl journald", dir.path()).code(), Some(DONE));
}

/// A field of `/proc/PID/status`.
fn status(pid: u32, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().replace('\t', " ")
}

/// The process that reads logs.
fn reader(parent: u32) -> u32 {
    let all = children(parent);
    all.iter().find(|(_, command)| command.contains(" guard ")).unwrap().0
}

/// `CAP_DAC_READ_SEARCH`, as /proc writes sets of capabilities.
const READ_LOGS: &str = "0000000000000004";

#[test]
fn the_guard_is_confined_and_its_own_user_where_there_is_one() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let world = World::new();
    world.append("");
    let own = format!("{USER} {USER} {USER} {USER}");
    let owners = || {
        let files = std::fs::read_dir(world.state()).unwrap();
        // One that is written anew may have gone meanwhile.
        let owner = |file: std::fs::DirEntry| match file.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            found => Some(found.unwrap().uid()),
        };
        let mut owners: Vec<u32> = files.filter_map(|file| owner(file.unwrap())).collect();
        owners.push(std::fs::metadata(world.state()).unwrap().uid());
        owners.sort_unstable();
        owners.dedup();
        owners
    };
    // First on a host without the user, then it comes, goes, and comes again.
    let mut lines = 0;
    for (place, uid) in
        [(Place::Namespace, 0), (Place::User, USER), (Place::Namespace, 0), (Place::User, USER)]
    {
        let guard = world.guard(place);
        let pid = reader(guard.pid());
        let expected = if uid == 0 { "0 0 0 0" } else { own.as_str() };
        assert_eq!((status(pid, "Uid"), status(pid, "Gid")), (expected.into(), expected.into()));
        for set in ["CapEff", "CapPrm", "CapBnd"] {
            assert_eq!(status(pid, set), READ_LOGS, "{set}");
        }
        assert_eq!((status(pid, "Seccomp"), status(pid, "NoNewPrivs")), ("2".into(), "1".into()));
        assert_eq!(owners(), [uid]);
        world.append(&attack(now(), &format!("203.0.113.{lines}")));
        lines += 12;
        guard.reads(lines);
        // Orders of root are those of root, whoever answers.
        world.ask(&["ban", &format!("198.51.100.{lines}")]).good();
        signal(pid, Signal::KILL);
        wait_until("it is started again", || {
            children(guard.pid())
                .iter()
                .any(|(other, command)| command.contains(" guard ") && *other != pid)
                && guard.status().is_some()
        });
        assert_eq!(status(reader(guard.pid()), "Uid"), expected);
        let held = u64::from(lines as u32) / 12 * 2;
        wait_until("the kernel holds all bans", || {
            guard.status().is_some_and(|status| status["kernel"]["bans"] == held)
        });
        guard.stop();
    }
    let actions = world.objects(&["query", "--actions"]);
    let orders = actions.iter().filter(|a| a["type"] == "command" && a["operator"] != "mailward");
    assert!(orders.clone().count() == 4 && orders.clone().all(|order| order["operator"] == "root"));
}

#[test]
fn a_hook_writes_to_the_state_directory_and_nowhere_else() {
    let places: &[Place] = if rustix::process::geteuid().is_root() {
        &[Place::Namespace, Place::User]
    } else {
        &[Place::Namespace]
    };
    for place in places {
        let world = World::new();
        let script = world.file("hook.sh", b"");
        world.configure(&format!("export.hook = [\"/bin/sh\", {script:?}]"));
        let told = world.state().join("told");
        let elsewhere = world.path("elsewhere");
        let text = format!(
            "for file in {0} {1} /dev/null; do\n echo \"$@\" >> $file && wrote=\"$wrote $file\"\ndone\n\
             mount -t tmpfs none /mnt && wrote=\"$wrote mount\"\n\
             unshare -n true && wrote=\"$wrote unshare\"\n\
             grep CapEff /proc/self/status >> {0}\necho \"wrote$wrote\" >> {0}\n",
            told.display(),
            elsewhere.display()
        );
        world.file("hook.sh", text.as_bytes());
        open_to_all(&world);
        world.append("");
        let guard = world.guard(*place);
        world.ask(&["ban", "203.0.113.9", "--for", "1h"]).good();
        let read = || std::fs::read_to_string(&told).unwrap_or_default();
        wait_until("the hook has run", || read().contains("\nwrote"));
        let lines: Vec<String> = read().lines().map(str::to_owned).collect();
        assert!(lines[0].starts_with("ban 203.0.113.9/32 36"), "{lines:?}");
        assert!(lines[0].ends_with(" operator"), "{lines:?}");
        assert_eq!(lines[2], format!("wrote {} /dev/null", told.display()));
        let capabilities = if *place == Place::User { "0000000000000000" } else { READ_LOGS };
        assert_eq!(lines[1].split_whitespace().last(), Some(capabilities), "{lines:?}");
        assert!(!elsewhere.exists());
        world.ask(&["unban", "203.0.113.9"]).good();
        wait_until("it is told of the end", || read().contains("unban 203.0.113.9/32 0 operator"));
        guard.stop();
    }
}

/// A hook has no right to enter a directory that is root's alone.
fn open_to_all(world: &World) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path(""), mode).unwrap();
}
