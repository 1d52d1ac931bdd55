//! What each client is told of the world around it (A4, A5).
//!
//! | module | for |
//! |---|---|
//! | [`replica`] | the whole world, as one core knows it, with its recent past |
//! | [`encoder`] | entries, encoded once for all who can use them |
//! | [`viewer`] | one client: what it sees, what it has, what it is told next |

pub mod encoder;
pub mod replica;
pub mod viewer;

pub use encoder::Encoder;
pub use replica::Replica;
pub use viewer::{Pacing, Viewer};
