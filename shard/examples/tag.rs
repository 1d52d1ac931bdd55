//! A game of tag: the player who is "it" passes it on by touching another player. Rules and server in one file.
//!
//! `cargo run --release -p ringshard --example tag` serves it. shard/games/README.md builds the same game with a client.

use ringshard::game::shard::NEAREST_MAX;
use ringshard::game::{Admission, Channel, Game, NoJob, PlayerId, Reply, Rng, Shard, To, Visitor};
use ringshard_world::limits::TICKS_PER_SECOND;
use ringshard_world::{EntityId, Pose, Rules, wire};

/// The yard: its corner and its size, in units. A unit is a centimetre.
const CORNER: [f32; 2] = [400_000.0, 400_000.0];
const SIZE: [f32; 2] = [4_000.0, 2_000.0];
/// How fast players run, in units per second.
const SPEED: f32 = 600.0;
/// How far a player can reach, in units.
const REACH: f32 = 150.0;
/// Ticks for which a player that was tagged must not tag.
const REST_TICKS: u64 = 60;
/// Ticks without anybody who is it, after which somebody becomes it.
const APPOINT_TICKS: u32 = 10;

wire! {
    /// What a player does in one tick: how fast it runs along x and y, in 127ths of its speed.
    pub struct Input { pub x: i8, pub y: i8 }
    /// The player's own state. Its client predicts it.
    pub struct Own { pub point: [f32; 2], pub velocity: [f32; 2] }
    /// What everybody sees of a player besides its pose.
    pub struct Shown { pub is_it: bool }
    pub enum Event { Tagged { by: EntityId, who: EntityId } }
    /// Players ask nothing here.
    pub enum Nothing { Nothing }
    pub enum Command { Tag }
}

struct TagRules;

impl Rules for TagRules {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        // The client says how it runs, never where it is. No input makes it faster than SPEED along an axis.
        own.velocity = [input.x, input.y].map(|axis| f32::from(axis.max(-127)) / 127.0 * SPEED);
        for axis in 0..2 {
            let to = own.point[axis] + own.velocity[axis] / TICKS_PER_SECOND as f32;
            own.point[axis] = to.clamp(CORNER[axis], CORNER[axis] + SIZE[axis]);
        }
    }

    fn pose(&self, own: &Own) -> Pose {
        let ([x, y], [along_x, along_y]) = (own.point, own.velocity);
        Pose { point: [x, y, 0.0], velocity: [along_x, along_y, 0.0], ..Pose::default() }
    }
}

#[derive(Default)]
struct Tag {
    /// The tick from which the player of this core who is it may tag.
    tags_from: u64,
    /// Ticks for which nobody has been it.
    without: u32,
    around: Vec<EntityId>,
}

impl Tag {
    /// Finds players on all cores, the nearest ones, and leaves them in `around`.
    fn look(&mut self, shard: &mut Shard<Self>, point: [f32; 3], reach: f32) {
        self.around.clear();
        shard.nearest(point, reach, NEAREST_MAX, &mut self.around);
    }

    /// The player who is it, on whatever core.
    fn who_is_it(&mut self, shard: &mut Shard<Self>) -> Option<EntityId> {
        self.look(shard, [CORNER[0], CORNER[1], 0.0], f32::INFINITY);
        let is_it = |id: &EntityId| shard.state(*id).is_some_and(|state| state.shown.is_it);
        self.around.iter().copied().find(is_it)
    }

    /// If nobody is it, somebody becomes it: at the beginning, and when the one who was it has left.
    fn appoint(&mut self, shard: &mut Shard<Self>) {
        let who = self.who_is_it(shard);
        self.without = if who.is_some() { 0 } else { self.without + 1 };
        // A tag that is on its way to another core arrives within a few ticks.
        if self.without > APPOINT_TICKS
            && let Some(&first) = self.around.first()
            && shard.command(first, first, &Command::Tag).is_ok()
        {
            self.without = 0;
        }
    }

    /// The player who is it tags another one within reach.
    fn tag(&mut self, shard: &mut Shard<Self>, it: EntityId) {
        let Some(&Pose { point, .. }) = shard.entities.pose(it) else { return };
        self.look(shard, point, REACH);
        let Some(&other) = self.around.iter().find(|&&other| other != it) else { return };
        // The other player's core gets the command. A refused one is tried again in the next tick: too many were waiting.
        if shard.command(other, it, &Command::Tag).is_ok()
            && let Some(shown) = shard.entities.shown_mut(it)
        {
            shown.is_it = false;
        }
    }
}

impl Game for Tag {
    type Rules = TagRules;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &TagRules {
        &TagRules
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        let mut part = || shard.random.next_u32() as f32 / u32::MAX as f32;
        let own = Own { point: [CORNER[0] + part() * SIZE[0], CORNER[1] + part() * SIZE[1]], velocity: [0.0; 2] };
        let shown = Shown { is_it: false };
        let Ok(body) = shard.entities.spawn(TagRules.pose(&own), shown) else { return Admission::Refused(0) };
        shard.control(player, Some(body), own);
        Admission::Accepted
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _player: PlayerId, _ask: Nothing, reply: Reply) {
        shard.reply(reply, &Nothing::Nothing);
    }

    fn command(&mut self, shard: &mut Shard<Self>, to: EntityId, from: EntityId, Command::Tag: Command) {
        let Some(shown) = shard.entities.shown_mut(to) else { return };
        shown.is_it = true;
        self.tags_from = shard.tick() + REST_TICKS;
        // If another core cannot be reached, its players miss the event. They still see who is it.
        let _ = shard.tell(To::Everybody, Channel::RELIABLE_ORDERED, &Event::Tagged { by: from, who: to });
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        if shard.core() == 0 {
            self.appoint(shard);
        }
        let it = shard.entities.ids().find(|&id| shard.entities.shown(id).is_some_and(|shown| shown.is_it));
        if let Some(it) = it.filter(|_| shard.tick() >= self.tags_from) {
            self.tag(shard, it);
        }
    }
}

fn main() -> std::process::ExitCode {
    ringshard::serve(|_start| Tag::default(), ringshard::no_jobs)
}
