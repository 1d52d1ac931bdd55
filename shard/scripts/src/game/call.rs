//! The world and the host of the hook that runs now.
//!
//! A hook of the game lends them for as long as it runs. The functions that scripts call borrow them from here. Nothing of it
//! can be kept.

use crate::game::ScriptGame;
use crate::game::host::Host;
use ringshard::game::Shard;
use scoped_tls_hkt::scoped_thread_local;

/// The world, as the script sees it.
pub type World = Shard<ScriptGame>;

scoped_thread_local!(static mut HOST: Host);
scoped_thread_local!(static mut WORLD: World);

/// Lends the host and the world to the functions that `run` calls. While a script is loaded, there is no world.
pub fn lend<T>(world: Option<&mut World>, host: &mut Host, run: impl FnOnce() -> T) -> T {
    HOST.set(host, || match world {
        Some(world) => WORLD.set(world, run),
        None => run(),
    })
}

/// The host of the hook that runs now.
///
/// # Errors
/// No hook runs.
pub fn with_host<T>(act: impl FnOnce(&mut Host) -> mlua::Result<T>) -> mlua::Result<T> {
    if HOST.is_set() { HOST.with(act) } else { Err(outside()) }
}

/// The world of the hook that runs now.
///
/// # Errors
/// No hook runs, or the script is being loaded.
pub fn with_world<T>(act: impl FnOnce(&mut World) -> mlua::Result<T>) -> mlua::Result<T> {
    if WORLD.is_set() { WORLD.with(act) } else { Err(outside()) }
}

#[cold]
fn outside() -> mlua::Error {
    mlua::Error::runtime("the world is there only while a hook runs, not while the script is loaded: do it in `start`")
}
