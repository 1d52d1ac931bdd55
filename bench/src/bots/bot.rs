//! A bot of either kind.

use super::follower::Follower;
use super::observations::{Observations, SnapshotCounts};
use super::player::Player;
use crate::load::fleet::Member;
use ringshard_protocol::client::{Client, ClientConfig, CloseReason};
use ringshard_protocol::time::Instant;

#[allow(clippy::large_enum_variant, reason = "followers, which are many, lie side by side: they can be prefetched")]
pub enum Bot {
    /// A whole client, which keeps and checks a view of the world.
    Player(Box<Player>),
    /// A client without a view.
    Follower(Follower),
}

impl Bot {
    pub fn counts(&self) -> &SnapshotCounts {
        match self {
            Bot::Player(player) => &player.counts,
            Bot::Follower(follower) => &follower.counts,
        }
    }

    /// None of a follower.
    pub fn observations(&self) -> Option<&Observations> {
        match self {
            Bot::Player(player) => Some(&player.observations),
            Bot::Follower(_) => None,
        }
    }
}

impl Member for Bot {
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]) {
        match self {
            Bot::Player(player) => player.begin(config, now, seed),
            Bot::Follower(follower) => follower.begin(config, now, seed),
        }
    }

    fn connection(&self) -> &Client {
        match self {
            Bot::Player(player) => player.connection(),
            Bot::Follower(follower) => follower.connection(),
        }
    }

    fn connection_mut(&mut self) -> &mut Client {
        match self {
            Bot::Player(player) => player.connection_mut(),
            Bot::Follower(follower) => follower.connection_mut(),
        }
    }

    fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool {
        match self {
            Bot::Player(player) => player.receive(now, datagram, buffer),
            Bot::Follower(follower) => follower.receive(now, datagram, buffer),
        }
    }

    fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        match self {
            Bot::Player(player) => player.serve(now),
            Bot::Follower(follower) => follower.serve(now),
        }
    }

    fn deadline(&self) -> Instant {
        match self {
            Bot::Player(player) => player.deadline(),
            Bot::Follower(follower) => follower.deadline(),
        }
    }

    fn prefetch(&self) {
        // Which kind it is would have to be read.
        ringshard_prefetch::prefetch(self);
    }
}
