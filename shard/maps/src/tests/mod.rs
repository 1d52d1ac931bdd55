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

/// Copies of a file, each with some bytes changed, mostly to digits, signs and other bytes of the file.
fn damaged(file: &[u8], copies: u64) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    (0..copies).map(move |_| {
        let mut copy = file.to_vec();
        for _ in 0..=random(4) {
            let at = random(copy.len());
            copy[at] = match random(4) {
                0 => b"0123456789-.e,:\"[]{}"[random(20)],
                1 => random(256) as u8,
                2 => file[random(file.len())],
                _ => copy[at].wrapping_add(1),
            };
        }
        copy
    })
}
