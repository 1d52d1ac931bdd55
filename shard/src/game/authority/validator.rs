//! Checks where clients say that their characters are.
//!
//! | reason | what it means |
//! |---|---|
//! | [`Refusal::Speed`] | More movement than the time since the last claims allows. Unused time counts for [`Limits::ahead_ticks`] |
//! | [`Refusal::Teleport`] | More than any amount of unused time allows |
//! | [`Refusal::Ground`] | Below the height field |
//! | [`Refusal::Wall`] | Geometry is between the last accepted point and this one |
//! | [`Refusal::Flight`] | Higher than a stone that was thrown upwards where the character stood last |
//! | [`Refusal::Water`] | Faster than a swimmer, or too deep |
//! | [`Refusal::NoGo`] | Outside the map, in a no-go volume, or behind its boundary |
//!
//! An input has the tick in which it counts, so lost and late inputs make no claim doubtful: the character has moved for as
//! many ticks as have passed since the last claim that was there in time. What is generous is generous for honest players, whose
//! games calculate differently from the server's; what cannot be seen from the numbers is not refused.

use super::geometry::{Obstacle, Support, highest_below, obstacle, support};
use super::limits::{Limits, TICK_SECONDS};
use crate::game::PlayerId;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::VolumeKind;
use ringshard_world::Refusal;
use ringshard_world::limits::TICKS_PER_SECOND;

/// Characters that go around a corner while nothing arrives do not go straight. So many ticks at most count as such a way.
const DETOUR_TICKS_MAX: u64 = 20;
/// Ways that are tested for a player's detours: so many come back per tick, up to so many. The search costs much.
const DETOUR_TESTS_PER_TICK: u64 = 4;
const DETOUR_TESTS_MAX: u64 = 96;

/// Why a claim is refused.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Violation {
    /// The reason.
    pub why: Refusal,
    /// The last point that was accepted.
    pub from: [f32; 3],
    /// The point that the client claims.
    pub claimed: [f32; 3],
    /// By how much it is too far, too high or too deep, in units; 0 if there is no measure.
    pub excess: f32,
}

/// What the last claims of a player leave it.
#[derive(Clone, Copy, Debug)]
struct Track {
    player: PlayerId,
    /// The last point, and when it was claimed.
    point: [f32; 3],
    tick: u64,
    /// The last point at which something carried the character.
    safe: [f32; 3],
    /// Ticks in which it could have moved and has not.
    unused: f32,
    /// Units that it may go without them.
    extra: f32,
    /// The speed across that it can have: falling and sliding make it faster.
    speed: f32,
    /// The height of what carried it last, and when.
    carried: f32,
    carried_at: u64,
    /// What may have carried it since then, while nothing arrived, and when.
    again: Option<(f32, u64)>,
    /// The speed upwards with which it could leave that.
    launch: f32,
    /// Something carries it on which it does not slide.
    is_at_rest: bool,
    /// The lowest height since something carried it so. Only what it falls below that gives speed.
    lowest: f32,
    /// The speed with which it can sink in water: falling into it takes it down.
    sinking: f32,
    /// Ways that can still be tested for its detours.
    detour_tests: u64,
    /// The next claim may be anywhere.
    may_jump: bool,
}

/// Follows the claims of the players of one core. It allocates when a player claims something for the first time.
#[derive(Debug, Default)]
pub struct Validator {
    /// By slot.
    tracks: Vec<Option<Track>>,
    /// What they were before the last claim, by slot.
    former: Vec<Option<Track>>,
}

impl Validator {
    /// No players.
    pub fn new() -> Self {
        Validator::default()
    }

    /// The server has set a player's character to a point: claims go on from there.
    pub fn place(&mut self, player: PlayerId, point: [f32; 3], tick: u64) {
        if let Some(track) = self.track(player) {
            let (carried, carried_at) = (point[2], tick);
            let (lowest, again) = (carried, None);
            *track =
                Track { point, tick, safe: point, carried, carried_at, again, lowest, is_at_rest: false, ..*track };
            return;
        }
        let slot = usize::from(player.slot);
        if self.tracks.len() <= slot {
            self.tracks.resize(slot + 1, None);
            self.former.resize(slot + 1, None);
        }
        self.tracks[slot] = Some(Track {
            player,
            point,
            tick,
            safe: point,
            // As many as the limits allow.
            unused: f32::INFINITY,
            extra: 0.0,
            speed: 0.0,
            carried: point[2],
            carried_at: tick,
            again: None,
            launch: 0.0,
            is_at_rest: false,
            lowest: point[2],
            sinking: 0.0,
            detour_tests: DETOUR_TESTS_MAX,
            may_jump: false,
        });
    }

