//! A player in the demonstration.

use super::echoing::words;
use super::events::Events;
use super::steps::{AskName, EventName, Side};
use ringshard_client::{AskId, Channel, ClientConfig, ClientStats, EntityId, News, PublicKey, Udp};
use ringshard_demo_rules::{Ask, DemoRules, Event, Input};
use ringshard_terrain::movement::keys;
use ringshard_terrain::{Plan, Terrain};
use ringshard_world::contract::{ContractPart, Text};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// Ticks after which a player turns.
const STRETCH: u32 = 45;
const STRETCHES_APART: u32 = 7;

pub struct Player {
    pub events: Events,
    pub walks: bool,
    udp: Udp<DemoRules>,
    number: u32,
    next_frame: Instant,
    /// The variant of each answer.
    answers: Vec<(AskId, String)>,
    heard: Vec<(EntityId, String)>,
    is_closing: bool,
}

impl Player {
    pub fn new(server: SocketAddr, key: PublicKey, level: Side, number: usize) -> Self {
        let rules = match level {
            Side::Right => DemoRules::default(),
            Side::Wrong => DemoRules::on(Arc::new(smaller_map())),
        };
        let config = ClientConfig { reconnect: true, ..ClientConfig::new(key) };
        Player {
            events: Events::default(),
            walks: false,
            udp: Udp::connect(server, rules, config, b"").expect("loopback has a route"),
            number: number as u32,
            next_frame: Instant::now(),
            answers: Vec::new(),
            heard: Vec::new(),
            is_closing: false,
        }
    }

    /// Shows a frame, if it is due.
    pub fn turn(&mut self) {
        if Instant::now() < self.next_frame {
            return;
        }
        self.next_frame = (self.next_frame + FRAME).max(Instant::now());
        let Player { udp, walks, number, .. } = self;
        udp.poll(|scene| if *walks { walking(scene.tick(), *number) } else { Input::default() });
        while let Some(news) = self.udp.news() {
            self.take(news);
        }
    }

    /// Where the player is, as it predicts it.
    pub fn point(&self) -> Option<[f32; 3]> {
        self.udp.client().scene().own_pose().map(|pose| pose.point)
    }

    pub fn stats(&self) -> ClientStats {
        *self.udp.client().stats()
    }

    pub fn body(&self) -> Option<EntityId> {
        self.udp.client().scene().body()
    }

    /// Where the player sees an entity.
    pub fn sees(&self, id: EntityId) -> Option<[f32; 3]> {
        self.udp.client().scene().pose(id).map(|pose| pose.point)
    }

    /// How many others are in view.
    pub fn others(&self) -> usize {
        self.udp.client().scene().others().count()
    }

    pub fn ask(&mut self, ask: AskName) -> AskId {
        let ask = match ask {
            AskName::Drink => Ask::Drink,
            AskName::Hide => Ask::Hide,
            AskName::Restart => Ask::Restart,
        };
        self.udp.client_mut().ask(&ask).expect("the player can ask")
    }

    /// The variant of the answer.
    pub fn answer(&self, to: AskId) -> Option<&str> {
        self.answers.iter().find(|(ask, _)| *ask == to).map(|(_, answer)| answer.as_str())
    }

    pub fn say(&mut self, text: &str) {
        let said = Event::Say { text: Text::new(text) };
        assert!(self.udp.client_mut().tell(Channel::RELIABLE_ORDERED, &said), "the player cannot say anything");
    }

    /// Whether the player has heard itself say this.
    pub fn has_heard(&self, text: &str) -> bool {
        self.heard.iter().any(|(by, said)| Some(*by) == self.body() && said == text)
    }

    pub fn close(&mut self) {
        self.is_closing = true;
        self.udp.close();
    }

    fn take(&mut self, news: News<DemoRules>) {
        let events = &mut self.events;
        match news {
            News::Entered { .. } => events.push(EventName::Entered, None),
            News::Renewed => events.push(EventName::Renewed, None),
            News::WrongSchema(ContractPart::Level) => events.push(EventName::Refused, Some("level".to_owned())),
            News::WrongSchema(part) => events.push(EventName::Refused, Some(part.to_string())),
            News::Refused(reason) => events.push(EventName::Refused, Some(reason.to_string())),
            News::PutOut(reason) => events.push(EventName::PutOut, Some(reason.to_string())),
            News::Closed(reason) => events.push(EventName::Closed, Some(words(reason, self.is_closing))),
            News::Answer(ask, answer) => self.answers.push((ask, variant(&answer))),
            News::Unanswered(ask, why) => self.answers.push((ask, variant(&why))),
            News::Event(Event::Said { by, text }) => self.heard.push((by, text.to_string())),
            _ => {}
        }
    }
}

/// The input of a player that walks, as `vocabulary` defines it.
fn walking(tick: u32, number: u32) -> Input {
    let stretch = tick / STRETCH + STRETCHES_APART * number;
    let yaw = (stretch.wrapping_mul(0x9e37_79b9) >> 16) as u16;
    let jump = if stretch.is_multiple_of(4) { keys::JUMP } else { 0 };
    Input { forward: 127, left: (stretch % 3) as i8 * 40, yaw, keys: keys::RUN | jump, actions: 0 }
}

/// Another map than the server's.
fn smaller_map() -> Terrain {
    let plan = Plan::flat([25_600.0, 6_400.0], [4, 4, 1], [8, 8, 2]);
    Terrain::of(&plan).expect("the map is possible")
}

fn variant(value: &impl Debug) -> String {
    format!("{value:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect()
}
