//! Which entities are due to a client, and the priority of each.
//!
//! An entity is due when the client lacks its newest version and the interval of its kind has passed; when it was sent but not
//! acknowledged for too long; or when it was not sent for so long that it is refreshed. All slots of a block are compared at
//! once: each comparison gives a bit per slot, and the rest is logic on those bits.

use super::Viewer;
use super::block::{Block, LANES, SINCE_MAX, bits};
use super::scratch::{Due, Heads, Scratch};
use crate::world::replication::encoder::Encoder;
use crate::world::replication::happenings::Happenings;
use crate::world::replication::pacing::Pacing;
use crate::world::replication::replica::{Head, NEVER, Replica};
use ringshard_world::messages::FULL_ENTRY_BYTES_USUAL;
use ringshard_world::{EntityId, Fields};
use wide::u16x16;

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
/// Slots that are compared at a time.
const CHUNK: usize = 16;

const _: () = assert!(GONE_BYTES == 4 && PRIORITY_NEAR > u16::MAX as u32 && WAITED_MAX << 7 <= PRIORITY_NEAR);

/// What is the same for all slots in one tick: times in ticks.
pub(super) struct Schedule {
    /// The low bits of the tick.
    tick: u16,
    /// Number of the next snapshot.
    number: u16,
    /// Between two updates of an entity that is near and changes often...
    near: u16,
    /// ... that is far and changes often...
    far: u16,
    /// ... that changes rarely.
    still: u16,
    /// Until an entry that was not acknowledged is repeated.
    repeat: u16,
    /// Until an unchanged entity is sent again in full.
    refresh: u16,
}

impl Schedule {
    fn new(pacing: &Pacing, tick: u32, number: u16, repeat: u32) -> Schedule {
        let short = |ticks: u32| ticks.min(u16::MAX.into()) as u16;
        Schedule {
            tick: tick as u16,
            number,
            near: short(pacing.near),
            far: short(far_interval(pacing, tick)),
            still: short(pacing.still),
            repeat: short(repeat),
            refresh: short(pacing.refresh),
        }
    }
}

/// The interval of far entities in this tick, so that intervals have the right number of tenths on average. An entity must
/// not meet the same remainder each time: steps of 7 visit all tenths, whatever the interval is.
fn far_interval(pacing: &Pacing, tick: u32) -> u32 {
    (pacing.far_tenths + tick % 10 * 7 % 10) / 10
}

/// What the comparisons say of the slots of a block, a bit each.
#[derive(Default)]
struct Compared {
    /// Another entity, or none, is at the index.
    replaced: u64,
    /// The client lacks the newest version.
    differs: u64,
    /// The newest version was sent.
    in_flight: u64,
    /// The entity changes often.
    moving: u64,
    /// So many ticks have passed since an entry was sent: those of the schedule, and of the entity's own interval.
    near: u64,
    far: u64,
    still: u64,
    repeat: u64,
    refresh: u64,
    interval: u64,
}

impl Compared {
    #[inline]
    fn new(block: &Block, heads: &Heads, schedule: &Schedule) -> Compared {
        let Schedule { tick, near, far, still, repeat, refresh, .. } = *schedule;
        let [tick, near, far, still, repeat, refresh] = [tick, near, far, still, repeat, refresh].map(u16x16::splat);
        let mut compared = Compared::default();
        for chunk in 0..used(block).div_ceil(CHUNK) {
            let from = chunk * CHUNK;
            let bits = |lanes: u16x16| u64::from(lanes.to_bitmask()) << from;
            let at_least = |waited: u16x16, ticks: u16x16| bits(ticks.saturating_sub(waited).simd_eq(u16x16::ZERO));
            let (versions, about) = (load(&heads.versions, from), load(&heads.about, from));
            let waited = tick - load(&block.sent_at, from);
            let generations = u16x16::new(std::array::from_fn(|lane| block.generations[from + lane].into()));
            compared.replaced |= bits(!(about & u16x16::splat(0xFF)).simd_eq(generations));
            compared.differs |= bits(!load(&block.acked, from).simd_eq(versions));
            compared.in_flight |= bits(load(&block.sent, from).simd_eq(versions));
            // The highest bit of `pace`.
            compared.moving |= bits(about);
            compared.near |= at_least(waited, near);
            compared.far |= at_least(waited, far);
            compared.still |= at_least(waited, still);
            compared.repeat |= at_least(waited, repeat);
            compared.refresh |= at_least(waited, refresh);
            let interval: u16x16 = (about >> 8) & u16x16::splat(Head::INTERVAL.into());
            let never = interval.simd_eq(u16x16::splat(NEVER.into()));
            compared.interval |= at_least(waited, interval | never);
        }
        compared
    }
}

/// How many slots of a block, from the first on, have all its entities.
#[inline]
fn used(block: &Block) -> usize {
    LANES - block.in_use().leading_zeros() as usize
}

#[inline]
fn load(column: &[u16; LANES], from: usize) -> u16x16 {
    u16x16::new(*column[from..].first_chunk().expect("a block has whole chunks"))
}

