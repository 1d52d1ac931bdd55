//! The structs and constants of the header.
//!
//! A struct that begins with `size` may grow at its end: `memory` reads and writes as much of it as both sides know.

#![allow(non_camel_case_types, reason = "the names are those of the header")]

use client::protocol::limits::DATAGRAM_BYTES_MAX;
use client::{Channel, EntityId, Pose};
use ringshard_terrain::movement::{Steering, Tuning, Walker, keys};
use ringshard_world::contract::ContractPart;
use ringshard_world::limits::{ASK_BYTES_MAX, EVENT_BYTES_MAX, TICKET_BYTES_MAX};
use std::ffi::{c_char, c_void};

/// The version of this interface. It changes when a function or a struct changes so that older programs cannot use it.
pub const RS_ABI: u32 = 1;
/// Bytes of a datagram, at most: the room that `rs_client_transmit` needs.
pub const RS_DATAGRAM_BYTES_MAX: u32 = 1472;
/// Bytes of a ticket, at most.
pub const RS_TICKET_BYTES_MAX: u32 = 1024;
/// Bytes of an ask and of an answer, at most.
pub const RS_ASK_BYTES_MAX: u32 = 1024;
/// Bytes of an event, at most.
pub const RS_EVENT_BYTES_MAX: u32 = 232;
/// Bytes of a struct of inputs or states, at most.
pub const RS_RECORD_BYTES_MAX: u32 = 256;

const _: () = {
    assert!(RS_DATAGRAM_BYTES_MAX as usize == DATAGRAM_BYTES_MAX);
    assert!(RS_TICKET_BYTES_MAX as usize == TICKET_BYTES_MAX);
    assert!(RS_ASK_BYTES_MAX as usize == ASK_BYTES_MAX);
    assert!(RS_EVENT_BYTES_MAX as usize == EVENT_BYTES_MAX);
    assert!(RS_KEY_RUN == keys::RUN as u32 && RS_KEY_JUMP == keys::JUMP as u32 && RS_KEY_DIVE == keys::DIVE as u32);
    assert!(RS_RECORD_BYTES_MAX as usize == crate::layout::RECORD_BYTES_MAX);
};

/// What a call gives: 0 or more, or a negative `rs_error`.
pub type rs_result = i32;

/// Names an entity; 0 is none.
pub type rs_entity = u32;

/// The number of an entity.
pub fn entity_number(id: EntityId) -> rs_entity {
    (u32::from(id.generation) << 16 | u32::from(id.index)) + 1
}

/// The entity of a number; None for 0, and for what is no number of an entity.
pub fn entity_from(number: rs_entity) -> Option<EntityId> {
    let bits = number.checked_sub(1)?;
    Some(EntityId { index: bits as u16, generation: u8::try_from(bits >> 16).ok()? })
}

/// A field of a struct of inputs or states. `RS_FIELD`, `RS_ARRAY` and `RS_STRING` make one.
#[repr(C)]
pub struct rs_field {
    /// Its name in the server's struct.
    pub name: *const c_char,
    /// Where it lies in the struct, in bytes.
    pub offset: u16,
    /// An `rs_kind`.
    pub kind: u8,
    /// Items of an array, or bytes of a text; 0 for anything else.
    pub count: u8,
}

/// The fields of a struct, in the order of the server's struct. `RS_LAYOUT` makes one. Nothing of it is used after the call
/// that takes it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_layout {
    /// The fields; may be null if there are none.
    pub fields: *const rs_field,
    /// How many.
    pub count: u32,
    /// `sizeof` the struct.
    pub bytes: u32,
}

/// Where something is, how it moves and where it looks.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct rs_pose {
    /// The point, in units of the map.
    pub point: [f32; 3],
    /// The velocity, in units per second.
    pub velocity: [f32; 3],
    /// Yaw, pitch and roll, in 65,536ths of a turn.
    pub rotation: [u16; 3],
    /// Counts teleports. Between two poses that differ in it, nothing is interpolated.
    pub leap: u8,
    /// 0.
    pub reserved: u8,
}

impl From<Pose> for rs_pose {
    fn from(pose: Pose) -> rs_pose {
        let Pose { point, velocity, rotation, leap } = pose;
        rs_pose { point, velocity, rotation, leap, reserved: 0 }
    }
}

