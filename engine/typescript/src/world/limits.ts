/** The bounds of a world that both ends share: PROTOCOL.md#limits. */

/** Ticks of the world per second. */
export const TICKS_PER_SECOND = 60;
/** Sections of a map along an axis. */
export const WORLD_SECTIONS_MAX = 32_768;
/** Entities of a world: an index has 16 bits. */
export const WORLD_ENTITIES_MAX = 65_536;
/** Age of a baseline, in versions. Versions are counted modulo one more. */
export const BASELINE_AGE_MAX = 31;
/** Snapshots before the newest that an input message acknowledges. */
export const SNAPSHOTS_ACKNOWLEDGED = 64;
/** Snapshots back to which the baseline of an owner block can lie. */
export const OWNER_BASELINE_MAX = 31;
/** Bytes of an Input, as a difference. */
export const INPUT_BYTES_MAX = 64;
/** Bytes of an Own, as a difference. */
export const OWN_BYTES_MAX = 256;
/** Bytes of a Shown, as a difference. */
export const SHOWN_BYTES_MAX = 256;
/** Bytes of an Ask, and of an Answer. */
export const ASK_BYTES_MAX = 1024;
/** Bytes of an Event. */
export const EVENT_BYTES_MAX = 232;
/** Bytes of a ticket. */
export const TICKET_BYTES_MAX = 1024;
/** Inputs in one message. */
export const INPUTS_PER_MESSAGE_MAX = 16;
/** Bytes of an input message. */
export const INPUT_MESSAGE_BYTES_MAX = 1100;
/** Ticks that an input may be ahead of the server. */
export const INPUT_AHEAD_MAX = 32;
/** Ticks for which the server repeats the last input of a player whose inputs stay away. */
export const INPUT_REPEAT_TICKS = 15;
/** Ticks between two input messages that an overloaded server can ask for. */
export const INPUT_INTERVAL_MAX = 4;
/** Asks of a client that wait for an answer. */
export const ASKS_OPEN_MAX = 64;
