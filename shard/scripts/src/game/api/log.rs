//! Lines in the server's log.

use super::convert::cut;
use crate::game::call::with_host;
use mlua::{Lua, MultiValue};

/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 500;

pub fn install(lua: &Lua) -> mlua::Result<()> {
    let log = lua.create_table()?;
    let info = lua.create_function(|_, values| {
        write(&values, |core, line| tracing::info!(core, "script: {line}"));
        Ok(())
    })?;
    log.raw_set("info", info)?;
    let warn = lua.create_function(|_, values| {
        write(&values, |core, line| tracing::warn!(core, "script: {line}"));
        Ok(())
    })?;
    log.raw_set("warn", warn)?;
    lua.globals().set("log", log)
}

/// Writes a line, unless the script has written too many.
fn write(values: &MultiValue, write: impl FnOnce(usize, &str)) {
    let core = with_host(|host| Ok(host.reports.may_log(host.tick).then_some(host.core)));
    let Ok(Some(core)) = core else { return };
    let mut line = String::new();
    for value in values.iter().take(32) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(cut(&value.to_string().unwrap_or_default(), LINE_BYTES_MAX));
    }
    let line = cut(&line, LINE_BYTES_MAX).replace(char::is_control, " ");
    write(core, &line);
}
