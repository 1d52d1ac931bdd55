//! Which entities are due to a client, and the priority of each.

use super::Viewer;
use super::scratch::{Due, Scratch};
use super::slot::{Sight, Slot};
use crate::world::replication::encoder::Encoder;
use crate::world::replication::happenings::Happenings;
use crate::world::replication::pacing::Pacing;
use crate::world::replication::replica::{Head, Replica};
use ringshard_world::messages::FULL_ENTRY_BYTES_USUAL;
use ringshard_world::{EntityId, Fields};

/// Bytes of an entry that says that an entity is gone.
const GONE_BYTES: usize = 4;
/// Bytes of most differences.
const ENTRY_BYTES_USUAL: usize = 16;
/// An entity that the client does not know yet, or does not know to be gone, comes before all updates...
const PRIORITY_UNANNOUNCED: u32 = 1 << 22;
/// ... and of these, a near one comes first.
const PRIORITY_NEAR: u32 = 1 << 21;
/// Most ticks of waiting that count for the priority of an update.
const WAITED_MAX: u32 = 1 << 14;

const _: () = assert!(GONE_BYTES == 4 && PRIORITY_NEAR > u16::MAX as u32 && WAITED_MAX << 7 <= PRIORITY_NEAR);

/// Why an entity is due.
struct Need {
    priority: u32,
    /// Its entry takes about so many bytes.
    bytes: usize,
    /// Whether it is unchanged and sent again in full.
    refresh: bool,
}

/// What is the same for all slots in one tick.
struct Schedule<'a> {
    pacing: &'a Pacing,
    tick: u32,
    /// Number of the next snapshot.
    number: u16,
    /// Ticks between two updates of an entity that is far and changes often.
    far: u32,
    repeat_after: u32,
}

impl Schedule<'_> {
    /// Whether a slot is due. It is not free.
    #[inline]
    fn need(&self, slot: &Slot, head: Head) -> Option<Need> {
        let waited = u32::from((self.tick as u16).wrapping_sub(slot.sent_at));
        let need = |priority, bytes| Some(Need { priority, bytes, refresh: false });
        if !slot.announced {
            let waited = self.number.wrapping_sub(slot.since);
            let bytes = if slot.sight == Sight::Leaving { GONE_BYTES } else { FULL_ENTRY_BYTES_USUAL };
            let near = if slot.near { PRIORITY_NEAR } else { 0 };
            return need(PRIORITY_UNANNOUNCED + near + u32::from(waited), bytes);
        }
        if slot.sight == Sight::Leaving {
            return if waited < self.repeat_after { None } else { need(waited << 4, GONE_BYTES) };
        }
        if slot.acked == head.version {
            let due = waited >= self.pacing.refresh;
            return due.then_some(Need { priority: 1, bytes: FULL_ENTRY_BYTES_USUAL, refresh: true });
        }
        let interval = self.interval(slot, head);
        if waited < interval {
            return None;
        }
        let bytes = if slot.acked == 0 { FULL_ENTRY_BYTES_USUAL } else { ENTRY_BYTES_USUAL };
        need(((waited.min(WAITED_MAX) << 6) / interval) << u32::from(slot.near), bytes)
    }

    /// Ticks between two updates of the entity.
    #[inline]
    fn interval(&self, slot: &Slot, head: Head) -> u32 {
        let interval = match (head.is_moving(), slot.near) {
            (true, true) => self.pacing.near,
            (true, false) => self.far,
            (false, _) => self.pacing.still,
        };
        let interval = interval.max(head.interval.into());
        let in_flight = slot.sent == head.version as u16;
        if in_flight { interval.max(self.repeat_after) } else { interval }
    }
}

/// The interval of far entities in this tick, so that intervals have the right number of tenths on average. An entity must
/// not meet the same remainder each time: steps of 7 visit all tenths, whatever the interval is.
fn far_interval(pacing: &Pacing, tick: u32) -> u32 {
    (pacing.far_tenths + tick % 10 * 7 % 10) / 10
}

impl<O: Fields> Viewer<O> {
    /// Fills `scratch.due` with the entities that are due; returns about how many bytes they take.
    pub(super) fn find_due<S: Fields>(
        &mut self,
        tick: u32,
        pacing: &Pacing,
        replica: &Replica<S>,
        encoder: &Encoder,
        happenings: &Happenings,
        scratch: &mut Scratch,
    ) -> usize {
        let Scratch { due, heads, heard, .. } = scratch;
        due.clear();
        heard.clear();
        // In a loop of its own, so that the processor overlaps the cache misses.
        heads.clear();
        heads.extend(self.slots.iter().map(|slot| replica.head(slot.index)));
        let (far, repeat_after) = (far_interval(pacing, tick), self.repeat_after());
        let schedule = Schedule { pacing, tick, number: self.number, far, repeat_after };
        let Viewer { slots, uncertain, in_full, .. } = self;
        let mut bytes = 0;
        for (at, (slot, &head)) in slots.iter_mut().zip(&*heads).enumerate() {
            if slot.sight == Sight::Free {
                continue;
            }
            if happenings.concern(slot.index) && slot.is_heard(head.generation) {
                heard.push(EntityId { index: slot.index, generation: slot.generation });
            }
            if follow(slot, head, schedule.number) {
                uncertain.insert(at);
            }
            let Some(need) = schedule.need(slot, head) else { continue };
            if need.refresh {
                in_full.insert(at);
            }
            bytes += need.bytes;
            let age = if slot.acked == 0 || in_full.contains(at) { 0 } else { head.age_of(slot.acked) };
            encoder.prefetch(slot.index);
            due.push(Due { slot: at as u8, age, index: slot.index, priority: need.priority });
        }
        bytes
    }
}

/// Updates a slot to what has become of its entity. Returns whether the client may have another entity than is known here.
#[inline]
fn follow(slot: &mut Slot, head: Head, number: u16) -> bool {
    slot.limit_since(number);
    slot.sight == Sight::Shown && head.generation != slot.generation && slot.succeed(head.generation, number)
}