    /// The next claim of a player may be anywhere: its client moves the character itself, as with an ability that the game has
    /// just allowed it. Where the server moves a character, this is not needed.
    pub fn allow_jump(&mut self, player: PlayerId) {
        if let Some(track) = self.track(player) {
            track.may_jump = true;
        }
    }

    /// A player's character may go so many units farther, once, and rise as if it had stood so much higher: it was knocked back
    /// or launched.
    pub fn allow(&mut self, player: PlayerId, across: f32, up: f32) {
        if let Some(track) = self.track(player) {
            track.extra = across.max(0.0);
            track.carried += up.max(0.0);
            track.lowest += up.max(0.0);
        }
    }

    /// The last point that a player claimed, or at which it was placed.
    pub fn point(&self, player: PlayerId) -> Option<[f32; 3]> {
        self.tracks.get(usize::from(player.slot))?.filter(|track| track.player == player).map(|track| track.point)
    }

    /// The last claim is void: the character is where it was before, and if it was in the air, where it stood last. Gives that
    /// point.
    pub(super) fn take_back(&mut self, player: PlayerId, violation: &Violation) -> [f32; 3] {
        let former = self.former.get(usize::from(player.slot)).copied().flatten();
        let Some(track) = self.track(player) else { return violation.from };
        // Nothing that the claim said counts. What it used up, it has used up.
        let former = former.filter(|former| former.player == player).unwrap_or(*track);
        let Track { tick, unused, detour_tests, may_jump, .. } = *track;
        *track = Track { tick, unused, detour_tests, may_jump, speed: 0.0, ..former };
        track.point = match violation.why {
            Refusal::Flight | Refusal::Ground | Refusal::NoGo => track.safe,
            _ => violation.from,
        };
        if track.point == track.safe {
            (track.carried, track.carried_at, track.lowest) = (track.safe[2], tick, track.safe[2]);
            track.again = None;
        }
        track.point
    }

    fn track(&mut self, player: PlayerId) -> Option<&mut Track> {
        self.tracks.get_mut(usize::from(player.slot))?.as_mut().filter(|track| track.player == player)
    }

    /// Checks a claim that arrived in time for `tick`: the feet of the player's character are at `point`. The first claim of a
    /// player is accepted as it is, unless the player was placed before. A refused claim is followed, too: the next one is
    /// compared with it.
    ///
    /// # Errors
    /// The first reason for which the claim is refused.
    pub fn check(
        &mut self,
        terrain: &Terrain,
        limits: &Limits,
        player: PlayerId,
        point: [f32; 3],
        tick: u64,
    ) -> Result<(), Violation> {
        if self.track(player).is_none() {
            self.place(player, point, tick);
        }
        let before = *self.track(player).expect("it was placed");
        self.former[usize::from(player.slot)] = Some(before);
        let track = self.track(player).expect("it was placed");
        let (from, safe) = (track.point, track.safe);
        match (Step { terrain, limits, before }).follow(track, point, tick) {
            Some((why, excess)) => {
                track.safe = safe;
                Err(Violation { why, from, claimed: point, excess })
            }
            None => Ok(()),
        }
    }
}

/// A reason, and by how much.
type Finding = Option<(Refusal, f32)>;

/// One claim after another.
struct Step<'a> {
    terrain: &'a Terrain,
    limits: &'a Limits,
    before: Track,
}

