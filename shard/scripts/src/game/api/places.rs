//! The terrain.

use super::convert::{degrees, point, vector};
use crate::game::call::{World, with_host};
use mlua::{Lua, LuaString, Table, Vector};
use ringshard::game::Rng;
use ringshard_terrain::file::VolumeKind;
use ringshard_world::turn;

pub fn install(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let size = lua.create_function(|_, ()| with_host(|host| Ok(vector(host.rules.terrain().map().size()))))?;
    world.raw_set("size", size)?;
    let height =
        lua.create_function(|_, (x, y): (f32, f32)| with_host(|host| Ok(host.rules.terrain().height(x, y))))?;
    world.raw_set("height", height)?;
    let water = lua.create_function(|_, at: Vector| {
        let at = point(at)?;
        with_host(|host| Ok(host.rules.terrain().water_surface(at)))
    })?;
    world.raw_set("water", water)?;
    let areas = lua.create_function(|lua, at: Vector| {
        let (at, list) = (point(at)?, lua.create_table()?);
        with_host(|host| {
            let areas = host.rules.terrain().volumes_at(at).filter(|volume| volume.kind == VolumeKind::Area as u32);
            areas.map(|volume| host.rules.terrain().name(volume.name)).try_for_each(|name| list.raw_push(name))
        })?;
        Ok(list)
    })?;
    world.raw_set("areas", areas)?;
    let direction = lua.create_function(|_, yaw: f64| {
        let [x, y] = turn::direction(super::convert::turn(yaw)?);
        Ok(vector([x, y, 0.0]))
    })?;
    world.raw_set("direction", direction)?;
    sight(lua, world)?;
    spawns(lua, world)
}

/// What stands in the way: the ground and what is built on it, not entities.
fn sight(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let sees = lua.create_function(|_, (from, to): (Vector, Vector)| {
        let (from, to) = (point(from)?, point(to)?);
        with_host(|host| Ok(host.rules.terrain().sees(from, to)))
    })?;
    world.raw_set("sees", sees)?;
    let ray = lua.create_function(|_, (from, direction, length): (Vector, Vector, f32)| {
        let (from, direction) = (point(from)?, point(direction)?);
        with_host(|host| {
            let impact = host.rules.terrain().ray(from, direction, length);
            Ok((impact.map(|it| it.distance), impact.map(|it| vector(it.point)), impact.map(|it| vector(it.normal))))
        })
    })?;
    world.raw_set("ray", ray)
}

fn spawns(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let spawns = lua.create_function(|lua, name: Option<LuaString>| {
        let list = lua.create_table()?;
        let terrain = with_host(|host| Ok(host.rules.terrain().clone()))?;
        for spawn in terrain.spawns() {
            let its = terrain.name(spawn.name);
            if name.as_ref().is_none_or(|name| *name == *its) {
                let entry = lua.create_table()?;
                entry.raw_set("point", vector(spawn.point))?;
                entry.raw_set("yaw", degrees(spawn.yaw as u16))?;
                entry.raw_set("name", its)?;
                list.raw_push(entry)?;
            }
        }
        Ok(list)
    })?;
    world.raw_set("spawns", spawns)
}

/// Where a player enters if the script does not say: at a place of the map, or in its middle if it has none.
pub fn spawn_point(world: &mut World) -> ([f32; 3], u16) {
    let random = world.random.next_u32() as usize;
    let place = with_host(|host| {
        let (terrain, spawns) = (host.rules.terrain(), host.rules.terrain().spawns());
        if spawns.is_empty() {
            let [width, depth, _] = terrain.map().size();
            let [x, y] = [width / 2.0, depth / 2.0];
            return Ok(([x, y, terrain.height(x, y)], 0));
        }
        let spawn = &spawns[random % spawns.len()];
        Ok((spawn.point, spawn.yaw as u16))
    });
    place.expect("a hook runs")
}
