//! Documents: links that lead somewhere, figures with their command, a complete table of contents.

use super::Problem;
use crate::Tree;

/// Every link of every Markdown file that stays in the repository leads to a file, and to a heading
/// of it where it names one. Where a link's text is `name` in backticks and its target a Rust file,
/// that file must define the name: this is how ARCHITECTURE.md cites tests.
pub fn links(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (number, line) in prose(text) {
            for (label, target) in links_of(line) {
                if let Err(what) = follow(tree, path, label, target) {
                    problems.push(Problem::at(path, number, what));
                }
            }
        }
    }
    problems
}

/// Every table in docs/benchmarks.md has, between its heading and itself, the command that gives
/// its figures.
pub fn figures(tree: &Tree) -> Vec<Problem> {
    const PAGE: &str = "docs/benchmarks.md";
    let Some(text) = tree.get(PAGE) else { return Vec::new() };
    let mut command_seen = false;
    let mut in_table = false;
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            command_seen = false;
        }
        command_seen |= line.contains("cargo ") || line.contains("mailward ");
        let is_row = line.starts_with('|');
        if is_row && !in_table && !command_seen {
            problems.push(Problem::at(PAGE, number, "a table without the command that gives it"));
        }
        in_table = is_row;
    }
    problems
}

/// Every page of docs/ is named in docs/SUMMARY.md.
pub fn book(tree: &Tree) -> Vec<Problem> {
    let Some(contents) = tree.get("docs/SUMMARY.md") else { return Vec::new() };
    let pages = tree.under("docs/").filter(|(path, _)| path.ends_with(".md"));
    pages
        .filter_map(|(path, _)| {
            let page = path.strip_prefix("docs/")?;
            let named = page == "SUMMARY.md" || contents.contains(&format!("({page})"));
            (!named).then(|| Problem::new(path, "not in docs/SUMMARY.md"))
        })
        .collect()
}

/// The lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// `[label](target)`, as often as it stands in the line.
fn links_of(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, behind)) = after.split_once(')') else { break };
        let label = before.rsplit_once('[').map_or(before, |(_, label)| label);
        found.push((label, target.split(' ').next().unwrap_or(target)));
        rest = behind;
    }
    found
}

fn follow(tree: &Tree, from: &str, label: &str, target: &str) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (file, heading) = match target.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (target, None),
    };
    let path = if file.is_empty() { from.to_owned() } else { join(from, file) };
    if !tree.has(&path) {
        return Err(format!("links to {target}, which is not there"));
    }
    let text = tree.get(&path).unwrap_or_default();
    if let Some(heading) = heading
        && path.ends_with(".md")
        && !text.lines().any(|line| line.starts_with('#') && anchor(line) == heading)
    {
        return Err(format!("links to {target}, which has no such heading"));
    }
    let cited = label.strip_prefix('`').and_then(|label| label.strip_suffix('`'));
    match cited {
        Some(name) if path.ends_with(".rs") && is_name(name) && !defines(text, name) => {
            Err(format!("cites `{name}`, which {path} does not define"))
        }
        _ => Ok(()),
    }
}

/// The path that `link` means in the file `from`.
fn join(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchor that Markdown makes of a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    words.chars().filter_map(kept).collect()
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn defines(text: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "const", "mod", "type"].iter().any(|kind| {
        text.match_indices(&format!("{kind} {name}")).any(|(place, found)| {
            let after = text.get(place + found.len()..).and_then(|rest| rest.chars().next());
            !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> usize {
        let tree = Tree::of(&[
            ("docs/a.md", line),
            ("docs/b.md", "# The title, of it\n"),
            ("src/x.rs", "fn holds_true() {}\n"),
        ]);
        links(&tree).len()
    }

    #[test]
    fn dead_links_are_found() {
        assert_eq!(count("see [b](b.md), [b](b.md#the-title-of-it), [x](../src/x.rs), [d](.)"), 0);
        assert_eq!(count("see [c](c.md) and [w](https://example.org/c.md)"), 1);
        assert_eq!(count("see [b](b.md#another-title)"), 1);
        assert_eq!(count("```\n[c](c.md)\n```\n"), 0, "in a fenced block");
    }

    #[test]
    fn a_cited_test_must_exist() {
        assert_eq!(count("[`holds_true`](../src/x.rs)"), 0);
        assert_eq!(count("[`holds`](../src/x.rs)"), 1);
    }

    #[test]
    fn a_table_names_its_command() {
        let page = |text: &str| figures(&Tree::of(&[("docs/benchmarks.md", text)])).len();
        assert_eq!(page("# a\n`cargo xtask bench`\n\n| x |\n|---|\n| 1 |\n"), 0);
        assert_eq!(page("# a\n`cargo xtask bench`\n# b\n| x |\n|---|\n| 1 |\n"), 1);
    }

    #[test]
    fn a_page_must_be_in_the_contents() {
        let contents = "- [A](a.md)\n";
        let tree = Tree::of(&[
            ("docs/SUMMARY.md", contents),
            ("docs/a.md", "a"),
            ("docs/parsers/b.md", "b"),
        ]);
        assert_eq!(book(&tree).len(), 1);
    }
}
