use super::*;
use crate::access::{Role, Scope};

const HOSTILE: [&str; 4] =
    ["<script>alert(1)</script>", "evil\u{202e}txt", "\u{1b}[31mred\u{0}", "=1+1"];

fn access() -> (tempfile::TempDir, Access) {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::open(dir.path()).unwrap();
    (dir, access)
}

fn who(name: &str, role: Role) -> Who {
    Who { name: name.to_owned(), role, session: None, scopes: None }
}

fn names(access: &Access, who: &Who) -> Vec<String> {
    access.views(who).unwrap().into_iter().map(|saved| saved.name).collect()
}

#[test]
fn a_view_is_its_owners_until_an_operator_saves_it_for_everybody() {
    let (_dir, access) = access();
    let [alice, bob, eve] =
        [who("alice", Role::Operator), who("bob", Role::Reader), who("eve", Role::Operator)];
    let view = "last=7d&q=client:198.51.100.9";
    access.save_view(&alice, "mine", view, false).unwrap();
    access.save_view(&alice, "ours", view, true).unwrap();
    access.save_view(&bob, "mine", view, false).unwrap();
    assert_eq!(names(&access, &alice), ["mine", "ours"]);
    assert_eq!(names(&access, &bob), ["mine", "ours"]);
    let [seen, _] = access.views(&bob).unwrap().try_into().unwrap();
    assert_eq!(seen.user, "bob", "two may have one name, each for himself");
    let refused = access.save_view(&bob, "all", view, true).unwrap_err().to_string();
    assert_eq!(refused, "the view was not saved: only an operator saves one for everybody");
    // A program is nobody in person, whatever it is called.
    let token = Who { scopes: Some(vec![Scope::Read]), ..alice.clone() };
    assert_eq!(names(&access, &token), ["ours"]);
    // What others keep for themselves nobody removes, what is for everybody any operator.
    let [mine, ours] = access.views(&alice).unwrap().try_into().unwrap();
    for (who, id) in [(&bob, mine.id), (&bob, ours.id), (&eve, mine.id), (&eve, 999)] {
        assert!(matches!(access.remove_view(who, id), Err(AccessError::Missing(_))));
    }
    access.remove_view(&eve, ours.id).unwrap();
    access.remove_view(&alice, mine.id).unwrap();
    assert_eq!((names(&access, &alice), names(&access, &bob)), (vec![], vec!["mine".to_owned()]));
}

#[test]
fn saving_again_replaces_and_a_name_for_everybody_is_taken() {
    let (_dir, access) = access();
    let [alice, eve] = [who("alice", Role::Operator), who("eve", Role::Operator)];
    let save =
        |who: &Who, query: &str, is_shared| access.save_view(who, " spray ", query, is_shared);
    save(&eve, "last=1h&q=", false).unwrap();
    save(&alice, "last=1h&q=", true).unwrap();
    save(&alice, "last=7d&q=", true).unwrap();
    let seen = access.views(&alice).unwrap();
    assert_eq!((seen.len(), seen[0].query.as_str()), (1, "last=7d&q="));
    // Eve has one of her own of that name: it stays hers, and another for everybody there is not.
    save(&eve, "last=15m&q=", false).unwrap();
    let taken = "there is a view spray for everybody already";
    assert_eq!(save(&eve, "last=15m&q=", true).unwrap_err().to_string(), taken);
    assert_eq!(save(&who("bob", Role::Reader), "q=", false).unwrap_err().to_string(), taken);
    save(&alice, "last=7d&q=", false).unwrap();
    assert_eq!(names(&access, &who("bob", Role::Reader)), [""; 0], "not for everybody any more");
}

