//! What each client is sent about the world around it.
//!
//! | module | for |
//! |---|---|
//! | [`replica`] | the whole world, as one core knows it, with its recent versions |
//! | [`changes`] | what has changed of a core's own entities |
//! | [`encoder`] | entries of snapshots, encoded once for all clients |
//! | [`happenings`] | the events of a tick for all who see an entity |
//! | [`viewer`] | one client: what is in sight, what it has acknowledged, what is due |
//! | [`pacing`] | how often a client gets which entities |
//!
//! It uses the store's rates, the changes of the exchange and the reach of interest queries, and sends nothing itself.

pub mod changes;
pub mod encoder;
pub mod happenings;
pub mod pacing;
pub mod replica;
pub mod viewer;

pub use encoder::Encoder;
pub use happenings::Happenings;
pub use pacing::Pacing;
pub use replica::Replica;
pub use viewer::Viewer;
