use super::*;
use event::Mode;

#[test]
fn nothing_is_a_configuration() {
    assert_eq!(read(""), (Config::default(), Vec::new()));
}

#[test]
fn values_are_taken() {
    let (config, problems) = read(
        "mode = \"observe\"\n\
         [source]\nfind = false\nfiles = [\"/var/log/mail.log\"]\n\
         [kernel]\nports = [2525]\n[kernel.only]\n993 = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n\
         [brute-force]\nban_s = \"2h\"\nscore_max = 6.5\n\
         [allow]\nnetworks = [\"203.0.113.9\"]\n",
    );
    assert_eq!(problems, []);
    assert_eq!(config.mode, Mode::Observe);
    assert!(!config.source.find);
    assert_eq!(config.kernel.ports, [2525]);
    assert_eq!(config.kernel.only[&993].len(), 2);
    assert_eq!(config.engine.brute_force.rule.ban_s, 7_200);
    assert_eq!(config.engine.brute_force.rule.score_max.as_f32(), 6.5);
    assert_eq!(config.engine.allow_networks.len(), 1);
}

#[test]
fn ten_errors_are_ten_problems_with_their_places() {
    let text = "mood = \"observe\"\n\
        mode = \"enfroce\"\n\
        [brute-force]\n\
        scroe_max = 4\n\
        ban_s = \"fast\"\n\
        half_life_s = -5\n\
        [source]\n\
        files = \"/var/log/mail.log\"\n\
        find = 3\n\
        [kernel.only]\n\
        imaps = [\"192.0.2.0/24\"]\n\
        993 = [\"192.0.2.0/99\"]\n\
        [allow]\n\
        networks = [\"example.org\"]\n";
    let (_, problems) = read(text);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 10, "{shown:#?}");
    assert_eq!(shown[0], "1:1: no such key: mood; the nearest is mode");
    assert_eq!(shown[1], "2:8: mode: wants one of observe, enforce");
    assert_eq!(
        shown[2],
        "4:1: no such key: brute-force.scroe_max; the nearest is brute-force.score_max"
    );
    assert!(shown[3].starts_with("5:9: brute-force.ban_s: fast: not a length of time"));
    assert!(shown[8].starts_with("12:7: kernel.only.993: \"192.0.2.0/99\": the prefix length"));
}

#[test]
fn a_torn_file_reports_its_syntax_and_keeps_the_rest() {
    let (config, problems) = read("mode = \"observe\"\n[brute-force\nscore_max = 4\n");
    assert_eq!(config.mode, Mode::Observe);
    assert!(problems.iter().any(|problem| problem.line == 2), "{problems:?}");
}

#[test]
fn every_default_can_be_written_back() {
    for setting in settings() {
        let mut config = Config::default();
        let value = setting.get(&config);
        assert_eq!(setting.set(&mut config, &value), Ok(()), "{}", setting.path());
        assert_eq!(config, Config::default(), "{}", setting.path());
    }
}

#[test]
fn a_list_that_the_enforcer_could_not_take_is_an_error_with_its_place() {
    let list = |count: usize| {
        let networks: Vec<String> =
            (0..count).map(|n| format!("\"2001:db8:{:x}:{:x}::/64\"", n / 999, n % 999)).collect();
        format!("[{}]", networks.join(","))
    };
    let fits = format!(
        "allow.networks = {0}\nkernel.only.993 = {1}\nkernel.only.143 = {1}\nkernel.unlimited = {2}\n",
        list(NETWORKS_MAX),
        list(NETWORKS_MAX / 2),
        list(UNLIMITED_MAX)
    );
    let (config, problems) = read(&fits);
    assert_eq!(problems, []);
    let ruleset = crate::guard::ruleset(&config, &[], &[], &config.engine.allow_networks);
    let (mut handle, _other) = edge::enforce::Handle::pair().unwrap();
    assert!(handle.ruleset(&ruleset).is_ok());
    let (_, problems) = read(&format!("\nallow.networks = {}", list(NETWORKS_MAX + 1)));
    assert_eq!((problems.len(), problems[0].line), (1, 2));
    assert!(problems[0].text.contains("3072 are the most"), "{}", problems[0].text);
    let (_, problems) = read(&format!("kernel.unlimited = {}", list(UNLIMITED_MAX + 1)));
    assert!(problems[0].text.contains("256 are the most"), "{}", problems[0].text);
    let (_, problems) = read(&format!("{fits}kernel.only.110 = [\"192.0.2.0/24\"]\n"));
    assert!(problems[0].text.starts_with("kernel.only.") && problems.len() == 1, "{problems:?}");
}

#[test]
fn keys_are_unique() {
    let mut paths: Vec<_> = settings().map(Setting::path).collect();
    let count = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), count);
}

proptest::proptest! {
    #[test]
    fn any_text_has_an_answer(text in ".{0,200}") {
        let _ = read(&text);
    }
}

#[test]
fn a_key_or_value_of_any_text_is_safe_to_show() {
    let (_, problems) =
        read("\"a\\u001b[31m\" = 1\n[allow]\nnetworks = [\"\\u001b]0;x\\u0007\"]\n");
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2, "{shown:#?}");
    assert!(shown.iter().all(|shown| !shown.contains(char::is_control)), "{shown:#?}");
}

/// Each row of the table of sources says how it is configured; what it says must be so.
#[test]
fn the_examples_of_the_sources_are_right() {
    for source in edge::source::SOURCES {
        let example = source.example;
        if let Some(command) = example.strip_prefix("mailward ") {
            let words = ["mailward"].into_iter().chain(command.split(' '));
            let parsed = crate::cli::program().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{}: {example}: {:?}", source.name, parsed.err());
            continue;
        }
        let (config, problems) = read(example);
        assert_eq!(problems, [], "{}: {example}", source.name);
        assert_ne!(config, Config::default(), "{}: {example}", source.name);
    }
}

/// Whatever the book shows as TOML, too.
#[test]
fn the_examples_of_the_book_are_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut examples = 0;
    let book = std::fs::read_dir(root.join("docs")).unwrap().map(|page| page.unwrap().path());
    for page in book.chain(["README.md", "packaging/README.md"].map(|page| root.join(page))) {
        let Ok(text) = std::fs::read_to_string(&page) else { continue };
        for block in text.split("```toml\n").skip(1) {
            let example = block.split("```").next().unwrap();
            assert_eq!(read(example).1, [], "{}: {example}", page.display());
            examples += 1;
        }
    }
    assert!(examples > 0, "they are in blocks of toml");
}
