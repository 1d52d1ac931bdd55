//! Counters of accounts.

use crate::counters::counters;

counters! {
    /// Counters of accounts. They only rise.
    "services_accounts_":
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
    /// Refused: a field is invalid.
    refused_malformed,
    /// Refused: wrong email or password.
    refused_password,
    /// Refused: wrong proof of a device.
    refused_device,
    /// Refused: unknown or expired token.
    refused_token,
    /// Refused: the account is disabled.
    refused_disabled,
    /// Refused: the email, the name or the device is taken, or the account has too many devices.
    refused_conflict,
    /// Refused: players cannot register here.
    refused_closed,
    /// Refused: the account is locked after wrong passwords.
    refused_locked,
    /// Refused: too many attempts of a network, or tickets of an account.
    refused_rate,
    /// Refused: a queue is full.
    refused_busy,
    /// Refused: the service with the accounts does not answer.
    refused_elsewhere,
    /// Failures of the database.
    store_failures,
}
