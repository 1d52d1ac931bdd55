//! What clients send, and what scripts do to themselves.

use crate::{event, heard, pass, world};
use ringshard::game::Channel;
use ringshard_scripts_rules::values::Value;
use ringshard_scripts_rules::{Event, Input, Values};
use ringshard_testing::Duration;
use ringshard_world::contract::Text;

#[test]
fn a_flood_of_messages_does_not_hold_the_world_up() {
    let mut world = world(
        "function message() for i = 1, 1e6 do end end function tick(now) if now % 10 == 0 then world.broadcast('t') end end",
    );
    let client = world.join(b"anna");
    pass(&mut world, 500);
    for _ in 0..50 {
        for _ in 0..20 {
            world.client_mut(client).tell(Channel::UNRELIABLE, &event("x", &[Value::Number(1.0)]));
        }
        pass(&mut world, 20);
    }
    let stats = world.game(0).stats();
    assert!(stats.over_budget > 0 && stats.left_out > stats.over_budget, "{stats:?}");
    assert!(heard(&mut world, client).len() >= 5, "ticks go on");
}

#[test]
fn a_script_gets_every_value_that_a_client_can_send() {
    let text = "function message(player, name, ...)
        world.send(player, name, ...)
        local n = select('#', ...)
        world.send(player, 'count', n)
    end";
    let mut world = world(text);
    let client = world.join(b"anna");
    pass(&mut world, 500);
    let all = [
        Value::Nil,
        Value::Bool(false),
        Value::Number(-9_007_199_254_740_992.0),
        Value::Number(f64::MIN_POSITIVE),
        Value::Text("\u{0}\u{1F600}"),
        Value::Vector([1.0, -2.5, 3e9]),
        Value::Nil,
    ];
    let long = "x".repeat(197);
    let sent = [event("", &all), event("24 bytes are just enough", &[Value::Text(&long)]), event("none", &[])];
    for event in &sent {
        world.client_mut(client).tell(Channel::RELIABLE_ORDERED, event);
    }
    pass(&mut world, 500);
    let heard = heard(&mut world, client);
    let counts: Vec<_> = heard.iter().filter(|line| line.starts_with("count")).collect();
    assert_eq!(counts, ["count 7", "count 1", "count 0"]);
    let back: Vec<_> = heard.iter().filter(|line| !line.starts_with("count")).cloned().collect();
    assert_eq!(back, sent.map(|event| crate::line(&event)));
}

#[test]
fn a_script_that_despawns_bodies_and_puts_players_out_confuses_nobody() {
    let text = "
        local n = 0
        function tick(now)
            for _, player in world.players() do
                local body = world.body(player)
                n += 1
                if n % 7 == 0 and body then world.despawn(body) end
                if n % 11 == 0 then world.enter(player) end
                if n % 13 == 0 then world.control(player, nil) end
                if n % 17 == 0 and body then world.control(player, body) end
                if n % 19 == 0 and body then world.place(body, vector.create(-100, 1e6, -1e6)) end
                if n % 23 == 0 then world.set_speed(player, 255) end
                if n % 97 == 0 then world.put_out(player, 3) end
            end
            if now % 50 == 0 then
                for _, other in world.entities() do world.despawn(other) end
            end
        end
        function input(player) if world.body(player) and n % 5 == 0 then world.despawn(world.body(player)) end end
        function action(player) world.put_out(player, 1) end
        function leave(player) world.enter(player) world.despawn(world.body(player) or 0) return 0/0 end
        function message(player) world.despawn(world.body(player) or 0) world.put_out(player) world.put_out(player) end
    ";
    let mut world = world(text);
    for name in ["anna", "ben", "cleo"] {
        world.join(name.as_bytes());
    }
    let mut random = 1_u32;
    for _ in 0..20 {
        world.pass(Duration::from_millis(100), |_, _| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut input = Input { buttons: (random >> 16) as u16 & 0x101, aim: random as i16, ..Input::default() };
            input.steering.forward = (random >> 8) as i8;
            input.steering.keys = (random >> 24) as u8;
            input
        });
        for client in 0..3 {
            let anything = Event { name: Text::new("x"), values: Values::default() };
            world.client_mut(client).tell(Channel::RELIABLE_ORDERED, &anything);
        }
    }
    assert!(world.total(|stats| stats.ticks) > 100);
    assert_eq!(world.game(0).stats().errors, 0);
}
