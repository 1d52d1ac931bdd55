//! What the server alone checks of [actions](ringshard_world::actions): targets, range and line of sight. It broadcasts what
//! happens, counts what it refuses, and takes back what the client has predicted wrongly.
//!
//! ```text
//!   Rules::step: ActionState::step        Game::stepped: decide(self, shard, player)
//!   both ends                             the server
//!   +-----------------------------+       +---------------------------------------+
//!   | number new? ready? paid?    | ----> | target there? in range? in sight?     | ----> Deed: the game does it
//!   | allowed by the state?       |       | else: taken back, counted             |       viewers hear `Acted::Done`
//!   +-----------------------------+       +---------------------------------------+
//! ```
//!
//! Both a cast that begins and an execution are checked. Targets are looked up where the player saw them
//! ([`Shard::as_seen_by`]).
//!
//! If the server refuses an action, it restores what [`ActionState`] has paid. It knows nothing of other fields that the step
//! may have changed. So a step should apply at once only what the server never refuses: actions without target, range and
//! line of sight, such as a dash.

use crate::game::{EventOf, Game, OwnOf, PlayerId, Shard, To};
use ringshard_protocol::wire::Channel;
use ringshard_world::actions::{Acted, Action, ActionState, Aim, Outcome};
use ringshard_world::{EntityId, Refusal};

/// How high above its feet a character sees and is seen, in units.
pub const EYE_HEIGHT: f32 = 150.0;

/// A game with actions: a table of `A` actions, and `R` resources.
pub trait ActionGame<const A: usize, const R: usize>: Game {
    /// The table of actions: the one that the rules step with.
    fn table(&self) -> &[Action];

    /// The field of the player's own state.
    fn state(own: &mut OwnOf<Self>) -> &mut ActionState<A, R>;

    /// The event that tells those who see an entity what it does. It travels unreliably. By default nobody is told.
    fn tells(&self, _acted: Acted) -> Option<EventOf<Self>> {
        None
    }

    /// Whether the action of an entity of this core can have this target, for example a living enemy. The target exists, and
    /// the client of the player has it in view. By default nothing is a target.
    fn is_target(&self, _shard: &Shard<Self>, _by: EntityId, _action: u8, _target: EntityId) -> bool {
        false
    }

    /// Whether nothing stands between two points: where the feet of the player are, and where those of the target were as the
    /// player saw it, or the point that it aims at. Asked for actions that need a line of sight. By default it is the terrain's
    /// answer, between points [`EYE_HEIGHT`] higher. Other entities hide nothing.
    fn sees(&self, shard: &Shard<Self>, from: [f32; 3], to: [f32; 3]) -> bool {
        let [from, to] = [from, to].map(|[x, y, z]| [x, y, z + EYE_HEIGHT]);
        shard.terrain().sees(from, to)
    }
}

/// What a player does, after all checks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Deed {
    /// The player's body.
    pub by: EntityId,
    /// The action.
    pub action: u8,
    /// At what.
    pub aim: Aim,
    /// Where its body is, in units.
    pub from: [f32; 3],
    /// Where it saw its target, or the point that it aimed at; where its body is if it aimed at nothing.
    pub to: [f32; 3],
}

/// Decides about what a player's step has begun, executed or refused. Call it once in [`Game::stepped`]. Gives what the game
/// must do now.
pub fn decide<G, const A: usize, const R: usize>(game: &G, shard: &mut Shard<G>, player: PlayerId) -> Option<Deed>
where
    G: ActionGame<A, R>,
{
    let outcome = G::state(shard.own_mut(player)?).outcome();
    match outcome {
        Outcome::Nothing => None,
        Outcome::Refused { why, .. } => {
            shard.refuse(player, why);
            None
        }
        Outcome::Interrupted { action, .. } => {
            tell_broken(game, shard, player, action);
            None
        }
        Outcome::Began { action, aim } | Outcome::Executed { action, aim } => {
            match check(game, shard, player, action, aim) {
                Ok(deed) => accept(game, shard, deed, matches!(outcome, Outcome::Executed { .. })),
                Err(why) => {
                    refuse(game, shard, player, why);
                    None
                }
            }
        }
    }
}

