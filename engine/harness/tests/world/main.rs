//! What both ends know of a world: the codec, maps, entries, snapshots and views.

mod codec;
mod entries;
mod map;
mod pose;
mod replication;
mod samples;
mod view;
