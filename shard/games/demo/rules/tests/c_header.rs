//! The C header of the demonstration's types, which clients in C include.

#[path = "../examples/schema.rs"]
mod schema;

/// Set it to write the header instead of comparing it.
const WRITE: &str = "RINGSHARD_WRITE_HEADER";

#[test]
fn the_header_for_c_is_what_the_example_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../engine/client/c/examples/demo_types.h");
    let header = schema::header();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &header).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == header, "{path} is outdated: run the test with {WRITE}=1, and commit it");
}
