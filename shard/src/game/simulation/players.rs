//! The players of this core: by connection, by entity, and by the slice in which each is served; and those that are
//! suspended.

use super::player::Player;
use crate::world::store::Entities;
use ringshard_prefetch::prefetch;
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::EntityId;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Slices per tick: each client is served in one of them.
pub(super) const SLICES: usize = 16;
/// How many clients a slice may have above the average, so that the clients of one address share a slice.
const SLICE_SLACK: usize = 64;

/// All players of a core.
pub(super) struct Players {
    /// By slot of their connections.
    by_slot: Vec<Option<Box<Player>>>,
    /// Their slots, by the row of their body. A body that the game has despawned may still have an entry.
    slot_of_row: Vec<Option<u16>>,
    /// Those whose clients are silent and can return.
    suspended: BTreeMap<SessionId, Box<Player>>,
    /// Those that were suspended and had to make room for others. They have no body. If the session resumes, the numbers of
    /// their snapshots and what their clients know continue.
    displaced: BTreeMap<SessionId, Box<Player>>,
    /// Their slots, by slice; ordered by address within a slice.
    slices: [Vec<u16>; SLICES],
}

impl Players {
    /// No players, on a core that owns at most `rows` entities.
    pub(super) fn new(rows: usize) -> Self {
        Players {
            by_slot: Vec::new(),
            slot_of_row: vec![None; rows],
            suspended: BTreeMap::new(),
            displaced: BTreeMap::new(),
            slices: [const { Vec::new() }; SLICES],
        }
    }

    /// Number of connected players.
    pub(super) fn len(&self) -> usize {
        self.slices.iter().map(Vec::len).sum()
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Player> {
        let player = self.by_slot.get_mut(usize::from(id.slot()))?.as_deref_mut();
        player.filter(|player| player.id == id)
    }

    /// Number of suspended players.
    pub(super) fn suspended_len(&self) -> usize {
        self.suspended.len()
    }

    /// The connected player that has this body.
    pub(super) fn of_body(&self, entities: &Entities, body: EntityId) -> Option<&Player> {
        let slot = self.slot_of_row[entities.row(body)?]?;
        let player = self.by_slot.get(usize::from(slot))?.as_deref();
        player.filter(|player| player.viewer.player == body)
    }

    /// Prefetches a player.
    #[inline]
    pub(super) fn prefetch(&self, id: ConnectionId) {
        if let Some(Some(player)) = self.by_slot.get(usize::from(id.slot())) {
            prefetch(&**player);
        }
    }

    /// A client enters the world with the body in that row.
    pub(super) fn add(
        &mut self,
        entities: &Entities,
        id: ConnectionId,
        address: SocketAddr,
        row: usize,
        body: EntityId,
    ) {
        assert_eq!(entities.row(body), Some(row), "a player enters with a body of this core");
        self.insert(entities, Box::new(Player::new(id, address, row, body)));
    }

    /// Removes a connected player.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Box<Player>> {
        self.get_mut(id)?;
        let player = self.by_slot[usize::from(id.slot())].take()?;
        let slice = &mut self.slices[player.slice];
        let position = slice.iter().position(|&slot| slot == id.slot()).expect("a player is in its slice");
        slice.remove(position);
        self.release_row(player.row, id.slot());
        Some(player)
    }

    /// The player in `slot` no longer has that row, unless another player has it by now.
    fn release_row(&mut self, row: usize, slot: u16) {
        self.slot_of_row[row].take_if(|owner| *owner == slot);
    }

    /// Gives a connected player another body. False if there is no such player.
    pub(super) fn give_body(&mut self, id: ConnectionId, row: usize, body: EntityId) -> bool {
        let Some(player) = self.get_mut(id) else { return false };
        let former = player.row;
        player.set_body(row, body);
        self.release_row(former, id.slot());
        self.slot_of_row[row] = Some(id.slot());
        true
    }

    /// The client is silent and can return. Returns its body.
    pub(super) fn suspend(&mut self, id: ConnectionId, session: SessionId) -> Option<EntityId> {
        let player = self.remove(id)?;
        let body = player.viewer.player;
        assert!(!self.displaced.contains_key(&session), "a displaced player is not connected");
        let former = self.suspended.insert(session, player);
        assert!(former.is_none(), "a session has one player");
        Some(body)
    }

