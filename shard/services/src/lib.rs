//! Services beside the game: who a player is, requests with answers, and bulk data. They run on threads of their own, never
//! on a core's.
#![forbid(unsafe_code)]

mod account_id;

pub use account_id::AccountId;
