//! Accounts: who a player is.
//!
//! [`Accounts`] is the handle for the login door. All of its work happens on threads of its own, so its futures never block an
//! executor: one thread writes the database, some read it, and some compute password hashes. Each has a bounded queue; a full
//! queue is a refusal with a time to wait ([`LoginError::Busy`]).
//!
//! [`Administration`] is the same database for operators: list, disable, reset, import, export, back up. It works on the file
//! of a running server too.
//!
//! | file | has |
//! |---|---|
//! | `handle` | [`Accounts`]: sessions, devices, tickets |
//! | `login` | registration, and each way to log in |
//! | `fields` | how emails, names and passwords must look |
//! | `store/` | the database: its schema, its rows, and what can go wrong with it |
//! | `passwords` | Argon2id: hashes, parameters, calibration |
//! | `limits/` | lock-out by account, rate limits by network |
//! | `devices` | challenges, and what devices sign |
//! | `directory/` | accounts elsewhere: a trait, and the HTTP hook |
//! | `administration/` | what operators do |
//! | `pool` | threads with a bounded queue |
//!
//! ## What a leaked database gives away
//! Emails, names, the networks of sessions, and Argon2id hashes. It gives no login: tokens are kept as SHA-256, devices as
//! public keys, and passwords must be guessed at the cost of Argon2id.

mod administration;
mod counters;
mod devices;
pub mod directory;
mod error;
mod fields;
mod handle;
mod limits;
mod login;
mod passwords;
mod pool;
mod profile;
mod secrets;
mod settings;
mod store;
mod time;

pub use administration::{
    AccountDetails, AdminError, Administration, Existing, ExportError, ImportError, Imported, Secrets,
};
pub use counters::Counters;
pub use devices::{Challenge, DeviceProof, signed_to_add, signed_to_log_in};
pub use error::{LoginError, OpenError};
pub use handle::Accounts;
pub use profile::{Credentials, Device, Login, Profile, Registration, SessionInfo, Way};
pub use secrets::{Secret, SessionToken};
pub use settings::{AccountSettings, LoginLimits, PasswordCost};
pub use store::StoreError;
