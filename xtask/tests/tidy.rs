//! `cargo xtask tidy`, as a test.

#[test]
fn the_repository_is_tidy() {
    let problems = xtask::tidy::problems().expect("git and cargo metadata work");
    xtask::tidy::report(&problems).expect("see the list above");
}
