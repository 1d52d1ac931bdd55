//! Each hook is called when it should be, with what it should get.

use crate::{event, game, heard, pass, world};
use ringshard::game::Channel;
use ringshard_scripts_rules::values::Value;
use ringshard_scripts_rules::{Answer, Ask, Input, Values};
use ringshard_testing::{Duration, News, World};
use ringshard_world::contract::Text;

#[test]
fn a_player_joins_with_a_body_and_its_ticket_as_a_name() {
    let mut world = world("function join(player, ticket) joined = player return true end");
    let (one, other) = (world.join(b"anna"), world.join(b"ben"));
    pass(&mut world, 1_000);
    let scene = world.client(one).scene();
    assert!(scene.own_pose().is_some());
    let names: Vec<_> = scene.others().map(|(_, _, shown)| (shown.name.to_string(), shown.kind)).collect();
    assert_eq!(names, [("ben".to_owned(), 1)]);
    assert!(world.client(other).is_in_world());
}

#[test]
fn a_script_hears_of_players_messages_asks_and_buttons() {
    let text = "
        cooldowns = { 0, 60 }
        local log = {}
        local function note(...) table.insert(log, table.concat({ ... }, ' ')) end
        function start() note('start') end
        function join(player, ticket) note('join', ticket) world.enter(player, { name = 'x', point = vector.create(1000, 1000, 0) }) return true end
        function suspended(player) note('suspended') end
        function resumed(player) note('resumed') end
        function leave(player, reason) note('leave', reason) world.broadcast('left') end
        function message(player, name, one, other) note('message', name, tostring(one), tostring(other)) end
        function action(player, button, yaw, aim) note('action', button, math.round(yaw), math.round(aim)) end
        function ask(player, name, ...)
            if name == 'sum' then local a, b = ... return a + b, 'sum' end
            if name == 'table' then return {} end
        end
        function input(player, forward, left, yaw, buttons, keys) inputs = (inputs or 0) + 1 held = buttons end
        function draining() for _, line in log do world.broadcast('log', line) end world.broadcast('inputs', inputs > 30) end
    ";
    let mut world = world(text);
    let client = world.join(b"anna");
    pass(&mut world, 500);
    let values = [Value::Number(4.0), Value::Text("hé")];
    world.client_mut(client).tell(Channel::RELIABLE_ORDERED, &event("hello", &values));
    let ask = |name: &str, values| Ask { name: Text::new(name), values };
    let sum = Values::of(&[Value::Number(2.0), Value::Number(40.0)]).unwrap();
    for (name, values) in [("sum", sum), ("sum", Values::default()), ("table", sum), ("other", sum)] {
        assert!(world.client_mut(client).ask(&ask(name, values)).is_some());
    }
    // Button 2 is pressed in one frame of three, and button 1 once.
    let mut frames = 0;
    world.pass(Duration::from_millis(800), |_, _| {
        frames += 1;
        let buttons = if frames % 3 == 0 { 2 } else { 0 } | if frames == 5 { 1 } else { 0 };
        let mut input = Input { buttons, aim: -8_192, ..Input::default() };
        input.steering.yaw = 16_384;
        input
    });
    let answers: Vec<_> = world
        .news(client)
        .into_iter()
        .filter_map(|news| match news {
            News::Answer(_, answer) => Some(answer),
            _ => None,
        })
        .collect();
    let forty_two = Values::of(&[Value::Number(42.0), Value::Text("sum")]).unwrap();
    assert_eq!(answers, [Answer::Values { values: forty_two }, Answer::Refused, Answer::Refused, Answer::Refused]);
    world.cut(client);
    pass(&mut world, 20_000);
    world.restore(client);
    pass(&mut world, 3_000);
    world.drain();
    pass(&mut world, 500);
    let mut log = heard(&mut world, client);
    assert_eq!(log.pop().as_deref(), Some("inputs true"));
    let actions = log.iter().filter(|line| line.starts_with("log action 2")).count();
    assert_eq!(actions, 1, "button 2 cools down for a second");
    log.retain(|line| line != "log action 2 90 -45");
    let expected = ["start", "join anna", "message hello 4 hé", "action 1 90 -45", "suspended", "resumed"];
    assert_eq!(log, expected.map(|line| format!("log {line}")));
}

#[test]
fn commands_reach_entities_of_other_cores() {
    let text = "
        function start()
            me = world.spawn({ kind = 7, point = vector.create(200000 + world.core() * 500, 200000, 0), vars = { 5 } })
        end
        function tick(now)
            if world.core() ~= 0 or now ~= 60 then return end
            for _, other in world.nearest(world.point(me), 2000) do
                if other ~= me then
                    assert(not world.is_mine(other) and world.var(other, 1) == 5)
                    assert(world.set_var(other, 1, 9) == false, 'it is of another core')
                    world.command(other, me, 'hit', 3, 'hard')
                end
            end
        end
        function command(entity, from, name, damage, how)
            world.set_var(entity, 1, world.var(entity, 1) - damage)
            world.broadcast(name, how, world.var(entity, 1), world.kind(from), world.core())
        end
    ";
    let mut world = World::new(2, "delay=10ms", 7, |start| game(start.core, text).expect("it loads"));
    let clients = [world.join(b"anna"), world.join(b"ben")];
    pass(&mut world, 2_000);
    for client in clients {
        assert_eq!(heard(&mut world, client), ["hit hard 2 7 1"]);
    }
    assert_eq!((world.game(0).stats().errors, world.game(1).stats().errors), (0, 0));
}

#[test]
fn timers_run_at_their_tick_in_order_and_end_when_told() {
    let text = "
        local list = {}
        local function note(what) table.insert(list, what .. (world.tick() - from)) end
        function start()
            from = world.tick()
            world.after(3, function() note('c') end)
            world.after(2, function() note('a') world.after(1, function() note('d') end) end)
            world.after(2, function() note('b') end)
            local n = 0
            local id
            id = world.every(4, function() n += 1 note('e') if n == 2 then assert(world.cancel(id)) end end)
            world.cancel(world.after(2, function() note('never') end))
            world.after(60, function() world.broadcast('list', table.concat(list, ' ')) end)
        end
    ";
    let mut world = world(text);
    let client = world.join(b"anna");
    pass(&mut world, 1_500);
    // `d` was made after `c`, for the same tick.
    assert_eq!(heard(&mut world, client), ["list a2 b2 c3 d3 e4 e8"]);
    assert_eq!(world.game(0).stats().errors, 0);
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let text = "function tick(now)
        if now % 10 == 0 then world.broadcast('r', world.random(), world.random(6), math.random(3, 5)) end
    end";
    let run = || {
        let mut world = world(text);
        world.join(b"anna");
        pass(&mut world, 800);
        heard(&mut world, 0)
    };
    let (one, again) = (run(), run());
    assert!(one.len() > 2);
    assert_eq!(one, again);
}
