//! The connection of a player, and what was heard of the game.

use super::line::describe;
use crate::login;
use ringshard_client::world::contract::ContractPart;
use ringshard_client::{Channel, ClientConfig, News, PublicKey, Udp};
use ringshard_scripts_rules::{Answer, Ask, Event, Input, ScriptRules};
use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

/// Lines of the game that are kept.
const LINES_MAX: usize = 200;

/// A player.
pub struct Session {
    pub udp: Udp<ScriptRules>,
    /// What the game and the client say, oldest first.
    pub lines: VecDeque<String>,
    pub has_entered: bool,
    pub events: u64,
    pub corrections: u64,
}

impl Session {
    /// Begins to connect, and to enter the world. The ticket of a guest is its name.
    pub fn connect(server: &str, key: PublicKey, rules: ScriptRules, ticket: &[u8]) -> Result<Session, Box<dyn Error>> {
        let udp = Udp::connect(server, rules, ClientConfig::new(key), ticket)?;
        let lines = VecDeque::from([format!("connecting to {server}")]);
        Ok(Session { udp, lines, has_entered: false, events: 0, corrections: 0 })
    }

    /// Waits for `time` at most, and takes in what has arrived. Inputs that are due are `input`.
    pub fn turn(&mut self, time: Duration, input: Input) -> Result<(), Box<dyn Error>> {
        self.udp.wait(time);
        self.udp.poll(|_| input);
        while let Some(news) = self.udp.news() {
            match news {
                News::Entered { .. } => {
                    self.has_entered = true;
                    self.say("you are in the world".into());
                }
                News::Moved { .. } => self.say("you are in the world of another server".into()),
                News::Event(event) => {
                    self.events += 1;
                    self.say(heard(&event));
                }
                News::Answer(_, Answer::Values { values }) => self.say(format!("= {}", describe(values.iter()))),
                News::Answer(_, Answer::Refused) => self.say("= there is no answer".into()),
                News::Corrected { .. } => self.corrections += 1,
                News::Reconnecting(reason) => self.say(format!("connecting again: {reason}")),
                News::Resumed | News::Renewed => self.say("connected again".into()),
                News::PutOut(why) => return Err(format!("put out of the world: {}", login::said(why)).into()),
                News::Refused(why) => return Err(format!("the server refuses you: {}", login::said(why)).into()),
                News::WrongSchema(ContractPart::Level) => {
                    return Err("the server has another map: give its map file with --map".into());
                }
                News::WrongSchema(part) => {
                    let why = format!("the server has another {part}: it runs no game in Luau, or another version");
                    return Err(why.into());
                }
                News::Closed(reason) => return Err(reason.into()),
                News::Spawned(_) | News::Despawned(_) | News::BodyChanged(_) | News::Unanswered(..) => {}
            }
        }
        Ok(())
    }

    /// Sends a message to the script. Its hook `message` gets it.
    pub fn tell(&mut self, event: &Event) {
        self.udp.client_mut().tell(Channel::RELIABLE_ORDERED, event);
    }

    /// Asks the script something. Its hook `ask` gets it.
    pub fn ask(&mut self, ask: &Ask) {
        if self.udp.client_mut().ask(ask).is_none() {
            self.say("too many questions wait for an answer".into());
        }
    }

    /// Adds a line to what the player reads.
    pub fn say(&mut self, line: String) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The round trip, in milliseconds.
    pub fn round_trip_ms(&self) -> f64 {
        self.udp.client().clock().round_trip.as_secs_f64() * 1_000.0
    }
}

/// An event as a line. `say` and `news` are shown without their names: games use them for chat and for news.
fn heard(event: &Event) -> String {
    let values = describe(event.values.iter());
    match event.name.as_str() {
        "say" | "news" => values,
        name => format!("{name}: {values}"),
    }
}
