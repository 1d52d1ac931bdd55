//! Entities: spawning, moving, what they show, finding them.

use super::convert::{degrees, entity, number_of, player, point, pose, shown, turn, variable, vector, whole};
use crate::game::call::{World, with_host, with_world};
use crate::game::host::Host;
use mlua::{Lua, LuaString, Table, Vector};
use ringshard::game::shard::NEAREST_MAX;
use ringshard_scripts_rules::{SHOWN_VARIABLES, Shown};
use ringshard_terrain::movement::{self, Gait, Steering, Walker, keys};
use ringshard_world::contract::Text;
use ringshard_world::{EntityId, Pose};

pub fn install(lua: &Lua, world: &Table) -> mlua::Result<()> {
    life(lua, world)?;
    places(lua, world)?;
    looks(lua, world)?;
    search(lua, world)
}

/// What a script says of an entity that it spawns.
pub struct Plan {
    pub pose: Pose,
    pub shown: Shown,
    /// Whether it says where.
    pub has_point: bool,
}

impl Plan {
    /// Reads `kind`, `point`, `velocity`, `yaw`, `name`, `flags` and `vars` of a table.
    ///
    /// # Errors
    /// One of them is of another type, or too large.
    pub fn of(table: &Table, kind: u8) -> mlua::Result<Plan> {
        let where_to: Option<Vector> = table.raw_get("point")?;
        let velocity: Option<Vector> = table.raw_get("velocity")?;
        let yaw: Option<f64> = table.raw_get("yaw")?;
        let name: Option<LuaString> = table.raw_get("name")?;
        let mut shown = Shown {
            kind: table.raw_get::<Option<u8>>("kind")?.unwrap_or(kind),
            flags: table.raw_get::<Option<u8>>("flags")?.unwrap_or(0),
            name: name.map(|name| text(&name)).unwrap_or_default(),
            ..Shown::default()
        };
        if let Some(variables) = table.raw_get::<Option<Table>>("vars")? {
            for (place, value) in shown.variables.iter_mut().enumerate() {
                *value = whole(variables.raw_get::<Option<f64>>(place + 1)?.unwrap_or(0.0))?;
            }
        }
        let pose = Pose {
            point: where_to.map_or(Ok([0.0; 3]), point)?,
            velocity: velocity.map_or(Ok([0.0; 3]), point)?,
            rotation: [turn(yaw.unwrap_or(0.0))?, 0, 0],
            leap: 0,
        };
        Ok(Plan { pose, shown, has_point: where_to.is_some() })
    }
}

/// A name as others see it: as much of it as fits. Bytes that are no UTF-8 are replaced.
pub fn text<const N: usize>(name: &LuaString) -> Text<N> {
    Text::new(&name.to_string_lossy())
}

fn life(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let spawn = lua.create_function(|_, plan: Table| {
        let plan = Plan::of(&plan, 0)?;
        with_world(|world| Ok(world.entities.spawn(plan.pose, plan.shown).ok().map(number_of)))
    })?;
    world.raw_set("spawn", spawn)?;
    let despawn = lua.create_function(|_, id| with_world(|world| Ok(world.entities.despawn(entity(id)))))?;
    world.raw_set("despawn", despawn)?;
    let exists = lua.create_function(|_, id| with_world(|world| Ok(shown(world, entity(id)).is_some())))?;
    world.raw_set("exists", exists)?;
    let is_mine = lua.create_function(|_, id| with_world(|world| Ok(world.entities.contains(entity(id)))))?;
    world.raw_set("is_mine", is_mine)?;
    let entities = lua.create_function(|lua, kind: Option<u8>| {
        let list = lua.create_table()?;
        with_world(|world| {
            let is_it = |id: &EntityId| {
                kind.is_none_or(|kind| world.entities.shown(*id).is_some_and(|shown| shown.kind == kind))
            };
            world.entities.ids().filter(is_it).try_for_each(|id| list.raw_push(number_of(id)))
        })?;
        Ok(list)
    })?;
    world.raw_set("entities", entities)
}

