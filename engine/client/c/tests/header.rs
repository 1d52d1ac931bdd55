//! The header is what the sources say.

use std::path::{Path, PathBuf};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
/// Set it to write the header instead of comparing it.
const WRITE: &str = "RINGSHARD_WRITE_HEADER";

fn generated() -> String {
    let folder = Path::new(FOLDER);
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let names = ["error", "layout", "types", "address", "reason", "handle"].map(|name| format!("src/{name}.rs"));
    let calls =
        ["general", "lifetime", "frame", "world", "talk", "udp", "terrain"].map(|name| format!("src/calls/{name}.rs"));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in names.iter().chain(&calls) {
        builder = builder.with_src(folder.join(file));
    }
    let mut header = Vec::new();
    builder.generate().expect("the sources are understood").write(&mut header);
    String::from_utf8(header).expect("a header is text")
}

#[test]
fn the_header_is_generated_from_the_sources() {
    let path: PathBuf = Path::new(FOLDER).join("include/ringshard.h");
    let header = generated();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &header).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == header, "{} is outdated: run the test with {WRITE}=1, and commit it", path.display());
}

#[test]
fn every_function_of_the_sources_is_in_the_header() {
    let header = generated();
    for file in std::fs::read_dir(Path::new(FOLDER).join("src/calls")).unwrap() {
        let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let functions = source.split("extern \"C\" fn ").skip(1);
        for name in functions.map(|rest| rest.split('(').next().unwrap()) {
            assert!(header.contains(&format!(" {name}(")) || header.contains(&format!("*{name}(")), "{name}");
        }
    }
}
