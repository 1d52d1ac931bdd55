//! Counters of the port.

use crate::counters::counters;

counters! {
    /// Counters of the port. All but `sessions` only rise.
    "services_":
    /// Clients in the world at present.
    sessions,
    /// Clients that were admitted with a valid ticket.
    admitted,
    /// Guests that were let in.
    guests,
    /// Clients that were refused because their ticket is invalid or missing.
    refused,
    /// Players that were put out because their account entered from another client.
    elsewhere,
    /// Players that were put out because their account was disabled.
    disabled,
    /// Messages of clients that no service handles.
    unknown_messages,
    /// Notices that were sent.
    notices,
    /// Notices that clients missed because they are too slow.
    notices_missed,
}
