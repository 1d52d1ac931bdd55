//! Counters of the port.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of the port. All but `sessions` only rise.
#[derive(Default, Debug)]
pub struct Counters {
    /// Clients in the world at present.
    pub sessions: AtomicU64,
    /// Clients that were admitted with a valid ticket.
    pub admitted: AtomicU64,
    /// Guests that were let in.
    pub guests: AtomicU64,
    /// Clients that were refused because their ticket is invalid or missing.
    pub refused: AtomicU64,
    /// Players that were put out because their account entered from another client.
    pub elsewhere: AtomicU64,
    /// Players that were put out because their account was disabled.
    pub disabled: AtomicU64,
    /// Messages of clients that no service handles.
    pub unknown_messages: AtomicU64,
    /// Notices that were sent.
    pub notices: AtomicU64,
    /// Notices that clients missed because they are too slow.
    pub notices_missed: AtomicU64,
}

impl Counters {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Calls `to` with the name and the value of each counter.
    pub fn each(&self, to: &mut dyn FnMut(&'static str, u64)) {
        let Counters {
            sessions,
            admitted,
            guests,
            refused,
            elsewhere,
            disabled,
            unknown_messages,
            notices,
            notices_missed,
        } = self;
        for (name, counter) in [
            ("services_sessions", sessions),
            ("services_admitted", admitted),
            ("services_guests", guests),
            ("services_refused", refused),
            ("services_elsewhere", elsewhere),
            ("services_disabled", disabled),
            ("services_unknown_messages", unknown_messages),
            ("services_notices", notices),
            ("services_notices_missed", notices_missed),
        ] {
            to(name, counter.load(Relaxed));
        }
    }
}
