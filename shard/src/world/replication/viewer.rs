//! One client: what is around it, what it has of that, and what it is told next.
//!
//! For each entity in sight the viewer knows the newest version that the client has acknowledged, and when it last sent
//! one. What is due goes out by rate (A5); when more is due than may leave, by how long it has waited and how near it is.
//! Nothing is ever sent again: what a lost snapshot said is said anew from the same baseline.

use super::encoder::Encoder;
use super::replica::{Head, Replica};
use crate::world::interest::Reach;
use ringshard_prefetch::prefetch;
use ringshard_world::codec::Writer;
use ringshard_world::limits::SNAPSHOTS_ACKNOWLEDGED;
use ringshard_world::messages::{PLAIN_ENTRY_BYTES_MAX, SnapshotHeader, write_gone};
use ringshard_world::view::digest_on;
use ringshard_world::{EntityId, Position};

/// Entities in sight of a client, those that are leaving it included.
pub const SLOTS_MAX: usize = 256;
/// Entries of snapshots under way that are remembered; more are taken for lost.
const LOG: usize = 1024;
/// Snapshots under way that are remembered.
const SNAPSHOTS: usize = SNAPSHOTS_ACKNOWLEDGED as usize + 1;
/// Snapshots after which it no longer matters since when an entity is in sight: all that were sent before are forgotten.
const SINCE_MAX: u16 = 1 << 14;
/// Bytes of an entry that says that an entity is gone.
const GONE_BYTES: usize = 4;
/// Bytes of most differences.
const ENTRY_BYTES_USUAL: usize = 16;
/// Ticks between two snapshots that have nothing to say but that input arrived.
const SILENCE: u32 = 10;
/// Ticks for the first answer, before any was measured: a quarter of a second.
const ROUND_TRIP_FIRST: u32 = 15;
/// Ticks that a round trip counts for at most: acknowledgments that came after an outage, or were held back, say nothing
/// of the path.
const ROUND_TRIP_MAX: u32 = 60;

/// How often a client is told of what (A5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pacing {
    /// Bytes of a snapshot's entries at most: the budget of a tick.
    pub bytes_max: usize,
    /// Ticks between two updates of what moves nearby.
    pub near: u32,
    /// Tenths of ticks between two updates of what moves further away.
    pub far_tenths: u32,
    /// Ticks between two updates of what hardly moves.
    pub still: u32,
    /// Ticks after which everything is told again in full.
    pub refresh: u32,
}

impl Default for Pacing {
    /// 60 Hz, 18 Hz, 6 Hz, and 5 s (A5).
    fn default() -> Self {
        Pacing { bytes_max: 500, near: 1, far_tenths: 33, still: 10, refresh: 300 }
    }
}