impl From<rs_pose> for Pose {
    fn from(pose: rs_pose) -> Pose {
        let rs_pose { point, velocity, rotation, leap, .. } = pose;
        Pose { point, velocity, rotation, leap }
    }
}

/// How a player steers its character in one tick: the server's `Steering`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct rs_steering {
    /// Where it looks, in 65,536ths of a turn from the x axis towards the y axis.
    pub yaw: u16,
    /// How fast it goes where it looks: 127 is full speed, -127 full speed backwards.
    pub forward: i8,
    /// How fast it goes to its left.
    pub left: i8,
    /// The keys that it holds, added: `RS_KEY_RUN`, `RS_KEY_JUMP`, `RS_KEY_DIVE`.
    pub keys: u8,
    /// 0.
    pub reserved: u8,
}

/// Runs instead of walking.
pub const RS_KEY_RUN: u32 = 1;
/// Jumps from the ground; in water, swims up.
pub const RS_KEY_JUMP: u32 = 2;
/// In water, swims down.
pub const RS_KEY_DIVE: u32 = 4;

impl From<rs_steering> for Steering {
    fn from(steering: rs_steering) -> Steering {
        let rs_steering { yaw, forward, left, keys, .. } = steering;
        Steering { forward, left, yaw, keys }
    }
}

/// The state of a character that moves: the server's `Walker`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct rs_walker {
    /// Where its feet are, in units.
    pub point: [f32; 3],
    /// How it moves, in units per second.
    pub velocity: [f32; 3],
    /// Where it looks, in 65,536ths of a turn.
    pub yaw: u16,
    /// 0: it stands or goes; 1: it jumps or falls; 2: it slides; 3: it swims.
    pub gait: u8,
    /// Counts teleports.
    pub leap: u8,
}

impl From<rs_walker> for Walker {
    fn from(walker: rs_walker) -> Walker {
        let rs_walker { point, velocity, yaw, gait, leap } = walker;
        Walker { point, velocity, yaw, gait, leap }
    }
}

impl From<Walker> for rs_walker {
    fn from(walker: Walker) -> rs_walker {
        let Walker { point, velocity, yaw, gait, leap } = walker;
        rs_walker { point, velocity, yaw, gait, leap }
    }
}

/// How fast, high and steep a character can go: the server's `Tuning`. `rs_tuning_default` fills it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_tuning {
    /// `sizeof(rs_tuning)`.
    pub size: u32,
    /// Half of its width, in units.
    pub radius: f32,
    /// Its height, in units.
    pub height: f32,
    /// The highest step that it climbs without a jump, in units.
    pub step_height: f32,
    /// The steepest ground that it can stand on: the z of the normal.
    pub slope_limit: f32,
    /// Speeds, in units per second.
    pub walk_speed: f32,
    /// While it runs.
    pub run_speed: f32,
    /// While it swims.
    pub swim_speed: f32,
    /// Upwards, at the beginning of a jump.
    pub jump_speed: f32,
    /// It falls no faster.
    pub fall_speed_max: f32,
    /// In units per second squared, on the ground and in water.
    pub acceleration: f32,
    /// In the air, and while it slides.
    pub air_acceleration: f32,
    /// In units per second squared.
    pub gravity: f32,
    /// It swims where the water is deeper than this above its feet, in units.
    pub swim_depth: f32,
}

impl From<rs_tuning> for Tuning {
    fn from(tuning: rs_tuning) -> Tuning {
        Tuning {
            radius: tuning.radius,
            height: tuning.height,
            step_height: tuning.step_height,
            slope_limit: tuning.slope_limit,
            walk_speed: tuning.walk_speed,
            run_speed: tuning.run_speed,
            swim_speed: tuning.swim_speed,
            jump_speed: tuning.jump_speed,
            fall_speed_max: tuning.fall_speed_max,
            acceleration: tuning.acceleration,
            air_acceleration: tuning.air_acceleration,
            gravity: tuning.gravity,
            swim_depth: tuning.swim_depth,
        }
    }
}

