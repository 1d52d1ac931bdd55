//! Errors of accounts.

use super::fields::Malformed;
use super::settings::PasswordCost;
use super::store::StoreError;
use crate::tickets::KeyError;
use std::path::PathBuf;
use std::time::Duration;

/// Why a request of a player is refused. The text is for the player; the log may have more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LoginError {
    /// A field is invalid.
    #[error("{0}")]
    Malformed(&'static str),
    /// Email or password are wrong, or no such account exists.
    #[error("the email or the password is wrong")]
    WrongPassword,
    /// The device is unknown, its signature is wrong, or its challenge is old or used.
    #[error("the device could not prove itself: ask for a new challenge, and sign it with the key that was added")]
    WrongDevice,
    /// No session has this token.
    #[error("this session has ended: log in again")]
    NoSession,
    /// An operator disabled the account.
    #[error("this account is disabled: ask the operator")]
    Disabled,
    /// Players cannot register here.
    #[error("nobody can register here")]
    RegistrationClosed,
    /// The email has an account.
    #[error("this email already has an account: log in, or register with another email")]
    EmailTaken,
    /// The name has an account.
    #[error("this name is taken: choose another name")]
    NameTaken,
    /// The device belongs to an account.
    #[error("this device already belongs to an account")]
    DeviceTaken,
    /// The account has too many devices.
    #[error("an account has at most {0} devices: remove one first")]
    TooManyDevices(usize),
    /// Too many attempts from a network, or too many wrong passwords of an account.
    #[error("too many attempts: try again in {}", seconds(*.0))]
    TooMany(Duration),
    /// Too many logins wait to be checked.
    #[error("the login is busy: try again in {}", seconds(*.0))]
    Busy(Duration),
    /// The service that knows the accounts does not answer.
    #[error("the account service does not answer: try again in {}", seconds(*.0))]
    Elsewhere(Duration),
    /// The database failed; the log says how.
    #[error("accounts cannot be read or written at present: try again later")]
    Store,
}

impl From<Malformed> for LoginError {
    fn from(Malformed(what): Malformed) -> Self {
        LoginError::Malformed(what)
    }
}

impl LoginError {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            LoginError::Malformed(_) => 400,
            LoginError::WrongPassword | LoginError::WrongDevice | LoginError::NoSession => 401,
            LoginError::Disabled | LoginError::RegistrationClosed => 403,
            LoginError::EmailTaken | LoginError::NameTaken => 409,
            LoginError::DeviceTaken | LoginError::TooManyDevices(_) => 409,
            LoginError::TooMany(_) => 429,
            LoginError::Store => 500,
            LoginError::Busy(_) | LoginError::Elsewhere(_) => 503,
        }
    }

    /// How long to wait before the next attempt, if waiting helps.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            LoginError::TooMany(wait) | LoginError::Busy(wait) | LoginError::Elsewhere(wait) => Some(*wait),
            _ => None,
        }
    }
}

/// A time in whole seconds, rounded up.
fn seconds(wait: Duration) -> String {
    match wait.as_millis().div_ceil(1000).max(1) {
        1 => "1 second".into(),
        seconds => format!("{seconds} seconds"),
    }
}

/// Accounts cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database.
    #[error("cannot use {0}: {1}")]
    Store(PathBuf, StoreError),
    /// The key that signs tickets.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The parameters of Argon2id.
    #[error(
        "{0:?} is out of bounds: Argon2id takes 8 KiB per lane to 256 MiB of memory, 1 to 20 passes, 1 to 16 lanes"
    )]
    Cost(PasswordCost),
    /// A thread.
    #[error("cannot start a thread for accounts: {0}")]
    Thread(std::io::Error),
}
