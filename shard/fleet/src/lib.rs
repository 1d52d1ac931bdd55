//! Many hosts: which there are, what state each is in, and to which of them a client goes.
//!
//! | room | for | may use |
//! |---|---|---|
//! | [`model`] | what is known of a host and of the fleet: names, records, the directory | |
//! | [`store`] | where records are kept: etcd, or memory | |
//! | [`registry`] | registering a host, and knowing all: the watched directory | [`model`], [`store`] |
//! | [`host`] | a server that registers itself | [`model`], [`store`], [`registry`] |
//! | [`location`] | where an address is | |
//! | [`balancer`] | decides where a client plays | [`model`], [`location`] |
//! | [`balance`] | the balancer as an HTTP server | all but `host` |

#![forbid(unsafe_code)]

pub mod balance;
pub mod balancer;
pub mod host;
pub mod location;
pub mod model;
pub mod registry;
pub mod store;
