//! Events to players, and commands between entities.

use super::convert::{entity, name, player, values};
use crate::game::Command;
use crate::game::call::with_world;
use mlua::{Lua, LuaString, Table};
use ringshard::game::{Channel, To};
use ringshard_scripts_rules::Event;

pub fn install(lua: &Lua, world: &Table) -> mlua::Result<()> {
    events(lua, world, Channel::RELIABLE_ORDERED)?;
    let fast = lua.create_table()?;
    events(lua, &fast, Channel::UNRELIABLE)?;
    world.raw_set("fast", fast)?;
    let command = lua.create_function(|_, (to, from, what, rest): (f64, f64, LuaString, mlua::MultiValue)| {
        let command = Command { name: name(&what)?, values: values(&rest)? };
        with_world(|world| Ok(world.command(entity(to), entity(from), &command).is_ok()))
    })?;
    world.raw_set("command", command)
}

/// The functions that send events on a channel.
fn events(lua: &Lua, table: &Table, channel: Channel) -> mlua::Result<()> {
    let tell = move |to: To, what: &LuaString, rest: &mlua::MultiValue| {
        let event = Event { name: name(what)?, values: values(rest)? };
        with_world(|world| Ok(world.tell(to, channel, &event).is_ok()))
    };
    let send = lua.create_function(move |_, (number, what, rest): (f64, LuaString, mlua::MultiValue)| {
        let Some(player) = player(number) else { return Ok(false) };
        tell(To::Player(player), &what, &rest)
    })?;
    table.raw_set("send", send)?;
    let send = lua.create_function(move |_, (id, what, rest): (f64, LuaString, mlua::MultiValue)| {
        tell(To::Entity(entity(id)), &what, &rest)
    })?;
    table.raw_set("send_to", send)?;
    let send = lua.create_function(move |_, (id, what, rest): (f64, LuaString, mlua::MultiValue)| {
        tell(To::ViewersOf(entity(id)), &what, &rest)
    })?;
    table.raw_set("tell_viewers", send)?;
    let send =
        lua.create_function(move |_, (what, rest): (LuaString, mlua::MultiValue)| tell(To::Everybody, &what, &rest))?;
    table.raw_set("broadcast", send)
}