fn places(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let point_of = |world: &mut World, id: f64| pose(world, entity(id)).map(|pose| vector(pose.point));
    let get = lua.create_function(move |_, id| with_world(|world| Ok(point_of(world, id))))?;
    world.raw_set("point", get)?;
    let velocity_of = |world: &mut World, id: f64| pose(world, entity(id)).map(|pose| vector(pose.velocity));
    let get = lua.create_function(move |_, id| with_world(|world| Ok(velocity_of(world, id))))?;
    world.raw_set("velocity", get)?;
    let yaw_of = |world: &mut World, id: f64| pose(world, entity(id)).map(|pose| degrees(pose.rotation[0]));
    let get = lua.create_function(move |_, id| with_world(|world| Ok(yaw_of(world, id))))?;
    world.raw_set("yaw", get)?;
    let place = lua.create_function(|_, (id, to, yaw): (f64, Vector, Option<f64>)| {
        let (id, to, yaw) = (entity(id), point(to)?, yaw.map(turn).transpose()?);
        with_world(|world| Ok(place(world, id, to, yaw)))
    })?;
    world.raw_set("place", place)?;
    let go = lua.create_function(|_, (id, to, velocity, yaw): (f64, Vector, Option<Vector>, Option<f64>)| {
        let (id, to, yaw) = (entity(id), point(to)?, yaw.map(turn).transpose()?);
        let velocity = velocity.map_or(Ok([0.0; 3]), point)?;
        with_world(|world| {
            if world.player_of(id).is_some() {
                return Err(mlua::Error::runtime(
                    "a player moves its body itself: use `world.place` to put it elsewhere",
                ));
            }
            let Some(pose) = world.entities.pose_mut(id) else { return Ok(false) };
            (pose.point, pose.velocity) = (to, velocity);
            pose.rotation[0] = yaw.unwrap_or(pose.rotation[0]);
            Ok(true)
        })
    })?;
    world.raw_set("move", go)?;
    walks(lua, world)
}

/// Entities without a player that move as players do.
fn walks(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let walk = lua.create_function(|_, (id, yaw, percent, jumps): (f64, f64, Option<f64>, Option<bool>)| {
        let (id, yaw) = (entity(id), turn(yaw)?);
        // The cast takes NaN and negative numbers to 0.
        let percent = percent.unwrap_or(100.0) as u8;
        let keys = if jumps == Some(true) { keys::JUMP } else { 0 };
        let forward = if percent > 0 { 127 } else { 0 };
        let steering = Steering { forward, left: 0, yaw, keys };
        with_host(|host| with_world(|world| Ok(walk(host, world, id, percent, &steering))))
    })?;
    world.raw_set("walk", walk)
}

/// Advances an entity of this core by one tick, as [`ringshard_terrain::movement`] advances a player. True if it is there and
/// no player's body.
fn walk(host: &Host, world: &mut World, id: EntityId, percent: u8, steering: &Steering) -> bool {
    if world.player_of(id).is_some() {
        return false;
    }
    let Some(pose) = world.entities.pose_mut(id) else { return false };
    // A pose does not say what carries an entity. One that goes neither up nor down is on the ground.
    let gait = if pose.velocity[2] == 0.0 { Gait::Ground } else { Gait::Air };
    let Pose { point, velocity, rotation: [yaw, ..], leap } = *pose;
    let mut walker = Walker { point, velocity, yaw, gait: gait as u8, leap };
    movement::step(host.rules.terrain(), &host.rules.tuning_at(percent), &mut walker, steering);
    *pose = walker.pose();
    true
}

