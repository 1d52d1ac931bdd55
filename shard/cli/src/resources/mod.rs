//! `ringshard resources`

mod add;
mod keygen;
mod list;
mod remove;
mod sign;
mod verify;

use clap::Subcommand;
use ringshard_services::resources::to_hex;
use serde::Serialize;
use std::error::Error;

/// The end of `ringshard resources --help`.
pub const FIRST_STEPS: &str = "\
First steps:
  ringshard resources keygen --out resources.key    # prints the public key, which clients pin
  ringshard resources add maps/north.ringmap --key resources.key
  ringshard resources list
  ringshard resources verify --public PUBLIC_KEY";

/// Arguments of `resources`.
#[derive(Subcommand)]
pub enum Arguments {
    /// Make a key that signs resources, and print its public half, which clients pin.
    Keygen(keygen::Arguments),
    /// Add files to the resources, or replace them. A running server serves them within a second.
    ///
    /// All names change at once. Downloads of the old content fail, and clients begin again.
    Add(add::Arguments),
    /// Sign resources that are in the store already, such as with a new key.
    Sign(sign::Arguments),
    /// List the resources.
    List(list::Arguments),
    /// Read all resources, and check sizes, hashes and signatures.
    ///
    /// Exit code 1 if something is wrong.
    Verify(verify::Arguments),
    /// Remove resources.
    Remove(remove::Arguments),
}

/// Runs `ringshard resources`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::Keygen(arguments) => keygen::run(arguments),
        Arguments::Add(arguments) => add::run(arguments),
        Arguments::Sign(arguments) => sign::run(arguments),
        Arguments::List(arguments) => list::run(arguments),
        Arguments::Verify(arguments) => verify::run(arguments),
        Arguments::Remove(arguments) => remove::run(arguments),
    }
}

/// A resource, as JSON output has it.
#[derive(Serialize)]
struct Entry {
    name: String,
    sha256: String,
    size: u64,
    signature: Option<String>,
    /// In Unix ms.
    added: u64,
}

impl From<&ringshard_services::resources::store::Entry> for Entry {
    fn from(entry: &ringshard_services::resources::store::Entry) -> Entry {
        Entry {
            name: entry.name.clone(),
            sha256: to_hex(&entry.hash),
            size: entry.size,
            signature: entry.signature.as_ref().map(|it| to_hex(it)),
            added: entry.added,
        }
    }
}
