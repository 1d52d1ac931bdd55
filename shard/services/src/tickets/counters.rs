//! Counters of tickets.

use crate::counters::counters;

counters! {
    /// Counters of one issuer or verifier. They only rise.
    "services_tickets_":
    /// Tickets that were made.
    issued,
    /// Tickets that let a client in.
    accepted,
    /// Refused: the bytes are not a ticket.
    malformed,
    /// Refused: no known issuer signed it.
    unsigned,
    /// Refused: it is for another server.
    other_server,
    /// Refused: too old.
    expired,
    /// Refused: issued in the future.
    early,
    /// Refused: used before.
    used,
    /// Refused: issued before the server started, or before what it remembers.
    before_start,
    /// Refusals that had a line in the log.
    logged,
}
