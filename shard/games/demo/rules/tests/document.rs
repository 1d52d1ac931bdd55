//! PROTOCOL.md shows the types of the demonstration as an example. A client in another language is written from it.

use ringshard_demo_rules::TEXT_BYTES_MAX;

const DOCUMENT: &str = include_str!("../../../../../engine/PROTOCOL.md");
const SOURCE: &str = include_str!("../src/types.rs");

/// The lines of a declaration, without what only Rust needs.
fn plain(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("pub "));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("///"));
    lines.collect::<Vec<_>>().join("\n").replace("TEXT_BYTES_MAX", &TEXT_BYTES_MAX.to_string())
}

#[test]
fn the_types_are_those_of_the_document() {
    let block = DOCUMENT.split_once("```contract demonstration\n").and_then(|(_, rest)| rest.split_once("\n```"));
    let (block, _) = block.expect("the document has the contract");
    let source = plain(SOURCE);
    let declarations: Vec<_> = block.split("\n\n").collect();
    for declaration in declarations.iter().filter(|declaration| !declaration.starts_with("struct Shown ")) {
        assert!(source.contains(&plain(declaration)), "the crate does not have\n{declaration}");
    }
    let declared = |text: &str| text.lines().filter(|line| line.ends_with('{') && !line.starts_with(' ')).count();
    assert_eq!(
        declared(block) - 1,
        SOURCE.matches("    pub struct ").count() + SOURCE.matches("    pub enum ").count()
    );
}
