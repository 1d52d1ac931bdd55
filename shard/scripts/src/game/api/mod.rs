//! The functions that scripts call. They are in the tables `world` and `log`.
//!
//! | module | for |
//! |---|---|
//! | `entities` | entities: spawning, moving, what they show, finding them |
//! | `players` | players: bodies, own state, presence |
//! | `talk` | events and commands |
//! | `places` | the terrain |
//! | `time` | ticks, timers, randomness |
//! | `log` | lines in the log |
//! | `convert` | values between scripts and the world |
//!
//! A function that names an entity or a player which no longer exists returns nil or false. Wrong arguments are errors.

pub mod convert;
mod entities;
mod log;
mod places;
pub mod players;
mod talk;
mod time;

use mlua::Lua;

/// Adds the functions.
///
/// # Errors
/// There is no memory.
pub fn install(lua: &Lua) -> mlua::Result<()> {
    let world = lua.create_table()?;
    entities::install(lua, &world)?;
    places::install(lua, &world)?;
    players::install(lua, &world)?;
    talk::install(lua, &world)?;
    time::install(lua, &world)?;
    lua.globals().set("world", world)?;
    log::install(lua)
}
