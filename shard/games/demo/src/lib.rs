//! The server of the demonstration game: players walk and shoot at each other, NPCs patrol and chase enemies, projectiles
//! set their targets on fire, and players talk. Its rules are the crate `ringshard-demo-rules`.
//!
//! | module | for |
//! |---|---|
//! | `layout` | where players and NPCs enter the world |
//! | `motion` | how entities without a player move |
//! | `npcs` | NPCs: their patrols and chases |
//! | `sentinels` | what a zone of a fleet keeps: a sentinel who shows how long the zone has lived |
//! | `shooting` | projectiles, and what they hit |
//! | `health` | hits, potions, restarts |
//! | `asks` | answers to what players ask |
//! | `chat` | what players say |

#![forbid(unsafe_code)]

mod asks;
mod chat;
mod health;
mod layout;
mod motion;
mod npcs;
mod sentinels;
mod shooting;

pub use layout::{Layout, spawn_point};

use asks::Asks;
use chat::Chat;
use npcs::Npcs;
use ringshard::game::character::{Buffs, Factions, KINDS, Relation};
use ringshard::game::{Admission, Game, Kind, LeaveReason, OwnZone, PlayerId, Reply, Rng, Shard, Visitor};
use ringshard_demo_rules::{Ask, Character, DemoRules, Event, Input, Own};
use ringshard_paths::{Navigator, PathFound, PathJob};
use ringshard_terrain::Terrain;
use ringshard_world::character::{EntityKind, buffs, states};
use ringshard_world::{EntityId, Rules};
use sentinels::Sentinels;
use shooting::Shooting;
use std::sync::Arc;

/// Why a client is refused: the core has no room for its body.
pub const FULL: u8 = 1;

ringshard_world::wire! {
    /// What entities of any cores do to each other.
    pub enum Command {
        /// A projectile of the sender's has hit the receiver.
        Hit { damage: u8 },
        /// The sender was hit by a projectile of the receiver's.
        Scored,
    }
}

/// The demonstration, on one core.
pub struct Demo {
    rules: DemoRules,
    layout: Layout,
    factions: Factions,
    buffs: Buffs,
    npcs: Npcs,
    sentinels: Sentinels,
    shooting: Shooting,
    chat: Chat,
    asks: Asks,
}

impl Demo {
    /// The demonstration on a map, with this layout and `npcs` NPCs on this core.
    pub fn new(terrain: Arc<Terrain>, layout: Layout, npcs: usize) -> Self {
        let mut factions = Factions::default();
        factions.relate(1, 2, Relation::Enemy);
        Demo {
            rules: DemoRules::on(terrain),
            layout,
            factions,
            buffs: Buffs::default(),
            npcs: Npcs::new(npcs),
            sentinels: Sentinels::default(),
            shooting: Shooting::default(),
            chat: Chat::default(),
            asks: Asks::default(),
        }
    }

    /// From now on NPCs walk along paths and chase enemies. Worker threads must do the jobs: [`PathJob::run`].
    pub fn with_paths(mut self, navigator: Arc<Navigator>) -> Self {
        self.npcs.use_paths(navigator);
        self
    }

    /// A random spawn point.
    fn spawn_point(&self, shard: &mut Shard<Self>) -> [f32; 3] {
        spawn_point(self.layout, &self.rules.terrain, &mut shard.random)
    }
}

impl Game for Demo {
    type Rules = DemoRules;
    type Command = Command;
    type Job = PathJob;
    type Done = PathFound;

    const KINDS: &'static [Kind] = &KINDS;

    fn rules(&self) -> &DemoRules {
        &self.rules
    }

    fn kind(&self, shown: &Character) -> usize {
        shown.kind.into()
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        let own = Own::at(self.spawn_point(shard));
        let faction = 1 + (shard.random.next_u32() % 2) as u8;
        let shown = Character::new(EntityKind::Player, faction);
        let Ok(body) = shard.entities.spawn(self.rules.pose(&own), shown) else { return Admission::Refused(FULL) };
        assert!(shard.control(player, Some(body), own), "a player that joins can have a body of this core");
        Admission::Accepted
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, player: PlayerId, _reason: LeaveReason) -> u32 {
        self.chat.forget(player);
        self.asks.forget(player);
        0
    }

    fn save_zone(&mut self, shard: &mut Shard<Self>, zone: &OwnZone, bytes: &mut Vec<u8>) {
        self.sentinels.save(shard, zone, bytes);
    }

    fn gain_zone(&mut self, shard: &mut Shard<Self>, zone: &OwnZone, saved: &[Vec<u8>]) {
        self.gain_sentinel(shard, zone, saved);
    }

    fn lose_zone(&mut self, shard: &mut Shard<Self>, zone: &OwnZone) {
        self.sentinels.lose(shard, zone);
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, _input: &Input) {
        let Some(body) = shard.body(player) else { return };
        let Some(&shown) = shard.entities.shown(body) else { return };
        let Some(own) = shard.own_mut(player) else { return };
        // The player's next steps depend on these, so its client must know them.
        own.stunned = shown.is_stunned() || !shown.is(states::ALIVE);
        own.frozen = shown.has(buffs::FROZEN);
        own.slowed = shown.has(buffs::SLOWED);
        let (moves, shoots) = (own.velocity != [0.0; 2], own.has_shot());
        if let Some(shown) = shard.entities.shown_mut(body) {
            shown.set(states::MOVING, moves);
        }
        if shoots && !self.shooting.shoot(shard, body) {
            // The client has predicted a shot. It is corrected, and can try again at once.
            shard.own_mut(player).expect("it was there a moment ago").shot.end();
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: Ask, reply: Reply) {
        let answer = self.answer(shard, player, ask);
        shard.reply(reply, &answer);
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, event: Event) {
        // A client can send any event. This is the only one that is its to send.
        if let Event::Say { text } = event {
            self.chat.say(shard, player, text);
        }
    }

    /// All players of the demonstration may talk directly. A player learns the address of another only if the other has joined
    /// the same mesh: that is its consent.
    fn may_introduce(&mut self, _shard: &mut Shard<Self>, _from: PlayerId, _to: EntityId) -> bool {
        true
    }

    fn command(&mut self, shard: &mut Shard<Self>, to: EntityId, from: EntityId, command: Command) {
        match command {
            Command::Hit { damage } => self.hit(shard, to, from, damage),
            Command::Scored => shooting::score(shard, to, from),
        }
    }

    fn done(&mut self, _shard: &mut Shard<Self>, found: PathFound) {
        self.npcs.found(found);
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        self.npcs.populate(shard, self.layout);
        self.npcs.tick(shard, &self.factions);
        motion::move_all(shard, !self.npcs.walk_paths());
        self.shooting.fly(shard, &self.factions);
        self.sentinels.tick(shard);
        let tick = shard.tick();
        self.buffs.expire(&mut shard.entities, tick, |_, _| {});
    }

    fn is_visible(&self, shard: &Shard<Self>, viewer: PlayerId, other: EntityId) -> bool {
        let Some(other) = shard.state(other).filter(|other| other.shown.is_invisible()) else { return true };
        let viewer = shard.body(viewer).and_then(|body| shard.entities.shown(body));
        viewer.is_some_and(|viewer| other.shown.is_visible_to(viewer.faction))
    }
}