    /// The client of a suspended player is back. Returns its body.
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
        self.insert(entities, player);
        Some(body)
    }

    /// Removes a suspended player.
    pub(super) fn remove_suspended(&mut self, session: SessionId) -> Option<Box<Player>> {
        self.suspended.remove(&session)
    }

    /// The suspended player of the oldest session makes room for another one; its session may still resume. Returns its body.
    pub(super) fn displace_suspended(&mut self) -> Option<EntityId> {
        let (session, player) = self.suspended.pop_first()?;
        let body = player.viewer.player;
        let former = self.displaced.insert(session, player);
        assert!(former.is_none(), "a session is displaced once");
        Some(body)
    }

    /// Whether the player of this session had to make room and has not entered again.
    pub(super) fn is_displaced(&self, session: SessionId) -> bool {
        self.displaced.contains_key(&session)
    }

    /// The displaced player of this session enters again with another body. False if there is no such player.
    pub(super) fn return_displaced(
        &mut self,
        entities: &Entities,
        id: ConnectionId,
        session: SessionId,
        address: SocketAddr,
        row: usize,
        body: EntityId,
    ) -> bool {
        let Some(mut player) = self.displaced.remove(&session) else { return false };
        (player.id, player.address) = (id, address);
        player.set_body(row, body);
        self.insert(entities, player);
        true
    }

    /// The session of a displaced player has ended.
    pub(super) fn forget_displaced(&mut self, session: SessionId) {
        self.displaced.remove(&session);
    }

    /// The connection `former` is now `id`, and may have another address.
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
            self.insert(entities, player);
        }
    }

    /// Inserts a connected player: into a slice that has players of its address, unless that makes the slice much longer
    /// than the others.
    fn insert(&mut self, entities: &Entities, mut player: Box<Player>) {
        let Players { by_slot, slot_of_row, slices, .. } = self;
        let (slot, address) = (player.id.slot(), player.address);
        let address_of = |slot: u16| by_slot[usize::from(slot)].as_ref().map(|player| player.address);
        let position_in = |slice: &Vec<u16>| slice.partition_point(|&other| address_of(other) < Some(address));
        let has_address =
            |slice: &Vec<u16>| slice.get(position_in(slice)).is_some_and(|&other| address_of(other) == Some(address));
        let average = slices.iter().map(Vec::len).sum::<usize>() / SLICES;
        let shared = slices.iter().position(|slice| slice.len() < average + SLICE_SLACK && has_address(slice));
        let shortest = || (0..SLICES).min_by_key(|&slice| slices[slice].len()).expect("there are slices");
        player.slice = shared.unwrap_or_else(shortest);
        let position = position_in(&slices[player.slice]);
        slices[player.slice].insert(position, slot);
        // If the game has despawned its body, the row may belong to another entity by now.
        if entities.row(player.viewer.player) == Some(player.row) {
            slot_of_row[player.row] = Some(slot);
        }
        if by_slot.len() <= usize::from(slot) {
            by_slot.resize_with(usize::from(slot) + 1, || None);
        }
        let former = by_slot[usize::from(slot)].replace(player);
        assert!(former.is_none(), "a connection's end is known before the next connection in its slot begins");
    }

    /// Number of players in a slice.
    pub(super) fn slice_len(&self, slice: usize) -> usize {
        self.slices[slice].len()
    }

    /// The player at a position of a slice, if the slice is that long.
    #[inline]
    pub(super) fn in_slice(&self, slice: usize, position: usize) -> Option<&Player> {
        self.slices[slice].get(position).and_then(|&slot| self.by_slot[usize::from(slot)].as_deref())
    }

    /// The player at a position of a slice.
    ///
    /// # Panics
    /// When the slice is not that long.
    #[inline]
    pub(super) fn in_slice_mut(&mut self, slice: usize, position: usize) -> &mut Player {
        let slot = self.slices[slice][position];
        self.by_slot[usize::from(slot)].as_deref_mut().expect("a slice has the slots of players")
    }
}
