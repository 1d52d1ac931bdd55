//! The manifest: which name stands for which content. A file of JSON lines, sorted by name.

use super::StoreError;
use crate::resources::hexadecimal::{from_hex, to_hex};
use ringshard_requests::message::download::{Hash, Signature, check_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Entries of a manifest.
pub const ENTRIES_MAX: usize = 100_000;

/// A name, and what it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What clients ask for.
    pub name: String,
    /// SHA-256 of the content.
    pub hash: Hash,
    /// Bytes of the content.
    pub size: u64,
    /// Over `signed_bytes`, if it is signed.
    pub signature: Option<Signature>,
    /// When it was added, in Unix ms.
    pub added: u64,
}

/// All entries, by name.
pub type Manifest = BTreeMap<String, Entry>;

#[derive(Serialize, Deserialize)]
struct Line {
    name: String,
    hash: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    added: u64,
}

impl Entry {
    fn from_line(text: &str) -> Result<Entry, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        check_name(&line.name).map_err(|error| error.to_string())?;
        let hash = from_hex(&line.hash).ok_or("the hash has not 64 hexadecimal digits")?;
        let signature = match &line.signature {
            Some(digits) => Some(from_hex(digits).ok_or("the signature has not 128 hexadecimal digits")?),
            None => None,
        };
        Ok(Entry { name: line.name, hash, size: line.size, signature, added: line.added })
    }

    fn to_line(&self) -> String {
        let line = Line {
            name: self.name.clone(),
            hash: to_hex(&self.hash),
            size: self.size,
            signature: self.signature.as_ref().map(|it| to_hex(it)),
            added: self.added,
        };
        serde_json::to_string(&line).expect("a line has only texts and numbers")
    }
}

/// Reads the text of a manifest. `path` is for messages.
pub fn parse(path: &Path, text: &str) -> Result<Manifest, StoreError> {
    let bad = |line: usize, what: String| StoreError::BadManifest(path.to_owned(), line + 1, what);
    let mut manifest = Manifest::new();
    for (number, line) in text.lines().enumerate() {
        let entry = Entry::from_line(line).map_err(|what| bad(number, what))?;
        if number >= ENTRIES_MAX {
            return Err(bad(number, format!("a manifest has at most {ENTRIES_MAX} lines")));
        }
        if let Some(other) = manifest.insert(entry.name.clone(), entry) {
            return Err(bad(number, format!("another line has the name {}, too", other.name)));
        }
    }
    Ok(manifest)
}

/// The text of a manifest.
pub fn text(manifest: &Manifest) -> String {
    manifest.values().map(|entry| entry.to_line() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, signature: Option<Signature>) -> Entry {
        Entry { name: name.to_owned(), hash: [7; 32], size: 12, signature, added: 1_700_000_000_000 }
    }

    #[test]
    fn a_manifest_comes_back_from_its_text() {
        let entries = [entry("a/b", Some([9; 64])), entry("c", None)];
        let manifest: Manifest = entries.into_iter().map(|it| (it.name.clone(), it)).collect();
        assert_eq!(parse(Path::new("m"), &text(&manifest)).unwrap(), manifest);
    }

    #[test]
    fn a_damaged_manifest_is_refused_with_its_line() {
        let line = entry("a", None).to_line();
        for damaged in [line.replace("07", "0x"), line.replace("\"a\"", "\"../a\""), line[1..].to_owned(), line.clone()]
        {
            let error = parse(Path::new("m"), &format!("{line}\n{damaged}\n")).unwrap_err().to_string();
            assert!(error.contains("m, line 2"), "{error}");
        }
    }
}
