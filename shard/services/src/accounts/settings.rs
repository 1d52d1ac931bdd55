//! Settings of accounts.

use super::directory::Directory;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Settings of accounts.
#[derive(Clone)]
pub struct AccountSettings {
    /// Whether players can register by themselves.
    pub registration: bool,
    /// Parameters of Argon2id. Older hashes are replaced when their players log in.
    pub password_cost: PasswordCost,
    /// Threads that compute password hashes.
    pub password_threads: NonZeroUsize,
    /// Logins and registrations that wait for such a thread. Beyond that, they are refused with a time to wait.
    pub password_queue: usize,
    /// How long a session lasts without a new login.
    pub session_lifetime: Duration,
    /// Largest size of the database, in bytes, so that registrations cannot fill the disk.
    pub database_bytes_max: u64,
    /// Limits against guessing.
    pub limits: LoginLimits,
    /// Where passwords are checked, if not here. Then nobody can register here.
    pub directory: Option<Arc<dyn Directory>>,
}

impl Default for AccountSettings {
    fn default() -> Self {
        AccountSettings {
            registration: true,
            password_cost: PasswordCost::default(),
            password_threads: NonZeroUsize::MIN,
            password_queue: 256,
            session_lifetime: Duration::from_secs(30 * 24 * 3600),
            database_bytes_max: 64 << 30,
            limits: LoginLimits::default(),
            directory: None,
        }
    }
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elsewhere = self.directory.as_ref().map(|directory| directory.name());
        f.debug_struct("AccountSettings")
            .field("registration", &self.registration)
            .field("password_cost", &self.password_cost)
            .field("password_threads", &self.password_threads)
            .field("password_queue", &self.password_queue)
            .field("session_lifetime", &self.session_lifetime)
            .field("database_bytes_max", &self.database_bytes_max)
            .field("limits", &self.limits)
            .field("directory", &elsewhere)
            .finish()
    }
}

/// Parameters of Argon2id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct PasswordCost {
    /// Memory in KiB, 8 to 1,048,576.
    pub memory_kib: u32,
    /// Passes over the memory, 1 to 100.
    pub passes: u32,
    /// Lanes, 1 to 16. They do not run in parallel here.
    pub lanes: u32,
}

impl Default for PasswordCost {
    /// The OWASP recommendation: 19 MiB, two passes, one lane.
    fn default() -> Self {
        PasswordCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// Limits against guessing. A burst is what is allowed at once; it refills at the rate.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LoginLimits {
    /// Attempts to log in from one network (an IPv4 address, or an IPv6 /64) at once.
    pub attempts_burst: u32,
    /// Attempts to log in from one network per minute.
    pub attempts_per_minute: f64,
    /// Accounts that one network may register at once.
    pub registrations_burst: u32,
    /// Accounts that one network may register per hour.
    pub registrations_per_hour: f64,
    /// Wrong passwords of one account until it is locked.
    pub failures: u32,
    /// First wait of a locked account. Each further failure doubles it.
    pub first_wait: Duration,
    /// Longest wait of a locked account.
    pub longest_wait: Duration,
    /// Tickets of one account at once.
    pub tickets_burst: u32,
    /// Tickets of one account per minute.
    pub tickets_per_minute: f64,
}

impl Default for LoginLimits {
    fn default() -> Self {
        LoginLimits {
            attempts_burst: 20,
            attempts_per_minute: 30.0,
            registrations_burst: 10,
            registrations_per_hour: 30.0,
            failures: 5,
            first_wait: Duration::from_secs(5),
            longest_wait: Duration::from_secs(15 * 60),
            tickets_burst: 10,
            tickets_per_minute: 30.0,
        }
    }
}
