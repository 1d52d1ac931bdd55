//! The game of coins, played by real clients.

use ringshard::game::Channel;
use ringshard::runtime::service::LiveSettings;
use ringshard_scripts::{Script, ScriptGame};
use ringshard_scripts_rules::{Answer, Ask, Input, ScriptRules, Value, Values};
use ringshard_terrain::movement::keys;
use ringshard_testing::{Duration, News, Scene, World};
use ringshard_world::contract::Text;
use std::path::Path;

const COINS: usize = 0;
const SECONDS: usize = 2;

fn script() -> Script {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../games/coins/coins.luau");
    let settings = toml::from_str("coins = 30\nround_seconds = 20\narena = 1500").expect("valid TOML");
    Script::read(&path).expect("it compiles").with_settings(settings)
}

/// Runs to the nearest coin in sight.
fn collect(scene: &Scene<'_, ScriptRules>) -> Input {
    let mut input = Input::default();
    let Some(own) = scene.own_pose() else { return input };
    let way = |point: [f32; 3]| [point[0] - own.point[0], point[1] - own.point[1]];
    let coins =
        scene.others().filter(|(_, _, shown)| shown.kind == 2 || shown.kind == 3).map(|(_, pose, _)| way(pose.point));
    let nearest = coins.min_by(|one, other| one[0].hypot(one[1]).total_cmp(&other[0].hypot(other[1])));
    if let Some([x, y]) = nearest {
        input.steering.yaw = (y.atan2(x) / std::f32::consts::TAU * 65_536.0) as i32 as u16;
        input.steering.forward = 127;
        input.steering.keys = keys::RUN;
    }
    input
}

fn own(world: &World<ScriptGame>, client: usize, variable: usize) -> i32 {
    world.client(client).scene().own().map_or(0, |own| own.variables[variable])
}

#[test]
fn players_collect_coins_talk_and_win_rounds_and_the_script_is_replaced_under_them() {
    let script = script();
    let mut world = World::new(2, "delay=15ms,jitter=4ms,loss=1%", 3, |start| {
        ScriptGame::new(&start, &script, crate::budget()).expect("it loads")
    });
    let clients = [world.join(b"anna"), world.join(b"ben"), world.join(b"")];
    world.pass(Duration::from_secs(8), |_, scene| collect(scene));
    let coins: Vec<_> = clients.iter().map(|&client| own(&world, client, COINS)).collect();
    assert!(coins.iter().sum::<i32>() > 10, "they have collected {coins:?}");
    assert!(clients.iter().all(|&client| own(&world, client, SECONDS) > 0));
    // Chat, and the ranking.
    for client in clients {
        world.news(client);
    }
    world.client_mut(0).tell(Channel::RELIABLE_ORDERED, &crate::event("say", &[Value::Text("hello")]));
    let ask = Ask { name: Text::new("score"), values: Values::default() };
    world.client_mut(1).ask(&ask).expect("it can ask");
    // All cores get the new script, which finds its coins again.
    for core in 0..2 {
        world.act(core, |game, shard| ringshard::game::Game::reload(game, shard, &LiveSettings::new(script.clone())));
    }
    world.pass(Duration::from_secs(1), |_, scene| collect(scene));
    assert_eq!([world.game(0).stats().reloads, world.game(1).stats().reloads], [1, 1]);
    assert!(crate::heard(&mut world, 2).contains(&"say anna: hello".to_owned()));
    let answers: Vec<_> = world
        .news(1)
        .into_iter()
        .filter_map(|news| match news {
            News::Answer(_, Answer::Values { values }) => Some(values.len()),
            _ => None,
        })
        .collect();
    assert_eq!(answers, [6], "three names, and three numbers");
    let after: i32 = clients.iter().map(|&client| own(&world, client, COINS)).sum();
    assert!(after > 0, "the scores stay");
    // The round ends.
    world.pass(Duration::from_secs(13), |_, scene| collect(scene));
    let heard = crate::heard(&mut world, 0);
    assert!(heard.iter().any(|line| line.contains("wins the round with")), "{heard:?}");
    assert_eq!([world.game(0).stats().errors, world.game(1).stats().errors], [0, 0]);
    assert_eq!(world.client(0).stats().malformed, 0);
    let stats = world.client(0).stats();
    // A coin changes a variable, which no client predicts. That does not move it.
    assert!(stats.predicted > 1_000 && stats.corrections < stats.predicted / 50, "{stats:?}");
}
