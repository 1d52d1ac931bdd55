//! A script that uses too much, or fails: it is ended, and everything else goes on.

use crate::{game, heard, pass, world};
use ringshard_scripts::ScriptStats;
use std::time::{Duration, Instant};

/// Runs a script whose `tick` does this at tick 30, and gives what happened. Meanwhile a client must see its world go on.
fn with_a_tick_that_does(what: &str) -> (ScriptStats, Vec<String>) {
    let text = format!(
        "local done = false\n\
         function tick(now)\n\
           if now % 8 == 0 then world.broadcast('alive', now) end\n\
           if now < 30 or done then return end\n\
           done = true\n\
           {what}\n\
         end"
    );
    let mut world = world(&text);
    world.join(b"anna");
    let from = Instant::now();
    pass(&mut world, 900);
    assert!(from.elapsed() < Duration::from_secs(20), "{what}: it held the server up");
    let heard = heard(&mut world, 0);
    assert!(heard.len() >= 3, "{what}: the game goes on, {heard:?}");
    assert_eq!(world.total(|stats| stats.players), 1, "{what}");
    (world.game(0).stats(), heard)
}

#[test]
fn a_hook_that_does_not_end_is_ended_wherever_it_runs() {
    let endless = [
        "while true do end",
        "repeat until false",
        "for i = 1, math.huge do end",
        "local function again() return again() end again()",
        "while true do pcall(function() while true do end end) end",
        "pcall(function() pcall(function() while true do end end) while true do end end) while true do end",
        "coroutine.wrap(function() while true do end end)()",
        "local co = coroutine.create(function() while true do end end) while true do coroutine.resume(co) end",
        "local t = setmetatable({}, { __index = function() while true do end end }) local x = t.y",
        "local t = setmetatable({}, { __add = function(a, b) while true do end end }) local x = t + t",
        "table.sort({ 3, 2, 1 }, function() while true do end end)",
        "string.gsub('x', '.', function() while true do end end)",
        "local s = string.rep('a', 200) s:find('a-a-a-a-a-a-a-a-a-a-b')",
        "local s = string.rep('a', 100000) for _ in s:gmatch('.-b') do end",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "xpcall(error, function() while true do end end)",
        "local f f = function() pcall(f) pcall(f) end f()",
    ];
    for what in endless {
        let (stats, _) = with_a_tick_that_does(what);
        assert_eq!((stats.over_budget, stats.errors), (1, 1), "{what}");
    }
}

#[test]
fn a_script_that_fills_its_memory_is_ended_and_lives_on_once_it_lets_go() {
    let bombs = [
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local s = 'x' for i = 1, 40 do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1000) .. i end",
        "local t = table.create(1000000, 1) for i = 1, 100 do t[i] = table.create(1000000, 1) end",
        "for i = 1, 100 do local b = buffer.create(1048576) kept = kept or {} kept[i] = b end",
        "local t = {} for i = 1, 1e6 do t[i] = function() return i end end",
        "local t = {} for i = 1, 1e6 do t[i] = coroutine.create(print) end",
    ];
    for what in bombs {
        let (stats, heard) = with_a_tick_that_does(&format!("kept = nil {what}"));
        assert_eq!(stats.errors, 1, "{what}");
        assert_eq!(stats.out_of_memory + stats.over_budget, 1, "{what}: {stats:?}");
        assert!(heard.len() >= 3, "{what}");
    }
}

#[test]
fn a_script_that_keeps_its_memory_full_rests_and_the_server_goes_on() {
    let mut world = world(
        "function tick() kept = kept or {} for i = 1, 1e9 do kept[#kept + 1] = string.rep('x', 4000) .. i end end",
    );
    world.join(b"anna");
    pass(&mut world, 4_000);
    let stats = world.game(0).stats();
    assert!(stats.out_of_memory >= 1 && stats.left_out > 60, "{stats:?}");
    assert!(stats.out_of_memory <= 10, "it does not collect garbage in each tick: {stats:?}");
    assert!(world.total(|stats| stats.ticks) > 220);
}

#[test]
fn calls_into_the_library_that_take_long_are_bounded() {
    let long = [
        "string.rep('x', 1e9)",
        "string.rep('x', '1000000000')",
        "local s = string.rep('a', 1000000) s:find(string.rep('a', 500000) .. 'b', 1, true)",
        "local s = string.rep('a', 1000000) string.split(s, string.rep('a', 500000))",
        "table.create(1e8)",
        "table.move({}, 1, 1e9, 2)",
        "buffer.create(1e9)",
        "table.concat({}, 'x', 1, 1e9)",
        "string.format('%999999999d', 1)",
        "table.unpack({}, 1, 1e8)",
        "select(1e9)",
        "string.pack(string.rep('i', 1000000), 1)",
    ];
    for what in long {
        let (stats, _) = with_a_tick_that_does(what);
        assert!(stats.errors <= 1 && stats.over_budget == 0, "{what}: {stats:?}");
    }
}

