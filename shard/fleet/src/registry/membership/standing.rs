//! How a registration stands.

use crate::store::StoreError;
use std::time::Duration;

/// How a registration stands. Whatever it is, the host goes on serving.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is on its way into the registry.
    Joining,
    /// It is in the registry.
    Registered,
    /// Another live host has its name.
    Taken {
        /// Since when, on the host's clock.
        since: Duration,
        /// The address of that host.
        by: String,
    },
    /// The store does not answer, or refuses.
    Away {
        /// Since when, on the host's clock.
        since: Duration,
        /// Why.
        error: StoreError,
    },
}

/// What a registration has counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct MembershipCounters {
    /// How often the host came into the registry.
    pub registrations: u64,
    /// How often its record was written again, because something had changed.
    pub updates: u64,
    /// Leases that ended while the host was alive.
    pub leases_lost: u64,
    /// How often its record was gone or another's while its lease was alive.
    pub records_lost: u64,
    /// How often another live host had its name.
    pub names_taken: u64,
    /// Requests without an answer, or refused.
    pub failures: u64,
}
