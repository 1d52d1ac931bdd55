//! All players of a core: by connection, by session, by body, and by the slice in which each is served.

use super::member::{Member, Presence};
use crate::game::ledger::Ledger;
use crate::game::player::PlayerId;
use ringshard_prefetch::prefetch_part;
use ringshard_protocol::endpoint::SessionId;
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::{EntityId, Rules};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;

/// Slices per tick: each client is served in one of them.
pub(crate) const SLICES: usize = 16;
/// How many clients a slice may have above the average, so that the clients of one address share a slice.
const SLICE_SLACK: usize = 64;

/// All players of a core.
pub(crate) struct Members<R: Rules> {
    /// The first index that the core owns.
    first: u16,
    /// Side by side: players that are far apart in memory cost the processor a walk of its page table each.
    slots: Vec<Option<Member<R>>>,
    /// The generation of the present or last player of each slot.
    generations: Vec<u32>,
    /// Free slots, the one freed first at the front.
    free: VecDeque<u16>,
    /// Their slots, by slot of their connections.
    of_connection: Vec<Option<u16>>,
    of_session: BTreeMap<SessionId, u16>,
    /// Their slots, by the row of their body. A body that the game has despawned may still have an entry.
    of_row: Vec<Option<u16>>,
    /// The slots of players that are in the world and connected, by slice; ordered by address within a slice.
    slices: [Vec<u16>; SLICES],
    /// What players were refused, by slot: apart from [`Member`], which every tick reads.
    pub(crate) ledger: Ledger,
}

impl<R: Rules> Members<R> {
    /// No players, on a core that owns `rows` entities from index `first` on.
    pub(crate) fn new(first: u16, rows: usize) -> Self {
        Members {
            first,
            // Memory that no player has used is not resident.
            slots: Vec::with_capacity(rows),
            generations: Vec::new(),
            free: VecDeque::new(),
            of_connection: Vec::new(),
            of_session: BTreeMap::new(),
            of_row: vec![None; rows],
            slices: [const { Vec::new() }; SLICES],
            ledger: Ledger::new(rows),
        }
    }

    /// All slots, used or free.
    pub(crate) fn slots(&self) -> impl ExactSizeIterator<Item = u16> + use<R> {
        (0..self.slots.len()).map(|slot| slot as u16)
    }

    /// The player in a slot.
    #[inline]
    pub(crate) fn in_slot(&self, slot: u16) -> Option<&Member<R>> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    /// The player in a slot.
    #[inline]
    pub(crate) fn in_slot_mut(&mut self, slot: u16) -> Option<&mut Member<R>> {
        self.slots.get_mut(usize::from(slot))?.as_mut()
    }

    /// Prefetches the place of a player in a slot, in parts. None of it is read: whether there is a player is not in the
    /// cache either.
    #[inline]
    fn prefetch_parts(&self, slot: u16, parts: &[Range<usize>]) {
        // A player lies at the start of its place.
        const { assert!(size_of::<Option<Member<R>>>() == size_of::<Member<R>>()) };
        if let Some(place) = self.slots.get(usize::from(slot)) {
            parts.iter().for_each(|part| prefetch_part(place, part.clone()));
        }
    }

    /// Prefetches what serving the player in a slot reads first.
    #[inline]
    pub(crate) fn prefetch_served(&self, slot: u16) {
        self.prefetch_parts(slot, &[Member::<R>::FRONT]);
        self.prefetch_parts(slot, &Member::<R>::VIEW);
    }

    /// Prefetches what the step of the player in a slot reads and writes, and what taking its input for `tick` does.
    #[inline]
    pub(crate) fn prefetch_step(&self, slot: u16, tick: u32) {
        let waiting = Member::<R>::waiting(tick);
        self.prefetch_parts(slot, &[Member::<R>::FRONT, waiting]);
    }

    /// Prefetches the player of a connection, which may send its input for `tick`.
    #[inline]
    pub(crate) fn prefetch(&self, connection: ConnectionId, tick: u32) {
        if let Some(&Some(slot)) = self.of_connection.get(usize::from(connection.slot())) {
            self.prefetch_step(slot, tick);
        }
    }

    /// A player that is in the world, or waits to be let in.
    #[inline]
    pub(crate) fn get(&self, id: PlayerId) -> Option<&Member<R>> {
        self.in_slot(id.slot).filter(|member| member.id == id && member.presence.is_known_to_game())
    }