#[test]
fn deep_recursion_ends_with_an_error() {
    let deep = [
        "local function f() return 1 + f() end f()",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end local x = t.y",
        "local function f() pcall(f) end f()",
        "local function f() coroutine.wrap(f)() end f()",
        "local function f() table.sort({ 2, 1 }, function() f() return false end) end f()",
        "local f f = function() string.gsub('x', 'x', f) end f()",
        "local t = {} t.__tostring = function() return tostring(setmetatable({}, t)) end tostring(setmetatable({}, t))",
    ];
    for what in deep {
        let (stats, _) = with_a_tick_that_does(what);
        assert!(stats.errors <= 1, "{what}: {stats:?}");
    }
}

#[test]
fn an_error_in_each_hook_is_counted_and_the_world_goes_on() {
    let text = "function start() error('start') end\n\
                function suspended() error('suspended') end\n\
                function input() error('input') end\n\
                function message() error({ no = 'text' }) end\n\
                function action() error(nil) end\n\
                function tick() local x = nil + 1 end\n\
                function leave() error() end\n\
                function draining() coroutine.yield(1) end";
    let mut world = world(text);
    let client = world.join(b"anna");
    pass(&mut world, 500);
    world.client_mut(client).tell(ringshard::game::Channel::RELIABLE_ORDERED, &crate::event("hello", &[]));
    world.drain();
    pass(&mut world, 500);
    assert_eq!(world.total(|stats| stats.players), 1);
    world.leave(client);
    pass(&mut world, 500);
    let stats = world.game(0).stats();
    // Each tick, and each input; and start, message, draining and leave.
    assert!(stats.errors > 100 && stats.errors == stats.calls, "{stats:?}");
    assert_eq!(world.total(|stats| stats.players), 0);
}

#[test]
fn a_join_that_fails_refuses_the_client() {
    for what in ["error('no')", "while true do end", "coroutine.yield()", "return false", "return 3"] {
        let mut world = world(&format!("function join() {what} end"));
        world.join(b"anna");
        pass(&mut world, 500);
        assert_eq!(world.total(|stats| stats.players), 0, "{what}");
        assert_eq!(world.total(|stats| stats.entities), 0, "{what}");
    }
}

#[test]
fn what_reaches_out_of_the_sandbox_is_not_there() {
    let gone =
        ["os", "io", "debug", "require", "loadstring", "collectgarbage", "getfenv", "setfenv", "newproxy", "package"];
    for name in gone {
        let error = game(0, &format!("assert({name} == nil, 'it is there')")).err();
        assert_eq!(error, None, "{name}");
    }
    let refused = [
        "math.randomseed(1)",
        "string.rep = nil",
        "world.spawn = nil",
        "settings.coins = 4",
        "_G.print = 1 string.x = 1",
    ];
    for what in refused {
        assert!(game(0, what).is_err(), "{what}");
    }
}

#[test]
fn a_script_that_does_not_load_says_where() {
    let why = |text: &str| game(0, text).expect_err("it is refused").to_string();
    assert_eq!(why("x = = 1").split(": ").nth(1), Some("game.luau:1"), "{}", why("x = = 1"));
    let text = "local x = 1\nerror('no')";
    assert_eq!(why(text), "the script fails while it is loaded: game.luau:2: no");
    assert!(why("while true do end").contains("game.luau:1: the script has used up its time"));
    assert!(why("\nworld.spawn({})").contains("game.luau:2"), "{}", why("\nworld.spawn({})"));
    assert!(why("tick = 5").contains("`tick` is a hook"));
    assert!(why("local t = {} for i = 1, 1e9 do t[i] = {} end").contains("game.luau"));
}

#[test]
fn the_tick_s_time_is_shared_and_a_timer_that_hogs_it_leaves_the_rest_out() {
    let mut world = world(
        "local n = 0\n\
         function start() for i = 1, 100 do world.every(1, function() n += 1 for i = 1, 1e9 do end end) end end\n\
         function join() return true end",
    );
    world.join(b"anna");
    pass(&mut world, 1_000);
    let stats = world.game(0).stats();
    assert_eq!(world.total(|stats| stats.players), 1, "a join is never left out");
    // Two of them use up a tick's time.
    assert!(stats.over_budget >= 100 && stats.left_out > 50, "{stats:?}");
}

#[test]
fn a_script_that_uses_half_of_its_memory_and_makes_garbage_never_runs_out_of_it() {
    let text = "
        local kept = {}
        for i = 1, 1000 do kept[i] = string.rep('x', 4500) .. i end
        function tick() for i = 1, 100 do local garbage = string.rep('y', 3000) .. i end end
    ";
    let mut world = world(text);
    pass(&mut world, 5_000);
    let stats = world.game(0).stats();
    assert_eq!((stats.errors, stats.calls), (0, 300), "{stats:?}");
}