impl Pacing {
    /// The same under load: each level above 0 halves the rates of what is far and of what is still, and the third the
    /// rate of what is near (A1).
    pub fn shed(self, level: u8) -> Pacing {
        let level = u32::from(level);
        Pacing {
            near: self.near << level.saturating_sub(2),
            far_tenths: self.far_tenths << level,
            still: self.still << level,
            ..self
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sight {
    /// Nobody's.
    Free,
    /// In sight.
    Shown,
    /// Out of sight; the client may not know yet.
    Leaving,
}

/// An entity in sight. Thousands of clients have dozens of these each, and all are gone through every tick: a cache line
/// holds four.
#[derive(Clone, Copy, Debug)]
struct Slot {
    sight: Sight,
    generation: u8,
    near: bool,
    /// Whether it was told of since it came into sight, or of its going since it left.
    told: bool,
    index: u16,
    /// The number of the first snapshot that may have spoken of it.
    since: u16,
    /// Newest version that the client is known to have; 0 for none.
    acked: u32,
    /// The low bits of the version sent last, and of when.
    sent: u16,
    sent_at: u16,
}

const _: () = assert!(size_of::<Slot>() == 16);

const FREE: Slot = Slot {
    sight: Sight::Free,
    generation: 0,
    near: false,
    told: false,
    index: 0,
    since: 0,
    acked: 0,
    sent: 0,
    sent_at: 0,
};

impl Slot {
    /// Another entity has taken the place of the one that was in sight, or, for a generation of 0, none has. Gives
    /// whether the client may have something else of it than is known here.
    fn succeed(&mut self, generation: u8, number: u16) -> bool {
        self.told = false;
        if generation == 0 {
            self.sight = Sight::Leaving;
            return false;
        }
        // What is under way speaks of the other one; the client may have that by now, or not.
        (self.since, self.generation, self.acked) = (number, generation, 0);
        true
    }
}

/// A bit for each slot.
#[derive(Clone, Copy, Default, Debug)]
struct SlotSet([u64; SLOTS_MAX / 64]);

impl SlotSet {
    const ALL: SlotSet = SlotSet([u64::MAX; SLOTS_MAX / 64]);

    fn insert(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn remove(&mut self, place: usize) {
        self.0[place / 64] &= !(1 << (place % 64));
    }

    fn contains(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 != 0
    }
}

/// An entry under way.
#[derive(Clone, Copy, Debug, Default)]
struct Logged {
    slot: u8,
    gone: bool,
    /// The low bits of the version.
    version: u16,
}

/// A snapshot under way.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    number: u16,
    /// Whether it waits for its acknowledgment.
    waits: bool,
    count: u16,
    /// Where its entries begin in the log, of all that were ever logged.
    start: u32,
    at: u32,
}

/// What is due.
#[derive(Clone, Copy, Debug)]
struct Due {
    slot: u8,
    /// Versions since the one that the client has; 0 when it is told in full.
    age: u8,
    index: u16,
    urgency: u32,
}

/// Room that all viewers of a core share while they are served.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Digests that may yet be compared in this tick: clients decide how many they send, and each takes a while.
    pub digests_left: u32,
    due: Vec<Due>,
    heads: Vec<Head>,
    digest: Vec<(EntityId, u8)>,
}

/// What an acknowledgment told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// No digest, or too much is unknown to say.
    Unknown,
    /// Client and server agree on what the client sees.
    Agreed,
    /// They do not.
    Differs,
}

/// One client's view, as the server keeps it.
#[derive(Debug)]
pub struct Viewer {
    /// The client's own entity.
    pub player: EntityId,
    /// How far it had to look last time.
    pub reach: Reach,
    slots: Vec<Slot>,
    free: Vec<u8>,
    /// Of which the client may have something else than is known here, until it acknowledges something newer.
    uncertain: SlotSet,
    /// To be told in full, whatever the client has.
    afresh: SlotSet,
    /// Whether the last snapshot had no room for all that was due.
    crowded: bool,
    number: u16,
    sent: Box<[Sent; SNAPSHOTS]>,
    log: Box<[Logged]>,
    logged: u32,
    /// Smoothed, in eighths of a tick.
    round_trip_eighths: u32,
    silent_since: u32,
    /// The newest snapshot that was acknowledged.
    heard: Option<u16>,
    /// The inputs of its player.
    pub inputs: Inputs,
    /// Where its player was when it was last known to be anywhere.
    pub stood_at: Option<Position>,
}

/// The newest inputs of a player: which of them the state of a tick contains.
///
/// An input takes effect in the tick after it came. A snapshot that is written between two ticks shows the former of them,
/// and must not acknowledge what only the next will contain.
#[derive(Clone, Copy, Default, Debug)]
pub struct Inputs {
    newest: u16,
    /// The last tick that had begun when the newest came.
    came_at: u32,
    /// The newest of those that came before that tick.
    before: u16,
}

impl Inputs {
    /// Takes an input that came after `tick` had begun. False when it is not newer than all before it.
    pub fn take(&mut self, tick: u32, number: u16) -> bool {
        if (number.wrapping_sub(self.newest) as i16) <= 0 {
            return false;
        }
        if self.came_at != tick {
            self.before = self.newest;
        }
        (self.newest, self.came_at) = (number, tick);
        true
    }

    /// The newest input that the state of `tick` contains.
    pub fn contained(&self, tick: u32) -> u16 {
        if self.came_at == tick { self.before } else { self.newest }
    }
}

impl Viewer {
    /// Of a client that sees nothing yet.
    pub fn new(player: EntityId) -> Self {
        Viewer {
            player,
            reach: Reach::default(),
            slots: Vec::with_capacity(SLOTS_MAX),
            free: Vec::with_capacity(SLOTS_MAX),
            uncertain: SlotSet::default(),
            afresh: SlotSet::default(),
            crowded: false,
            number: 0,
            sent: Box::new([Sent::default(); SNAPSHOTS]),
            log: vec![Logged::default(); LOG].into_boxed_slice(),
            logged: 0,
            round_trip_eighths: ROUND_TRIP_FIRST * 8,
            silent_since: 0,
            heard: None,
            inputs: Inputs::default(),
            stood_at: None,
        }
    }

