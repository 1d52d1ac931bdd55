//! The types of the demonstration, as dictionaries.
//!
//! | what | dictionary |
//! |---|---|
//! | input | `{"direction": radians from the map's x axis towards its y axis, "pace": 0 to 1, "left": -1 to 1, "jump": bool, "dive": bool, "shoot": bool}` |
//! | ask | `{"kind": "drink"}`, `"hide"` or `"restart"` |
//! | event to the server | `{"kind": "say", "text": String}` |
//! | answers and events from the server | `"kind"`, and the fields of the variant |

use crate::place::number;
use crate::shape::Shape;
use godot::prelude::{FromGodot, VarDictionary, vdict};
use ringshard_client::world::contract::Text;
use ringshard_demo_rules::{Answer, Ask, Character, DemoRules, Event, Input, Own, Refusal, TEXT_BYTES_MAX, actions};
use ringshard_terrain::Terrain;
use ringshard_terrain::movement::keys;
use std::f64::consts::TAU;
use std::sync::Arc;

/// The rules on level ground.
pub fn rules() -> DemoRules {
    DemoRules::default()
}

/// The rules on the map in the content of a map file.
///
/// # Errors
/// What is wrong with the file.
pub fn rules_on(map: Vec<u8>) -> Result<DemoRules, String> {
    let terrain = Terrain::read(Box::new(map)).map_err(|error| error.to_string())?;
    Ok(DemoRules::on(Arc::new(terrain)))
}

/// A value of a dictionary; None if it is missing or of another type.
fn get<T: FromGodot>(from: &VarDictionary, key: &str) -> Option<T> {
    from.get(key).and_then(|value| value.try_to().ok())
}

fn kind(from: &VarDictionary) -> String {
    get(from, "kind").unwrap_or_default()
}

/// A direction in 65,536ths of a turn.
fn turn(radians: f64) -> u16 {
    (radians.rem_euclid(TAU) / TAU * 65_536.0) as u32 as u16
}

impl Shape for DemoRules {
    fn input(&self, from: &VarDictionary) -> Input {
        let part = |key: &str| (get::<f64>(from, key).unwrap_or_default().clamp(-1.0, 1.0) * 127.0) as i8;
        let bit = |key: &str, bit: u8| if get(from, key).unwrap_or_default() { bit } else { 0 };
        Input {
            forward: part("pace"),
            left: part("left"),
            yaw: turn(get(from, "direction").unwrap_or_default()),
            keys: keys::RUN | bit("jump", keys::JUMP) | bit("dive", keys::DIVE),
            actions: bit("shoot", actions::SHOOT),
        }
    }

    fn own(&self, own: &Own) -> VarDictionary {
        vdict! {
            "gait" => own.gait,
            "potions" => own.potions,
            "shot" => own.shot.ticks(),
            "stunned" => own.stunned,
            "frozen" => own.frozen,
            "slowed" => own.slowed,
        }
    }

    fn shown(&self, shown: &Character) -> VarDictionary {
        vdict! {
            "kind" => shown.kind,
            "faction" => shown.faction,
            "states" => shown.states,
            "buffs" => shown.buffs,
            "health" => shown.health,
            "mana" => shown.mana,
            "animation" => shown.animation,
            "score" => shown.score,
        }
    }

    fn ask(&self, from: &VarDictionary) -> Result<Ask, String> {
        match kind(from).as_str() {
            "drink" => Ok(Ask::Drink),
            "hide" => Ok(Ask::Hide),
            "restart" => Ok(Ask::Restart),
            other => Err(format!("there is no ask of kind \"{other}\"; there are drink, hide and restart")),
        }
    }

    fn answer(&self, answer: &Answer) -> VarDictionary {
        match *answer {
            Answer::Drunk { health, potions } => vdict! { "kind" => "drunk", "health" => health, "potions" => potions },
            Answer::Hidden { ticks, mana } => vdict! { "kind" => "hidden", "ticks" => ticks, "mana" => mana },
            Answer::Restarted => vdict! { "kind" => "restarted" },
            Answer::Refused { why: Refusal::TooEarly { ticks } } => {
                vdict! { "kind" => "refused", "why" => "too early", "ticks" => ticks }
            }
            Answer::Refused { why } => {
                let why = match why {
                    Refusal::NoBody => "no body",
                    Refusal::Unhurt => "unhurt",
                    Refusal::NoPotion => "no potion",
                    Refusal::NoMana => "no mana",
                    Refusal::TooEarly { .. } => "too early",
                };
                vdict! { "kind" => "refused", "why" => why }
            }
        }
    }

    fn tell(&self, from: &VarDictionary) -> Result<Event, String> {
        if kind(from) != "say" {
            return Err(format!("a client tells events of kind \"say\", not \"{}\"", kind(from)));
        }
        let text: String = get(from, "text").ok_or("the event has no \"text\"")?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("the text has {} bytes; it may have {TEXT_BYTES_MAX}", text.len()));
        }
        Ok(Event::Say { text: Text::new(&text) })
    }

    fn event(&self, event: &Event) -> VarDictionary {
        match *event {
            Event::Say { text } => vdict! { "kind" => "say", "text" => text.as_str() },
            Event::Said { by, text } => vdict! { "kind" => "said", "by" => number(by), "text" => text.as_str() },
            Event::Hit { by, damage } => vdict! { "kind" => "hit", "by" => number(by), "damage" => damage },
            Event::Scored { on } => vdict! { "kind" => "scored", "on" => number(on) },
            Event::Beaten { by, who } => vdict! { "kind" => "beaten", "by" => number(by), "who" => number(who) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_in_radians_is_the_same_in_parts_of_a_turn() {
        for (radians, part) in
            [(0.0, 0), (TAU / 4.0, 1 << 14), (-TAU / 4.0, 3 << 14), (TAU * 2.5, 1 << 15), (-1e-18, 0)]
        {
            assert_eq!(turn(radians), part, "{radians}");
        }
        assert_eq!(turn(f64::NAN), 0);
    }
}
