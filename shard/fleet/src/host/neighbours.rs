//! What players see of the zones of other hosts: the border of this host's world, between its cores and the bus.

use crate::courier::Peer;
use crate::model::Zones;
use ringshard::runtime::tick;
use ringshard::world::border::{AnyBorder, BorderStats, Neighbour, NeighbourId, Rect};
use std::collections::BTreeMap;

/// The border of this host, and which neighbour is which host.
pub(super) struct Neighbours {
    border: Box<dyn AnyBorder>,
    ids: BTreeMap<Peer, NeighbourId>,
    /// The number of the next neighbour: each run of a host is another one.
    next: u32,
    /// Those that own zones now, the nearest first.
    present: Vec<Neighbour>,
}

impl Neighbours {
    pub(super) fn new(border: Box<dyn AnyBorder>) -> Self {
        Neighbours { border, ids: BTreeMap::new(), next: 0, present: Vec::new() }
    }

    /// The zones have changed, or which hosts are there: `is_there` says so of a host.
    pub(super) fn set_zones(&mut self, zones: &Zones, me: &Peer, is_there: impl Fn(&Peer) -> bool) {
        let mut areas = BTreeMap::<Peer, Vec<Rect>>::new();
        for zone in zones.zones.values() {
            let owner = zone.owner.as_ref().and_then(|name| zones.owners.get_key_value(name));
            let Some(peer) = owner.map(|(name, run)| Peer { name: name.clone(), run: *run }) else { continue };
            if peer != *me && is_there(&peer) {
                areas.entry(peer).or_default().push(Rect { min: zone.area.min, max: zone.area.max });
            }
        }
        let own: Vec<_> = zones.owned_by(&me.name, me.run).map(|(_, zone)| zone.area).collect();
        let gap = |rects: &[Rect]| {
            let areas = rects.iter().map(|rect| crate::model::Area { min: rect.min, max: rect.max });
            areas.flat_map(|area| own.iter().map(move |own| own.gap(&area))).fold(f32::INFINITY, f32::min)
        };
        let mut nearest: Vec<_> = areas.into_iter().map(|(peer, area)| (gap(&area), peer, area)).collect();
        nearest.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (border, present) = (&mut self.border, &nearest);
        self.ids.retain(|peer, id| {
            let stays = present.iter().any(|(_, it, _)| it == peer);
            if !stays {
                border.forget(*id);
            }
            stays
        });
        self.present = nearest.into_iter().map(|(_, peer, area)| Neighbour { id: self.id(peer), area }).collect();
    }

    fn id(&mut self, peer: Peer) -> NeighbourId {
        let next = &mut self.next;
        *self.ids.entry(peer).or_insert_with(|| {
            *next += 1;
            NeighbourId(*next)
        })
    }

    /// Exchanges with the cores. Gives what the neighbours are to get.
    pub(super) fn turn(&mut self) -> Vec<(Peer, Vec<u8>)> {
        self.border.turn(tick::now(), &self.present);
        let mut messages = Vec::new();
        while let Some((to, message)) = self.border.poll_send() {
            if let Some((peer, _)) = self.ids.iter().find(|(_, id)| **id == to) {
                messages.push((peer.clone(), message));
            }
        }
        messages
    }

    /// A message of a neighbour's border. Those of others are ignored.
    pub(super) fn receive(&mut self, from: &Peer, message: &[u8]) {
        if let Some(id) = self.ids.get(from) {
            self.border.receive(tick::now(), *id, message);
        }
    }

    pub(super) fn stats(&self) -> BorderStats {
        self.border.stats()
    }
}
