//! The contract of the world vectors in `PROTOCOL.md`.

use crate::document::fenced_blocks;
use ringshard_world::contract::{Cooldown, Text};
use ringshard_world::{EntityId, Pose, Rules};

ringshard_world::wire! {
    pub struct Input {
        pub forward: i8,
        pub right: i8,
        pub yaw: u16,
        pub jump: bool,
        pub target: Option<EntityId>,
    }

    pub struct Own {
        pub fuel: u8,
        pub ammo: u16,
        pub score: u32,
        pub account: u64,
        pub lean: i8,
        pub slope: i16,
        pub debt: i32,
        pub clock: i64,
        pub speed: f32,
        pub grounded: bool,
        pub spot: [f32; 2],
        pub dash: Cooldown,
    }

    pub struct Color {
        pub red: u8,
        pub green: u8,
        pub blue: u8,
    }

    pub struct Shown {
        pub health: u8,
        pub name: Text<8>,
        pub carries: Option<EntityId>,
        pub color: Color,
    }

    pub enum Ask {
        Open { door: EntityId },
        Rename { name: Text<8> },
        Surrender,
    }

    pub enum Answer {
        Opened,
        Locked { key: u32 },
    }

    pub enum Event {
        Said { words: Text<16> },
        Shot { by: EntityId, along: [i16; 3], hit: Option<EntityId> },
        Calm,
    }
}

#[derive(Debug)]
pub struct Example;

impl Rules for Example {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, _: &mut Own, _: &Input) {}

    fn level(&self) -> u32 {
        1_357_924_680
    }

    fn pose(&self, _: &Own) -> Pose {
        Pose::default()
    }
}

/// The lines of a declaration as the document writes them.
fn plain(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("pub "));
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_contract_is_the_one_in_the_document() {
    let blocks: Vec<_> = fenced_blocks().filter(|(info, _)| *info == "contract example").collect();
    let [(_, document)] = blocks[..] else { panic!("the document must have the contract once") };
    let source = include_str!("contract.rs");
    let declared =
        source.split_once("wire! {\n").and_then(|(_, rest)| rest.split_once("\n}\n")).expect("it is declared");
    assert_eq!(plain(declared.0), plain(document));
}

#[test]
fn the_types_of_actions_are_those_in_the_document() {
    let blocks: Vec<_> = fenced_blocks().filter(|(info, _)| *info == "contract actions").collect();
    let [(_, document)] = blocks[..] else { panic!("the document must have the types of actions once") };
    let sources = [
        include_str!("../../../world/src/actions/input.rs"),
        include_str!("../../../world/src/actions/state.rs"),
        include_str!("../../../world/src/refusal.rs"),
    ];
    let lines = |text: &'static str| plain(text).into_iter().filter(|line| !line.starts_with(['/', '#']));
    let source = sources.map(|source| lines(source).collect::<Vec<_>>().join("\n")).join("\n");
    for declaration in document.split("\n\n") {
        let declaration = plain(declaration).join("\n");
        assert!(source.contains(&declaration), "the code does not have\n{declaration}");
    }
}
