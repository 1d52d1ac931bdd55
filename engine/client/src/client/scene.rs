//! The world as it is shown: the own state predicted, the others between snapshots.

use super::Client;
use ringshard_world::interpolation::{pose_at, pose_between, sample_at};
use ringshard_world::view::Seen;
use ringshard_world::{EntityId, Pose, Rules};

/// The world as it is shown now.
pub struct Scene<'a, R: Rules> {
    client: &'a Client<R>,
    shown: f64,
}

impl<R: Rules> Clone for Scene<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Rules> Copy for Scene<'_, R> {}

impl<'a, R: Rules> Scene<'a, R> {
    pub(super) fn new(client: &'a Client<R>) -> Self {
        Scene { client, shown: client.shown_clock.as_ref().map_or(0.0, |clock| clock.ticks()) }
    }

    /// The player's own state, predicted; None before the first snapshot.
    pub fn own(&self) -> Option<&'a R::Own> {
        self.client.prediction.own()
    }

    /// The pose of the player's own state, with what is left of corrections: they fade. It is the pose at [`Self::tick`], or
    /// one between that tick and the one before ([`Smoothing::between_ticks`]).
    ///
    /// [`Smoothing::between_ticks`]: crate::Smoothing::between_ticks
    pub fn own_pose(&self) -> Option<Pose> {
        let Client { rules, smoother, prediction, input_clock, smoothing, .. } = self.client;
        let Some(own) = prediction.own() else { return self.client.held_pose };
        let newest = rules.pose(own);
        let between = input_clock.as_ref().zip(prediction.own_before()).filter(|_| smoothing.between_ticks);
        let pose = between.map_or(newest, |(clock, before)| {
            let share = clock.ticks() - prediction.newest() as f64;
            pose_between(&rules.pose(before), &newest, share.clamp(0.0, 1.0) as f32)
        });
        Some(smoother.shown(pose))
    }

    /// The entity that the player controls.
    pub fn body(&self) -> Option<EntityId> {
        self.client.body
    }

    /// All entities in view but the own body, in no particular order: pose and what the game shows, at the shown tick.
    pub fn others(&self) -> impl Iterator<Item = (EntityId, Pose, &'a R::Shown)> {
        let scene = *self;
        let others = scene.client.view.entities().filter(move |seen| Some(seen.id()) != scene.body());
        others.map(move |seen| (seen.id(), scene.pose_of(seen), &sample_at(seen, scene.shown).state.shown))
    }

    /// What the game shows of an entity in view, at the shown tick; of the own body, the newest that is known.
    pub fn shown(&self, id: EntityId) -> Option<&'a R::Shown> {
        let seen = self.client.view.entity(id)?;
        let state = if self.body() == Some(id) { seen.state() } else { &sample_at(seen, self.shown).state };
        Some(&state.shown)
    }

    /// The pose of an entity in view, at the shown tick; [`Self::own_pose`] for the own body.
    pub fn pose(&self, id: EntityId) -> Option<Pose> {
        if self.body() == Some(id) {
            return self.own_pose();
        }
        self.client.view.entity(id).map(|seen| self.pose_of(seen))
    }

    fn pose_of(&self, seen: &Seen<R::Shown>) -> Pose {
        pose_at(seen, self.shown, &self.client.map, &self.client.interpolation)
    }

    /// The tick of the own state. The next input is for the tick after it.
    pub fn tick(&self) -> u32 {
        self.client.prediction.newest() as u32
    }

    /// The tick at which others are shown. It does not wrap at 2^32.
    pub fn shown_tick(&self) -> f64 {
        self.shown
    }
}
