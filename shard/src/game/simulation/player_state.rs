//! A player as bytes: its own state and its body, as another server or a checkpoint has them.

use crate::game::shard::Shard;
use crate::game::{Game, OwnOf, PlayerId, ShownOf};
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::contract::{read_difference, write_difference};
use ringshard_world::limits::{OWN_BYTES_MAX, SHOWN_BYTES_MAX};
use ringshard_world::{Pose, Rules};

/// Size of the largest.
pub(super) const STATE_BYTES_MAX: usize = OWN_BYTES_MAX + 1 + POSE_BYTES + SHOWN_BYTES_MAX + 16;
const POSE_BYTES: usize = 6 * 4 + 3 * 2 + 1;

/// A player, read back.
pub(super) struct PlayerState<G: Game> {
    pub own: OwnOf<G>,
    /// None if it had none.
    pub body: Option<(Pose, ShownOf<G>)>,
}

/// Writes a player that the game knows.
pub(super) fn write<G: Game>(
    rules: &G::Rules,
    shard: &Shard<G>,
    player: PlayerId,
    writer: &mut Writer<'_>,
) -> Result<(), NoRoom> {
    let own = &shard.members.get(player).expect("the game knows the player").owner.own;
    write_difference(own, &rules.blank_own(), writer)?;
    let body = shard.body(player);
    let body = body.and_then(|body| Some((shard.entities.pose(body)?, shard.entities.shown(body)?)));
    writer.bool(body.is_some())?;
    if let Some((pose, shown)) = body {
        write_pose(pose, writer)?;
        write_difference(shown, &rules.blank_shown(), writer)?;
    }
    Ok(())
}

/// Reads what [`write`] has written.
pub(super) fn read<G: Game>(rules: &G::Rules, reader: &mut Reader<'_>) -> Result<PlayerState<G>, Malformed> {
    let mut own = rules.blank_own();
    read_difference(&mut own, reader)?;
    let body = match reader.bool()? {
        false => None,
        true => {
            let pose = read_pose(reader)?;
            let mut shown = rules.blank_shown();
            read_difference(&mut shown, reader)?;
            Some((pose, shown))
        }
    };
    Ok(PlayerState { own, body })
}

fn write_pose(pose: &Pose, writer: &mut Writer<'_>) -> Result<(), NoRoom> {
    let Pose { point, velocity, rotation, leap } = pose;
    point.iter().chain(velocity).try_for_each(|&value| writer.f32(value))?;
    rotation.iter().try_for_each(|&angle| writer.u16(angle))?;
    writer.u8(*leap)
}

fn read_pose(reader: &mut Reader<'_>) -> Result<Pose, Malformed> {
    let mut vector = || -> Result<[f32; 3], Malformed> { Ok([reader.f32()?, reader.f32()?, reader.f32()?]) };
    let (point, velocity) = (vector()?, vector()?);
    let rotation = [reader.u16()?, reader.u16()?, reader.u16()?];
    let leap = reader.u8()?;
    let is_finite = point.iter().chain(&velocity).all(|value| value.is_finite());
    if is_finite { Ok(Pose { point, velocity, rotation, leap }) } else { Err(Malformed::UnknownValue) }
}
