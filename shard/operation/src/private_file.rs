//! Reads files with secrets: keys and tokens.

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
pub fn read(path: &Path) -> Result<String, String> {
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

/// Reads a key of 64 hexadecimal digits from such a file. None: there is something else in it.
///
/// # Errors
/// As [`read`].
pub fn read_key(path: &Path) -> Result<Option<[u8; 32]>, String> {
    let text = read(path)?;
    let digits = text.trim().as_bytes();
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let mut key = [0; 32];
    let is_key = digits.len() == 2 * key.len()
        && key.iter_mut().zip(digits.chunks_exact(2)).all(|(byte, pair)| {
            digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| *byte = high << 4 | low).is_some()
        });
    Ok(is_key.then_some(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_others_can_read_or_change_is_refused_and_one_of_a_group_is_not() {
        let path = std::env::temp_dir().join(format!("ringshard-private-file-{}", std::process::id()));
        std::fs::write(&path, "secret").unwrap();
        for (mode, is_private) in [(0o600, true), (0o640, true), (0o604, false), (0o602, false)] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let text = read(&path);
            assert_eq!(text.is_ok(), is_private, "mode {mode:o}: {text:?}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap_err().contains("cannot read"));
    }

    #[test]
    fn a_key_has_64_hexadecimal_digits() {
        let path = std::env::temp_dir().join(format!("ringshard-private-key-{}", std::process::id()));
        for (text, key) in [
            ("0f".repeat(32) + "\n", Some([15; 32])),
            ("Af".repeat(32), Some([0xaf; 32])),
            ("0f".repeat(31) + "+f", None),
            ("0f".repeat(31), None),
            ("0f".repeat(33), None),
            ("é".repeat(32), None),
        ] {
            std::fs::write(&path, &text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(read_key(&path), Ok(key), "{text}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
