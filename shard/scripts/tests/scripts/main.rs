//! Scripts under a world with real clients: what they can do, and what they cannot do to the server.

mod api;
mod coins;
mod hooks;
mod hostile;
mod limits;
mod reload;

use ringshard::game::GameStart;
use ringshard_scripts::{Budget, Clock, Script, ScriptError, ScriptGame};
use ringshard_scripts_rules::values::Value;
use ringshard_scripts_rules::{Event, Input, Values};
use ringshard_testing::{News, World};
use ringshard_world::contract::Text;
use std::time::Duration;

/// A budget that does not depend on how fast this host is.
fn budget() -> Budget {
    Budget { clock: Clock::Steps(Duration::from_nanos(100)), memory: 8 << 20, ..Budget::default() }
}

fn start(core: usize) -> GameStart {
    GameStart { core, terrain: ringshard_terrain::Terrain::shared_flat() }
}

fn game(core: usize, text: &str) -> Result<ScriptGame, ScriptError> {
    let settings: toml::Table = toml::from_str("coins = 3\nname = \"here\"\nlist = [1, 2]").expect("valid TOML");
    let script = Script::compile("game.luau", text)?.with_settings(settings);
    ScriptGame::new(&start(core), &script, budget())
}

/// A world on one core whose game is this script.
fn world(text: &str) -> World<ScriptGame> {
    World::new(1, "delay=10ms", 7, |start| game(start.core, text).expect("the script loads"))
}

fn pass(world: &mut World<ScriptGame>, millis: u64) {
    world.pass(ringshard_testing::Duration::from_millis(millis), |_, _| Input::default());
}

/// What a client was told, as lines: the name, and each value.
fn heard(world: &mut World<ScriptGame>, client: usize) -> Vec<String> {
    let events = world.news(client).into_iter().filter_map(|news| match news {
        News::Event(event) => Some(event),
        _ => None,
    });
    events.map(|event| line(&event)).collect()
}

fn line(event: &Event) -> String {
    let mut line = event.name.to_string();
    for value in event.values.iter() {
        line += " ";
        match value {
            Value::Nil => line += "nil",
            Value::Bool(value) => line += &value.to_string(),
            Value::Number(value) => line += &value.to_string(),
            Value::Text(value) => line += value,
            Value::Vector(value) => line += &format!("{value:?}"),
        }
    }
    line
}

fn event(name: &str, values: &[Value<'_>]) -> Event {
    Event { name: Text::new(name), values: Values::of(values).expect("they fit") }
}
