//! Values between scripts and the world.
//!
//! An entity and a player are numbers in a script. A direction is in degrees from the x axis towards the y axis.

use crate::game::call::World;
use mlua::{Lua, MultiValue, Value as LuaValue, Vector};
use ringshard::game::PlayerId;
use ringshard_scripts_rules::values::NotAdded;
use ringshard_scripts_rules::{Value, Values};
use ringshard_world::EntityId;

/// Farthest from the origin that anything can be, in units along each axis.
const FAR: f32 = 1e7;

/// The number of an entity. It is never 0.
pub fn number_of(id: EntityId) -> u32 {
    u32::from(id.generation) << 16 | u32::from(id.index)
}

/// The entity of a number. A number that is no entity's gives one that does not exist.
pub fn entity(number: f64) -> EntityId {
    let number = if number.fract() == 0.0 && (0.0..16_777_216.0).contains(&number) { number as u32 } else { 0 };
    EntityId { index: number as u16, generation: (number >> 16) as u8 }
}

/// The player of a number, as [`PlayerId::number`] gives it; none if it is no player's.
pub fn player(number: f64) -> Option<PlayerId> {
    let is_whole = number.fract() == 0.0 && (0.0..281_474_976_710_656.0).contains(&number);
    is_whole.then(|| PlayerId::of_number(number as u64)).flatten()
}

/// A point from a script.
///
/// # Errors
/// It is NaN, infinite or too far away.
pub fn point(vector: Vector) -> mlua::Result<[f32; 3]> {
    let point = [vector.x(), vector.y(), vector.z()];
    if point.iter().all(|axis| axis.abs() <= FAR) {
        Ok(point)
    } else {
        Err(mlua::Error::runtime(format!(
            "{point:?} is no point: it is not a number, or farther away than {FAR} units"
        )))
    }
}

/// A vector for a script.
pub fn vector([x, y, z]: [f32; 3]) -> Vector {
    Vector::new(x, y, z)
}

/// A direction in 65,536ths of a turn, from degrees.
///
/// # Errors
/// It is no number.
pub fn turn(degrees: f64) -> mlua::Result<u16> {
    if !degrees.is_finite() {
        return Err(mlua::Error::runtime("a direction is a number of degrees"));
    }
    Ok((degrees.rem_euclid(360.0) / 360.0 * 65_536.0) as u32 as u16)
}

/// A direction in degrees.
pub fn degrees(turn: u16) -> f64 {
    f64::from(turn) * 360.0 / 65_536.0
}

/// The place of a variable, from its number in the script, which begins with 1.
///
/// # Errors
/// There is no such variable.
pub fn variable(number: f64, count: usize) -> mlua::Result<usize> {
    if number.fract() == 0.0 && number >= 1.0 && number <= count as f64 {
        Ok(number as usize - 1)
    } else {
        Err(mlua::Error::runtime(format!("there is no variable {number}: they are numbered from 1 to {count}")))
    }
}

/// The value of a variable.
///
/// # Errors
/// It is no number, or too large.
pub fn whole(number: f64) -> mlua::Result<i32> {
    let number = number.floor();
    if number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX) {
        Ok(number as i32)
    } else {
        Err(mlua::Error::runtime(format!("a variable is a whole number of 32 bits, which {number} is not")))
    }
}

/// The name of a message.
///
/// # Errors
/// It is too long, or not UTF-8.
pub fn name<const N: usize>(text: &mlua::LuaString) -> mlua::Result<ringshard_world::contract::Text<N>> {
    let text = text.to_str()?;
    if text.len() > N {
        return Err(mlua::Error::runtime(format!("the name `{}...` has more than {N} bytes", cut(&text, N))));
    }
    Ok(ringshard_world::contract::Text::new(&text))
}

/// The first characters of a text, at most so many bytes.
pub fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// What a script says, for a message.
///
/// # Errors
/// It does not fit, or something is of a type that cannot travel.
pub fn values<const N: usize>(from: &MultiValue) -> mlua::Result<Values<N>> {
    let mut list = Values::default();
    for (place, value) in from.iter().enumerate() {
        push(&mut list, value)
            .map_err(|why| mlua::Error::runtime(format!("value {} cannot travel: {why}", place + 1)))?;
    }
    Ok(list)
}

fn push<const N: usize>(list: &mut Values<N>, value: &LuaValue) -> Result<(), String> {
    let added = match value {
        LuaValue::Nil => list.push(Value::Nil),
        LuaValue::Boolean(value) => list.push(Value::Bool(*value)),
        LuaValue::Integer(value) => list.push(Value::Number(*value as f64)),
        LuaValue::Number(value) => list.push(Value::Number(*value)),
        LuaValue::Vector(value) => list.push(Value::Vector([value.x(), value.y(), value.z()])),
        LuaValue::String(text) => list.push(Value::Text(&text.to_str().map_err(|_| "the text is not UTF-8")?)),
        other => return Err(format!("it is a {}", other.type_name())),
    };
    added.map_err(|error: NotAdded| error.to_string())
}

/// The values of a message, for a script.
///
/// # Errors
/// There is no memory.
pub fn push_values<const N: usize>(lua: &Lua, values: &Values<N>, into: &mut MultiValue) -> mlua::Result<()> {
    for value in values.iter() {
        into.push_back(match value {
            Value::Nil => LuaValue::Nil,
            Value::Bool(value) => LuaValue::Boolean(value),
            Value::Number(value) => LuaValue::Number(value),
            Value::Text(text) => LuaValue::String(lua.create_string(text)?),
            Value::Vector(value) => LuaValue::Vector(vector(value)),
        });
    }
    Ok(())
}

/// What an entity of any core shows: of this core's as it is now, of others as of their last tick.
pub fn shown(world: &World, id: EntityId) -> Option<ringshard_scripts_rules::Shown> {
    world.entities.shown(id).copied().or_else(|| world.state(id).map(|state| state.shown))
}

/// Where an entity of any core is.
pub fn pose(world: &World, id: EntityId) -> Option<ringshard_world::Pose> {
    world.entities.pose(id).copied().or_else(|| world.pose(id))
}
