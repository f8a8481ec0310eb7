//! The simulated world does not know what is measured in it.

use super::Problem;
use crate::{Tree, rust_source::Source};

/// The world: this file, and the folder of its name.
const WORLD: &str = "crates/testkit/src/world";

/// Names of which none may stand in its code. (`parse` and `event` are words of the language, too;
/// as crates they come with a path.)
const MEASURED: &[&str] = &["engine", "score", "parse::", "event::", "mailward"];

pub fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.under(WORLD).filter(|(path, _)| path.ends_with(".rs")) {
        let code = Source::new(text).without_tests().code();
        for (number, line) in code.lines().enumerate() {
            for name in MEASURED.iter().filter(|name| names(line, name)) {
                let what = format!("`{name}` in the world: only `score` may know both");
                problems.push(Problem::at(path, number, what));
            }
        }
    }
    problems
}

/// True where `name` stands in the line as a name of its own.
fn names(line: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(place, _)| {
        let before = line.get(..place).and_then(|text| text.chars().next_back());
        let after = line.get(place + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && (name.ends_with(':') || !after.is_some_and(is_part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_that_knows_the_engine_is_found() {
        let with = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).len();
        let inside = "crates/testkit/src/world/attack.rs";
        assert_eq!(with(inside, "// The engine is not known.\nlet text = \"engine\";\n"), 0);
        assert_eq!(with(inside, "let engines = \"a\".parse::<u8>();\n"), 1, "cannot be told apart");
        assert_eq!(with(inside, "use engine::Engine;\n"), 1);
        assert_eq!(with("crates/testkit/src/world.rs", "use crate::score::run;\n"), 1);
        assert_eq!(with("crates/testkit/src/score.rs", "use engine::Engine;\n"), 0);
    }
}
