//! A player of the arena without a person: its input in a tick, and what it does in a frame.

use ringshard_arena_rules::aim::{angles, chest};
use ringshard_arena_rules::level::terrain;
use ringshard_arena_rules::{ArenaRules, Ask, Event, HEALTH, Input};
use ringshard_client::world::contract::Text;
use ringshard_client::{Channel, Client, News, Scene};
use ringshard_terrain::movement::keys;

/// Ticks for which a bot runs in one direction.
const WALK_TICKS: u32 = 25;
/// Ticks between two jumps of a bot.
const JUMP_TICKS: u32 = 200;
/// Ticks between two words of a bot.
const SPEECH_TICKS: u32 = 300;
/// How far a bot turns in a tick while it sees no enemy, in 65,536ths of a turn.
const SEARCH_TURN: u16 = 300;

ringshard_client::protocol::counters! {
    /// What a bot has heard from the server.
    Score {
        /// Its shots.
        shots,
        /// Those of them that hit a player.
        hits,
        /// Players that it killed.
        kills,
        /// Times that it was killed.
        deaths,
        /// Asks that it made.
        asked,
        /// Asks that were answered.
        answered,
        /// Times that a player said something.
        words,
    }
}

/// A bot. It runs at random, shoots at the nearest player that it sees, and heals itself.
#[derive(Default)]
pub struct Bot {
    /// What it has heard.
    pub score: Score,
    /// The state of its random numbers.
    random: u32,
    /// Ticks that it has played.
    ticks: u32,
    /// Times that it has said something.
    words: u32,
    /// Its last input.
    input: Input,
    was_hurt: bool,
}

impl Bot {
    /// A bot. Each number behaves differently.
    pub fn new(number: u32) -> Self {
        Bot { random: number, ticks: number, ..Bot::default() }
    }

    /// What it does in a tick.
    pub fn input(&mut self, scene: &Scene<'_, ArenaRules>) -> Input {
        self.ticks += 1;
        if self.ticks % WALK_TICKS == 1 {
            (self.input.steering.forward, self.input.steering.left) = (self.draw(), self.draw());
        }
        // Now and then it jumps.
        self.input.steering.keys = if self.ticks % JUMP_TICKS == 1 { keys::JUMP } else { 0 };
        let target = way_to_nearest(scene);
        let search = (self.input.steering.yaw.wrapping_add(SEARCH_TURN), 0);
        (self.input.steering.yaw, self.input.pitch) = target.map_or(search, angles);
        self.input.fire = target.is_some();
        self.input
    }

    /// What it asks and says in a frame.
    pub fn frame(&mut self, client: &mut Client<ArenaRules>) {
        let health = client.scene().body().and_then(|body| Some(client.scene().shown(body)?.health));
        let is_hurt = health.is_some_and(|health| health > 0 && health < HEALTH / 2);
        if is_hurt && !self.was_hurt {
            self.score.asked += u64::from(client.ask(&Ask::Use { slot: 0 }).is_some());
        }
        self.was_hurt = is_hurt;
        // Several frames may show one tick.
        if self.ticks / SPEECH_TICKS > self.words {
            self.words += 1;
            client.tell(Channel::RELIABLE_ORDERED, &Event::Say { text: Text::new("good evening") });
        }
    }

    /// What it takes from news.
    pub fn hear(&mut self, news: &News<ArenaRules>, client: &Client<ArenaRules>) {
        let is_me = |id| Some(id) == client.scene().body();
        match *news {
            News::Answer(..) => self.score.answered += 1,
            News::Event(Event::Shot { by, hit, .. }) if is_me(by) => {
                self.score.shots += 1;
                self.score.hits += u64::from(hit.is_some());
            }
            News::Event(Event::Killed { by, whom }) => {
                self.score.kills += u64::from(is_me(by));
                self.score.deaths += u64::from(is_me(whom));
            }
            News::Event(Event::Said { .. }) => self.score.words += 1,
            _ => {}
        }
    }

    /// A random number.
    fn draw(&mut self) -> i8 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 24) as i8
    }
}

/// The way to the nearest living player that no wall hides.
fn way_to_nearest(scene: &Scene<'_, ArenaRules>) -> Option<[f32; 3]> {
    let from = chest(scene.own()?.walker.point);
    let living = scene.others().filter(|(_, _, shown)| shown.health > 0);
    let seen = living.map(|(_, pose, _)| chest(pose.point)).filter(|&point| terrain().sees(from, point));
    let ways = seen.map(|point| [0, 1, 2].map(|axis| point[axis] - from[axis]));
    let length = |way: &[f32; 3]| way.iter().map(|part| part * part).sum::<f32>();
    ways.min_by(|one, other| length(one).total_cmp(&length(other)))
}
