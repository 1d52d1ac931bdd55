//! The smallest game that a client can enter.

use ringshard::game::{Admission, Game, NoJob, PlayerId, Reply, Shard, Visitor};
use ringshard_world::{Pose, Rules};

ringshard_world::wire! {
    pub struct Input {}
    pub struct Own { pub account: u32 }
    pub struct Shown {}
    pub enum Nothing { Nothing }
}

#[derive(Clone, Copy)]
pub struct Still;

impl Rules for Still {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Nothing;

    fn step(&self, _: &mut Own, _: &Input) {}

    fn pose(&self, _: &Own) -> Pose {
        Pose::default()
    }
}

/// Players stand at one point, and know their accounts.
pub struct StillGame;

impl Game for StillGame {
    type Rules = Still;
    type Command = Nothing;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &Still {
        &Still
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let own = Own { account: visitor.account().map_or(0, |account| account.0 as u32) };
        let body = shard.entities.spawn(Still.pose(&own), Shown {}).expect("there is room");
        shard.control(player, Some(body), own);
        Admission::Accepted
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Nothing, reply: Reply) {
        shard.reply(reply, &Nothing::Nothing);
    }
}
