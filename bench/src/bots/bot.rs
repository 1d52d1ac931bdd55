//! A bot of either kind.

use super::brain::Brain;
use super::follower::Follower;
use super::observations::{Observations, SnapshotCounts};
use super::player::Player;
use super::shared::Shared;
use crate::load::fleet::Member;
use ringshard_prefetch::prefetch_part;
use ringshard_protocol::client::{Client, ClientConfig, CloseReason};
use ringshard_protocol::time::Instant;
use std::sync::Arc;

/// A bot of either kind. Followers, which are many, lie side by side, each behind its tag.
#[allow(clippy::large_enum_variant, reason = "followers lie side by side, so that they can be prefetched")]
#[repr(u8)]
pub enum Bot {
    /// A whole client, which keeps and checks a view of the world.
    Player(Box<Player>),
    /// A client without a view, before it begins.
    Waiting(Start),
    /// The same, once it connects.
    Follower(Follower),
}

/// What a follower begins with.
pub struct Start {
    pub brain: Brain,
    /// When the turns of its relay begin within the tick, from 0 to 1.
    pub relay: f64,
    pub shared: Arc<Shared>,
}

impl Bot {
    /// None of one that did not begin.
    pub fn counts(&self) -> Option<&SnapshotCounts> {
        match self {
            Bot::Player(player) => Some(&player.counts),
            Bot::Waiting(_) => None,
            Bot::Follower(follower) => Some(&follower.counts),
        }
    }

    /// None of a follower.
    pub fn observations(&self) -> Option<&Observations> {
        match self {
            Bot::Player(player) => Some(&player.observations),
            Bot::Waiting(_) | Bot::Follower(_) => None,
        }
    }
}

impl Member for Bot {
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]) {
        match self {
            Bot::Player(player) => player.begin(config, now, seed),
            Bot::Waiting(start) => {
                let client = Client::new(config, now, seed).expect("the server's key is valid");
                let (brain, shared) = (start.brain.clone(), start.shared.clone());
                *self = Bot::Follower(Follower::new(client, brain, start.relay, shared));
            }
            Bot::Follower(_) => unreachable!("a bot begins once"),
        }
    }

    fn connection(&self) -> &Client {
        match self {
            Bot::Player(player) => player.connection(),
            Bot::Waiting(_) => unreachable!("a member begins first"),
            Bot::Follower(follower) => follower.connection(),
        }
    }

    fn connection_mut(&mut self) -> &mut Client {
        match self {
            Bot::Player(player) => player.connection_mut(),
            Bot::Waiting(_) => unreachable!("a member begins first"),
            Bot::Follower(follower) => follower.connection_mut(),
        }
    }

    fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool {
        match self {
            Bot::Player(player) => player.receive(now, datagram, buffer),
            Bot::Waiting(_) => true,
            Bot::Follower(follower) => follower.receive(now, datagram, buffer),
        }
    }

    fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        match self {
            Bot::Player(player) => player.serve(now),
            Bot::Waiting(_) => None,
            Bot::Follower(follower) => follower.serve(now),
        }
    }

    fn deadline(&self) -> Instant {
        match self {
            Bot::Player(player) => player.deadline(),
            Bot::Waiting(_) => Instant::NEVER,
            Bot::Follower(follower) => follower.deadline(),
        }
    }

    fn prefetch_front(&self) {
        prefetch_part(self, 0..1);
    }

    fn prefetch(&self) {
        match self {
            Bot::Player(player) => player.prefetch(),
            Bot::Waiting(_) => {}
            Bot::Follower(follower) => follower.prefetch(),
        }
    }

    fn prefetch_rest(&self) {
        if let Bot::Follower(follower) = self {
            follower.prefetch_rest();
        }
    }
}