/// The slots of a block that are due, by reason.
struct Needs {
    /// The client does not know yet that the entity is in sight, or that it is gone.
    unannounced: u64,
    /// The entity has changed.
    changed: u64,
    /// It is unchanged and sent again in full.
    refreshed: u64,
    /// It was said to be gone, which may be lost.
    gone: u64,
}

impl Needs {
    #[inline]
    fn new(block: &Block, compared: &Compared) -> Needs {
        let Compared { differs, in_flight, moving, near, far, still, repeat, refresh, interval, .. } = *compared;
        let often = block.near & near | !block.near & far;
        let is_time = (moving & often | !moving & still) & interval & (!in_flight | repeat);
        Needs {
            unannounced: block.in_use() & !block.announced,
            changed: block.shown & block.announced & differs & is_time,
            refreshed: block.shown & block.announced & !differs & refresh,
            gone: block.leaving & block.announced & repeat,
        }
    }

    fn all(&self) -> u64 {
        self.unannounced | self.changed | self.refreshed | self.gone
    }

    /// About how many bytes the entries take. Changed entities of which the client has no version count as differences, as
    /// there are few of them.
    fn bytes(&self, leaving: u64) -> usize {
        let count = |set: u64| set.count_ones() as usize;
        count((self.unannounced | self.refreshed) & !leaving) * FULL_ENTRY_BYTES_USUAL
            + count(self.changed) * ENTRY_BYTES_USUAL
            + count((self.unannounced | self.gone) & leaving) * GONE_BYTES
    }
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
        let schedule = Schedule::new(pacing, tick, self.history.next(), self.repeat_after());
        let Scratch { due, heads, heard, .. } = scratch;
        due.clear();
        heard.clear();
        if !happenings.is_empty() {
            heard.extend(self.heard(happenings, replica));
        }
        // Often enough for any snapshot that an acknowledgment can name.
        if schedule.number.is_multiple_of(SINCE_MAX / 2) {
            self.slots.limit_since(schedule.number);
        }
        let mut bytes = 0;
        for (number, (block, heads)) in self.slots.blocks_mut().iter_mut().zip(heads).enumerate() {
            heads.gather(&block.indices, used(block), replica);
            let compared = Compared::new(block, heads, &schedule);
            for lane in bits(block.shown & compared.replaced) {
                block.succeed(lane, heads.about[lane] as u8, schedule.number);
            }
            let needs = Needs::new(block, &compared);
            block.in_full |= needs.refreshed;
            bytes += needs.bytes(block.leaving);
            for lane in bits(needs.all()) {
                let (index, acked) = (block.indices[lane], block.acked[lane]);
                let in_full = acked == 0 || block.in_full & 1 << lane != 0;
                let age = if in_full { 0 } else { replica.age_of(index, heads.versions[lane], acked) };
                encoder.prefetch(index);
                due.push(Due { slot: (number * LANES + lane) as u8, age, index });
            }
        }
        bytes
    }

    /// The priority of a slot that is due: the greatest comes first.
    pub(super) fn priority(&self, tick: u32, pacing: &Pacing, due: Due, heads: &[Heads]) -> u32 {
        let schedule = Schedule::new(pacing, tick, self.history.next(), self.repeat_after());
        let (block, lane) = (usize::from(due.slot) / LANES, usize::from(due.slot) % LANES);
        let (block, heads) = (&self.slots.blocks()[block], &heads[block]);
        let has = |set: u64| set & 1 << lane != 0;
        if !has(block.announced) {
            let waited = schedule.number.wrapping_sub(block.since[lane]);
            let near = if has(block.near) { PRIORITY_NEAR } else { 0 };
            return PRIORITY_UNANNOUNCED + near + u32::from(waited);
        }
        let waited = u32::from(schedule.tick.wrapping_sub(block.sent_at[lane]));
        if has(block.leaving) {
            return waited << 4;
        }
        if block.acked[lane] == heads.versions[lane] {
            // A refresh.
            return 1;
        }
        let pace = (heads.about[lane] >> 8) as u8;
        let interval = match (pace & Head::MOVING != 0, has(block.near)) {
            (true, true) => schedule.near,
            (true, false) => schedule.far,
            (false, _) => schedule.still,
        };
        let interval = interval.max((pace & Head::INTERVAL).into());
        let in_flight = block.sent[lane] == heads.versions[lane];
        let interval = if in_flight { interval.max(schedule.repeat) } else { interval };
        ((waited.min(WAITED_MAX) << 6) / u32::from(interval)) << u32::from(has(block.near))
    }

    /// The entities of which the client gets the events of this tick, as far as there are any.
    pub fn heard<'a, S: Fields>(
        &'a self,
        happenings: &'a Happenings,
        replica: &'a Replica<S>,
    ) -> impl Iterator<Item = EntityId> + 'a {
        self.slots.blocks().iter().flat_map(move |block| {
            let concerned = bits(block.in_use()).filter(|&lane| happenings.concern(block.indices[lane]));
            let concerned = concerned.fold(0, |set, lane| set | 1 << lane);
            let heard = block.heard(concerned, |index| replica.generation(index));
            heard.map(|lane| EntityId { index: block.indices[lane], generation: block.generations[lane] })
        })
    }
}
