//! Bounds of the hub, and the rates that an account may reach.

/// Bytes of one line of chat.
pub const TEXT_BYTES_MAX: usize = 512;
/// Bytes of a room's name.
pub const ROOM_NAME_BYTES_MAX: usize = 32;
/// Lines that a room keeps.
pub const HISTORY_LINES_MAX: usize = 100;
/// Lines of one page of a room's history.
pub const HISTORY_PAGE: usize = 20;
/// Players of one page of a room's list.
pub const ROSTER_PAGE: usize = 100;
/// Rooms that one account is in.
pub const ROOMS_PER_ACCOUNT_MAX: usize = 16;
/// Members of one account: its WebSockets and its clients in the world.
pub const MEMBERS_PER_ACCOUNT_MAX: usize = 8;
/// Notices that wait for one member.
pub const QUEUE_NOTICES_MAX: usize = 64;

/// Rates and bounds that an operator may set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HubSettings {
    /// Members in all.
    pub members_max: usize,
    /// Rooms in all. A new room takes the place of the one that has been empty for longest.
    pub rooms_max: usize,
    /// Accounts in one room.
    pub accounts_per_room_max: usize,
    /// One line of chat per this time and account, in ms.
    pub line_every_ms: u64,
    /// Lines that an account may say at once.
    pub lines_burst: u64,
    /// Lines refused one after the other until an account is muted.
    pub strikes_max: u32,
    /// For how long it is muted then, in ms.
    pub mute_ms: u64,
    /// One change of room or presence per this time and account, in ms.
    pub move_every_ms: u64,
    /// Changes of room or presence that an account may make at once.
    pub moves_burst: u64,
}

impl Default for HubSettings {
    fn default() -> Self {
        HubSettings {
            members_max: 16_384,
            rooms_max: 256,
            accounts_per_room_max: 2_048,
            line_every_ms: 1_000,
            lines_burst: 5,
            strikes_max: 10,
            mute_ms: 30_000,
            move_every_ms: 2_000,
            moves_burst: 10,
        }
    }
}
