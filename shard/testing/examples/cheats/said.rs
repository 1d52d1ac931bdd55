//! A game whose clients say where their characters are.

use ringshard::game::authority::{Judge, Limits, Policy};
use ringshard::game::{Admission, Game, LeaveReason, NoJob, PlayerId, Reply, Shard, Visitor};
use ringshard_world::claim::Claim;
use ringshard_world::{Pose, Rules};

ringshard_world::wire! {
    /// What a client says.
    pub struct Input {
        pub claim: Claim,
        pub fire: bool,
    }
    /// Where the server has the character.
    pub struct Own {
        pub point: [f32; 3],
        pub velocity: [f32; 3],
        pub yaw: u16,
        pub leap: u8,
    }
    pub struct Shown {}
    pub enum Never { Is }
}

impl Own {
    /// At a pose.
    pub fn at(pose: &Pose) -> Own {
        Own { point: pose.point, velocity: pose.velocity, yaw: pose.rotation[0], leap: pose.leap }
    }

    /// Its pose.
    pub fn pose(&self) -> Pose {
        Pose { point: self.point, velocity: self.velocity, rotation: [self.yaw, 0, 0], leap: self.leap }
    }
}

#[derive(Clone, Copy)]
pub struct SaidRules;

impl Rules for SaidRules {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Never;
    type Answer = Never;
    type Event = Never;

    fn step(&self, own: &mut Own, input: &Input) {
        let mut pose = own.pose();
        if input.claim.apply(&mut pose) {
            *own = Own::at(&pose);
        }
    }

    fn pose(&self, own: &Own) -> Pose {
        own.pose()
    }
}

/// What the server decided about a player, tick after tick.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    pub tick: u64,
    /// Where the character is after the decision.
    pub point: [f32; 3],
}

/// The game.
pub struct Said {
    judge: Judge,
    spawn: [f32; 3],
    pub decided: Vec<Decided>,
    pub left: Vec<(u64, PlayerId, LeaveReason)>,
    /// For each shot: its tick, and how many ticks ago the past was that it got.
    pub rewound: Vec<(u64, f64)>,
}

impl Said {
    pub fn new(policy: Policy, spawn: [f32; 3]) -> Said {
        let judge = Judge::new(Limits::default(), policy);
        Said { judge, spawn, decided: Vec::new(), left: Vec::new(), rewound: Vec::new() }
    }
}

impl Game for Said {
    type Rules = SaidRules;
    type Command = Never;
    type Job = NoJob;
    type Done = ();

    fn rules(&self) -> &SaidRules {
        &SaidRules
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        let pose = Pose { leap: 1, ..Pose::at(self.spawn) };
        let body = shard.entities.spawn(pose, Shown {}).expect("there is room");
        shard.control(player, Some(body), Own::at(&pose));
        Admission::Accepted
    }

    fn leave(&mut self, shard: &mut Shard<Self>, player: PlayerId, reason: LeaveReason) -> u32 {
        self.left.push((shard.tick(), player, reason));
        0
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, input: &Input) {
        self.judge.judge(shard, player, &input.claim, |own, pose| *own = Own::at(pose));
        if input.fire {
            let past = shard.as_seen_by(player).at();
            self.rewound.push((shard.tick(), shard.tick() as f64 - 1.0 - past));
        }
        let point = shard.own(player).expect("it makes its step").point;
        self.decided.push(Decided { tick: shard.tick(), point });
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Never, reply: Reply) {
        shard.reply(reply, &Never::Is);
    }
}
