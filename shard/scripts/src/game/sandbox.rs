//! What a script finds in its world besides this crate's functions: parts of the standard library, bounded.

use crate::budget::{Budget, Meter};
use crate::game::api;
use mlua::{Lua, LuaOptions, StdLib, Value, VmState};
use std::sync::{Arc, Mutex, PoisonError};

/// Bounds functions of the standard library.
const PRELUDE: &str = include_str!("sandbox.luau");

/// Where the script was when its time was used up; empty if it was not.
pub type Place = Arc<Mutex<String>>;

/// A virtual machine without a script: with the library, the functions of this crate and the game's settings.
///
/// # Errors
/// Its memory is too small.
pub fn machine(budget: &Budget, settings: &toml::Table) -> mlua::Result<Lua> {
    let libraries = StdLib::COROUTINE
        | StdLib::TABLE
        | StdLib::STRING
        | StdLib::UTF8
        | StdLib::BIT
        | StdLib::BUFFER
        | StdLib::VECTOR
        | StdLib::MATH;
    // A panic of this crate is not the script's to catch.
    let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false))?;
    api::install(&lua)?;
    let settings = table(&lua, settings)?;
    lua.globals().set("settings", settings)?;
    lua.load(PRELUDE).set_name("=sandbox.luau").exec()?;
    lua.sandbox(true)?;
    lua.set_memory_limit(lua.used_memory() + budget.memory)?;
    Ok(lua)
}

/// Ends the script when the meter says so, and notes where it was.
pub fn watch(lua: &Lua, meter: Arc<Meter>, place: Place) {
    lua.set_interrupt(move |lua| {
        if !meter.check() {
            return Ok(VmState::Continue);
        }
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_empty() {
            *place = where_it_is(lua);
        }
        Err(mlua::Error::runtime(format!("{place}: the script has used up its time")))
    });
}

/// The file and the line of the script that runs.
fn where_it_is(lua: &Lua) -> String {
    let place = |level| {
        let of = |debug: &mlua::debug::Debug<'_>| {
            let line = debug.current_line()?;
            Some(format!("{}:{line}", debug.source().short_src?))
        };
        lua.inspect_stack(level, of).flatten()
    };
    (0..8).find_map(place).unwrap_or_else(|| "the script".into())
}

/// The settings of the game, which a script reads.
fn table(lua: &Lua, settings: &toml::Table) -> mlua::Result<mlua::Table> {
    let found = lua.create_table()?;
    for (name, setting) in settings {
        found.raw_set(name.as_str(), value(lua, setting)?)?;
    }
    found.set_readonly(true);
    Ok(found)
}

fn value(lua: &Lua, setting: &toml::Value) -> mlua::Result<Value> {
    Ok(match setting {
        toml::Value::String(text) => Value::String(lua.create_string(text)?),
        toml::Value::Integer(number) => Value::Number(*number as f64),
        toml::Value::Float(number) => Value::Number(*number),
        toml::Value::Boolean(value) => Value::Boolean(*value),
        toml::Value::Datetime(time) => Value::String(lua.create_string(time.to_string())?),
        toml::Value::Array(items) => {
            let list = lua.create_table()?;
            for item in items {
                list.raw_push(value(lua, item)?)?;
            }
            list.set_readonly(true);
            Value::Table(list)
        }
        toml::Value::Table(inner) => Value::Table(table(lua, inner)?),
    })
}