#[test]
fn what_is_kept_is_the_view_as_links_have_it() {
    let (_dir, access) = access();
    let alice = who("alice", Role::Reader);
    let kept = |query: &str| {
        access.save_view(&alice, "it", query, false).unwrap();
        access.views(&alice).unwrap()[0].query.clone()
    };
    assert_eq!(kept("q=outcome:allowed&last=1h&x=<b>&told=7"), "last=1h&q=outcome%3Aallowed");
    assert_eq!(kept(""), "last=24h&q=outcome%21%3Dallowed", "relative times stay so");
    let fixed = kept("from=5&until=6&q=account:\"<script> \u{202e}\"");
    assert!(fixed.is_ascii() && fixed.starts_with("from=1970-01-01T00%3A00%3A05"), "{fixed}");
    assert_eq!(View::of(&fixed).query(), fixed);
}

#[test]
fn names_views_and_their_number_have_bounds() {
    let (_dir, access) = access();
    let view = "q=";
    let alice = who("alice", Role::Operator);
    let why = |who: &Who, name: &str, view: &str, is_shared| {
        access.save_view(who, name, view, is_shared).unwrap_err().to_string()
    };
    let long = "\u{202e}".repeat(NAME_MAX + 1);
    for name in ["", " \t", &long] {
        let told = why(&alice, name, view, false);
        assert_eq!(told, "the view was not saved: its name has 1 to 64 characters");
    }
    let wide = format!("last=24h&q=account:{}", "x".repeat(QUERY_MAX));
    assert!(why(&alice, "a", &wide, false).contains("terms cannot be understood: column 1"));
    // What is shorter for a person is longer as a URL has it.
    let wide = format!("last=24h&q=account:{}", "%26".repeat(QUERY_MAX / 2));
    assert!(why(&alice, "a", &wide, false).contains("it is longer than 4096 bytes"));
    for number in 0..VIEWS_MAX {
        access.save_view(&alice, &number.to_string(), view, true).unwrap();
    }
    assert!(why(&alice, "one more", view, false).ends_with("you have 64: remove one"));
    access.save_view(&alice, "7", view, true).unwrap();
    let eve = who("eve", Role::Operator);
    assert!(why(&eve, "one more", view, true).contains("there are 64 for everybody"));
    access.save_view(&eve, "one more", view, false).unwrap();
    let first = access.views(&alice).unwrap().swap_remove(0);
    access.remove_view(&alice, first.id).unwrap();
    access.save_view(&alice, "one more", view, false).unwrap();
}

#[test]
fn any_name_is_kept_as_it_is() {
    let (_dir, access) = access();
    let alice = who("alice", Role::Reader);
    for name in HOSTILE {
        access.save_view(&alice, name, "q=", false).unwrap();
        access.save_view(&alice, name, "q=", false).unwrap();
    }
    let mut wanted = HOSTILE.map(str::to_owned);
    wanted.sort();
    assert_eq!(names(&access, &alice), wanted);
}

#[test]
fn who_is_removed_takes_the_views_along() {
    let (_dir, access) = access();
    let [alice, bob] = [who("alice", Role::Operator), who("bob", Role::Operator)];
    access.set_user("alice", Role::Operator, "correct horse battery").unwrap();
    for (who, name) in [(&alice, "a"), (&alice, "b"), (&bob, "c")] {
        access.save_view(who, name, "q=", name != "a").unwrap();
    }
    // Another password leaves them as they are.
    access.set_user("alice", Role::Operator, "another horse battery").unwrap();
    assert_eq!(names(&access, &alice), ["a", "b", "c"]);
    access.remove_user("alice").unwrap();
    assert_eq!(names(&access, &bob), ["c"]);
    assert_eq!(names(&access, &alice), ["c"], "who gets the name next has none of them");
}

#[test]
fn a_number_is_not_given_twice() {
    let (_dir, access) = access();
    let alice = who("alice", Role::Operator);
    let save = |name: &str| {
        access.save_view(&alice, name, "q=", false).unwrap();
        access.views(&alice).unwrap().last().unwrap().id
    };
    let first = save("a");
    access.remove_view(&alice, first).unwrap();
    assert_ne!(save("b"), first, "a page that shows the first would remove the second");
}
