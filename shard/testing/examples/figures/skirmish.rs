//! A small game for figures: players run about and shoot at each other. It keeps count of what a server can know.

use ringshard::game::{Admission, Game, Hitbox, LeaveReason, NoJob, PlayerId, Reply, Shard, Visitor};
use ringshard_testing::Scene;
use ringshard_world::{EntityId, Pose, Rules};

ringshard_world::wire! {
    pub struct Input {
        pub right: i8,
        pub ahead: i8,
        /// The tick that the input is for.
        pub mark: u32,
        pub fire: bool,
        /// The direction of the shot.
        pub aim: [f32; 2],
        /// What the client saw itself hit.
        pub hit: Option<EntityId>,
    }
    pub struct Own { pub x: f32, pub y: f32, pub vx: f32, pub vy: f32, pub steps: u32, pub mark: u32 }
    pub struct Shown { pub number: u32 }
    pub enum Ask { Ping { value: u32 } }
    pub enum Answer { Pong { value: u32 } }
    pub enum Event { Told { value: u32 } }
    pub struct Order {}
}

/// A player's speed is at most so many units per tick.
const SPEED: f32 = 10.0;
/// The arena begins and ends here, along each axis.
const WALLS: [f32; 2] = [10_000.0, 13_000.0];
/// Radius of a player's hitbox.
pub const RADIUS: f32 = 40.0;

#[derive(Clone, Copy)]
pub struct Running;

impl Rules for Running {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        let want = [input.right, input.ahead].map(|axis| f32::from(axis) / 127.0 * SPEED);
        own.vx += (want[0] - own.vx) * 0.2;
        own.vy += (want[1] - own.vy) * 0.2;
        (own.x, own.y) = ((own.x + own.vx).clamp(WALLS[0], WALLS[1]), (own.y + own.vy).clamp(WALLS[0], WALLS[1]));
        own.steps = own.steps.wrapping_add(1);
        own.mark = input.mark;
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose { point: [own.x, own.y, 100.0], velocity: [own.vx * 60.0, own.vy * 60.0, 0.0], ..Pose::default() }
    }
}

/// What the server counts.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// Steps with the input of their tick.
    pub in_time: u64,
    /// Steps without one: the last input again, or a neutral one.
    pub repeated: u64,
    /// Steps with anything else: it would be an input that was taken twice, or not in order.
    pub strange: u64,
    /// Hits that clients claimed, and of these the ones that the server grants with and without rewinding.
    pub claims: u64,
    pub granted: u64,
    pub granted_without_rewind: u64,
    pub suspended: u64,
    pub resumed: u64,
    pub left: u64,
}

/// A shot of the player that is watched, as the server saw it.
#[derive(Clone, Copy, Debug)]
pub struct Shot {
    pub tick: u64,
    /// The tick to which the world was rewound.
    pub granted: f64,
    pub hit: bool,
    /// From where, and in which direction.
    pub from: [f32; 2],
    pub aim: [f32; 2],
}

impl Shot {
    /// Distance of a point from the line of the shot; infinite for one behind it.
    pub fn distance(&self, point: [f32; 2]) -> f32 {
        let [x, y] = [point[0] - self.from[0], point[1] - self.from[1]];
        let length = self.aim[0].hypot(self.aim[1]);
        let along = (x * self.aim[0] + y * self.aim[1]) / length;
        if along < 0.0 { f32::INFINITY } else { (x * self.aim[1] - y * self.aim[0]).abs() / length }
    }
}

pub struct Skirmish {
    pub counts: Counts,
    /// The mark of each player's last step, by slot.
    marks: Vec<u32>,
    pub joined: u32,
    /// Whose shots are kept, and whose trail.
    pub watched: Option<(PlayerId, EntityId)>,
    pub shots: Vec<Shot>,
    pub trail: Vec<(u64, [f32; 2])>,
}

impl Skirmish {
    pub fn new() -> Self {
        Skirmish {
            counts: Counts::default(),
            marks: Vec::new(),
            joined: 0,
            watched: None,
            shots: Vec::new(),
            trail: Vec::new(),
        }
    }

    fn count_input(&mut self, player: PlayerId, tick: u32, input: &Input) {
        let slot = player.number() as u16 as usize;
        if self.marks.len() <= slot {
            self.marks.resize(slot + 1, 0);
        }
        let former = std::mem::replace(&mut self.marks[slot], input.mark);
        match input.mark {
            mark if mark == tick => self.counts.in_time += 1,
            // Repeated, or neutral; or one that came late and stands in for a missing one.
            0 => self.counts.repeated += 1,
            mark if (former..tick).contains(&mark) => self.counts.repeated += 1,
            _ => self.counts.strange += 1,
        }
    }