impl From<Tuning> for rs_tuning {
    fn from(tuning: Tuning) -> rs_tuning {
        rs_tuning {
            size: 0,
            radius: tuning.radius,
            height: tuning.height,
            step_height: tuning.step_height,
            slope_limit: tuning.slope_limit,
            walk_speed: tuning.walk_speed,
            run_speed: tuning.run_speed,
            swim_speed: tuning.swim_speed,
            jump_speed: tuning.jump_speed,
            fall_speed_max: tuning.fall_speed_max,
            acceleration: tuning.acceleration,
            air_acceleration: tuning.air_acceleration,
            gravity: tuning.gravity,
            swim_depth: tuning.swim_depth,
        }
    }
}

/// Advances `own` by one tick with `input`, as the server does. It must depend on nothing but what it is given, and on what
/// never changes. It is called on the thread that calls the library, from `rs_client_input`, `rs_client_update`,
/// `rs_client_receive`, `rs_udp_poll` and `rs_udp_flush`. It must not call the library with the same client, throw, or
/// `longjmp`.
pub type rs_step = Option<extern "C" fn(own: *mut c_void, input: *const c_void, user: *mut c_void)>;

/// Says where a player with this state is. `pose` is zeroed before. It has the duties of `rs_step`; every call may call it.
pub type rs_place = Option<extern "C" fn(own: *const c_void, pose: *mut rs_pose, user: *mut c_void)>;

/// Says whether a predicted state is as good as the server's: not 0 if it is. It has the duties of `rs_step`.
pub type rs_agrees =
    Option<extern "C" fn(predicted: *const c_void, authoritative: *const c_void, user: *mut c_void) -> i32>;

/// What a client is made with. Set all of it to 0, and then what differs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_config {
    /// `sizeof(rs_config)`.
    pub size: u32,
    /// Not 0: the client connects again by itself when the connection is lost, and goes on if the server still knows it.
    pub reconnect: u8,
    /// The server's public key. `rs_key` reads it from its text.
    pub server_key: [u8; 32],
    /// 0.
    pub reserved: [u8; 3],
    /// A key of 32 bytes that the server has, too; null for none.
    pub pre_shared_key: *const u8,
    /// What the game on the server lets the player in by.
    pub ticket: *const u8,
    /// Bytes of the ticket: at most `RS_TICKET_BYTES_MAX`.
    pub ticket_bytes: u32,
    /// The schema numbers of the server's asks, answers and events, in this order; 0 is not compared.
    pub schema: [u32; 3],
    /// Stands for what both ends must have alike beside the types: the digest of a map. 0 is not compared.
    pub level: u32,
    /// The server's `Input`.
    pub input: rs_layout,
    /// The server's `Own`.
    pub own: rs_layout,
    /// The server's `Shown`.
    pub shown: rs_layout,
    /// The struct that an input begins from, if the server's rules change it; null for zeros.
    pub neutral_input: *const c_void,
    /// The struct that the own state begins from, if the server's rules change it; null for zeros.
    pub blank_own: *const c_void,
    /// The struct that what is shown begins from, if the server's rules change it; null for zeros.
    pub blank_shown: *const c_void,
    /// The game's step.
    pub step: rs_step,
    /// Where a player is.
    pub place: rs_place,
    /// Null: states agree if all fields are equal.
    pub agrees: rs_agrees,
    /// Given to the three functions. It must outlive the client.
    pub user: *mut c_void,
}

