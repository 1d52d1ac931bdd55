//! Places where characters enter: each must be one where a character can stand.

mod body;

use crate::source::{Agent, Source, SourceError, Spawn};
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{SpawnPlan, VolumeKind};

/// The places of a description, with their heights, checked against the terrain without them.
///
/// # Errors
/// A place lies outside the map, on ground that is too steep, in water that is too deep, in a box that nobody may enter, or in
/// static geometry. The error names the place.
pub fn read(source: &Source, terrain: &Terrain) -> Result<Vec<SpawnPlan>, SourceError> {
    let mut plans = Vec::new();
    for spawn in &source.description.spawns {
        let place = |number: usize| format!("{}, spawn `{}`, point {}", source.name, spawn.name, number + 1);
        if spawn.points.is_empty() {
            return Err(SourceError::new(place(0), "the spawn has no points: give one, or remove it"));
        }
        if !spawn.yaw.is_finite() {
            return Err(SourceError::new(
                place(0),
                format_args!("`yaw` is {}, and must be a number of degrees", spawn.yaw),
            ));
        }
        for (number, point) in spawn.points.iter().enumerate() {
            let plan = checked(spawn, point, &source.description.agent, terrain);
            plans.push(plan.map_err(|why| SourceError::new(place(number), why))?);
        }
    }
    Ok(plans)
}

fn checked(spawn: &Spawn, point: &[f32], agent: &Agent, terrain: &Terrain) -> Result<SpawnPlan, String> {
    let (x, y, height) = match *point {
        [x, y] => (x, y, None),
        [x, y, z] => (x, y, Some(z)),
        _ => return Err(format!("it is {point:?}, and must be [x, y] or [x, y, z]")),
    };
    let [width, depth, top] = terrain.map().size();
    if !((0.0..=width).contains(&x) && (0.0..=depth).contains(&y) && height.is_none_or(|z| (0.0..=top).contains(&z))) {
        return Err(format!("{point:?} lies outside the map, which has {width} by {depth} by {top} units"));
    }
    let from = height.unwrap_or_else(|| terrain.height(x, y));
    let (z, slope) = body::support(terrain, [x, y, from + agent.step_height])
        .ok_or_else(|| format!("{point:?} is below the ground, which is at {}", terrain.height(x, y)))?;
    if from - z > agent.step_height {
        return Err(format!("{point:?} is in the air: the next ground below is at {z}"));
    }
    if slope < agent.slope_limit {
        let limit = agent.slope_limit;
        return Err(format!(
            "the ground at {point:?} is too steep: the z of its normal is {slope:.2}, and at least {limit}"
        ));
    }
    let feet = [x, y, z];
    if let Some(volume) = terrain.volumes_at(feet).find(|it| it.kind == VolumeKind::NoGo as u32) {
        return Err(format!("{point:?} lies in `{}`, which nobody may enter", terrain.name(volume.name)));
    }
    if let Some(deep) = terrain.water_surface(feet).map(|surface| surface - z).filter(|it| *it > agent.swim_depth) {
        return Err(format!("the water at {point:?} is {deep} units deep"));
    }
    if let Some(why) = body::obstacle(terrain, feet, agent) {
        return Err(format!("{point:?} {why}"));
    }
    let yaw = (f64::from(spawn.yaw) / 360.0 * 65_536.0).round().rem_euclid(65_536.0) as u16;
    Ok(SpawnPlan { point: feet, yaw, name: spawn.name.clone() })
}
