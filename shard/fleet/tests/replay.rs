//! Every input of the corpora in `shard/fuzz` passes.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs.sort();
    for input in inputs {
        // Shown only if the test fails: the last one is the cause.
        println!("{}", input.display());
        target(&std::fs::read(&input).unwrap());
    }
}

#[test]
fn bus_letters() {
    replay("bus_letters", targets::bus_letters);
}

#[test]
fn relay_wire() {
    replay("relay_wire", targets::relay_wire);
}
