//! Reads accounts from lines of JSON.

use super::super::fields::{Email, Malformed, Name, check_label};
use super::super::passwords::PasswordHash;
use super::super::store::{NewAccount, StoreError, Taken, identify, insert, insert_device};
use super::super::time::unix_millis;
use super::line::{DeviceLine, IdentityLine, Line};
use super::{AdminError, Administration};
use crate::AccountId;
use base64ct::{Base64UrlUnpadded, Encoding};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::io::{BufRead, Read};

/// Longest line, in bytes.
const LINE_BYTES_MAX: u64 = 65_536;
/// Longest name of a directory, and longest subject, in bytes.
const IDENTITY_BYTES_MAX: usize = 128;
/// Largest id of an account and latest time that a line may have: JSON numbers are exact so far.
const NUMBER_MAX: u64 = 1 << 53;

/// What to do with an account whose id, email or name exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    /// Import nothing at all.
    Refuse,
    /// Leave the account as it is, and go on.
    Skip,
}

/// What was imported.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub struct Imported {
    /// New accounts.
    pub added: u64,
    /// Lines whose account exists.
    pub skipped: u64,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A line.
    #[error("line {0}: {1}; nothing was imported")]
    Line(u64, String),
    /// The input.
    #[error("cannot read the lines: {0}; nothing was imported")]
    Read(#[from] std::io::Error),
}

/// Why a line gives no account.
enum Refusal {
    Store(StoreError),
    Line(String),
    Exists(Taken),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Refusal::Store(error)
    }
}

impl Administration {
    /// Makes an account of each line: all of them, or none if a line is wrong. Empty lines are skipped.
    ///
    /// A line is an object with `name`, and may have `id`, `email`, `created` (milliseconds since 1970), `disabled`, `password`
    /// (an Argon2id hash as a PHC string), `devices` and `identities`, as [`Administration::export`] writes them.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn import(&mut self, from: &mut dyn BufRead, existing: Existing) -> Result<Imported, ImportError> {
        let path = self.store.path().to_owned();
        let failed = |error: StoreError| ImportError::Admin(AdminError::Store(path.clone(), error));
        let connection = self.store.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction.map_err(|error| failed(error.into()))?;
        let (mut imported, mut number, mut text) = (Imported::default(), 0, String::new());
        loop {
            text.clear();
            number += 1;
            if from.take(LINE_BYTES_MAX + 1).read_line(&mut text)? == 0 {
                break;
            }
            match add(&transaction, &text) {
                Ok(false) => {}
                Ok(true) => imported.added += 1,
                Err(Refusal::Exists(_)) if existing == Existing::Skip => imported.skipped += 1,
                Err(Refusal::Exists(taken)) => return Err(ImportError::Line(number, exists(taken).into())),
                Err(Refusal::Line(why)) => return Err(ImportError::Line(number, why)),
                Err(Refusal::Store(error)) => return Err(failed(error)),
            }
        }
        transaction.commit().map_err(|error| failed(error.into()))?;
        Ok(imported)
    }
}

fn exists(taken: Taken) -> &'static str {
    match taken {
        Taken::Id => "an account with this id exists",
        Taken::Email => "an account with this email exists",
        Taken::Name => "an account with this name exists",
    }
}

/// Inserts the account of a line. Returns false for an empty line.
fn add(connection: &Connection, text: &str) -> Result<bool, Refusal> {
    if text.len() as u64 > LINE_BYTES_MAX {
        return Err(Refusal::Line(format!("it is longer than {LINE_BYTES_MAX} bytes")));
    }
    if text.trim().is_empty() {
        return Ok(false);
    }
    let line: Line = serde_json::from_str(text).map_err(|error| Refusal::Line(error.to_string()))?;
    let account = account(&line)?;
    let id = insert(connection, &account)?.map_err(Refusal::Exists)?;
    for device in &line.devices {
        add_device(connection, id, device, account.created)?;
    }
    for IdentityLine { directory, subject } in &line.identities {
        let is_sound = |text: &str| (1..=IDENTITY_BYTES_MAX).contains(&text.len());
        if !is_sound(directory) || !is_sound(subject) {
            return Err(wrong("identities: directory and subject have 1 to 128 bytes each"));
        }
        unless_taken(identify(connection, directory, subject, id), "identities: another account has one of these")?;
    }
    Ok(true)
}

fn account(line: &Line) -> Result<NewAccount, Refusal> {
    let reason = |Malformed(what): Malformed| wrong(what);
    if let Some(password) = &line.password
        && PasswordHash::from_phc(password).is_none()
    {
        return Err(wrong(
            "password: it must be an Argon2id hash, $argon2id$v=19$m=..,t=..,p=..$SALT$HASH, with a hash of 32 bytes and at \
             most 256 MiB, 20 passes and 16 lanes",
        ));
    }
    if line.id.is_some_and(|id| id == 0 || id > NUMBER_MAX) || line.created.is_some_and(|created| created > NUMBER_MAX)
    {
        return Err(wrong("id, created: a number is 0 or too large"));
    }
    Ok(NewAccount {
        id: line.id.map(AccountId),
        name: Name::new(&line.name).map_err(reason)?,
        email: line.email.as_deref().map(Email::new).transpose().map_err(reason)?,
        password: line.password.clone(),
        disabled: line.disabled,
        created: line.created.unwrap_or_else(unix_millis),
    })
}

fn add_device(connection: &Connection, account: AccountId, device: &DeviceLine, created: u64) -> Result<(), Refusal> {
    let mut key = [0; 32];
    let is_key = Base64UrlUnpadded::decode(&device.key, &mut key).is_ok_and(|key| key.len() == 32);
    let created = device.created.unwrap_or(created);
    if !is_key || check_label(&device.label).is_err() || created > NUMBER_MAX {
        return Err(wrong("devices: a key has 43 characters of base64url, a label at most 64 bytes"));
    }
    let inserted = insert_device(connection, account, &key, &device.label, created);
    unless_taken(inserted.map(drop), "devices: another account has one of these keys")
}

/// Names a row that must be the only one of its kind.
fn unless_taken(inserted: Result<(), StoreError>, taken: &'static str) -> Result<(), Refusal> {
    inserted.map_err(|error| match &error {
        StoreError::Other(cause) if cause.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => wrong(taken),
        _ => error.into(),
    })
}

fn wrong(why: &'static str) -> Refusal {
    Refusal::Line(why.into())
}
