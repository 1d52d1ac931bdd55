//! Ticks, timers, randomness.

use crate::game::call::{with_host, with_world};
use crate::game::timers::TIMERS_MAX;
use mlua::{Function, Lua, Table};
use ringshard::game::Rng;

pub fn install(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let tick = lua.create_function(|_, ()| with_host(|host| Ok(host.tick)))?;
    world.raw_set("tick", tick)?;
    let core = lua.create_function(|_, ()| with_host(|host| Ok(host.core)))?;
    world.raw_set("core", core)?;
    let after = lua.create_function(|_, (ticks, function): (f64, Function)| wait(ticks, 0, function))?;
    world.raw_set("after", after)?;
    let every = lua.create_function(|_, (ticks, function): (f64, Function)| {
        let period = whole_ticks(ticks)?;
        wait(ticks, period, function)
    })?;
    world.raw_set("every", every)?;
    let cancel = lua.create_function(|_, number: u64| with_host(|host| Ok(host.timers.cancel(number))))?;
    world.raw_set("cancel", cancel)?;
    let random = lua.create_function(|_, (one, other): (Option<f64>, Option<f64>)| {
        let part = with_world(|world| Ok((world.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64))?;
        let Some(one) = one else { return Ok(part) };
        let (low, high) = other.map_or((1.0, one.floor()), |other| (one.floor(), other.floor()));
        let count = high - low + 1.0;
        if (1.0..=4_294_967_296.0).contains(&count) {
            Ok(low + (part * count).floor())
        } else {
            Err(mlua::Error::runtime(format!("there is no random number from {low} to {high}")))
        }
    })?;
    world.raw_set("random", random)
}

fn whole_ticks(ticks: f64) -> mlua::Result<u64> {
    if (1.0..=1e12).contains(&ticks) {
        Ok(ticks as u64)
    } else {
        Err(mlua::Error::runtime(format!("a timer waits at least 1 tick, not {ticks}")))
    }
}

fn wait(ticks: f64, period: u64, function: Function) -> mlua::Result<u64> {
    let ticks = whole_ticks(ticks)?;
    with_host(|host| {
        let number = host.timers.add(host.tick + ticks, period, function);
        number.ok_or_else(|| mlua::Error::runtime(format!("{TIMERS_MAX} timers wait already")))
    })
}
