//! What a script keeps over a reload: a value outside of any virtual machine.

use mlua::{Lua, Table, Value};

/// Most values of a state.
const VALUES_MAX: usize = 50_000;
/// Most bytes of all texts of a state.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Deepest table.
const DEPTH_MAX: usize = 32;

/// A value that can leave a virtual machine.
#[derive(Clone, PartialEq, Debug)]
pub enum Tree {
    Nil,
    Bool(bool),
    Number(f64),
    Text(Vec<u8>),
    Vector([f32; 3]),
    Table(Vec<(Tree, Tree)>),
}

/// What may still be added.
struct Room {
    values: usize,
    bytes: usize,
}

impl Tree {
    /// Copies a value out of its virtual machine.
    ///
    /// # Errors
    /// What cannot be kept, in words.
    pub fn of(value: &Value) -> Result<Tree, String> {
        Tree::copy(value, 0, &mut Room { values: VALUES_MAX, bytes: TEXT_BYTES_MAX })
    }

    fn copy(value: &Value, depth: usize, room: &mut Room) -> Result<Tree, String> {
        room.values = room.values.checked_sub(1).ok_or_else(|| format!("it has more than {VALUES_MAX} values"))?;
        Ok(match value {
            Value::Nil => Tree::Nil,
            Value::Boolean(value) => Tree::Bool(*value),
            Value::Integer(value) => Tree::Number(*value as f64),
            Value::Number(value) => Tree::Number(*value),
            Value::Vector(vector) => Tree::Vector([vector.x(), vector.y(), vector.z()]),
            Value::String(text) => {
                let bytes = text.as_bytes();
                let left = room.bytes.checked_sub(bytes.len());
                room.bytes = left.ok_or_else(|| format!("its texts have more than {TEXT_BYTES_MAX} bytes"))?;
                Tree::Text(bytes.to_vec())
            }
            Value::Table(_) if depth == DEPTH_MAX => {
                return Err(format!("it has tables in tables, more than {DEPTH_MAX} deep, or a table in itself"));
            }
            Value::Table(table) => Tree::Table(Tree::copy_table(table, depth, room)?),
            other => return Err(format!("it has a {}, which cannot be kept", other.type_name())),
        })
    }

    fn copy_table(table: &Table, depth: usize, room: &mut Room) -> Result<Vec<(Tree, Tree)>, String> {
        let mut pairs = Vec::new();
        // `pairs` of this table does not call into the script.
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair.map_err(|error| error.to_string())?;
            pairs.push((Tree::copy(&key, depth + 1, room)?, Tree::copy(&value, depth + 1, room)?));
        }
        Ok(pairs)
    }

    /// The value in a virtual machine.
    ///
    /// # Errors
    /// The machine's memory is used up.
    pub fn build(&self, lua: &Lua) -> mlua::Result<Value> {
        Ok(match self {
            Tree::Nil => Value::Nil,
            Tree::Bool(value) => Value::Boolean(*value),
            Tree::Number(value) => Value::Number(*value),
            Tree::Text(bytes) => Value::String(lua.create_string(bytes)?),
            Tree::Vector([x, y, z]) => Value::Vector(mlua::Vector::new(*x, *y, *z)),
            Tree::Table(pairs) => {
                let table = lua.create_table()?;
                for (key, value) in pairs {
                    table.raw_set(key.build(lua)?, value.build(lua)?)?;
                }
                Value::Table(table)
            }
        })
    }
}
