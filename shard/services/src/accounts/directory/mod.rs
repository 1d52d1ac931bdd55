//! Accounts elsewhere: a studio's own service knows who a player is.

mod breaker;
mod http;

use super::secrets::Secret;
pub use http::{HttpDirectory, HttpDirectoryError, HttpDirectorySettings};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

/// An account elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalAccount {
    /// Names it for ever in its directory: 1 to 128 bytes.
    pub subject: String,
    /// Name of the player. If another account has it here, a number is appended.
    pub name: String,
    /// Email, if the directory tells.
    pub email: Option<String>,
}

/// Why a directory returns no account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DirectoryError {
    /// Email or password are wrong.
    Wrong,
    /// It refuses this account.
    Disabled,
    /// It asks to wait.
    TooMany(Duration),
    /// It does not answer, or its answer is invalid. Try again after this time.
    Down(Duration),
}

/// A future in a box, as [`Directory`] returns it.
pub type Verifying<'a> = Pin<Box<dyn Future<Output = Result<ExternalAccount, DirectoryError>> + Send + 'a>>;

/// A service that has the accounts. Lock-out and rate limits apply before it is asked.
pub trait Directory: Send + Sync {
    /// Names it in the database: its accounts are remembered under this name.
    fn name(&self) -> &str;

    /// Whose email and password these are. `from` is the player's address.
    fn verify<'a>(&'a self, email: &'a str, password: &'a Secret, from: IpAddr) -> Verifying<'a>;
}
