//! Many hosts: which there are, what state each is in, and to which of them a client goes.
//!
//! | room | for | may use |
//! |---|---|---|
//! | [`model`] | what is known of a host and of the fleet: names, records, the directory | |
//! | [`location`] | where an address is | |
//! | [`balancer`] | decides where a client plays | `model`, `location` |
//! | [`balance`] | the balancer as an HTTP server | `model`, `location`, `balancer` |

#![forbid(unsafe_code)]

pub mod balance;
pub mod balancer;
pub mod location;
pub mod model;
