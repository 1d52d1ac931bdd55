//! Every bound of a world that both ends share, in one place (PROTOCOL.md#limits).

/// Ticks of the world per second.
pub const TICKS_PER_SECOND: u32 = 60;
/// Sections of a map along an axis: the steps of a position have 32 bits, and the widest difference of two has 33.
pub const WORLD_SECTIONS_MAX: u16 = 32_768;
/// Entities of a world, over all cores: an index has 16 bits.
pub const WORLD_ENTITIES_MAX: usize = 65_536;
/// Age of a baseline, in versions: versions have 5 bits on the wire.
pub const BASELINE_AGE_MAX: u32 = 31;
/// Snapshots before the newest that an input message acknowledges, a bit each.
pub const SNAPSHOTS_ACKNOWLEDGED: u32 = 64;
/// Snapshots back to which the baseline of a player's own state can lie.
pub const OWNER_BASELINE_MAX: u16 = 31;
/// Bytes of an input, as a difference.
pub const INPUT_BYTES_MAX: usize = 64;
/// Bytes of a player's own state, as a difference.
pub const OWN_BYTES_MAX: usize = 256;
/// Bytes of what an entity shows, as a difference.
pub const SHOWN_BYTES_MAX: usize = 256;
/// Bytes of an ask, and of an answer.
pub const ASK_BYTES_MAX: usize = 1_024;
/// Bytes of an event, which may have to reach another core.
pub const EVENT_BYTES_MAX: usize = 232;
/// Bytes that a player can send another over the server at a time.
pub const INTRODUCTION_BYTES_MAX: usize = 1_024;
/// Bytes of a ticket: what a client shows to enter the world.
pub const TICKET_BYTES_MAX: usize = 1_024;
/// Inputs in one message.
pub const INPUTS_PER_MESSAGE_MAX: usize = 16;
/// Bytes of an input message: it fits a datagram.
pub const INPUT_MESSAGE_BYTES_MAX: usize = 1_100;
/// Ticks that an input may be ahead of the server.
pub const INPUT_AHEAD_MAX: u32 = 32;
/// Ticks for which a missing input repeats the last one: 250 ms. After that it is neutral.
pub const INPUT_REPEAT_TICKS: u32 = 15;
/// Ticks between two input messages that an overloaded server can ask for.
pub const INPUT_INTERVAL_MAX: u8 = 4;
/// Asks of a client that wait for an answer.
pub const ASKS_OPEN_MAX: usize = 64;

const _: () = {
    assert!(WORLD_SECTIONS_MAX as u64 * (1 << 16) <= 1 << 31, "a position has 32 bits, a difference 33");
    assert!(WORLD_ENTITIES_MAX == 1 << u16::BITS, "an index has 16 bits");
    assert!(BASELINE_AGE_MAX + 1 == 1 << 5, "versions and ages have 5 bits on the wire");
    assert!(SNAPSHOTS_ACKNOWLEDGED == u64::BITS, "an acknowledgment is a u64");
    assert!(OWNER_BASELINE_MAX + 1 == 1 << 5, "the distance of a baseline has 5 bits on the wire");
    assert!((OWNER_BASELINE_MAX as u32) < SNAPSHOTS_ACKNOWLEDGED, "a baseline is acknowledged");
    assert!(
        2 * (INPUT_INTERVAL_MAX as usize) < INPUTS_PER_MESSAGE_MAX,
        "a message also repeats the inputs of the last one"
    );
    assert!(INPUTS_PER_MESSAGE_MAX as u32 <= INPUT_AHEAD_MAX, "the server has room for all inputs of a message");
};
