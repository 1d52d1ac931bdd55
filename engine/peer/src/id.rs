//! The name of a player in a mesh.

/// Names a player of a mesh. A player that leaves and is named again has another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerId(pub(crate) u32);