/// What happened.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_news_kind {
    /// The client is in the world. Nothing is in view yet.
    Entered = 1,
    /// The game refuses the client, with a `reason` of its own. `rs_client_enter` asks again.
    Refused = 2,
    /// The server's contract differs in a part: `reason` is an `rs_type`. If it is a type, one of the two ends is outdated.
    /// If it is `RS_TYPE_LEVEL`, the client's map differs from the server's: the player installs the same map file.
    WrongSchema = 3,
    /// The client is no longer in the world; `reason` is the game's. Nothing is in view, without an `RS_NEWS_KIND_DESPAWNED` for
    /// each.
    PutOut = 4,
    /// `entity` came into view.
    Spawned = 5,
    /// `entity` is gone, or too far away.
    Despawned = 6,
    /// The player controls `entity`, or none.
    BodyChanged = 7,
    /// An event: `bytes`. It may arrive before `RS_NEWS_KIND_ENTERED`, because channels do not wait for each other.
    Event = 8,
    /// The answer to `ask`: `bytes`.
    Answer = 9,
    /// There will be no answer to `ask`: `reason` is an `rs_unanswered`.
    Unanswered = 10,
    /// The server's own state differed from the predicted one: the own pose moved `by` units.
    Corrected = 11,
    /// The connection is lost, and the client connects again. `reason` is an `RS_REASON`, `text` says it.
    Reconnecting = 12,
    /// The client is connected again, and goes on in the world.
    Resumed = 13,
    /// The client is connected again, with a new session. Nothing is in view, without an `RS_NEWS_KIND_DESPAWNED` for each. It
    /// enters again by itself, with the same ticket.
    Renewed = 14,
    /// There is no connection, and will be none. It is the last news. `reason` is an `RS_REASON`, `text` says it.
    Closed = 15,
    /// The client is in the world of another server: it moved there without a word of the game. Nothing is in view, without an
    /// `RS_NEWS_KIND_DESPAWNED` for each; entities have other ids there. Asks that wait go on.
    Moved = 16,
}

/// The parts of a contract: its types, and the level.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_type {
    /// What a player does in one tick.
    Input = 0,
    /// The player's own state.
    Own = 1,
    /// What an entity shows.
    Shown = 2,
    /// What a client asks.
    Ask = 3,
    /// The answer.
    Answer = 4,
    /// What happens.
    Event = 5,
    /// What both ends must have alike beside the types: the map.
    Level = 6,
}

/// Why there is no answer.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_unanswered {
    /// Too many asks of this client waited at the server.
    TooMany = 1,
    /// The server could not read the ask.
    Malformed = 2,
    /// The client was put out of the world first.
    PutOut = 3,
    /// The session ended first.
    SessionLost = 4,
}

/// The channels of events. The numbers of each delivery go on in steps of 4, up to 15; channels do not block each other.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_channel {
    /// May be lost, and may overtake another.
    Unreliable = 0,
    /// Arrives, in order.
    ReliableOrdered = 1,
    /// Arrives, in any order.
    ReliableUnordered = 2,
    /// May be lost; one that was overtaken is dropped.
    UnreliableSequenced = 3,
}

const _: () = {
    assert!(rs_type::Input as u32 == ContractPart::Input as u32);
    assert!(rs_type::Own as u32 == ContractPart::Own as u32);
    assert!(rs_type::Shown as u32 == ContractPart::Shown as u32);
    assert!(rs_type::Ask as u32 == ContractPart::Ask as u32);
    assert!(rs_type::Answer as u32 == ContractPart::Answer as u32);
    assert!(rs_type::Event as u32 == ContractPart::Event as u32);
    assert!(rs_type::Level as u32 == ContractPart::Level as u32);
    assert!(rs_channel::Unreliable as u8 == Channel::UNRELIABLE.number());
    assert!(rs_channel::ReliableOrdered as u8 == Channel::RELIABLE_ORDERED.number());
    assert!(rs_channel::ReliableUnordered as u8 == Channel::RELIABLE_UNORDERED.number());
    assert!(rs_channel::UnreliableSequenced as u8 == Channel::UNRELIABLE_SEQUENCED.number());
};

/// One thing that happened. Which fields are set depends on its kind; the others are 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_news {
    /// `sizeof(rs_news)`.
    pub size: u32,
    /// An `rs_news_kind`.
    pub kind: u32,
    pub entity: rs_entity,
    pub ask: u32,
    pub reason: i32,
    /// In units.
    pub by: f32,
    /// Lives until the next `rs_client_news`, or until the client is freed.
    pub bytes: *const u8,
    /// Lives as long as `bytes`. Null if the kind has none.
    pub text: *const c_char,
    /// How many bytes.
    pub bytes_count: u32,
    /// 0.
    pub reserved: u32,
}

/// An entity in view, at the shown tick.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_other {
    /// What the game shows of it: the struct of `rs_config.shown`. It lives until a call with the client that does not take it
    /// as const.
    pub shown: *const c_void,
    /// Its name.
    pub entity: rs_entity,
    /// Where it is.
    pub pose: rs_pose,
}

