//! Many hosts: which there are, what state each is in, and to which of them a client goes.
//!
//! | room | for | may use |
//! |---|---|---|
//! | [`model`] | what is known of a host and of the fleet: names, records, the directory | |

#![forbid(unsafe_code)]

pub mod model;
