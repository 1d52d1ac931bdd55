//! Kinds of world messages, which are the first byte of each (PROTOCOL.md#world-message-kinds).

/// Client to server, unreliable: inputs, and the snapshots that the client has.
pub const SYNC_ENTITY_QUANTIZED: u8 = 1;
/// Client to server, reliable: asks to enter the world. The server's answer has the same kind.
pub const ENTER_TO_WORLD: u8 = 3;
/// Server to client, unreliable: a snapshot.
pub const DELTA_SYNC: u8 = 6;
/// Both ways, on any channel: an event of the game.
pub const EVENT: u8 = 7;
/// Client to server, reliable: an ask of the game.
pub const ASK: u8 = 8;
/// Server to client, reliable: the answer to an ask.
pub const ANSWER: u8 = 9;
/// Both ways, reliable: bytes for another player.
pub const INTRODUCTION: u8 = 27;
/// Server to client, reliable: the session moves to another server.
pub const CHANGE_SERVER: u8 = 28;
/// Messages between a client and the server's services. A core and a world do not read them (PROTOCOL.md#services).
pub const SERVICES: std::ops::RangeInclusive<u8> = 16..=26;