/// The clocks of a client, in ticks of the server, of which there are 60 per second. All 0 before the first snapshot.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_clock {
    /// `sizeof(rs_clock)`.
    pub size: u32,
    /// The tick of the own state. The next input is for the tick after it.
    pub own_tick: u32,
    /// The server's tick as it probably is there now.
    pub server: f64,
    /// The tick at which others are shown.
    pub shown: f64,
    /// How far the own inputs are ahead of the server.
    pub ahead: f64,
    /// How much faster than time the clock of the own inputs runs: at most 0.02 faster or slower.
    pub rate: f64,
    /// Mean deviation of the arrivals of snapshots, in milliseconds.
    pub jitter_ms: f32,
    /// The connection's round trip, in milliseconds; 0 before it is measured.
    pub round_trip_ms: f32,
}

/// The map of the world.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_map {
    /// `sizeof(rs_map)`.
    pub size: u32,
    /// The far corner, in units; the near one is 0, 0, 0.
    pub corner: [f32; 3],
    /// Poses on the wire are rounded to this many units.
    pub step: f32,
}

/// How poses of others between two known ones are found.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum rs_mode {
    /// On a curve that has the known velocities at its ends.
    Hermite = 0,
    /// On a straight line.
    Linear = 1,
    /// The last known one.
    Hold = 2,
}

/// How others are shown.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_interpolation {
    /// `sizeof(rs_interpolation)`.
    pub size: u32,
    /// An `rs_mode`.
    pub mode: u32,
    /// Others are shown at least so late; 33.3 by default.
    pub delay_min_ms: f32,
    /// Others are shown at most so late; 250 by default.
    pub delay_max_ms: f32,
    /// Without news, an entity goes on with its velocity for so long, and then stands; 250 by default.
    pub extrapolation_max_ms: f32,
}

/// How corrections of the own pose are shown.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_smoothing {
    /// `sizeof(rs_smoothing)`.
    pub size: u32,
    /// In this time, a correction fades to 37 %; 100 by default. 0: corrections show at once.
    pub time_ms: f32,
    /// A correction by more units shows at once; 500 by default.
    pub snap: f32,
    /// Not 0: the own pose is shown between the last two ticks, up to a tick later. 0 by default.
    pub between_ticks: u32,
}

/// What a client did so far.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rs_stats {
    /// `sizeof(rs_stats)`.
    pub size: u32,
    /// The farthest that a correction moved the own pose, in units.
    pub worst_correction: f32,
    /// Snapshots applied.
    pub snapshots: u64,
    /// Snapshots that were malformed: the server violates the protocol, or the layouts are not the server's.
    pub snapshots_refused: u64,
    /// Snapshots older than one that was applied.
    pub snapshots_late: u64,
    /// Predicted ticks that were compared with the server's.
    pub predicted: u64,
    /// Of those, the ones that differed.
    pub mispredicted: u64,
    /// Corrections that moved the own pose.
    pub corrections: u64,
    /// Inputs that the game made.
    pub inputs_made: u64,
    /// Snapshots whose tick the server stepped without the player's input.
    pub inputs_missed: u64,
    /// Ticks that were stepped without an input of the game, because a frame took too long.
    pub ticks_skipped: u64,
    /// Frames shown.
    pub frames: u64,
    /// Frames whose shown tick was past the newest snapshot.
    pub starved: u64,
    /// Connections that were lost, after which the client connects again.
    pub reconnects: u64,
    /// Messages that were malformed.
    pub malformed: u64,
    /// Datagrams that were ignored because the program does not take its news.
    pub ignored: u64,
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Bytes of those.
    pub bytes_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Bytes of those.
    pub bytes_out: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_has_a_number_and_no_number_is_0() {
        for id in [(0, 0), (1, 0), (0, 1), (u16::MAX, u8::MAX), (7, 9)]
            .map(|(index, generation)| EntityId { index, generation })
        {
            assert_ne!(entity_number(id), 0);
            assert_eq!(entity_from(entity_number(id)), Some(id));
        }
        assert_eq!(entity_from(0), None);
        assert_eq!(entity_from(u32::MAX), None);
    }
}
