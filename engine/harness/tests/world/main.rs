//! What both ends know of a world: the codec, contracts, messages, maps, entries, snapshots and views.

mod codec;
mod contract;
mod entries;
mod map;
mod messages;
mod replication;
mod samples;
mod schema;
mod view;
