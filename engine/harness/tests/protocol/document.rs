//! `PROTOCOL.md` as data: its vectors, tables and other blocks.

use ringshard_protocol::crypto::{PublicKey, SecretKey};
use ringshard_protocol::wire::ConnectionId;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DOCUMENT: &str = include_str!("../../../PROTOCOL.md");

pub type Vectors = BTreeMap<&'static str, Vector>;

/// A vector block: its values by key, and which of them a test has read.
pub struct Vector {
    name: &'static str,
    values: BTreeMap<&'static str, Vec<u8>>,
    read: RefCell<BTreeSet<&'static str>>,
}

impl Vector {
    pub fn get(&self, key: &str) -> &[u8] {
        let Some((&key, value)) = self.values.get_key_value(key) else { panic!("{}: no key {key}", self.name) };
        self.read.borrow_mut().insert(key);
        value
    }

    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub fn array<const N: usize>(&self, key: &str) -> [u8; N] {
        self.get(key).try_into().unwrap_or_else(|_| panic!("{}: {key} does not have {N} bytes", self.name))
    }

    pub fn byte(&self, key: &str) -> u8 {
        let [byte] = self.array(key);
        byte
    }

    pub fn u16(&self, key: &str) -> u16 {
        u16::from_le_bytes(self.array(key))
    }

    pub fn u32(&self, key: &str) -> u32 {
        u32::from_le_bytes(self.array(key))
    }

    pub fn u64(&self, key: &str) -> u64 {
        u64::from_le_bytes(self.array(key))
    }

    pub fn milliseconds(&self, key: &str) -> Duration {
        Duration::from_millis(self.u32(key).into())
    }

    pub fn connection(&self, key: &str) -> ConnectionId {
        ConnectionId::from_bits(self.u32(key))
    }

    /// A secret key; its public key must be the one in the vector.
    pub fn secret(&self, secret: &str, public: &str) -> SecretKey {
        let key = SecretKey::from_bytes(self.array(secret));
        assert_eq!(key.public(), PublicKey::from_bytes(self.array(public)), "{}: {public}", self.name);
        key
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.read.borrow_mut().extend(self.values.keys());
        self.values.iter().map(|(&key, value)| (key, &value[..]))
    }

    pub fn assert_all_read(&self) {
        let keys: BTreeSet<_> = self.values.keys().copied().collect();
        assert_eq!(*self.read.borrow(), keys, "{}: the test must read every key", self.name);
    }
}

pub fn vectors() -> Vectors {
    let mut vectors = BTreeMap::new();
    for (info, text) in fenced_blocks() {
        let Some(name) = info.strip_prefix("vector ") else {
            assert!(!info.starts_with("vector"), "a vector has no name");
            continue;
        };
        let mut values = BTreeMap::new();
        for line in text.lines() {
            let (key, digits) = line.split_once(" = ").unwrap_or_else(|| panic!("{name}: no `key = hex`: {line}"));
            assert!(values.insert(key, from_hex(digits)).is_none(), "{name}: {key} twice");
        }
        let vector = Vector { name, values, read: RefCell::default() };
        assert!(vectors.insert(name, vector).is_none(), "{name} twice");
    }
    vectors
}

/// The info string and the text of each fenced block.
pub fn fenced_blocks() -> impl Iterator<Item = (&'static str, &'static str)> {
    DOCUMENT.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').expect("a block has a first line"))
}

/// The lines outside of fenced blocks.
pub fn prose() -> impl Iterator<Item = &'static str> {
    DOCUMENT.split("\n```").step_by(2).flat_map(str::lines)
}

/// The rows of the only table with these columns, without its head.
pub fn table(columns: &[&str]) -> Vec<Vec<&'static str>> {
    let head = format!("| {} |", columns.join(" | "));
    let mut heads = DOCUMENT.match_indices(&head);
    let (at, _) = heads.next().unwrap_or_else(|| panic!("no table {head}"));
    assert!(heads.next().is_none(), "two tables {head}");
    let rows = DOCUMENT[at..].lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn from_hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "not a whole number of bytes: {digits}");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_else(|_| panic!("not hexadecimal: {digits}"));
    (0..digits.len()).step_by(2).map(byte).collect()
}
