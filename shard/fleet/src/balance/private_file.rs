//! Reads files with secrets.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permissions of all other users. The group may have them: systemd and Kubernetes pass credentials so.
const OTHERS: u32 = 0o007;
/// A longer file holds no secret.
const BYTES_MAX: u64 = 64 << 10;

/// Reads a text that other users of the host can neither read nor change.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let named = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(named)?;
    let status = file.metadata().map_err(named)?;
    if status.is_file() && status.mode() & OTHERS != 0 {
        return Err(format!(
            "every user of this host can read or change {0}: run `chmod 600 {0}`, and make a new secret if others may \
             have read this one",
            path.display()
        ));
    }
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(named)?;
    Ok(text)
}
