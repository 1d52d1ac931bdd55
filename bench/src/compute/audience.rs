//! The players of one core as viewers: what they see, and the snapshots that they get.

use super::crowd::Crowd;
use super::options::Arguments;
use ringshard::game::simulation::INTEREST_PERIOD;
use ringshard::world::replication::viewer::{PlayerReport, Scratch};
use ringshard::world::replication::{Encoder, Happenings, Pacing, Replica, Viewer};
use ringshard::world::visibility::Visibility;
use ringshard_world::character::Character;
use ringshard_world::messages::{Owner, SnapshotHeader};
use ringshard_world::{EntityId, Fields, Map};

/// Ticks until a snapshot is acknowledged: 50 ms.
const ROUND_TRIP: u16 = 3;
/// Ticks at the start in which everybody looks around: then the entities of all cores are known.
const FIRST_LOOKS: u32 = 2;
/// Up to this distance an entity is near, in units.
pub const NEAR: f32 = 5_000.0;
/// Most bytes of a snapshot's header with its owner block.
const HEADER_BYTES_MAX: usize = SnapshotHeader::BYTES + 3 + <Own as Fields>::BYTES_MAX;

ringshard_world::wire! {
    /// The own state of a player: where it is.
    pub struct Own { pub x: f32, pub y: f32, pub z: f32 }
}

impl Own {
    fn at([x, y, z]: [f32; 3]) -> Own {
        Own { x, y, z }
    }
}

struct Seat {
    body: EntityId,
    viewer: Viewer<Own>,
    /// Snapshots written for it.
    written: u16,
}

/// The viewers of a crowd, in its order.
pub struct Audience {
    seats: Vec<Seat>,
    pacing: Pacing,
    happenings: Happenings,
    scratch: Scratch,
    message: Vec<u8>,
}

impl Audience {
    /// A viewer for each of these bodies, which sees nothing yet.
    pub fn new(arguments: &Arguments, bodies: impl Iterator<Item = EntityId>, entities_max: usize) -> Audience {
        let seat = |body: EntityId| {
            let mut viewer = Viewer::new(Own::default(), u32::from(body.index), 0);
            viewer.gaze.body = Some(body);
            Seat { body, viewer, written: 0 }
        };
        Audience {
            seats: bodies.map(seat).collect(),
            pacing: Pacing { bytes_max: arguments.snapshot_bytes, ..Pacing::default() },
            happenings: Happenings::new(entities_max),
            scratch: Scratch::default(),
            message: vec![0; HEADER_BYTES_MAX + arguments.snapshot_bytes],
        }
    }

    /// The body of a player.
    pub fn body(&self, player: usize) -> EntityId {
        self.seats[player].body
    }

    /// Updates what is in sight of those whose turn it is.
    pub fn look(
        &mut self,
        tick: u32,
        map: &Map,
        crowd: &Crowd,
        replica: &Replica<Character>,
        visibility: &mut Visibility,
    ) {
        for (number, seat) in self.seats.iter_mut().enumerate() {
            if tick <= FIRST_LOOKS || (tick + number as u32).is_multiple_of(INTEREST_PERIOD) {
                let from = map.quantise(crowd.pose(number).point);
                visibility.update(&mut seat.viewer, replica, from, &[], |_| false);
            }
        }
    }

    /// Writes a snapshot for each. Returns the bytes of all.
    pub fn write(&mut self, tick: u32, crowd: &Crowd, replica: &Replica<Character>, encoder: &mut Encoder) -> usize {
        let Audience { seats, pacing, happenings, scratch, message } = self;
        let mut bytes = 0;
        for at in 0..seats.len() {
            if let Some(next) = seats.get(at + 1) {
                next.viewer.prefetch(None);
            }
            let Seat { body, viewer, written } = &mut seats[at];
            if *written >= ROUND_TRIP {
                viewer.acknowledge(tick, *written - ROUND_TRIP, u64::MAX);
            }
            let owner = Owner { body: Some(*body), own: Own::at(crowd.pose(at).point) };
            let report = PlayerReport { owner: &owner, lead: 0, input_age: 0 };
            let len = viewer.snapshot(tick, &report, pacing, replica, encoder, happenings, scratch, message);
            *written += u16::from(len > 0);
            bytes += len;
        }
        bytes
    }
}
