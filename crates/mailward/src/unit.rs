//! What the systemd unit of this host lets the service write to, for `mailward check`.

use std::path::{Path, PathBuf};

/// Where units are, those that win first (systemd.unit(5)).
const PLACES: [&str; 4] = [
    "etc/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
const NAME: &str = "mailward.service";
const DROP_INS: &str = "mailward.service.d";

/// The lines of the unit and its drop-ins; `None` where there is no unit. `root` is `/` but in
/// tests.
fn text(root: &Path) -> Option<String> {
    let directory = |place: &str| root.join(place);
    let read = |path: PathBuf| std::fs::read_to_string(path).ok();
    let mut text = PLACES.iter().find_map(|place| read(directory(place).join(NAME)))?;
    for place in PLACES {
        let entries = std::fs::read_dir(directory(place).join(DROP_INS));
        let files = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let drop_ins = files.filter(|path| path.extension().is_some_and(|end| end == "conf"));
        drop_ins.filter_map(read).for_each(|more| text.push_str(&format!("\n{more}")));
    }
    Some(text)
}

/// What the unit's words say about writing in a directory, where it keeps the service from it.
fn keeps_from(text: &str, directory: &Path) -> bool {
    let values = |key: &'static str| {
        let lines = text.lines().filter_map(move |line| line.trim().strip_prefix(key));
        lines.filter_map(|rest| rest.trim_start().strip_prefix('='))
    };
    let is = |key, word: &str| values(key).next_back().is_some_and(|value| value.trim() == word);
    let is_below = |top: &str| directory.starts_with(top);
    if is("PrivateTmp", "yes") && (is_below("/tmp") || is_below("/var/tmp")) {
        return true;
    }
    let words = |key| values(key).flat_map(str::split_ascii_whitespace);
    let opened = words("ReadWritePaths").map(|word| word.trim_start_matches(['-', '+']).to_owned());
    let own = words("StateDirectory").map(|name| format!("/var/lib/{name}"));
    let run = words("RuntimeDirectory").map(|name| format!("/run/{name}"));
    is("ProtectSystem", "strict") && !opened.chain(own).chain(run).any(|top| is_below(&top))
}

/// What to do where the unit of this host keeps the service from writing in `directory`.
pub fn closed(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    let is_closed = text(Path::new("/")).is_some_and(|text| keeps_from(&text, &directory));
    is_closed.then(|| remedy(&directory))
}

/// How to open a directory to the service.
pub fn remedy(directory: &Path) -> String {
    format!(
        "under {NAME} only /run/mailward and the state directory can be written; for {0} run \
         `systemctl edit mailward` and add the lines `[Service]` and `ReadWritePaths={0}`",
        directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The unit that is in the packages.
    const UNIT: &str = include_str!("../../../packaging/mailward.service");

    #[test]
    fn the_packaged_unit_opens_its_directories_and_what_a_drop_in_adds() {
        let world = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = world.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(text(world.path()), None);
        put("lib/systemd/system/mailward.service", UNIT);
        let closed =
            |directory: &str| keeps_from(&text(world.path()).unwrap(), Path::new(directory));
        for open in ["/var/lib/mailward", "/var/lib/mailward/lists", "/run/mailward"] {
            assert!(!closed(open), "{open}");
        }
        for shut in ["/srv/lists", "/etc/nftables.d", "/tmp", "/var/lib/mailwards", "/run"] {
            assert!(closed(shut), "{shut}");
        }
        put(
            "etc/systemd/system/mailward.service.d/list.conf",
            "[Service]\nReadWritePaths = /srv\n",
        );
        put("etc/systemd/system/mailward.service.d/note.txt", "ReadWritePaths=/etc\n");
        assert!(!closed("/srv/lists") && closed("/etc/nftables.d"));
        put("etc/systemd/system/mailward.service", "[Service]\nExecStart=/usr/bin/mailward up\n");
        assert!(!closed("/etc/nftables.d"), "a unit of one's own");
    }
}
