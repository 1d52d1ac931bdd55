//! What operators do with accounts, on the file of a running or a stopped server.

mod backup;
mod export;
mod import;
mod line;

use super::fields::{Email, check_password};
use super::passwords::{Hasher, PasswordHash};
use super::profile::{Device, Profile, SessionInfo};
use super::secrets::Secret;
use super::settings::PasswordCost;
use super::store::{Store, StoreError};
use super::time::unix_millis;
use crate::AccountId;
use base64ct::{Base64UrlUnpadded, Encoding};
pub use export::ExportError;
pub use import::{Existing, ImportError, Imported};
pub use line::Secrets;
use std::path::{Path, PathBuf};

/// Why an operator's request failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The database.
    #[error("cannot use {0}: {1}")]
    Store(PathBuf, StoreError),
    /// The new password.
    #[error("{0}")]
    Password(String),
    /// A file to write.
    #[error("cannot {1} {0}: {2}")]
    Io(PathBuf, &'static str, std::io::Error),
    /// A file to write exists.
    #[error("{0} already exists, and backups are never overwritten: name another file")]
    Exists(PathBuf),
}

/// All that is known of an account, without its secrets.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AccountDetails {
    /// The account.
    #[serde(flatten)]
    pub profile: Profile,
    /// Parameters of its password's hash; None: it cannot log in by password here.
    pub password: Option<PasswordCost>,
    /// Sessions that have not expired.
    pub sessions: Vec<SessionInfo>,
    /// Devices that can log in.
    pub devices: Vec<Device>,
    /// Accounts elsewhere that are this one: directory and subject.
    pub identities: Vec<(String, String)>,
}

/// The database, for operators. Blocks.
pub struct Administration {
    store: Store,
}

impl Administration {
    /// Opens `accounts.db` in a folder. With `create`, makes folder and file if they do not exist.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn open(dir: &Path, create: bool) -> Result<Self, AdminError> {
        let failed = |error| AdminError::Store(dir.join(super::store::FILE_NAME), error);
        Store::open(dir, create).map(Self::of).map_err(failed)
    }

    pub(super) fn of(store: Store) -> Self {
        Administration { store }
    }

    pub(super) fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Up to `limit` accounts with ids above `after`, by id. `find` is looked for in names and emails; empty finds all.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn list(&self, after: AccountId, find: &str, limit: usize) -> Result<Vec<Profile>, AdminError> {
        let found = self.store.accounts_after(after.0, find, limit).map_err(|error| self.failed(error))?;
        Ok(found.into_iter().map(|stored| stored.profile).collect())
    }

    /// How many accounts exist, and how many of them are disabled.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn count(&self) -> Result<(u64, u64), AdminError> {
        self.store.count_accounts().map_err(|error| self.failed(error))
    }

    /// The account with an id, an email or a name, in this order.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn find(&self, text: &str) -> Result<Option<Profile>, AdminError> {
        let look = || {
            if let Ok(id) = text.parse()
                && let Some(stored) = self.store.account(AccountId(id))?
            {
                return Ok(Some(stored));
            }
            if let Ok(email) = Email::new(text)
                && let Some(stored) = self.store.account_of_email(&email.key)?
            {
                return Ok(Some(stored));
            }
            self.store.account_of_name(&text.trim().to_lowercase())
        };
        let found = look().map_err(|error| self.failed(error))?;
        Ok(found.map(|stored| stored.profile))
    }

    /// All that is known of an account; None if there is none.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn details(&self, account: AccountId) -> Result<Option<AccountDetails>, AdminError> {
        let read = || {
            let Some(stored) = self.store.account(account)? else { return Ok(None) };
            Ok(Some(AccountDetails {
                password: stored.password.as_deref().and_then(PasswordHash::from_phc).map(|hash| hash.cost),
                sessions: self.store.sessions(account, unix_millis())?,
                devices: self.store.devices(account)?.into_iter().map(|(device, _)| device).collect(),
                identities: self.store.identities(account)?,
                profile: stored.profile,
            }))
        };
        read().map_err(|error| self.failed(error))
    }

    /// Disables an account and ends its sessions, or enables it. Returns whether it exists.
    ///
    /// Its tickets stay valid for up to 30 s. A running server puts its player out of the world within seconds.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub fn set_disabled(&mut self, account: AccountId, disabled: bool) -> Result<bool, AdminError> {
        let changed = self.store.atomically(|store| {
            if disabled {
                store.revoke_all(account)?;
            }
            store.set_disabled(account, disabled)
        });
        changed.map_err(|error| self.failed(error))
    }

    /// Gives an account another password, ends its sessions, and removes its devices unless `keep_devices` is set. Without a
    /// password, makes a random one. Returns the password; None if there is no such account.
    ///
    /// # Errors
    /// [`AdminError`]: the database, or the password is too short or too long.
    pub fn reset(
        &mut self,
        account: AccountId,
        password: Option<Secret>,
        cost: PasswordCost,
        keep_devices: bool,
    ) -> Result<Option<Secret>, AdminError> {
        let password = password.unwrap_or_else(random_password);
        check_password(&password).map_err(|error| AdminError::Password(error.to_string()))?;
        let hash = Hasher::default().hash(cost, &password).to_phc();
        let changed = self.store.atomically(|store| {
            store.revoke_all(account)?;
            if !keep_devices {
                store.remove_devices(account)?;
            }
            store.set_password(account, Some(&hash))
        });
        Ok(changed.map_err(|error| self.failed(error))?.then_some(password))
    }

    /// Copies the database to a new file that only its owner can read, and looks for damage in the copy. A server may go on
    /// writing. Returns the size in bytes.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn backup(&self, to: &Path) -> Result<u64, AdminError> {
        backup::backup(self.store.path().parent().expect("the file lies in a folder"), to)
    }

    fn failed(&self, error: StoreError) -> AdminError {
        AdminError::Store(self.store.path().to_owned(), error)
    }
}

pub(super) use backup::backup;

/// A password that nobody guesses: 96 random bits.
fn random_password() -> Secret {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    Secret(Base64UrlUnpadded::encode_string(&bytes))
}
