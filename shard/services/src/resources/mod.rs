//! Resources: signed blobs, and how they reach clients.
//!
//! A [`Source`] opens a name. Names without a source of their own are those of the store.

mod blob;
mod outlet;
mod source;

pub use blob::Blob;
pub use outlet::{Gone, Outlet};
pub use source::{Body, Content, Opening, Refusal, Source};

/// Names open resources for clients.
pub struct Resources {}

impl Resources {
    /// Lets `source` open all names that begin with `prefix`, such as `tile/`. The longest prefix that fits wins.
    pub fn add_source(&mut self, _prefix: &'static str, _source: std::sync::Arc<dyn Source>) {}
}
