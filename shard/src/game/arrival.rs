//! A player that comes from another server.

use super::{AccountId, OwnOf, ShownOf};
use crate::game::Game;
use ringshard_world::Pose;

/// A player that comes from another server, as that server has described it. The servers of a fleet trust each other.
pub struct Arrival<'a, G: Game> {
    /// Its account, if it has one.
    pub account: Option<AccountId>,
    /// Its own state.
    pub own: OwnOf<G>,
    /// Its body: pose and what it showed. None if it had none.
    pub body: Option<(Pose, ShownOf<G>)>,
    /// What [`Game::depart`] has written.
    pub bytes: &'a [u8],
}
