//! The border of the world: what two hosts must have in common follows from the game and the configuration.

use super::Simulation;
use crate::game::{EventOf, Game, ShownOf};
use crate::world::border::{Border, BorderSettings, Contract};
use crate::world::exchange::Exchange;
use ringshard_world::contract::mix;
use ringshard_world::messages::read_whole;
use ringshard_world::{Fields, Rules, Wire};

impl<G: Game> Simulation<G> {
    /// The border of this simulation's world. `exchange` is the border's end of [`Exchange::with_border`].
    ///
    /// # Panics
    /// When `exchange` is the end of a core.
    pub fn border(&self, exchange: Exchange<ShownOf<G>>, settings: BorderSettings) -> Border<ShownOf<G>> {
        let map = *self.config.terrain.map();
        let contract = Contract {
            number: self.contract_number(),
            blank: self.game.rules().blank_shown(),
            map,
            sight: self.config.kinds_of(G::KINDS).iter().map(|kind| kind.radius).collect(),
            hitboxes: G::HITBOXES.len(),
            is_command: |bytes| read_whole::<G::Command>(bytes).is_ok(),
            is_event: |bytes| read_whole::<EventOf<G>>(bytes).is_ok(),
        };
        Border::new(exchange, contract, settings)
    }

    /// Stands for all that two hosts must have alike: the types, the kinds, the hitboxes and the map.
    fn contract_number(&self) -> u32 {
        let kinds = G::KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(" ");
        let types = [<G::Command as Wire>::SCHEMA, <ShownOf<G> as Fields>::SCHEMA];
        let (schema, map) = (self.game.rules().schema().0, self.config.terrain.map().shape());
        mix(G::HITBOXES.len() as u32, &format!("{schema:08x?} {types:08x?} {kinds} {map:?}"))
    }
}
