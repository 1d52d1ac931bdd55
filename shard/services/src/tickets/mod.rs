//! Tickets: what a client shows to enter the world as an account.
//!
//! The login door makes a [`Ticket`]; the client hands it to the server in its request to enter, where a [`TicketVerifier`]
//! checks it. A verifier needs only the issuer's public key, so one login can serve many hosts. Each host must have its own
//! server key: a ticket names the server, and only that server remembers that the ticket was used.
//!
//! | file | has |
//! |---|---|
//! | `issuer` | the signing key and new tickets |
//! | `verifier` | the checks |
//! | `used` | the secrets of tickets that were used |
//! | `complaints` | which addresses were named in the log |
//!
//! Bytes: PROTOCOL.md#tickets. Of accounts, this module knows only ids and names.

mod complaints;
mod counters;
mod issuer;
mod server_key;
mod used;
mod verifier;

pub use counters::Counters;
pub use issuer::{IssuerKey, KeyError, LIFETIME, Ticket, TicketIssuer};
pub use server_key::{NoServerKey, ServerKey};
pub use verifier::{CLOCK_SKEW, Identity, TicketRefusal, TicketVerifier};
