//! `ringshard fleet keygen`

use crate::output;
use ringshard::runtime::entropy::random_bytes;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Arguments of `fleet keygen`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file, which must not exist. Only its owner can read it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs `ringshard fleet keygen`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let path = &arguments.out;
    let digits: String = random_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let failure = |error| format!("cannot write a key to {}: {error}", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failure)?;
    let written = writeln!(file, "{digits}").and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a key would be in the way of the next attempt.
        let _ = std::fs::remove_file(path);
        return Err(failure(error).into());
    }
    Ok(output::print_line(next_step(path))?)
}

fn next_step(path: &Path) -> String {
    format!("{} has a new key: copy it to all hosts for [bus], or to all nodes for [relays]", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_to_those_that_use_it() {
        let said = next_step(Path::new("relay.key"));
        assert!(said.starts_with("relay.key ") && said.contains("all hosts for [bus]"), "{said}");
        assert!(said.contains("all nodes for [relays]"), "hosts do not need that one: {said}");
    }
}
