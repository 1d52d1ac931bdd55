//! Key files: 64 hexadecimal digits and a line end. Other users of the host can neither read nor change the file.

use crate::runtime::entropy::random_bytes;
use ringshard_protocol::crypto::{BadKey, PreSharedKey, PublicKey, SecretKey};
use ringshard_protocol::gateway::GatewayKey;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most keys of gateways that a server has.
const GATEWAY_KEYS_MAX: usize = 64;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no server key.
    #[error("the key file {0} does not exist: make one with `ringshard keygen --out {0}`")]
    Missing(PathBuf),
    /// There is no file with another secret.
    #[error("the file {0} does not exist: make one with `(umask 077; openssl rand -hex 32 > {0})`")]
    NoSecret(PathBuf),
    /// A table of keys with a wrong line or a wrong size: its file, the line, what is wrong, and the most lines.
    #[error("{0}, line {1}: {2}; the file must have 1 to {3} lines of 64 hexadecimal digits")]
    BadTable(PathBuf, usize, String, usize),
    /// It already exists.
    #[error("{0} already exists, and a key is never overwritten: name another file, or remove this one")]
    Exists(PathBuf),
    /// Its content is not a key.
    #[error("{0} does not hold a key: {1}")]
    NoKey(PathBuf, BadKey),
    /// Every user of the host can read or change it.
    #[error(
        "every user of this host can read or change {0} (mode {1:04o}): run `chmod 600 {0}`, and make a new secret if \
         others may have read this one"
    )]
    Exposed(PathBuf, u32),
    /// Anything else.
    #[error("cannot {1} {0}: {2}")]
    Failed(PathBuf, &'static str, io::Error),
}

/// Makes a key, writes it to a file that must not exist yet, and returns the public half.
///
/// # Errors
/// [`KeyFileError`].
pub fn generate(path: &Path) -> Result<PublicKey, KeyFileError> {
    let secret = SecretKey::from_bytes(random_bytes());
    write_new_private(path, &secret.to_hex())?;
    Ok(secret.public())
}

/// Writes a line with a secret to a file that must not exist yet.
///
/// The file is complete or does not exist: it is written under another name, synced, and linked into place.
///
/// # Errors
/// [`KeyFileError`].
pub fn write_new_private(path: &Path, secret: &str) -> Result<(), KeyFileError> {
    let failed = |step: &'static str| move |error| KeyFileError::Failed(path.to_owned(), step, error);
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(failed("create a file beside"))?;
    let written = writeln!(file, "{secret}").and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&partial, path));
    let _ = std::fs::remove_file(&partial);
    match linked {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyFileError::Exists(path.to_owned())),
        Err(error) => Err(KeyFileError::Failed(path.to_owned(), "write", error)),
    }
}

/// Reads a server's secret key.
///
/// # Errors
/// [`KeyFileError`].
pub fn load_secret(path: &Path) -> Result<SecretKey, KeyFileError> {
    let text = read_private(path).map_err(|error| match error {
        KeyFileError::NoSecret(path) => KeyFileError::Missing(path),
        other => other,
    })?;
    SecretKey::from_hex(&text).map_err(|error| KeyFileError::NoKey(path.to_owned(), error))
}

/// Reads a pre-shared key.
///
/// # Errors
/// [`KeyFileError`].
pub fn load_pre_shared(path: &Path) -> Result<PreSharedKey, KeyFileError> {
    PreSharedKey::from_hex(&read_private(path)?).map_err(|error| KeyFileError::NoKey(path.to_owned(), error))
}

/// Reads a table of integrity keys, one per line.
///
/// # Errors
/// [`KeyFileError`].
pub fn load_integrity_keys(path: &Path) -> Result<Vec<[u8; 32]>, KeyFileError> {
    let keys = load_table(path, 256, PublicKey::from_hex)?;
    Ok(keys.iter().map(|key| *key.as_bytes()).collect())
}

/// Reads the keys of gateways, one per line.
///
/// # Errors
/// [`KeyFileError`].
pub fn load_gateway_keys(path: &Path) -> Result<Vec<GatewayKey>, KeyFileError> {
    load_table(path, GATEWAY_KEYS_MAX, GatewayKey::from_hex)
}

/// Reads keys, one per line, 1 to `lines_max`.
fn load_table<K>(
    path: &Path,
    lines_max: usize,
    read: impl Fn(&str) -> Result<K, BadKey>,
) -> Result<Vec<K>, KeyFileError> {
    let bad = |line: usize, what: String| KeyFileError::BadTable(path.to_owned(), line, what, lines_max);
    let text = read_private(path)?;
    let mut keys = Vec::new();
    for (line, digits) in text.lines().enumerate() {
        keys.push(read(digits).map_err(|error| bad(line + 1, error.to_string()))?);
    }
    match keys.len() {
        count if (1..=lines_max).contains(&count) => Ok(keys),
        count => Err(bad(count, format!("{count} keys"))),
    }
}

/// Permission bits that other users must not have. The group may have them: systemd and Kubernetes pass credentials so.
const MODE_OTHERS: u32 = 0o007;

/// Reads a file with a secret.
///
/// # Errors
/// [`KeyFileError`]: it does not exist, other users can read or change it, or it cannot be read.
pub fn read_private(path: &Path) -> Result<String, KeyFileError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileError::NoSecret(path.to_owned()),
        _ => KeyFileError::Failed(path.to_owned(), "read", error),
    };
    let mut file = File::open(path).map_err(failed)?;
    refuse_exposed(path, &file.metadata().map_err(failed)?)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Refuses a file that other users can read or change. A pipe is not refused.
///
/// # Errors
/// [`KeyFileError::Exposed`].
pub fn refuse_exposed(path: &Path, status: &Metadata) -> Result<(), KeyFileError> {
    let mode = status.mode() & 0o7777;
    match status.is_file() && mode & MODE_OTHERS != 0 {
        true => Err(KeyFileError::Exposed(path.to_owned(), mode)),
        false => Ok(()),
    }
}
