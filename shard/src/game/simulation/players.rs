//! The players of this core: by connection, by entity, by the slice in which each is served, and those that are suspended.

use super::WorldStats;
use crate::world::replication::viewer::{Agreement, Scratch};
use crate::world::replication::{Replica, Viewer};
use crate::world::store::Entities;
use ringshard_prefetch::prefetch;
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::EntityId;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Slices that the clients are told in, per tick.
pub(super) const SLICES: usize = 16;
/// Clients that a slice may have more than its share, so that those of an address stand together.
const SLICE_SLACK: usize = 64;

/// A client in the world.
pub(super) struct Player {
    pub(super) id: ConnectionId,
    pub(super) viewer: Viewer,
    /// Whether it has looked around since it came.
    pub(super) has_looked: bool,
    heard: Option<Heard>,
    /// The snapshot of which a digest was compared last.
    compared: Option<u16>,
    /// Whoever shares it can be told in the same run of datagrams.
    pub(super) address: SocketAddr,
    /// Place of its body, or of the last one that it had.
    place: usize,
    slice: usize,
}

/// What a client acknowledged last. It waits until the client is told of more: then what the server knows of the client
/// is in the processor's cache once, and not twice in a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// When.
    pub(super) tick: u32,
    /// The newest snapshot that came, and a bit for each before it.
    pub(super) newest: u16,
    pub(super) before: u64,
    /// Of what it then saw.
    pub(super) digest: Option<u32>,
}

impl Player {
    /// Notes what was acknowledged.
    pub(super) fn hear(&mut self, heard: Heard, replica: &Replica, scratch: &mut Scratch, stats: &mut WorldStats) {
        if self.heard.is_some_and(|former| former.digest.is_some()) {
            // A digest is of one moment only: the next acknowledgment would undo it.
            self.take_heard(replica, scratch, stats);
        }
        if self.heard.is_none_or(|former| (heard.newest.wrapping_sub(former.newest) as i16) >= 0) {
            self.heard = Some(heard);
        }
    }

    /// Takes in what was acknowledged last.
    pub(super) fn take_heard(&mut self, replica: &Replica, scratch: &mut Scratch, stats: &mut WorldStats) {
        let Some(Heard { tick, newest, before, digest }) = self.heard.take() else { return };
        if !self.viewer.acknowledge(tick, newest, before, replica) {
            return;
        }
        // Once each: comparing takes a while.
        let Some(digest) = digest.filter(|_| self.compared.replace(newest) != Some(newest)) else { return };
        if scratch.digests_left == 0 {
            stats.digests_skipped += 1;
            return;
        }
        scratch.digests_left -= 1;
        match self.viewer.check(digest, replica, scratch) {
            Agreement::Agreed => stats.digests_agreed += 1,
            Agreement::Differs => stats.digests_differ += 1,
            Agreement::Unknown => stats.digests_unknown += 1,
        }
    }
}

/// All players of a core.
pub(super) struct Players {
    /// By slot of their connections.
    by_slot: Vec<Option<Box<Player>>>,
    /// Their slots, by the place of their body. A body that the game has despawned may still stand here.
    slot_of: Vec<Option<u16>>,
    /// Those whose clients are silent and can come back.
    suspended: BTreeMap<SessionId, Box<Player>>,
    /// Those that had to make room for others while they were suspended, and have no body. Their sessions may go on, and
    /// then so do the numbers of their snapshots, and what their clients know.
    displaced: BTreeMap<SessionId, Box<Player>>,
    /// Their slots, those of an address beside each other.
    slices: [Vec<u16>; SLICES],
}

