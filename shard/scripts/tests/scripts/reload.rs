//! A script is replaced while players play.

use crate::{heard, pass, world};
use ringshard::runtime::service::LiveSettings;
use ringshard_scripts::{Script, ScriptGame};
use ringshard_testing::World;

const FIRST: &str = "
    score = { best = 3, names = { 'anna' }, at = vector.create(1, 2, 3) }
    function start() world.every(10, function() world.broadcast('first') end) end
    function save() return score end
";

fn replace(world: &mut World<ScriptGame>, text: &str) -> bool {
    let script = Script::compile("next.luau", text).expect("it compiles");
    let before = world.game(0).stats().reloads;
    world.act(0, |game, shard| {
        use ringshard::game::Game;
        game.reload(shard, &LiveSettings::new(script));
    });
    world.game(0).stats().reloads > before
}

#[test]
fn the_new_script_gets_what_the_former_kept_and_the_players_stay() {
    let mut world = world(FIRST);
    let client = world.join(b"anna");
    pass(&mut world, 500);
    let id = world.client(client).scene().body();
    heard(&mut world, client);
    let next = "
        function load(state)
            assert(state.best == 3 and state.names[1] == 'anna' and state.at == vector.create(1, 2, 3))
            world.every(10, function() world.broadcast('next', state.best, #world.players()) end)
        end
    ";
    assert!(replace(&mut world, next));
    pass(&mut world, 500);
    let heard = heard(&mut world, client);
    assert!(heard.len() >= 2 && heard.iter().all(|line| line == "next 3 1"), "{heard:?}");
    assert_eq!(world.client(client).scene().body(), id, "its body stays");
    assert_eq!(world.game(0).script().name(), "next.luau");
}

#[test]
fn a_new_script_that_fails_changes_nothing() {
    let mut world = world(FIRST);
    let client = world.join(b"anna");
    pass(&mut world, 500);
    let wrong = [
        "error('no')",
        "while true do end",
        "function load() error('no') end",
        "function load() while true do end end",
        "world.every(1, function() world.broadcast('wrong') end) function load() error('no') end",
        "load = 5",
    ];
    for next in wrong {
        assert!(!replace(&mut world, next), "{next}");
        heard(&mut world, client);
        pass(&mut world, 300);
        let heard = heard(&mut world, client);
        assert!(!heard.is_empty() && heard.iter().all(|line| line == "first"), "{next}: {heard:?}");
    }
    assert_eq!(world.game(0).stats().reloads_refused, wrong.len() as u64);
}

#[test]
fn a_state_that_cannot_be_kept_keeps_the_script() {
    for state in
        ["{ f = print }", "coroutine.create(print)", "(function() local t = {} t.t = t return t end)()", "error('no')"]
    {
        let mut world = world(&format!("function save() local state = {state} return state end"));
        pass(&mut world, 100);
        assert!(!replace(&mut world, "function load() end"), "{state}");
    }
    let mut world = world("");
    pass(&mut world, 100);
    assert!(replace(&mut world, "function load(state) assert(state == nil) end"), "without a state");
    assert!(replace(&mut world, ""), "without a hook");
}
