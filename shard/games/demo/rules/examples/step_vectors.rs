//! Prints steps of players on level ground, as JSON: `cargo run -p ringshard-demo-rules --example step_vectors`. A client in
//! another language checks its own step against them, bit for bit.
//!
//! `walks` is a list; each walk has the `own` state that it begins with, and `steps`: an `input`, and the `own` state after it.
//! Structs are lists of their fields, in the order of their declaration.

use ringshard_demo_rules::{DemoRules, Input, Own};
use ringshard_terrain::movement::keys;
use ringshard_world::Rules;
use std::fmt::Write;

/// Steps of each walk.
const STEPS: usize = 60;

/// A repeatable sequence of random numbers.
struct Dice(u32);

impl Dice {
    fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }
}

/// What a player does for a while. The inputs of some ticks are missing: those are neutral.
fn input(dice: &mut Dice, former: &Input) -> Input {
    if dice.roll().is_multiple_of(9) {
        return Input::default();
    }
    if !dice.roll().is_multiple_of(6) {
        return Input { yaw: former.yaw.wrapping_add((dice.roll() % 512) as u16), ..*former };
    }
    let pressed = (dice.roll() % 8) as u8;
    Input {
        forward: dice.roll() as i8,
        left: if dice.roll().is_multiple_of(2) { 0 } else { dice.roll() as i8 },
        yaw: dice.roll() as u16,
        keys: if dice.roll().is_multiple_of(2) { keys::RUN } else { pressed },
        actions: dice.roll().is_multiple_of(4).into(),
    }
}

/// Where walks begin: in the middle, at the edges of the map, in the air, in the ground, and with what a server can do to a
/// player.
fn beginnings(size: [f32; 3]) -> Vec<Own> {
    let [width, length, height] = size;
    let at = |x: f32, y: f32, z: f32| Own::at([x, y, z]);
    vec![
        at(400_000.0, 300_000.5, 0.0),
        at(35.0, length - 36.0, 0.0),
        Own { velocity: [900.0, 0.0], gait: 1, rise: -6.0, ..at(width - 40.0, 1_000.25, 60.0) },
        Own { velocity: [-12_000.0, 30_000.0], gait: 1, rise: 900.0, ..at(20_000.0, length - 2_000.0, 10.0) },
        Own { slowed: true, ..at(123_456.79, 98_765.43, 0.0) },
        Own { frozen: true, velocity: [300.0, -200.0], ..at(60_000.0, 70_000.0, 0.0) },
        Own { stunned: true, velocity: [0.5, 599.0], gait: 2, rise: -20.0, ..at(50_000.0, 50_000.0, 5.0) },
        Own { gait: 3, rise: 100.0, ..at(80_000.0, 20_000.0, -30.0) },
        Own { gait: 1, rise: 19_000.0, ..at(10_000.0, 10_000.0, height - 500.0) },
        Own { rise: 250.0, shot: ringshard_world::contract::Cooldown::default(), ..at(-50.0, width + 50.0, 44.0) },
    ]
}

fn input_list(input: &Input) -> String {
    let Input { forward, left, yaw, keys, actions } = input;
    format!("[{forward},{left},{yaw},{keys},{actions}]")
}

fn own_list(own: &Own) -> String {
    let Own { point: [x, y], velocity: [along_x, along_y], yaw, height, rise, .. } = own;
    let Own { shot, gait, leap, potions, stunned, frozen, slowed, .. } = own;
    let shot = shot.ticks();
    format!(
        "[[{x},{y}],[{along_x},{along_y}],{yaw},{height},{rise},{shot},{gait},{leap},{potions},{stunned},{frozen},{slowed}]"
    )
}

/// The walks.
pub fn vectors() -> String {
    let rules = DemoRules::default();
    let [width, length, height] = rules.terrain.map().size();
    let mut text = format!("{{\"level\":{},\"size\":[{width},{length},{height}],\"walks\":[\n", rules.level());
    let beginnings = beginnings([width, length, height]);
    let last = beginnings.len() - 1;
    for (number, mut own) in beginnings.into_iter().enumerate() {
        let mut dice = Dice(number as u32);
        let mut made = Input { forward: 127, keys: keys::RUN, ..Input::default() };
        writeln!(text, "{{\"own\":{},\"steps\":[", own_list(&own)).expect("a string grows");
        for step in 0..STEPS {
            made = input(&mut dice, &made);
            rules.step(&mut own, &made);
            let comma = if step + 1 < STEPS { "," } else { "" };
            writeln!(text, "[{},{}]{comma}", input_list(&made), own_list(&own)).expect("a string grows");
        }
        text += if number < last { "]},\n" } else { "]}\n" };
    }
    text + "]}\n"
}

#[allow(dead_code, reason = "a test uses the vectors alone")]
fn main() {
    print!("{}", vectors());
}