impl Players {
    /// Nobody yet, on a core that owns so many entities at most.
    pub(super) fn new(places: usize) -> Self {
        Players {
            by_slot: Vec::new(),
            slot_of: vec![None; places],
            suspended: BTreeMap::new(),
            displaced: BTreeMap::new(),
            slices: [const { Vec::new() }; SLICES],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slices.iter().map(Vec::len).sum()
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Player> {
        let player = self.by_slot.get_mut(usize::from(id.slot()))?.as_deref_mut();
        player.filter(|player| player.id == id)
    }

    /// Those who are suspended.
    pub(super) fn suspended_len(&self) -> usize {
        self.suspended.len()
    }

    /// The player that has this body, if it is connected.
    pub(super) fn of_body(&self, entities: &Entities, body: EntityId) -> Option<&Player> {
        let slot = self.slot_of[entities.place(body)?]?;
        let player = self.by_slot.get(usize::from(slot))?.as_deref();
        player.filter(|player| player.viewer.player == body)
    }

    /// Asks the processor for a player.
    #[inline]
    pub(super) fn prefetch(&self, id: ConnectionId) {
        if let Some(Some(player)) = self.by_slot.get(usize::from(id.slot())) {
            prefetch(&**player);
        }
    }

    /// A client comes into the world, with the entity that has that place.
    pub(super) fn add(
        &mut self,
        entities: &Entities,
        id: ConnectionId,
        address: SocketAddr,
        place: usize,
        entity: EntityId,
    ) {
        let viewer = Viewer::new(entity);
        let player =
            Box::new(Player { id, viewer, has_looked: false, heard: None, compared: None, address, place, slice: 0 });
        self.seat(entities, player);
    }

    /// A client leaves it.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Box<Player>> {
        self.get_mut(id)?;
        let player = self.by_slot[usize::from(id.slot())].take()?;
        self.slices[player.slice].retain(|&slot| slot != id.slot());
        self.leave_place(player.place, id.slot());
        Some(player)
    }

    /// A player no longer has that place, unless another has it by now.
    fn leave_place(&mut self, place: usize, slot: u16) {
        self.slot_of[place].take_if(|tenant| *tenant == slot);
    }

    /// A player gets another body. False when there is no such player.
    pub(super) fn give_body(&mut self, id: ConnectionId, place: usize, body: EntityId) -> bool {
        let Some(player) = self.get_mut(id) else { return false };
        let former = std::mem::replace(&mut player.place, place);
        player.viewer.player = body;
        player.has_looked = false;
        self.leave_place(former, id.slot());
        self.slot_of[place] = Some(id.slot());
        true
    }

    /// The client is silent, and can come back. Gives its body.
    pub(super) fn suspend(&mut self, id: ConnectionId, session: SessionId) -> Option<EntityId> {
        let player = self.remove(id)?;
        let body = player.viewer.player;
        let former = self.suspended.insert(session, player);
        assert!(former.is_none(), "a session has one player");
        Some(body)
    }

    /// The client is back. Gives its body.
    pub(super) fn resume(
        &mut self,
        entities: &Entities,
        id: ConnectionId,
        session: SessionId,
        address: SocketAddr,
    ) -> Option<EntityId> {
        let mut player = self.suspended.remove(&session)?;
        let body = player.viewer.player;
        player.id = id;
        player.address = address;
        self.seat(entities, player);
        Some(body)
    }

    /// A suspended player is gone.
    pub(super) fn remove_suspended(&mut self, session: SessionId) -> Option<Box<Player>> {
        self.suspended.remove(&session)
    }

    /// The suspended player of the oldest session makes room for another; its session may yet go on. Gives its body.
    pub(super) fn displace_suspended(&mut self) -> Option<EntityId> {
        let (session, player) = self.suspended.pop_first()?;
        let body = player.viewer.player;
        self.displaced.insert(session, player);
        Some(body)
    }

    /// Whether the player of this session had to make room, and has not entered again.
    pub(super) fn is_displaced(&self, session: SessionId) -> bool {
        self.displaced.contains_key(&session)
    }

    /// The player of this session had to make room, and enters again with another body. False when there is no such
    /// player.
    pub(super) fn return_displaced(
        &mut self,
        entities: &Entities,
        id: ConnectionId,
        session: SessionId,
        address: SocketAddr,
        place: usize,
        body: EntityId,
    ) -> bool {
        let Some(mut player) = self.displaced.remove(&session) else { return false };
        (player.id, player.address, player.place) = (id, address, place);
        player.viewer.player = body;
        player.has_looked = false;
        self.seat(entities, player);
        true
    }

    /// The session of one who had to make room is over.
    pub(super) fn forget_displaced(&mut self, session: SessionId) {
        self.displaced.remove(&session);
    }

    /// A client is called otherwise, and may have another address.
    pub(super) fn rename(
        &mut self,
        entities: &Entities,
        id: ConnectionId,
        former: ConnectionId,
        address: Option<SocketAddr>,
    ) {
        if let Some(mut player) = self.remove(former) {
            player.id = id;
            player.address = address.unwrap_or(player.address);
            self.seat(entities, player);
        }
    }

    /// Gives a client its place in a slice: beside those of its address, unless that makes one slice much longer than the
    /// others.
    fn seat(&mut self, entities: &Entities, mut player: Box<Player>) {
        let Players { by_slot, slot_of, slices, .. } = self;
        let (slot, address) = (player.id.slot(), player.address);
        let address_of = |slot: u16| by_slot[usize::from(slot)].as_ref().map(|player| player.address);
        let seat_in = |slice: &Vec<u16>| slice.partition_point(|&other| address_of(other) < Some(address));
        let is_beside =
            |slice: &Vec<u16>| slice.get(seat_in(slice)).is_some_and(|&other| address_of(other) == Some(address));
        let fair = slices.iter().map(Vec::len).sum::<usize>() / SLICES;
        let beside = slices.iter().position(|slice| slice.len() < fair + SLICE_SLACK && is_beside(slice));
        let shortest = || (0..SLICES).min_by_key(|&slice| slices[slice].len()).expect("there are slices");
        player.slice = beside.unwrap_or_else(shortest);
        let seat = seat_in(&slices[player.slice]);
        slices[player.slice].insert(seat, slot);
        // Where the game has despawned its body, the place may be another's by now.
        if entities.place(player.viewer.player) == Some(player.place) {
            slot_of[player.place] = Some(slot);
        }
        if by_slot.len() <= usize::from(slot) {
            by_slot.resize_with(usize::from(slot) + 1, || None);
        }
        let former = by_slot[usize::from(slot)].replace(player);
        assert!(former.is_none(), "a connection's end is known before the next connection in its slot begins");
    }

    /// How many are told in a slice.
    pub(super) fn in_slice(&self, slice: usize) -> usize {
        self.slices[slice].len()
    }

    /// One of a slice, if it has so many.
    #[inline]
    pub(super) fn seated(&self, slice: usize, seat: usize) -> Option<&Player> {
        self.slices[slice].get(seat).and_then(|&slot| self.by_slot[usize::from(slot)].as_deref())
    }

    /// One of a slice.
    #[inline]
    pub(super) fn seated_mut(&mut self, slice: usize, seat: usize) -> &mut Player {
        let slot = self.slices[slice][seat];
        self.by_slot[usize::from(slot)].as_deref_mut().expect("a slice holds the slots of players")
    }
}
