//! A folder for a test, removed afterwards, and the accounts in it.

use ringshard_services::accounts::{
    AccountSettings, Accounts, Credentials, Login, LoginError, LoginLimits, PasswordCost, Registration,
};
use std::net::IpAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Where players come from.
pub const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// The password of all players.
pub const PASSWORD: &str = "correct horse";
/// As cheap as Argon2id can be.
pub const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };

/// A folder that is removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ringshard-accounts-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        // In memory where that is possible: these tests write thousands of times, and no power fails.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = base.join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Opens the accounts in it, with cheap hashes and no limit that a test meets by accident.
    pub fn accounts(&self) -> Accounts {
        Accounts::open(self, settings()).unwrap()
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn settings() -> AccountSettings {
    let limits = LoginLimits {
        attempts_burst: 100_000,
        registrations_burst: 100_000,
        tickets_burst: 100_000,
        ..LoginLimits::default()
    };
    AccountSettings { password_cost: CHEAP, limits, ..AccountSettings::default() }
}

pub fn registration(name: &str) -> Registration {
    Registration { email: format!("{name}@example.com"), name: name.into(), password: PASSWORD.into() }
}

pub fn by_password(name: &str, password: &str) -> Credentials {
    Credentials::Password { email: format!("{name}@example.com"), password: password.into() }
}

pub async fn register(accounts: &Accounts, name: &str) -> Login {
    accounts.register(HOME, registration(name)).await.unwrap()
}

pub async fn log_in(accounts: &Accounts, name: &str) -> Result<Login, LoginError> {
    accounts.login(HOME, by_password(name, PASSWORD)).await
}

/// A counter of accounts, by the end of its name.
pub fn counted(accounts: &Accounts, counter: &str) -> u64 {
    let mut value = None;
    accounts.counters().each(&mut |name, count| {
        if name.strip_prefix("services_accounts_") == Some(counter) {
            value = Some(count);
        }
    });
    value.unwrap_or_else(|| panic!("there is no counter {counter}"))
}
