//! What accounts did.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[doc = $text:literal])+ $name:ident,)*) => {
        /// Counts; they only grow.
        #[derive(Default, Debug)]
        pub struct Counters {
            $($(#[doc = $text])+ pub $name: AtomicU64,)*
        }

        impl Counters {
            /// Hands over each name and value.
            pub fn each(&self, to: &mut dyn FnMut(&'static str, u64)) {
                $(to(concat!("services_accounts_", stringify!($name)), self.$name.load(Relaxed));)*
            }
        }
    };
}

counters! {
    /// Accounts that players made.
    registered,
    /// Logins by password, here or elsewhere.
    password_logins,
    /// Logins by device.
    device_logins,
    /// Requests whose token named a session.
    identified,
    /// Sessions that players ended.
    sessions_ended,
    /// Devices that players added.
    devices_added,
    /// Runs of Argon2id. An unknown email has one too.
    password_runs,
    /// Hashes that were replaced by ones with the present parameters.
    rehashed,
    /// Refused: a field is not as it must be.
    refused_malformed,
    /// Refused: wrong email or password.
    refused_password,
    /// Refused: wrong proof of a device.
    refused_device,
    /// Refused: unknown or expired token.
    refused_token,
    /// Refused: the account is disabled.
    refused_disabled,
    /// Refused: email, name or device is taken, or an account has enough.
    refused_conflict,
    /// Refused: nobody can register here.
    refused_closed,
    /// Refused: the account is locked after wrong passwords.
    refused_locked,
    /// Refused: too many attempts of a network, or tickets of an account.
    refused_rate,
    /// Refused: a queue is full.
    refused_busy,
    /// Refused: the accounts elsewhere do not answer.
    refused_elsewhere,
    /// Failures of the database.
    store_failures,
}

impl Counters {
    /// Counts one.
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
