//! Many hosts: which there are, what state each is in, and to which of them a client goes.
//!
//! | room | for | may use |
//! |---|---|---|
//! | [`model`] | what is known of a host and of the fleet: names, records, the directory | |
//! | [`store`] | where records are kept: etcd, or memory | |
//! | [`topology`] | nodes between clients and hosts: measured links and the best routes, without I/O | [`model`] |
//! | [`registry`] | registering a host, and knowing all: the watched directory | [`bus`], [`model`], [`store`], [`topology`] |
//! | [`bus`] | what hosts say to each other, over NATS | [`model`], [`courier`] |
//! | [`zones`] | what a host does about zones, without I/O | [`model`], [`courier`] |
//! | [`courier`] | moves players between hosts, without I/O | [`model`] |
//! | [`clock`] | the time of day of a host | |
//! | [`checkpoints`] | what is kept of players, so that another host can go on with them | [`clock`], [`model`], [`bus`] |
//! | [`host`] | a server that registers itself, owns zones and hands players over | [`clock`], [`model`], [`store`], [`registry`], [`bus`], [`checkpoints`], [`courier`], [`zones`] |
//! | [`relay`] | a node: it carries datagrams of clients along routes to hosts | [`model`], [`registry`], [`store`], [`topology`] |
//! | [`location`] | where an address is | |
//! | [`balancer`] | decides where a client plays | [`model`], [`location`] |
//! | [`balance`] | the balancer as an HTTP server | all but `host` and `relay` |

#![forbid(unsafe_code)]

pub mod balance;
pub mod balancer;
pub mod bus;
pub mod checkpoints;
pub mod clock;
pub mod courier;
pub mod host;
pub mod location;
pub mod model;
pub mod registry;
pub mod relay;
pub mod store;
pub mod topology;
pub mod zones;

#[cfg(all(test, any(feature = "etcd", feature = "nats")))]
mod authority;
mod end_signal;