/// Takes back what the player's step of this tick has begun or executed, and counts it. For a [`Deed`] that the game cannot do.
pub fn refuse<G, const A: usize, const R: usize>(game: &G, shard: &mut Shard<G>, player: PlayerId, why: Refusal)
where
    G: ActionGame<A, R>,
{
    let Some(own) = shard.own_mut(player) else { return };
    let state = G::state(own);
    let outcome = state.outcome();
    if state.refuse(game.table(), why) {
        shard.refuse(player, why);
        if let Outcome::Executed { action, .. } = outcome
            && game.table()[usize::from(action)].cast > 0
        {
            tell_broken(game, shard, player, action);
        }
    }
}

/// Ends the cast of a player, for example when it is hurt. False if it casts nothing.
pub fn interrupt<G, const A: usize, const R: usize>(game: &G, shard: &mut Shard<G>, player: PlayerId) -> bool
where
    G: ActionGame<A, R>,
{
    let Some(cast) = shard.own_mut(player).and_then(|own| G::state(own).interrupt()) else { return false };
    tell_broken(game, shard, player, cast.action);
    true
}

fn check<G, const A: usize, const R: usize>(
    game: &G,
    shard: &Shard<G>,
    player: PlayerId,
    action: u8,
    aim: Aim,
) -> Result<Deed, Refusal>
where
    G: ActionGame<A, R>,
{
    let row = &game.table()[usize::from(action)];
    let by = shard.body(player).ok_or(Refusal::State)?;
    let from = shard.entities.pose(by).ok_or(Refusal::State)?.point;
    let to = match aim {
        Aim::Nothing => return Ok(Deed { by, action, aim, from, to: from }),
        Aim::Point { point } => point,
        Aim::Entity { id } => {
            let is_there = id == by || shard.has_in_view(player, id);
            if !is_there || !game.is_target(shard, by, action, id) {
                return Err(Refusal::Target);
            }
            // What came into being since the moment that the player saw is where it is now.
            let seen = shard.as_seen_by(player).sample(id.index, id.generation).or_else(|| shard.pose(id));
            if id == by { from } else { seen.ok_or(Refusal::Target)?.point }
        }
    };
    // Clients see others at rounded positions.
    let reach = f64::from(row.range) + 2.0 * f64::from(shard.map().step());
    if distance(from, to) > reach {
        return Err(Refusal::Range);
    }
    if row.sight && !game.sees(shard, from, to) {
        return Err(Refusal::Sight);
    }
    Ok(Deed { by, action, aim, from, to })
}

fn accept<G, const A: usize, const R: usize>(
    game: &G,
    shard: &mut Shard<G>,
    deed: Deed,
    is_executed: bool,
) -> Option<Deed>
where
    G: ActionGame<A, R>,
{
    let Deed { by, action, aim, .. } = deed;
    tell(
        game,
        shard,
        by,
        if is_executed { Acted::Done { by, action, aim } } else { Acted::Begins { by, action, aim } },
    );
    is_executed.then_some(deed)
}

fn tell_broken<G, const A: usize, const R: usize>(game: &G, shard: &mut Shard<G>, player: PlayerId, action: u8)
where
    G: ActionGame<A, R>,
{
    if let Some(by) = shard.body(player) {
        tell(game, shard, by, Acted::Broken { by, action });
    }
}

fn tell<G, const A: usize, const R: usize>(game: &G, shard: &mut Shard<G>, by: EntityId, acted: Acted)
where
    G: ActionGame<A, R>,
{
    if let Some(event) = game.tells(acted) {
        // If another core cannot be reached, its players miss the event. They still see what the action does.
        let _ = shard.tell(To::ViewersOf(by), Channel::UNRELIABLE, &event);
    }
}

fn distance(from: [f32; 3], to: [f32; 3]) -> f64 {
    let square = |axis: usize| (f64::from(to[axis]) - f64::from(from[axis])).powi(2);
    (square(0) + square(1) + square(2)).sqrt()
}