    fn shoot(&mut self, shard: &mut Shard<Self>, player: PlayerId, input: &Input) {
        let Some(own) = shard.own(player).copied() else { return };
        let (from, aim) = ([own.x, own.y, 100.0], [input.aim[0], input.aim[1], 0.0]);
        let target = self.watched.filter(|(watched, _)| *watched == player).map(|(_, target)| target);
        if let Some(target) = target {
            let past = shard.as_seen_by(player);
            let hit = past.ray(from, aim, f32::INFINITY, |id| id == target).is_some();
            let (tick, granted) = (shard.tick(), past.at());
            self.shots.push(Shot { tick, granted, hit, from: [own.x, own.y], aim: input.aim });
            return;
        }
        let Some(claimed) = input.hit else { return };
        let with = shard.as_seen_by(player).ray(from, aim, f32::INFINITY, |id| id == claimed).is_some();
        let without = shard.present().ray(from, aim, f32::INFINITY, |id| id == claimed).is_some();
        self.counts.claims += 1;
        self.counts.granted += u64::from(with);
        self.counts.granted_without_rewind += u64::from(without);
    }
}

impl Game for Skirmish {
    type Rules = Running;
    type Command = Order;
    type Job = NoJob;
    type Done = ();

    const HITBOXES: &'static [Hitbox] = &[Hitbox::Capsule { radius: RADIUS, half_height: 90.0, offset_z: 0.0 }];

    fn rules(&self) -> &Running {
        &Running
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        self.joined += 1;
        let spot = |step: u32| WALLS[0] + (self.joined * step % 29) as f32 * 100.0;
        let own = Own { x: spot(7), y: spot(11), ..Own::default() };
        let body = shard.entities.spawn(Running.pose(&own), Shown { number: self.joined }).expect("there is room");
        assert!(shard.control(player, Some(body), own));
        Admission::Accepted
    }

    fn may_introduce(&mut self, _shard: &mut Shard<Self>, _from: PlayerId, _to: EntityId) -> bool {
        true
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, _player: PlayerId, _reason: LeaveReason) -> u32 {
        self.counts.left += 1;
        0
    }

    fn suspended(&mut self, _shard: &mut Shard<Self>, _player: PlayerId) {
        self.counts.suspended += 1;
    }

    fn resumed(&mut self, _shard: &mut Shard<Self>, _player: PlayerId) {
        self.counts.resumed += 1;
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, input: &Input) {
        let tick = shard.tick() as u32;
        self.count_input(player, tick, input);
        if input.fire && input.mark == tick {
            self.shoot(shard, player, input);
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _player: PlayerId, Ask::Ping { value }: Ask, reply: Reply) {
        shard.reply(reply, &Answer::Pong { value });
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        if let Some((_, target)) = self.watched
            && let Some(pose) = shard.entities.pose(target)
        {
            self.trail.push((shard.tick(), [pose.point[0], pose.point[1]]));
        }
    }

    fn hitbox(&self, _shown: &Shown) -> Option<usize> {
        Some(0)
    }
}

/// Mixes two numbers: the choices of players follow from who they are and from the tick.
fn mixed(one: u32, other: u32) -> u32 {
    let mut mix = (one ^ 0x9E37_79B9).wrapping_mul(0x85EB_CA6B) ^ other.wrapping_mul(0xC2B2_AE35);
    mix ^= mix >> 15;
    mix = mix.wrapping_mul(0x2C1B_3C6D);
    mix ^ mix >> 13
}

/// The direction in which a player runs at a tick: another one every half second.
fn run(number: usize, tick: u32) -> [i8; 2] {
    let draw = mixed(number as u32, tick / 30);
    [draw as i8, (draw >> 8) as i8].map(|axis| axis.max(-127))
}

/// The input of a player that runs about.
pub fn running(number: usize, tick: u32) -> Input {
    let [right, ahead] = run(number, tick);
    Input { right, ahead, mark: tick, ..Input::default() }
}

/// The input of a player that runs about, and every 20 ticks hits another, as its client shows it.
pub fn shooting(number: usize, scene: &Scene<'_, Running>) -> Input {
    let tick = scene.tick().wrapping_add(1);
    let mut input = running(number, tick);
    let others = scene.others().count();
    if !(tick.wrapping_add(number as u32)).is_multiple_of(20) || others == 0 {
        return input;
    }
    // In the order of ids: a view has none.
    let pick = mixed(tick, number as u32) as usize % others;
    let rank = |id: EntityId| scene.others().filter(|(other, ..)| *other < id).count();
    let Some((id, pose, _)) = scene.others().find(|(id, ..)| rank(*id) == pick) else { return input };
    let Some(mut own) = scene.own().copied() else { return input };
    Running.step(&mut own, &input);
    let way = [pose.point[0] - own.x, pose.point[1] - own.y];
    let length = way[0].hypot(way[1]).max(1.0);
    // Somewhere on the target, up to four fifths of its radius beside its middle.
    let beside = ((mixed(number as u32, tick ^ 0x5555) % 1_001) as f32 / 500.0 - 1.0) * 0.8 * RADIUS;
    input.aim = [way[0] - way[1] / length * beside, way[1] + way[0] / length * beside];
    (input.fire, input.hit) = (true, Some(id));
    input
}
