//! The client in the README is an example that is compiled.

#[test]
fn the_readme_shows_the_example() {
    let readme = include_str!("../../../../README.md");
    let shown = readme.split("```rust,no_run\n").nth(1).and_then(|rest| rest.split("```").next());
    let example = include_str!("../../../client/examples/echo.rs").split_once("\n\n").map(|(_, program)| program);
    assert_eq!(shown, example);
}
