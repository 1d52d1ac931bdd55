//! A game that calls everything that a game can call, with random arguments.

use crate::arena::{Answer, Ask, Counting, Event, Input, Order, Own, Shown};
use ringshard::game::{Admission, Game, LeaveReason, PlayerId, Reply, Shard, To, Visitor};
use ringshard_protocol::wire::Channel;
use ringshard_world::{EntityId, Pose};

pub struct Wild(pub u64);

impl Wild {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 29
    }

    fn float(&mut self) -> f32 {
        match self.next() % 8 {
            0 => f32::NAN,
            1 => f32::INFINITY,
            2 => f32::NEG_INFINITY,
            3 => f32::MAX,
            4 => -1e30,
            _ => self.next() as f32 / 1e4,
        }
    }

    fn point(&mut self) -> [f32; 3] {
        [self.float(), self.float(), self.float()]
    }

    fn pose(&mut self) -> Pose {
        Pose { point: self.point(), velocity: self.point(), rotation: [self.next() as u16; 3], leap: self.next() as u8 }
    }

    fn own(&mut self) -> Own {
        Own { steps: 0, mark: 0, x: self.next() as f32, y: -(self.next() as f32) }
    }

    fn id(&mut self, shard: &Shard<Self>) -> EntityId {
        let known: Vec<_> = shard.entities.ids().take(20).collect();
        match self.next() % 3 {
            0 if !known.is_empty() => known[self.next() as usize % known.len()],
            _ => EntityId { index: self.next() as u16, generation: self.next() as u8 },
        }
    }

    /// A player that is here, or one that is not.
    fn player(&mut self, shard: &Shard<Self>, other: PlayerId) -> PlayerId {
        let players: Vec<_> = shard.players().collect();
        if players.is_empty() { other } else { players[self.next() as usize % players.len()] }
    }

    /// Does anything. `former` may be gone.
    fn act(&mut self, shard: &mut Shard<Self>, former: PlayerId) {
        let (id, other, pose) = (self.id(shard), self.id(shard), self.pose());
        let player = self.player(shard, former);
        let shown = Shown { number: self.next() as u32, kind: 0 };
        match self.next() % 17 {
            0 => _ = shard.entities.spawn(pose, shown),
            1 if shard.entities.len() > 200 => _ = shard.entities.despawn(id),
            2 => _ = shard.entities.pose_mut(id).map(|place| *place = pose),
            3 => _ = shard.entities.shown_mut(id).map(|place| *place = shown),
            4 => {
                let counts = [0, 1, 255, 256, 257, 70_000, usize::MAX];
                let (count, reach) = (counts[self.next() as usize % counts.len()], self.float());
                let mut around = Vec::new();
                shard.nearest(pose.point, reach, count, &mut around);
                assert!(around.len() <= count.min(256));
            }
            5 => _ = shard.command(id, other, &Order { value: 9 }),
            6 => {
                let channel = Channel::new(self.next() as u8 % 16).unwrap();
                let to = [To::Player(player), To::Entity(id), To::ViewersOf(id), To::Everybody, To::Player(former)];
                let to = to[self.next() as usize % to.len()];
                let _ = shard.tell(to, channel, &Event::Say { value: 1 });
            }
            7 => _ = shard.control(player, Some(id), self.own()),
            8 if self.next().is_multiple_of(4) => _ = shard.control(player, None, self.own()),
            9 if self.next().is_multiple_of(64) => shard.put_out(player, 1),
            10 if self.next().is_multiple_of(64) => shard.put_out(former, 2),
            11 => shard.admit(player, Admission::Refused(1)),
            12 => {
                let (mut found, corner) = (Vec::new(), self.point());
                shard.within(pose.point, self.float(), &mut found);
                shard.within_box(pose.point, corner, &mut found);
            }
            13 => {
                let (direction, length, past) = (self.point(), self.float(), shard.as_seen_by(player));
                let struck = shard.ray(&past, pose.point, direction, length, |struck| struck != id);
                assert!(struck.is_none_or(|struck| struck.distance() <= length));
            }
            14 => _ = (shard.sees(id, other, self.float()), shard.sees(id, id, 10.0)),
            15 => _ = (shard.player_of(id), shard.body(player), shard.own(former), shard.is_connected(former)),
            _ => {
                let _ = (shard.state(id), shard.pose(id));
                let _ = shard.own_mut(player).map(|own| *own = self.own());
            }
        }
    }
}

impl Game for Wild {
    type Rules = Counting;
    type Command = Order;
    type Job = ();
    type Done = ();

    fn rules(&self) -> &Counting {
        &Counting
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, _visitor: Visitor<'_>) -> Admission {
        let body = shard.entities.spawn(self.pose(), Shown::default()).ok();
        shard.control(player, body, self.own());
        self.act(shard, player);
        if self.next().is_multiple_of(3) {
            shard.admit(player, Admission::Accepted);
            return Admission::Pending;
        }
        if self.next().is_multiple_of(5) { Admission::Refused(1) } else { Admission::Accepted }
    }

    fn leave(&mut self, shard: &mut Shard<Self>, player: PlayerId, _reason: LeaveReason) -> u32 {
        self.act(shard, player);
        self.next() as u32 % 100
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, _input: &Input) {
        self.act(shard, player);
    }

    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, _ask: Ask, reply: Reply) {
        self.act(shard, player);
        shard.reply(reply, &Answer::Echo { value: 1 });
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, _event: Event) {
        self.act(shard, player);
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        let Some(player) = shard.players().next() else { return };
        (0..50).for_each(|_| self.act(shard, player));
    }
}