/// Puts an entity of this core elsewhere at once.
fn place(world: &mut World, id: EntityId, to: [f32; 3], yaw: Option<u16>) -> bool {
    if let Some(own) = world.player_of(id).and_then(|player| world.own_mut(player)) {
        let walker = &mut own.walker;
        (walker.point, walker.velocity) = (to, [0.0; 3]);
        walker.yaw = yaw.unwrap_or(walker.yaw);
        walker.leap = walker.leap.wrapping_add(1);
    }
    let Some(pose) = world.entities.pose_mut(id) else { return false };
    (pose.point, pose.velocity) = (to, [0.0; 3]);
    pose.rotation[0] = yaw.unwrap_or(pose.rotation[0]);
    pose.leap = pose.leap.wrapping_add(1);
    true
}

fn looks(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let kind = lua.create_function(|_, id| with_world(|world| Ok(shown(world, entity(id)).map(|it| it.kind))))?;
    world.raw_set("kind", kind)?;
    let flags = lua.create_function(|_, id| with_world(|world| Ok(shown(world, entity(id)).map(|it| it.flags))))?;
    world.raw_set("flags", flags)?;
    let name = lua.create_function(|lua, id| {
        let shown = with_world(|world| Ok(shown(world, entity(id))))?;
        shown.map(|shown| lua.create_string(shown.name.as_str())).transpose()
    })?;
    world.raw_set("name", name)?;
    let var = lua.create_function(|_, (id, number)| {
        let place = variable(number, SHOWN_VARIABLES)?;
        with_world(|world| Ok(shown(world, entity(id)).map(|it| it.variables[place])))
    })?;
    world.raw_set("var", var)?;
    setters(lua, world)
}

/// Functions that change what an entity of this core shows.
fn setters(lua: &Lua, world: &Table) -> mlua::Result<()> {
    fn change(id: f64, change: impl FnOnce(&mut Shown)) -> mlua::Result<bool> {
        with_world(|world| Ok(world.entities.shown_mut(entity(id)).map(change).is_some()))
    }
    let set = lua.create_function(|_, (id, kind): (f64, u8)| change(id, |shown| shown.kind = kind))?;
    world.raw_set("set_kind", set)?;
    let set = lua.create_function(|_, (id, flags): (f64, u8)| change(id, |shown| shown.flags = flags))?;
    world.raw_set("set_flags", set)?;
    let set = lua.create_function(|_, (id, name): (f64, LuaString)| change(id, |shown| shown.name = text(&name)))?;
    world.raw_set("set_name", set)?;
    let set = lua.create_function(|_, (id, number, value): (f64, f64, f64)| {
        let (place, value) = (variable(number, SHOWN_VARIABLES)?, whole(value)?);
        change(id, |shown| shown.variables[place] = value)
    })?;
    world.raw_set("set_var", set)
}

fn search(lua: &Lua, world: &Table) -> mlua::Result<()> {
    let nearest = lua.create_function(|lua, (from, radius, count): (Vector, f64, Option<f64>)| {
        let from = point(from)?;
        // The cast takes NaN and negative numbers to 0.
        let count = (count.unwrap_or(16.0) as usize).min(NEAREST_MAX);
        let radius = if radius > 0.0 { radius as f32 } else { 0.0 };
        let mut found = Vec::new();
        with_world(|world| {
            world.nearest(from, radius, count, &mut found);
            Ok(())
        })?;
        lua.create_sequence_from(found.into_iter().map(number_of))
    })?;
    world.raw_set("nearest", nearest)?;
    let hit = lua.create_function(|_, (shooter, from, direction, length): (f64, Vector, Vector, f32)| {
        let (from, direction) = (point(from)?, point(direction)?);
        with_world(|world| {
            let Some(shooter) = player(shooter) else { return Ok((None, None, None)) };
            let body = world.body(shooter);
            let hit = world.as_seen_by(shooter).ray(from, direction, length, |id| Some(id) != body);
            Ok((hit.map(|hit| number_of(hit.id)), hit.map(|hit| hit.distance), hit.map(|hit| vector(hit.point))))
        })
    })?;
    world.raw_set("hit", hit)
}
