//! Players: bodies, own state, presence.

use super::convert::{degrees, entity, number_of, player, variable, whole};
use super::entities::Plan;
use crate::game::call::{World, with_world};
use mlua::{Lua, Table};
use ringshard::game::PlayerId;
use ringshard_scripts_rules::{OWN_VARIABLES, Own};
use ringshard_terrain::movement::Walker;
use ringshard_world::EntityId;

/// The kind of a body for which the script says none.
pub const PLAYER_KIND: u8 = 1;

pub fn install(lua: &Lua, world: &Table) -> mlua::Result<()> {
    presence(lua, world)?;
    bodies(lua, world)?;
    own(lua, world)
}

fn presence(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let players = lua.create_function(|lua, ()| {
        let list = lua.create_table()?;
        with_world(|world| world.players().try_for_each(|player| list.raw_push(player.number())))?;
        Ok(list)
    })?;
    world.raw_set("players", players)?;
    let is_connected = lua.create_function(|_, number| {
        with_world(|world| Ok(player(number).is_some_and(|player| world.is_connected(player))))
    })?;
    world.raw_set("is_connected", is_connected)?;
    let put_out = lua.create_function(|_, (number, reason): (f64, Option<u8>)| {
        with_world(|world| {
            let player = player(number).filter(|player| world.own(*player).is_some());
            player.inspect(|player| world.put_out(*player, reason.unwrap_or(0)));
            Ok(player.is_some())
        })
    })?;
    world.raw_set("put_out", put_out)
}

fn bodies(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let body = lua.create_function(|_, number| {
        with_world(|world| Ok(player(number).and_then(|player| world.body(player)).map(number_of)))
    })?;
    world.raw_set("body", body)?;
    let player_of =
        lua.create_function(|_, id| with_world(|world| Ok(world.player_of(entity(id)).map(PlayerId::number))))?;
    world.raw_set("player", player_of)?;
    let enter = lua.create_function(|lua, (number, plan): (f64, Option<Table>)| {
        let plan = Plan::of(&plan.map_or_else(|| lua.create_table(), Ok)?, PLAYER_KIND)?;
        with_world(|world| Ok(player(number).and_then(|player| enter(world, player, &plan)).map(number_of)))
    })?;
    world.raw_set("enter", enter)?;
    let control = lua.create_function(|_, (number, body): (f64, Option<f64>)| {
        with_world(|world| {
            let own = |player| world.own(player).copied().map(|own| (player, own));
            let Some((player, own)) = player(number).and_then(own) else { return Ok(false) };
            let body = body.map(entity);
            let pose = body.and_then(|body| world.entities.pose(body));
            let walker = pose.map_or(own.walker, |pose| Walker { yaw: pose.rotation[0], ..Walker::at(pose.point) });
            Ok(world.control(player, body, Own { walker, ..own }))
        })
    })?;
    world.raw_set("control", control)
}

/// Gives a player a new body; none if the core has no room, or there is no such player.
pub fn enter(world: &mut World, player: PlayerId, plan: &Plan) -> Option<EntityId> {
    let own = *world.own(player)?;
    let mut pose = plan.pose;
    if !plan.has_point {
        (pose.point, pose.rotation[0]) = super::places::spawn_point(world);
    }
    let body = world.entities.spawn(pose, plan.shown).ok()?;
    let walker = Walker { yaw: pose.rotation[0], leap: own.walker.leap.wrapping_add(1), ..Walker::at(pose.point) };
    assert!(world.control(player, Some(body), Own { walker, ..own }), "the player and the body are of this core");
    Some(body)
}

/// The body of a player about whom the script says nothing. Its name is `name`, if that is a text.
///
/// # Errors
/// There is no memory.
pub fn default_plan(lua: &Lua, name: &[u8]) -> mlua::Result<Plan> {
    let plan = lua.create_table()?;
    plan.raw_set("name", lua.create_string(name)?)?;
    Plan::of(&plan, PLAYER_KIND)
}

fn own(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let get = lua.create_function(|_, (number, which)| {
        let place = variable(which, OWN_VARIABLES)?;
        let own = |world: &World| Some(world.own(player(number)?)?.variables[place]);
        with_world(|world| Ok(own(world)))
    })?;
    world.raw_set("own", get)?;
    fn change(number: f64, change: impl FnOnce(&mut Own)) -> mlua::Result<bool> {
        with_world(|world| Ok(player(number).and_then(|player| world.own_mut(player)).map(change).is_some()))
    }
    let set = lua.create_function(|_, (number, which, value): (f64, f64, f64)| {
        let (place, value) = (variable(which, OWN_VARIABLES)?, whole(value)?);
        change(number, |own| own.variables[place] = value)
    })?;
    world.raw_set("set_own", set)?;
    let speed = lua.create_function(|_, number: f64| {
        with_world(|world| Ok(player(number).and_then(|player| world.own(player)).map(|own| own.speed)))
    })?;
    world.raw_set("speed", speed)?;
    let set = lua.create_function(|_, (number, percent): (f64, u8)| change(number, |own| own.speed = percent))?;
    world.raw_set("set_speed", set)?;
    let looks = |world: &World, number| Some(degrees(world.own(player(number)?)?.walker.yaw));
    let get = lua.create_function(move |_, number| with_world(|world| Ok(looks(world, number))))?;
    world.raw_set("looks", get)
}
