//! Codecs, snapshots and views.

mod codec;
mod snapshots;