impl Step<'_> {
    /// Follows the character to a point, and says why that cannot be.
    fn follow(&self, track: &mut Track, point: [f32; 3], tick: u64) -> Finding {
        let before = &self.before;
        let passed = tick.saturating_sub(before.tick);
        (track.point, track.tick) = (point, tick);
        if std::mem::take(&mut track.may_jump) {
            (track.safe, track.carried, track.carried_at, track.is_at_rest) = (point, point[2], tick, false);
            (track.lowest, track.again) = (point[2], None);
            return self.forbidden(point);
        }
        if point == before.point {
            // It stands still; or nothing carries it, and it should fall.
            track.unused = (before.unused + passed as f32).min(self.limits.ahead_ticks as f32);
            track.speed = 0.0;
            track.sinking = self.sinking(passed);
            return self.height(track, 0.0, passed);
        }
        let across = distance([before.point[0], before.point[1]], [point[0], point[1]]);
        let speed = self.spend(track, across, passed);
        let height = self.height(track, across, passed);
        self.forbidden(point).or(speed).or_else(|| self.wall(track, passed)).or(height)
    }

    /// Takes the movement across, and that down or in water, from the time that has passed.
    fn spend(&self, track: &mut Track, across: f32, passed: u64) -> Finding {
        let Step { limits, before, .. } = self;
        let swims = self.is_deep(track.point) && self.is_deep(before.point);
        track.speed = self.speed(track.point, swims, passed);
        let of_tick = track.speed * limits.tolerance * TICK_SECONDS;
        let (unused_max, counted) = (limits.ahead_ticks as f32, passed.min(limits.silent_ticks.into()) as f32);
        track.extra = (before.extra - across).max(0.0);
        let across = (across - before.extra).max(0.0);
        track.sinking = self.sinking(passed);
        let of_height = self.height_ticks(track, swims, across, passed);
        let (used, unused) = ((across / of_tick).max(of_height), before.unused.min(unused_max) + counted);
        track.unused = (unused - used).clamp(0.0, unused_max);
        if used <= unused {
            return None;
        }
        let why = match (used > unused_max + counted, swims) {
            (true, _) => Refusal::Teleport,
            (false, true) => Refusal::Water,
            (false, false) => Refusal::Speed,
        };
        Some((why, (used - unused) * of_tick))
    }

    /// How many ticks the way up or down takes at least. Falls and water set it a limit; jumps and climbs are for [`Self::height`].
    fn height_ticks(&self, track: &Track, swims: bool, across: f32, passed: u64) -> f32 {
        let Step { limits, before, .. } = self;
        let (tuning, risen) = (&limits.tuning, track.point[2] - before.point[2]);
        let slope = 1.1 * across;
        let (way, speed) = match (swims, before.carried_at == before.tick) {
            (true, _) if risen > 0.0 => (risen - slope, tuning.swim_speed.max(before.sinking)),
            (true, _) => (-risen - slope, before.sinking.max(tuning.swim_speed)),
            // It may go down stairs.
            (false, true) => (-risen - slope - tuning.step_height * passed.max(1) as f32, tuning.fall_speed_max),
            (false, false) => (-risen - slope, tuning.fall_speed_max),
        };
        way.max(0.0) / (speed * limits.tolerance * TICK_SECONDS)
    }

    /// The speed with which the character can sink, if it is in water now.
    fn sinking(&self, passed: u64) -> f32 {
        let Step { limits, before, .. } = self;
        let tuning = &limits.tuning;
        let in_air = (before.tick + passed).saturating_sub(before.carried_at);
        let slower = before.sinking - tuning.acceleration * passed as f32 * TICK_SECONDS;
        (tuning.gravity * in_air as f32 * TICK_SECONDS).max(slower).clamp(0.0, tuning.fall_speed_max)
    }

    fn is_deep(&self, point: [f32; 3]) -> bool {
        let top = self.terrain.water_surface(point);
        top.is_some_and(|top| top - point[2] > self.limits.tuning.swim_depth)
    }

    /// The speed across that the character can have.
    fn speed(&self, point: [f32; 3], swims: bool, passed: u64) -> f32 {
        let Step { limits, before, .. } = self;
        let base = limits.speed(swims);
        if swims {
            return base;
        }
        let former = before.speed.max(base);
        if before.is_at_rest {
            let seconds = passed.max(1) as f32 * TICK_SECONDS;
            return (former - limits.tuning.acceleration * seconds).max(base);
        }
        // Falling gives speed, which sliding turns into movement across. What a jump gives comes from the jump.
        let fallen = (before.lowest.min(before.carried) - point[2]).max(0.0);
        (former * former + 2.0 * limits.tuning.gravity * fallen).sqrt()
    }

    /// Whether the character is too high or too low.
    fn height(&self, track: &mut Track, across: f32, passed: u64) -> Finding {
        let Step { limits, terrain, before } = self;
        let (tuning, slack) = (&limits.tuning, limits.height_slack);
        let [x, y, z] = track.point;
        let below = terrain.height(x, y) - z;
        if below > slack {
            (track.carried, track.carried_at) = (z, track.tick);
            return Some((Refusal::Ground, below));
        }
        let surface = terrain.water_surface(track.point);
        // Water carries what swims in it, and what has just come up.
        let floats = surface.is_some_and(|top| top - z > tuning.swim_depth - slack);
        let carrier = if floats {
            Some(Support { height: z, is_even: true })
        } else {
            support(terrain, tuning, track.point, tuning.step_height + 1.0, slack)
        };
        track.is_at_rest = carrier.is_some_and(|carrier| carrier.is_even);
        track.lowest = if track.is_at_rest { z } else { before.lowest.min(z) };
        let climbed = 2.0 * tuning.step_height + 1.1 * across;
        let Some(carrier) = carrier else { return self.flight(track, climbed, passed) };
        (track.carried, track.carried_at, track.safe) = (carrier.height, track.tick, track.point);
        track.again = None;
        let climbing = (z - before.point[2]) / (passed.max(1) as f32 * TICK_SECONDS);
        track.launch = limits.launch(climbing);
        let carried = before.again.map_or(before.carried, |(height, _)| height.max(before.carried));
        let excess = z - carried - self.jump_height() - climbed - slack;
        let depth = surface.map_or(0.0, |top| top - z - limits.depth_max);
        match (depth > 0.0, excess > 0.0) {
            (true, _) => Some((Refusal::Water, depth)),
            // Water carries it upwards as far as it swims.
            (false, true) if !floats => Some((Refusal::Flight, excess)),
            _ => None,
        }
    }

    /// Whether a character that nothing carries is too high.
    fn flight(&self, track: &mut Track, climbed: f32, passed: u64) -> Finding {
        let Step { limits, before, .. } = self;
        let (tuning, z) = (&limits.tuning, track.point[2]);
        // It counts as carried until it is a step above what carried it.
        let slack = limits.height_slack + tuning.step_height;
        let from = before.again.map_or(before.carried, |(height, _)| height.max(before.carried)) + climbed;
        if passed > 1
            && z <= from + self.jump_height() + slack
            && let Some(stood) = self.may_have_stood(track.point, from, passed)
        {
            // While nothing arrived, it may have walked on, and jumped at some time.
            track.again = Some((stood, track.tick - 1));
            return None;
        }
        let in_air = track.tick.saturating_sub(before.carried_at);
        let highest = |carried: f32, at: u64| carried + limits.rise_after(track.tick.saturating_sub(at), self.launch());
        let again = before.again.map_or(f32::NEG_INFINITY, |(carried, at)| highest(carried, at));
        let excess = z - highest(before.carried, before.carried_at).max(again) - slack;
        if excess <= 0.0 {
            return None;
        }
        // From now on it is compared with a fall from here.
        let highest_at = (self.launch() / tuning.gravity * TICKS_PER_SECOND as f32) as u64;
        let fallen = in_air.min(highest_at);
        (track.carried, track.carried_at) =
            (z - limits.rise_after(fallen, self.launch()) - slack, track.tick.saturating_sub(fallen));
        Some((Refusal::Flight, excess))
    }

    /// The speed upwards with which the character left what carried it.
    fn launch(&self) -> f32 {
        self.limits.launch(self.before.launch)
    }

    /// How high that takes it.
    fn jump_height(&self) -> f32 {
        self.launch() * self.launch() / (2.0 * self.limits.tuning.gravity)
    }

    /// The height of what the character may have stood on along the way from the last point. `most` is how high it can be.
    fn may_have_stood(&self, to: [f32; 3], most: f32, passed: u64) -> Option<f32> {
        let Step { limits, terrain, before } = self;
        let (from, tuning) = (before.point, &limits.tuning);
        let highest = from[2].max(to[2]);
        let reach = tuning.step_height + self.jump_height() + (from[2] - to[2]).max(0.0);
        let slack = limits.height_slack + tuning.step_height;
        let carried_at = before.again.map_or(before.carried_at, |(_, at)| at);
        let in_air = (before.tick + passed).saturating_sub(carried_at) as f32;
        // It falls to there first, and then there is time to rise.
        let allows = |height: f32| {
            let fall = (from[2] - height - slack).max(0.0) / (tuning.gravity * in_air * TICK_SECONDS);
            let left = passed as f32 - fall * TICKS_PER_SECOND as f32;
            let ticks = left.clamp(0.0, self.launch() / tuning.gravity * TICKS_PER_SECOND as f32) as u64;
            left >= 0.0 && to[2] - height <= limits.rise_after(ticks, self.launch()) + slack
        };
        let support = |part: f32| {
            let [x, y] = [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * part);
            highest_below(terrain, tuning, [x, y, highest], reach, limits.height_slack)
        };
        let parts = [0.0, 0.25, 0.5, 0.75, 1.0];
        let stood = parts.into_iter().filter_map(support).filter(|height| allows(*height)).reduce(f32::max);
        // What it stood on may be beside the straight way.
        let beside = (before.carried_at == before.tick).then(|| most.min(to[2]).max(before.carried));
        stood.map(|height| height.min(to[2])).or(beside)
    }

    /// Whether the character is where nobody may be.
    fn forbidden(&self, point: [f32; 3]) -> Finding {
        let size = self.terrain.map().size();
        let outside = |axis: usize| (-point[axis]).max(point[axis] - size[axis]);
        let beyond = outside(0).max(outside(1));
        if beyond > self.limits.height_slack {
            return Some((Refusal::NoGo, beyond));
        }
        let is_no_go = self.terrain.volumes_at(point).any(|volume| volume.kind == VolumeKind::NoGo as u32);
        is_no_go.then_some((Refusal::NoGo, 0.0))
    }

    /// Whether something stands between the last point and this one.
    fn wall(&self, track: &mut Track, passed: u64) -> Finding {
        let (from, to, tuning) = (self.before.point, track.point, &self.limits.tuning);
        let way = |from, to| obstacle(self.terrain, tuning, from, to);
        track.detour_tests =
            (track.detour_tests + passed.min(DETOUR_TESTS_MAX) * DETOUR_TESTS_PER_TICK).min(DETOUR_TESTS_MAX);
        let why = match way(from, to)? {
            Obstacle::Wall => Refusal::Wall,
            Obstacle::Boundary => Refusal::NoGo,
        };
        if passed <= 1 {
            return Some((why, 0.0));
        }
        // While nothing arrived, it may have gone around.
        let length = self.limits.speed(false) * passed.min(DETOUR_TICKS_MAX) as f32 * TICK_SECONDS;
        for by in detours(from, to, length, tuning.jump_height()) {
            if track.detour_tests < 2 {
                break;
            }
            track.detour_tests -= 2;
            if way(from, by).is_none() && way(by, to).is_none() {
                return None;
            }
        }
        Some((why, 0.0))
    }
}