    /// A player that is in the world, or waits to be let in.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: PlayerId) -> Option<&mut Member<R>> {
        self.in_slot_mut(id.slot).filter(|member| member.id == id && member.presence.is_known_to_game())
    }

    /// A player, wherever it is: one that has left is known until it asks to enter again or its session ends.
    pub(crate) fn known(&mut self, id: PlayerId) -> Option<&mut Member<R>> {
        self.in_slot_mut(id.slot).filter(|member| member.id == id)
    }

    /// The player of a connection, wherever it is.
    #[inline]
    pub(crate) fn of_connection(&mut self, connection: ConnectionId) -> Option<&mut Member<R>> {
        let slot = (*self.of_connection.get(usize::from(connection.slot()))?)?;
        self.in_slot_mut(slot).filter(|member| member.connection == Some(connection))
    }

    /// The player of a session, wherever it is.
    pub(crate) fn of_session(&mut self, session: SessionId) -> Option<&mut Member<R>> {
        let slot = *self.of_session.get(&session)?;
        self.in_slot_mut(slot)
    }

    fn row(&self, body: EntityId) -> usize {
        usize::from(body.index.wrapping_sub(self.first))
    }

    /// The player that has this body.
    pub(crate) fn of_body(&self, body: EntityId) -> Option<&Member<R>> {
        let slot = (*self.of_row.get(self.row(body))?)?;
        self.in_slot(slot).filter(|member| member.owner.body == Some(body))
    }

    /// A free slot. None if all are used: a core can have twice as many sessions, because half of them may be suspended.
    fn free_slot(&mut self) -> Option<u16> {
        if let Some(slot) = self.free.pop_front() {
            return Some(slot);
        }
        let slot = u16::try_from(self.slots.len()).ok()?;
        self.slots.push(None);
        self.generations.push(0);
        self.ledger.add_slot();
        Some(slot)
    }

    /// A session has a player now: at its first request, or because it comes from another server. None if the core has no room for another player.
    pub(crate) fn add(&mut self, make: impl FnOnce(PlayerId) -> Member<R>) -> Option<&mut Member<R>> {
        let slot = self.free_slot()?;
        let member = make(self.next_id(slot));
        let former = self.of_session.insert(member.session, slot);
        assert!(former.is_none(), "a session has one player");
        assert!(self.slots[usize::from(slot)].is_none(), "a free slot has no player");
        let connection = member.connection;
        self.slots[usize::from(slot)] = Some(member);
        self.ledger.clear(slot);
        if let Some(connection) = connection {
            self.set_connection(connection, slot);
        }
        self.in_slot_mut(slot)
    }

    /// The id of the next player in a slot.
    pub(crate) fn next_id(&mut self, slot: u16) -> PlayerId {
        let generation = &mut self.generations[usize::from(slot)];
        *generation = generation.wrapping_add(1);
        PlayerId { slot, generation: *generation }
    }

    fn set_connection(&mut self, connection: ConnectionId, slot: u16) {
        let at = usize::from(connection.slot());
        if self.of_connection.len() <= at {
            self.of_connection.resize(at + 1, None);
        }
        self.of_connection[at] = Some(slot);
    }

    /// The client of a player is silent: it is served no more.
    pub(crate) fn disconnect(&mut self, slot: u16) {
        self.leave_slice(slot);
        let Some(member) = self.in_slot_mut(slot) else { return };
        if let Some(connection) = member.connection.take() {
            // A connection's end may be known after the next connection in its slot began.
            self.of_connection[usize::from(connection.slot())].take_if(|owner| *owner == slot);
        }
    }

    /// A player has this connection now, and is served if it is in the world.
    pub(crate) fn connect(&mut self, slot: u16, connection: ConnectionId, address: Option<SocketAddr>) {
        self.disconnect(slot);
        let Some(member) = self.in_slot_mut(slot) else { return };
        member.connection = Some(connection);
        member.address = address.unwrap_or(member.address);
        let is_served = member.presence == Presence::Inside;
        self.set_connection(connection, slot);
        if is_served {
            self.join_slice(slot);
        }
    }

    /// The session of a player has ended.
    pub(crate) fn remove(&mut self, slot: u16) {
        self.disconnect(slot);
        self.release_body(slot);
        let Some(member) = self.slots[usize::from(slot)].take() else { return };
        let known = self.of_session.remove(&member.session);
        assert_eq!(known, Some(slot), "a player's session is known");
        self.free.push_back(slot);
    }

    /// Gives a player a body of this core, or takes it away. If another player has that body, it loses it.
    pub(crate) fn set_body(&mut self, slot: u16, body: Option<EntityId>) {
        self.release_body(slot);
        let Some(body) = body else { return };
        let row = self.row(body);
        if let Some(former) = self.of_row[row].replace(slot)
            && let Some(member) = self.in_slot_mut(former)
            && member.owner.body == Some(body)
        {
            (member.owner.body, member.viewer.gaze.body) = (None, None);
        }
        let Some(member) = self.in_slot_mut(slot) else { return };
        (member.owner.body, member.viewer.gaze.body) = (Some(body), Some(body));
        member.has_looked = false;
    }

    /// A player has no body any more.
    fn release_body(&mut self, slot: u16) {
        let Some(member) = self.in_slot_mut(slot) else { return };
        member.viewer.gaze.body = None;
        if let Some(body) = member.owner.body.take() {
            let row = self.row(body);
            self.of_row[row].take_if(|owner| *owner == slot);
        }
    }

    /// Serves a player: in a slice that has players of its address, unless that makes the slice much longer than the others.
    pub(crate) fn join_slice(&mut self, slot: u16) {
        let Members { slots, slices, .. } = self;
        let address_of = |slot: u16| slots[usize::from(slot)].as_ref().map(|member| member.address);
        let address = address_of(slot);
        let position_in = |slice: &Vec<u16>| slice.partition_point(|&other| address_of(other) < address);
        let has_address =
            |slice: &Vec<u16>| slice.get(position_in(slice)).is_some_and(|&other| address_of(other) == address);
        let average = slices.iter().map(Vec::len).sum::<usize>() / SLICES;
        let shared = slices.iter().position(|slice| slice.len() < average + SLICE_SLACK && has_address(slice));
        let shortest = || (0..SLICES).min_by_key(|&slice| slices[slice].len()).expect("there are slices");
        let slice = shared.unwrap_or_else(shortest);
        let position = position_in(&slices[slice]);
        assert!(!slices[slice].contains(&slot), "a player is served once per tick");
        slices[slice].insert(position, slot);
        if let Some(member) = self.in_slot_mut(slot) {
            member.slice = slice;
        }
    }

    /// A player is served no more.
    pub(crate) fn leave_slice(&mut self, slot: u16) {
        let Some(member) = self.in_slot(slot) else { return };
        let slice = member.slice;
        self.slices[slice].retain(|&other| other != slot);
    }

    /// The players that are served in a slice.
    pub(crate) fn slice(&self, slice: usize) -> &[u16] {
        &self.slices[slice]
    }

    /// Number of players that are in the world and connected.
    pub(crate) fn served(&self) -> usize {
        self.slices.iter().map(Vec::len).sum()
    }

    /// All players that are in the world or wait to be let in.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Member<R>> {
        self.slots.iter().flatten().filter(|member| member.presence != Presence::Outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_world::Pose;

    ringshard_world::wire! {
        pub struct Nothing {}
        pub enum Never { Is }
    }

    struct NoRules;

    impl Rules for NoRules {
        type Input = Nothing;
        type Own = Nothing;
        type Shown = Nothing;
        type Ask = Never;
        type Answer = Never;
        type Event = Never;

        fn step(&self, _: &mut Nothing, _: &Nothing) {}

        fn pose(&self, _: &Nothing) -> Pose {
            Pose::default()
        }
    }

    /// A reply or a decision that the game still owes would reach another player.
    #[test]
    fn a_client_that_is_refused_for_minutes_does_not_get_a_former_id_again() {
        let mut members = Members::<NoRules>::new(0, 1);
        let slot = members.free_slot().unwrap();
        let first = members.next_id(slot);
        assert!((0..1_000_000).all(|_| members.next_id(slot) != first));
    }

    /// Slots have 16 bits. With that many connections and as many suspended sessions, a core has more sessions than slots.
    #[test]
    fn a_core_without_a_free_slot_takes_no_further_player() {
        let mut members = Members::<NoRules>::new(0, 1);
        assert!((0..=u16::MAX).all(|slot| members.free_slot() == Some(slot)));
        assert!(members.add(|_| unreachable!("it has no id")).is_none());
        assert!(members.slots().eq(0..=u16::MAX), "the last slot is stepped and told events, too");
    }
}
