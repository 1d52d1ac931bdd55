//! The terrain.

use super::convert::{degrees, point, vector};
use crate::call::{World, with_host};
use mlua::{Lua, LuaString, Table, Vector};
use ringshard::game::Rng;
use ringshard_terrain::file::VolumeKind;
use ringshard_world::turn;

pub fn install(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let size = lua.create_function(|_, ()| with_host(|host| Ok(vector(host.terrain.map().size()))))?;
    world.raw_set("size", size)?;
    let height = lua.create_function(|_, (x, y): (f32, f32)| with_host(|host| Ok(host.terrain.height(x, y))))?;
    world.raw_set("height", height)?;
    let water = lua.create_function(|_, at: Vector| {
        let at = point(at)?;
        with_host(|host| Ok(host.terrain.water_surface(at)))
    })?;
    world.raw_set("water", water)?;
    let areas = lua.create_function(|lua, at: Vector| {
        let (at, list) = (point(at)?, lua.create_table()?);
        with_host(|host| {
            let areas = host.terrain.volumes_at(at).filter(|volume| volume.kind == VolumeKind::Area as u32);
            areas.map(|volume| host.terrain.name(volume.name)).try_for_each(|name| list.raw_push(name))
        })?;
        Ok(list)
    })?;
    world.raw_set("areas", areas)?;
    let direction = lua.create_function(|_, yaw: f64| {
        let [x, y] = turn::direction(super::convert::turn(yaw)?);
        Ok(vector([x, y, 0.0]))
    })?;
    world.raw_set("direction", direction)?;
    spawns(lua, world)
}

fn spawns(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let spawns = lua.create_function(|lua, name: Option<LuaString>| {
        let list = lua.create_table()?;
        let terrain = with_host(|host| Ok(host.terrain.clone()))?;
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
        let (terrain, spawns) = (&host.terrain, host.terrain.spawns());
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
