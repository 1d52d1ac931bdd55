//! What a call of a hook costs: `cargo run --release -p ringshard-scripts --example hooks`.

use ringshard::game::{Game, GameStart, PlayerId, Shard};
use ringshard_scripts::{Budget, Script, ScriptGame};
use ringshard_scripts_rules::{Event, Input, Value, Values};
use ringshard_terrain::Terrain;
use ringshard_testing::World;
use ringshard_world::contract::Text;
use std::time::{Duration, Instant};

const CALLS: u32 = 200_000;

/// Calls `call` again and again in a world with this script, and prints its time. `per_call` is what a call does how often.
fn measure(
    what: &str,
    text: &str,
    per_call: u32,
    mut call: impl FnMut(&mut ScriptGame, &mut Shard<ScriptGame>, PlayerId),
) {
    let script = Script::compile("hooks.luau", text).expect("it compiles");
    let hour = Duration::from_secs(3_600);
    let budget = Budget { tick: hour, hook: hour, ..Budget::default() };
    let mut world = World::new(1, "delay=1ms", 1, |start: GameStart| {
        assert_eq!(start.terrain.digest(), Terrain::shared_flat().digest());
        ScriptGame::new(&start, &script, budget).expect("it loads")
    });
    world.join(b"anna");
    world.pass(ringshard_testing::Duration::from_millis(500), |_, _| Input::default());
    let calls = CALLS / per_call;
    let nanos = world.act(0, |game, shard| {
        let player = shard.players().next().expect("a player");
        let from = Instant::now();
        for _ in 0..calls {
            call(game, shard, player);
        }
        from.elapsed().as_nanos() as f64 / f64::from(calls * per_call)
    });
    assert_eq!(world.game(0).stats().errors, 0, "{what}");
    println!("{what:<58} {nanos:>8.0} ns");
}

fn main() {
    let input = Input::default();
    let step = |game: &mut ScriptGame, shard: &mut Shard<ScriptGame>, player| game.stepped(shard, player, &input);
    measure("a hook that is not defined", "", 1, step);
    measure("`input`, empty", "function input() end", 1, step);
    measure(
        "`input` that reads its body's point and sets a variable",
        "function input(player) local body = world.body(player) world.set_var(body, 1, world.point(body).x) end",
        1,
        step,
    );
    let values = Values::of(&[Value::Number(1.0), Value::Text("hello")]).expect("they fit");
    let event = Event { name: Text::new("say"), values };
    measure("`message` with a number and a text, empty", "function message() end", 1, |game, shard, player| {
        game.event(shard, player, event);
    });
    let tick = |game: &mut ScriptGame, shard: &mut Shard<ScriptGame>, _| game.tick(shard);
    measure("a turn of an empty loop", "function tick() for i = 1, 1000 do end end", 1_000, tick);
    measure(
        "a call of a function",
        "local function f() end function tick() for i = 1, 1000 do f() end end",
        1_000,
        tick,
    );
    measure("`world.tick()`", "function tick() for i = 1, 1000 do world.tick() end end", 1_000, tick);
    let one = "local one function start() one = world.spawn({ point = vector.create(1000, 1000, 0) }) end ";
    let text = format!("{one} function tick() for i = 1, 1000 do world.point(one) end end");
    measure("`world.point(entity)`", &text, 1_000, tick);
    let text = format!("{one} function tick() for i = 1, 1000 do world.set_var(one, 1, i) end end");
    measure("`world.set_var(entity, 1, value)`", &text, 1_000, tick);
    let text = format!("{one} function tick() for i = 1, 100 do world.walk(one, i, 100) end end");
    measure("`world.walk(entity, yaw)`", &text, 100, tick);
    measure("`world.random(6)`", "function tick() for i = 1, 1000 do world.random(6) end end", 1_000, tick);
}
