//! Many hosts: which there are, what state each is in, and to which of them a client goes.
//!
//! | room | for | may use |
//! |---|---|---|
//! | [`model`] | what is known of a host and of the fleet: names, records, the directory | |
//! | [`location`] | where an address is | |
//! | [`balancer`] | decides where a client plays | `model`, `location` |

#![forbid(unsafe_code)]

pub mod balancer;
pub mod location;
pub mod model;