    /// Entities in sight, by index.
    pub fn shown(&self) -> impl Iterator<Item = u16> + '_ {
        self.slots.iter().filter(|slot| slot.sight == Sight::Shown).map(|slot| slot.index)
    }

    /// How many are in sight.
    pub fn shown_len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.sight == Sight::Shown).count()
    }

    /// Says which of those in sight are near.
    pub fn set_near(&mut self, near: impl Fn(u16) -> bool) {
        for slot in self.slots.iter_mut().filter(|slot| slot.sight == Sight::Shown) {
            slot.near = near(slot.index);
        }
    }

    /// The entity at `index` comes into sight. One that finds no room will be asked for again.
    pub fn enter(&mut self, index: u16, generation: u8) {
        let slot = Slot { sight: Sight::Shown, near: true, generation, index, since: self.number, ..FREE };
        // It may still be leaving: then the client may have it or not.
        let leaving = self.slots.iter().position(|slot| slot.sight != Sight::Free && slot.index == index);
        let place = match leaving.or_else(|| self.free.pop().map(usize::from)) {
            Some(place) => place,
            None if self.slots.len() < SLOTS_MAX => {
                self.slots.push(FREE);
                self.slots.len() - 1
            }
            None => return,
        };
        self.slots[place] = slot;
        self.afresh.remove(place);
        match leaving {
            Some(_) => self.uncertain.insert(place),
            None => self.uncertain.remove(place),
        }
    }

    /// The entity at `index` goes out of sight.
    pub fn leave(&mut self, index: u16) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.sight == Sight::Shown && slot.index == index) {
            (slot.sight, slot.told) = (Sight::Leaving, false);
        }
    }

    /// Asks the processor for what [`Self::snapshot`] goes through: thousands of viewers do not stay in its cache.
    #[inline]
    pub fn prefetch(&self) {
        // A cache line holds four slots.
        self.slots.iter().step_by(4).for_each(prefetch);
        prefetch(&self.log[self.logged as usize % LOG]);
        prefetch(&self.sent[usize::from(self.number) % SNAPSHOTS]);
    }

    /// Ticks after which what is not acknowledged is said again.
    fn patience(&self) -> u32 {
        self.round_trip_eighths.div_ceil(8) * 5 / 4 + 2
    }

    /// Takes an acknowledgment: the newest snapshot that came, and which of those before it did. False when a newer one
    /// was taken before, or when it speaks of what was not sent.
    pub fn acknowledge(&mut self, tick: u32, newest: u16, before: u64, replica: &Replica) -> bool {
        let behind = self.number.wrapping_sub(newest);
        // The number last used is the one before the next.
        if behind == 0 || behind > 0x7FFF || self.heard.is_some_and(|heard| (newest.wrapping_sub(heard) as i16) < 0) {
            return false;
        }
        // What was acknowledged before is done with.
        let news = self.heard.map_or(u16::MAX, |heard| newest.wrapping_sub(heard)).min(SNAPSHOTS as u16);
        self.heard = Some(newest);
        if let Some(sent) = self.under_way(newest) {
            let sample = tick.wrapping_sub(sent.at).clamp(1, ROUND_TRIP_MAX) * 8;
            self.round_trip_eighths = (self.round_trip_eighths * 7 + sample) / 8;
        }
        for distance in (0..news).rev() {
            let number = newest.wrapping_sub(distance);
            if let Some(sent) = self.under_way(number) {
                // One that did not come by now never counts: the client does not go back.
                self.sent[usize::from(number) % SNAPSHOTS].waits = false;
                if distance == 0 || before >> (distance - 1) & 1 != 0 {
                    self.arrived(sent, replica);
                }
            }
        }
        true
    }

    fn under_way(&self, number: u16) -> Option<Sent> {
        let sent = self.sent[usize::from(number) % SNAPSHOTS];
        (sent.waits && sent.number == number).then_some(sent)
    }

    /// A snapshot has arrived: what it told is known to the client.
    fn arrived(&mut self, sent: Sent, replica: &Replica) {
        if self.logged.wrapping_sub(sent.start) > LOG as u32 {
            return self.doubt();
        }
        for at in 0..u32::from(sent.count) {
            let Logged { slot: place, gone, version } = self.log[(sent.start.wrapping_add(at)) as usize % LOG];
            let slot = &mut self.slots[usize::from(place)];
            if slot.sight == Sight::Free || (sent.number.wrapping_sub(slot.since) as i16) < 0 {
                continue;
            }
            if gone {
                if slot.sight == Sight::Leaving {
                    *slot = FREE;
                    self.free.push(place);
                }
                continue;
            }
            let newest = replica.version(slot.index);
            let version = newest.wrapping_sub(u32::from((newest as u16).wrapping_sub(version)));
            // Versions go round; 0 stands for none.
            if slot.acked == 0 || (version.wrapping_sub(slot.acked) as i32) > 0 {
                slot.acked = version;
            }
            self.uncertain.remove(place.into());
        }
    }

    /// It is not known what of the snapshots before has arrived.
    fn doubt(&mut self) {
        self.uncertain = SlotSet::ALL;
    }

    /// Whether the client's digest, given together with the acknowledgment taken last, is that of what it must have.
    pub fn check(&mut self, digest: u32, replica: &Replica, scratch: &mut Scratch) -> Agreement {
        let in_use = |place: usize| self.slots[place].sight != Sight::Free;
        if (0..self.slots.len()).any(|place| in_use(place) && self.uncertain.contains(place)) {
            return Agreement::Unknown;
        }
        let known = &mut scratch.digest;
        known.clear();
        for (place, slot) in self.slots.iter().enumerate() {
            if slot.sight != Sight::Free && slot.acked != 0 {
                known.push((EntityId { index: slot.index, generation: slot.generation }, place as u8));
            }
        }
        known.sort_unstable();
        let mut ours = 0;
        for &(id, place) in &*known {
            match replica.state_at(id.index, self.slots[usize::from(place)].acked) {
                Some(state) => ours = digest_on(ours, id, state),
                None => return Agreement::Unknown,
            }
        }
        if ours == digest { Agreement::Agreed } else { Agreement::Differs }
    }

    /// Writes the next snapshot into `message`; gives its length, 0 when there is nothing to say.
    pub fn snapshot(
        &mut self,
        tick: u32,
        pacing: &Pacing,
        replica: &Replica,
        encoder: &mut Encoder,
        scratch: &mut Scratch,
        message: &mut [u8],
    ) -> usize {
        let wanted = self.find_due(tick, pacing, replica, encoder, scratch);
        if scratch.due.is_empty() && tick.wrapping_sub(self.silent_since) < SILENCE {
            return 0;
        }
        self.silent_since = tick;
        replica.seal();
        let room = message.len().min(SnapshotHeader::BYTES + pacing.bytes_max);
        let mut writer = Writer::new(&mut message[..room]);
        let header = SnapshotHeader { number: self.number, tick, input: self.inputs.contained(tick) };
        header.write(&mut writer).expect("a snapshot has room for its header");
        let start = self.logged;
        if SnapshotHeader::BYTES + wanted <= room && !self.crowded {
            for (at, &due) in scratch.due.iter().enumerate() {
                if let Some(next) = scratch.due.get(at + 2) {
                    encoder.prefetch_entry(next.index, next.age.into());
                }
                // What is larger than was thought: next time whoever waited longest comes first.
                self.crowded |= !self.write_entry(tick, due, replica, encoder, &mut writer);
            }
        } else {
            scratch.due.sort_unstable_by_key(|due| std::cmp::Reverse(due.urgency));
            let full = scratch.due.iter().position(|&due| !self.write_entry(tick, due, replica, encoder, &mut writer));
            // One more, shorter, may yet fit; those behind it wait, and are the more urgent next time.
            if let Some(full) = full
                && let Some(&next) = scratch.due.get(full + 1)
            {
                self.write_entry(tick, next, replica, encoder, &mut writer);
            }
            self.crowded = full.is_some();
        }
        let count = self.logged.wrapping_sub(start) as u16;
        self.note_sent(Sent { number: self.number, waits: true, count, start, at: tick });
        writer.used()
    }

    fn note_sent(&mut self, sent: Sent) {
        let place = &mut self.sent[usize::from(sent.number) % SNAPSHOTS];
        // Whether the one that had this place came is not known, and will not be.
        let forgotten = std::mem::replace(place, sent);
        if forgotten.waits && forgotten.count > 0 {
            self.doubt();
        }
        self.number = self.number.wrapping_add(1);
        // Numbers that go round must stay near each other: what was heard so long ago says nothing any more.
        self.heard = self.heard.filter(|&heard| self.number.wrapping_sub(heard) <= SINCE_MAX);
    }

    /// Finds what is due; gives how many bytes that takes at most, variables aside.
    fn find_due(
        &mut self,
        tick: u32,
        pacing: &Pacing,
        replica: &Replica,
        encoder: &Encoder,
        scratch: &mut Scratch,
    ) -> usize {
        let Scratch { due, heads, .. } = scratch;
        due.clear();
        // All at once and nothing else meanwhile: what is not in the cache is then fetched side by side.
        heads.clear();
        heads.extend(self.slots.iter().map(|slot| replica.head(slot.index)));
        let mut bytes = 0;
        let patience = self.patience();
        // Some waits for what is far are longer, so that they come to so many tenths on average. A wait must not meet the
        // same remainder again: whatever its length, steps of 7 go through all tenths.
        let far = (pacing.far_tenths + tick % 10 * 7 % 10) / 10;
        let Viewer { slots, uncertain, afresh, number, player, .. } = self;
        let (number, player) = (*number, *player);
        for (place, (slot, &entity)) in slots.iter_mut().zip(&*heads).enumerate() {
            if slot.sight == Sight::Free {
                continue;
            }
            // What it was long before makes no difference; but numbers that go round must stay near each other.
            if number.wrapping_sub(slot.since) > SINCE_MAX {
                slot.since = number.wrapping_sub(SINCE_MAX);
            }
            if slot.sight == Sight::Shown
                && entity.generation != slot.generation
                && slot.succeed(entity.generation, number)
            {
                uncertain.insert(place);
            }
            if slot.sight == Sight::Shown && entity.is_invisible() && !replica.sees(player, slot.index) {
                (slot.sight, slot.told) = (Sight::Leaving, false);
            }
            let waited = u32::from((tick as u16).wrapping_sub(slot.sent_at));
            let (urgency, size) = if !slot.told {
                // What is near first, and before everything else.
                let waited = number.wrapping_sub(slot.since);
                let size = if slot.sight == Sight::Leaving { GONE_BYTES } else { PLAIN_ENTRY_BYTES_MAX };
                ((1 << 22) + (u32::from(slot.near) << 21) + u32::from(waited), size)
            } else if slot.sight == Sight::Leaving {
                if waited < patience {
                    continue;
                }
                (waited << 4, GONE_BYTES)
            } else if slot.acked == entity.version {
                if waited < pacing.refresh {
                    continue;
                }
                afresh.insert(place);
                (1, PLAIN_ENTRY_BYTES_MAX)
            } else {
                let interval = match (entity.is_moving(), slot.near) {
                    (true, true) => pacing.near,
                    (true, false) => far,
                    (false, _) => pacing.still,
                };
                let interval = interval.max(entity.interval.into());
                let under_way = slot.sent == entity.version as u16;
                let interval = if under_way { interval.max(patience) } else { interval };
                if waited < interval {
                    continue;
                }
                let size = if slot.acked == 0 { PLAIN_ENTRY_BYTES_MAX } else { ENTRY_BYTES_USUAL };
                (((waited.min(1 << 14) << 6) / interval) << u32::from(slot.near), size)
            };
            bytes += size;
            let age = if slot.acked == 0 || afresh.contains(place) { 0 } else { entity.age_of(slot.acked) };
            encoder.prefetch(slot.index);
            due.push(Due { slot: place as u8, age, index: slot.index, urgency });
        }
        bytes
    }

    /// Writes what there is to say of a slot; false when there is no room.
    fn write_entry(
        &mut self,
        tick: u32,
        due: Due,
        replica: &Replica,
        encoder: &mut Encoder,
        writer: &mut Writer<'_>,
    ) -> bool {
        let place = due.slot;
        let slot = &mut self.slots[usize::from(place)];
        let (written, version, gone) = match slot.sight {
            Sight::Free => return true,
            Sight::Leaving => (write_gone(slot.index, writer), 1, true),
            Sight::Shown => {
                let version = replica.version(slot.index);
                let entry = encoder.entry(replica, slot.index, due.age);
                (writer.raw(entry), version, false)
            }
        };
        if written.is_err() {
            return false;
        }
        (slot.told, slot.sent, slot.sent_at) = (true, version as u16, tick as u16);
        self.afresh.remove(place.into());
        self.log[self.logged as usize % LOG] = Logged { slot: place, gone, version: version as u16 };
        self.logged = self.logged.wrapping_add(1);
        true
    }
}

const _: () = assert!(GONE_BYTES == 4 && SLOTS_MAX <= 256);
