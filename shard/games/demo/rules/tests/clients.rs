//! What clients in other languages take from the rules: the C header of the types, and steps for the page's own step.

#[path = "../examples/schema.rs"]
mod schema;
#[path = "../examples/step_vectors.rs"]
mod step_vectors;

/// Set it to write the files instead of comparing them.
const WRITE: &str = "RINGSHARD_WRITE_HEADER";

/// Fails when the file is not `current`.
fn compare(path: &str, current: &str) {
    let path = format!("{}/../../../../{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, current).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "{path} is outdated: run the test with {WRITE}=1, and commit it");
}

#[test]
fn the_header_for_c_is_what_the_example_prints() {
    compare("engine/client/c/examples/demo_types.h", &schema::header());
}

#[test]
fn the_steps_for_the_page_are_what_the_example_prints() {
    compare("engine/typescript/test/demo/step-vectors.json", &step_vectors::vectors());
}
