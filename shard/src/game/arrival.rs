//! A player that comes from another server, or from its checkpoint.

use super::{AccountId, OwnOf, ShownOf};
use crate::game::Game;
use ringshard_world::Pose;

/// A player that comes from another server, or whose server was lost, as that server has described it. The servers of a fleet
/// trust each other.
pub struct Arrival<'a, G: Game> {
    /// Its account, if it has one.
    pub account: Option<AccountId>,
    /// Its own state.
    pub own: OwnOf<G>,
    /// Its body: pose and what it showed. None if it had none.
    pub body: Option<(Pose, ShownOf<G>)>,
    /// What [`Game::depart`] has written, or, if it is restored, [`Game::checkpoint`].
    pub bytes: &'a [u8],
    /// Whether it comes from its last checkpoint, with a new session: the server that it was on is gone, or its account has
    /// entered anew. What happened since the checkpoint is lost.
    pub is_restored: bool,
}
