//! What a neighbour is shown of this host's entities.
//!
//! An entity in sight of the neighbour's area is sent in full once, and from then on as differences from that full state: a lost
//! update does no harm, the next one has everything. Each message notes what it carries; if the neighbour does not acknowledge
//! it in time, that is sent again. From time to time an entity is sent in full again, at rest too.
//!
//! Near entities are sent more often than far ones. If the bytes per second are used up, the farthest wait.

use super::area::{Rect, distance};
use super::contract::Contract;
use super::message::{write_full, write_gone, write_update};
use super::own::Own;
use super::seen::Seen;
use super::settings::BorderSettings;
use super::stats::BorderStats;
use super::window::Window;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::codec::{NoRoom, Writer};
use ringshard_world::{EntityId, Fields};
use std::collections::{BTreeMap, VecDeque};

/// An entity stays published until it is so much farther away than it is seen: those at the edge do not come and go.
const LEAVE: f32 = 1.1;
/// Time after which an entity is sent in full again. Up to a second is added, so that not all are due at once.
const REFRESH: Duration = Duration::from_secs(5);
/// An update that would be due in a moment goes with this message.
const SLACK: Duration = Duration::from_millis(4);
/// Seconds for which bytes can be saved up.
const BURST_SECONDS: f64 = 0.25;

/// What a neighbour is shown.
#[derive(Debug)]
pub(super) struct Outbound<S> {
    published: BTreeMap<u16, Published<S>>,
    /// Entities of which the neighbour must still be told that they are gone.
    leaving: BTreeMap<u16, Leaving>,
    in_flight: VecDeque<InFlight>,
    area: Vec<Rect>,
    /// Bytes that may be sent now.
    bytes: f64,
    filled_at: Option<Instant>,
    /// What is due in this turn, the nearest first, and how much of it is written.
    due: Vec<(f32, u16)>,
    written: usize,
}

#[derive(Clone, Copy, Debug)]
struct Published<S> {
    id: EntityId,
    /// How far from the neighbour's area, in units.
    distance: f32,
    /// The last full state, and the message that had it, which is its number. None: a full state is due.
    base: Option<(u64, Seen<S>)>,
    /// What was sent last, and in which message. None: that got lost.
    sent: Option<(u64, Seen<S>)>,
    next_at: Instant,
    full_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Leaving {
    id: EntityId,
    /// The message that said it.
    sent: Option<u64>,
}

/// A message that is not acknowledged yet.
#[derive(Debug)]
struct InFlight {
    number: u64,
    sent_at: Instant,
    /// The entities that it has, by index.
    carries: Vec<u16>,
}

impl<S: Fields> Outbound<S> {
    pub(super) fn new() -> Self {
        Outbound {
            published: BTreeMap::new(),
            leaving: BTreeMap::new(),
            in_flight: VecDeque::new(),
            area: Vec::new(),
            bytes: 0.0,
            filled_at: None,
            due: Vec::new(),
            written: 0,
        }
    }

    /// The neighbour knows nothing any more: everything is sent again.
    pub(super) fn restart(&mut self) {
        self.leaving.clear();
        self.in_flight.clear();
        for published in self.published.values_mut() {
            (published.base, published.sent) = (None, None);
        }
    }

    /// Number of entities that it is shown.
    pub(super) fn len(&self) -> usize {
        self.published.len()
    }

    /// Whether it is shown this entity.
    pub(super) fn shows(&self, id: EntityId) -> bool {
        self.published.get(&id.index).is_some_and(|published| published.id == id)
    }

    /// Decides which of the changed entities are in sight of `area`; of all entities, if the area is another.
    pub(super) fn survey(&mut self, own: &Own<S>, area: &[Rect], contract: &Contract<S>) {
        if self.area != area {
            self.area = area.to_vec();
            own.indices().for_each(|index| self.look(own, index, contract));
        } else {
            own.changed.iter().for_each(|&index| self.look(own, index, contract));
        }
    }

    fn look(&mut self, own: &Own<S>, index: u16, contract: &Contract<S>) {
        let before = self.published.get(&index).map(|published| published.id);
        let in_sight = own.get(index).and_then(|(id, seen)| {
            let distance = distance(&contract.map, &self.area, seen.state.position);
            let sight = contract.sight.get(usize::from(seen.traits.kind))?;
            let reach = if before == Some(*id) { sight * LEAVE } else { *sight };
            (distance <= reach).then_some((*id, distance))
        });
        match (in_sight, before) {
            (Some((id, distance)), before) if before == Some(id) => {
                self.published.get_mut(&index).expect("it is published").distance = distance;
            }
            (Some((id, distance)), _) => {
                // The full state of another entity at this index also says that the former one is gone.
                self.leaving.remove(&index);
                let (next_at, full_at) = (Instant::ZERO, Instant::ZERO);
                let published = Published { id, distance, base: None, sent: None, next_at, full_at };
                self.published.insert(index, published);
            }
            (None, Some(id)) => {
                self.published.remove(&index);
                self.leaving.insert(index, Leaving { id, sent: None });
            }
            (None, None) => {}
        }
    }

