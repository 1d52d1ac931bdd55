//! Sources that are baked, and sources that are refused with the reason.

mod descriptions;
mod heightmaps;
mod models;
mod spawns;

use crate::bake::{Baked, bake};
use crate::source::{Files, Source, SourceError};
use std::collections::BTreeMap;

/// A map of 20 by 20 metres, 5 metres high.
const MAP: &str = "[map]\nsection = [1000.0, 500.0]\nsections-per-component = [2, 2, 1]\ncomponents = [1, 1, 1]\n";

/// Bakes [`MAP`] with more tables and these files.
fn baked(tables: &str, files: &[(&str, Vec<u8>)]) -> Result<Baked, SourceError> {
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
    let source = Source::parse("map.toml", &format!("{MAP}{tables}"), Files::Memory(files))?;
    bake(&source, false, &mut |_, _| {})
}

/// What is said about the sources. All of `words` are in it.
fn assert_refused(result: Result<Baked, SourceError>, words: &[&str]) {
    let error = result.expect_err(&words.join(", ")).to_string();
    for word in words {
        assert!(error.contains(word), "`{word}` is missing in: {error}");
    }
}
