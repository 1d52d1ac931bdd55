//! Kinds of world messages, which are the first byte of each (PROTOCOL.md#world-message-kinds).

/// Client to server, unreliable: its input, and the snapshots it has received.
pub const SYNC_ENTITY_QUANTIZED: u8 = 1;
/// Client to server, reliable: asks to enter the world. The server's answer has the same kind.
pub const ENTER_TO_WORLD: u8 = 3;
/// Server to client, unreliable: a snapshot.
pub const DELTA_SYNC: u8 = 6;
/// The first kind that the game defines.
pub const GAME: u8 = 32;
