//! The functions that scripts call.

use crate::{game, pass, world};

/// Runs `what` in `start`, with a player's number in none: errors fail the test.
fn holds(what: &str) {
    let text = format!("function start()\n{what}\nend");
    let mut world = world(&text);
    pass(&mut world, 100);
    let stats = world.game(0).stats();
    assert_eq!((stats.calls, stats.errors), (1, 0), "{what}");
}

#[test]
fn entities_are_spawned_changed_found_and_despawned() {
    holds(
        "local at = vector.create(5000, 6000, 10)
         local one = assert(world.spawn({ kind = 3, point = at, yaw = 90, name = 'a tree', flags = 5, vars = { 1, -2 } }))
         assert(world.exists(one) and world.is_mine(one) and world.player(one) == nil)
         assert(world.point(one) == at and world.velocity(one) == vector.zero and world.yaw(one) == 90)
         assert(world.kind(one) == 3 and world.flags(one) == 5 and world.name(one) == 'a tree')
         assert(world.var(one, 1) == 1 and world.var(one, 2) == -2 and world.var(one, 8) == 0)
         assert(world.set_kind(one, 4) and world.set_flags(one, 0) and world.set_name(one, 'b') and world.set_var(one, 8, 7))
         assert(world.kind(one) == 4 and world.flags(one) == 0 and world.name(one) == 'b' and world.var(one, 8) == 7)
         assert(world.move(one, at + vector.create(1, 0, 0), vector.create(60, 0, 0), 180))
         assert(world.point(one).x == 5001 and world.velocity(one).x == 60 and world.yaw(one) == 180)
         assert(world.place(one, at) and world.velocity(one) == vector.zero)
         local two = world.spawn({ kind = 9 })
         assert(#world.entities() == 2 and #world.entities(9) == 1 and world.entities(9)[1] == two)
         assert(world.despawn(one) and not world.despawn(one) and not world.exists(one))
         assert(world.point(one) == nil and world.name(one) == nil and world.set_var(one, 1, 1) == false)
         assert(world.exists(0) == false and world.exists(-1) == false and world.exists(0/0) == false and world.exists(1e300) == false)",
    );
}

#[test]
fn the_terrain_answers() {
    holds(
        "local size = world.size()
         assert(size.x > 800000 and world.height(1000, 1000) == 0 and world.height(0/0, -1e30) == 0)
         assert(world.water(vector.create(1, 2, 3)) == nil and #world.areas(vector.create(1, 2, 3)) == 0)
         assert(#world.spawns() == 0 and #world.spawns('x') == 0)
         local distance, point, normal = world.ray(vector.create(1000, 1000, 100), vector.create(0, 0, -1), 1000)
         assert(math.abs(distance - 100) < 0.1 and math.abs(point.z) < 0.1 and normal.z > 0.9)
         assert(world.ray(vector.create(1000, 1000, 100), vector.create(0, 0, 1), 1000) == nil)
         assert(world.ray(vector.create(1000, 1000, 100), vector.zero, 0/0) == nil)
         assert(world.sees(vector.create(1000, 1000, 100), vector.create(5000, 1000, 100)))
         assert(not world.sees(vector.create(1000, 1000, 100), vector.create(5000, 1000, -100)))
         local d = world.direction(90)
         assert(math.abs(d.x) < 1e-6 and math.abs(d.y - 1) < 1e-6)
         assert(settings.coins == 3 and settings.name == 'here' and settings.list[2] == 2 and settings.other == nil)
         assert(world.tick() > 0 and world.core() == 0)
         log.info('a line', 1, nil, {}, vector.zero)
         print('another')",
    );
}

#[test]
fn an_entity_walks_as_players_do() {
    holds(
        "local one = world.spawn({ point = vector.create(5000, 5000, 0) })
         for i = 1, 60 do assert(world.walk(one, 0, 100)) end
         local point = world.point(one)
         assert(point.x > 5150 and point.x < 5300 and math.abs(point.z) < 2, tostring(point))
         for i = 1, 10 do world.walk(one, 0, 100, true) end
         assert(world.point(one).z > 10)
         for i = 1, 100 do world.walk(one, 0, 0) end
         assert(math.abs(world.point(one).z) < 2)
         assert(world.walk(12345, 0) == false)",
    );
}

#[test]
fn wrong_arguments_are_errors_that_say_where() {
    let wrong = [
        "world.spawn({ point = vector.create(0/0, 0, 0) })",
        "world.spawn({ point = vector.create(1e30, 0, 0) })",
        "world.spawn({ point = 5 })",
        "world.spawn({ kind = 256 })",
        "world.spawn({ kind = -1 })",
        "world.spawn({ vars = { 1e10 } })",
        "world.spawn({ vars = { 0/0 } })",
        "world.spawn({ yaw = math.huge })",
        "world.spawn()",
        "world.point('x')",
        "world.var(1, 0)",
        "world.var(1, 9)",
        "world.var(1, 1.5)",
        "world.set_var(1, 1, 'much')",
        "world.own(1, 17)",
        "world.broadcast()",
        "world.broadcast('a name that is longer than it may be')",
        "world.broadcast('x', {})",
        "world.broadcast('x', print)",
        "world.broadcast('x', 0/0)",
        "world.broadcast('x', 1/0)",
        "world.broadcast('x', string.rep('y', 201))",
        "world.broadcast('x', table.unpack(table.create(33, 1)))",
        "world.broadcast('x', '\\255\\254')",
        "world.broadcast('\\255', 1)",
        "world.after(0, print)",
        "world.after(0/0, print)",
        "world.every(1)",
        "world.after(1, 'x')",
        "world.random(0)",
        "world.random(5, 1)",
        "world.random(0/0)",
        "world.random(1, 1e300)",
        "world.nearest(vector.create(0/0, 0, 0), 1)",
        "for i = 1, 5000 do world.after(1000, print) end",
    ];
    for what in wrong {
        let text = format!(
            "function start()\nlocal ok, why = pcall(function() {what} end)\nassert(not ok, 'it is no error')\n{what}\nend"
        );
        let mut world = world(&text);
        pass(&mut world, 50);
        let stats = world.game(0).stats();
        assert_eq!(stats.errors, 1, "{what}");
        let text = format!("function start()\nassert(not pcall(function() {what} end))\nend");
        let mut world = crate::world(&text);
        pass(&mut world, 50);
        assert_eq!(world.game(0).stats().errors, 0, "{what}: it is an error that a script can catch");
    }
    assert!(game(0, "world.tick() world.size()").is_ok(), "what needs no world can be had while the script is loaded");
}