fn distance(from: [f32; 2], to: [f32; 2]) -> f32 {
    let (x, y) = (to[0] - from[0], to[1] - from[1]);
    (x * x + y * y).sqrt()
}

/// Points between two others by which a way of this length can lead, on both sides and above. None if it is too short.
fn detours(from: [f32; 3], to: [f32; 3], length: f32, up: f32) -> impl Iterator<Item = [f32; 3]> {
    let across = [to[0] - from[0], to[1] - from[1]];
    let straight = distance([0.0; 2], across);
    // The sides of a triangle with equal sides of half the length.
    let aside = (length * length - straight * straight).max(0.0).sqrt() / 2.0;
    let side = if straight > 0.0 { [-across[1] / straight, across[0] / straight] } else { [1.0, 0.0] };
    let parts: &[f32] = match straight {
        _ if straight >= length => &[],
        0.0 => &[0.5],
        _ => &[0.5, 0.2, 0.8],
    };
    let sides = [0.35, -0.35, 0.7, -0.7, 1.0, -1.0, 0.0];
    parts.iter().flat_map(move |&part| {
        sides.into_iter().flat_map(move |by| {
            // What lies on the straight way is no detour.
            [0.0, up].into_iter().filter(move |up| by != 0.0 || *up > 0.0).map(move |up| {
                [
                    from[0] + across[0] * part + side[0] * by * aside,
                    from[1] + across[1] * part + side[1] * by * aside,
                    from[2] + (to[2] - from[2]) * part + up,
                ]
            })
        })
    })
}