    /// Forgets messages that have arrived; what lost ones carried is due again.
    pub(super) fn settle(&mut self, now: Instant, arrived: &Window, resend_after: Duration, stats: &mut BorderStats) {
        let Outbound { in_flight, published, leaving, .. } = self;
        in_flight.retain(|message| {
            let has_arrived = arrived.has(message.number);
            if has_arrived == Some(false) && now.since(message.sent_at) < resend_after {
                return true;
            }
            let is_lost = has_arrived != Some(true);
            stats.lost += u64::from(is_lost);
            for index in &message.carries {
                let was_in = |sent: Option<u64>| sent == Some(message.number);
                if let Some(it) = published.get_mut(index).filter(|_| is_lost) {
                    it.base = it.base.filter(|&(number, _)| number != message.number);
                    it.sent = it.sent.filter(|&(number, _)| number != message.number);
                }
                match leaving.get_mut(index).filter(|leaving| was_in(leaving.sent)) {
                    Some(leaving) if is_lost => leaving.sent = None,
                    Some(_) => _ = leaving.remove(index),
                    None => {}
                }
            }
            false
        });
    }

    /// Finds what is due now.
    pub(super) fn collect(&mut self, now: Instant, own: &Own<S>, settings: &BorderSettings) {
        let rate = f64::from(settings.rates.bytes_per_second);
        let passed = self.filled_at.replace(now).map_or(BURST_SECONDS, |at| now.since(at).as_secs_f64());
        self.bytes = (self.bytes + passed * rate).min(BURST_SECONDS * rate);
        self.due.clear();
        self.written = 0;
        for (&index, published) in &self.published {
            let Some((_, seen)) = own.get(index) else { continue };
            let is_known = published.sent.is_some_and(|(_, sent)| sent == *seen) && published.base.is_some();
            if now + SLACK >= published.next_at && (!is_known || now >= published.full_at) {
                self.due.push((published.distance, index));
            }
        }
        self.due.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    }

    /// Whether something is still to be written in this turn.
    pub(super) fn has_more(&self) -> bool {
        self.written < self.due.len() || self.leaving.values().any(|leaving| leaving.sent.is_none())
    }

    /// Writes entries into a message, as many as fit.
    #[allow(clippy::too_many_arguments, reason = "what a message is written from")]
    pub(super) fn write(
        &mut self,
        now: Instant,
        number: u64,
        own: &Own<S>,
        contract: &Contract<S>,
        settings: &BorderSettings,
        stats: &mut BorderStats,
        writer: &mut Writer<'_>,
    ) {
        let mut carries = Vec::new();
        for (&index, leaving) in self.leaving.iter_mut().filter(|(_, leaving)| leaving.sent.is_none()) {
            if write_gone(leaving.id, writer).is_err() {
                break;
            }
            leaving.sent = Some(number);
            carries.push(index);
        }
        while let Some(&(_, index)) = self.due.get(self.written) {
            if self.bytes <= 0.0 {
                stats.deferred += (self.due.len() - self.written) as u64;
                self.written = self.due.len();
                break;
            }
            let (Some(published), Some((_, seen))) = (self.published.get_mut(&index), own.get(index)) else {
                self.written += 1;
                continue;
            };
            let before = writer.used();
            let Ok(is_full) = published.write(now, number, seen, contract, writer) else { break };
            published.pace(now, settings);
            self.bytes -= (writer.used() - before) as f64;
            self.written += 1;
            carries.push(index);
            stats.published += 1;
            stats.published_full += u64::from(is_full);
        }
        if !carries.is_empty() {
            self.in_flight.push_back(InFlight { number, sent_at: now, carries });
        }
    }
}

impl<S: Fields> Published<S> {
    /// Writes what is seen of it; whether in full.
    fn write(
        &mut self,
        now: Instant,
        number: u64,
        seen: &Seen<S>,
        contract: &Contract<S>,
        writer: &mut Writer<'_>,
    ) -> Result<bool, NoRoom> {
        let base = self.base.filter(|_| now < self.full_at);
        match base {
            Some((base_number, base)) => write_update(self.id, (base_number as u16, &base), seen, writer)?,
            None => {
                write_full(self.id, number as u16, seen, &contract.blank, writer)?;
                self.base = Some((number, *seen));
                self.full_at = now + REFRESH + Duration::from_millis(u64::from(self.id.index % 64) * 16);
            }
        }
        self.sent = Some((number, *seen));
        Ok(base.is_none())
    }

    /// Sets when it may be sent again.
    fn pace(&mut self, now: Instant, settings: &BorderSettings) {
        let rates = &settings.rates;
        let interval = if self.distance <= rates.near { rates.near_interval } else { rates.far_interval };
        // What was due before this turn keeps its rhythm.
        let is_regular = self.next_at + interval > now;
        self.next_at = if is_regular { self.next_at + interval } else { now + interval };
    }
}
