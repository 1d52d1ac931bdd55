//! Services that check tickets at random, and check what the cores tell them of players.

use crate::random::Random;
use ringshard::runtime::services::{FromCore, ServicesEnd, ToCore};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::messages::reason;
use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Waker};

/// A ticket that is being checked.
struct Check {
    core: usize,
    player: u64,
    shown: Vec<u8>,
    until: Instant,
}

/// A player in the world, as services know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Connected,
    Suspended,
}

pub struct Services {
    ends: Vec<ServicesEnd>,
    checks: Vec<Check>,
    /// Players whose tickets were good, by core, until they enter.
    admitted: Vec<BTreeSet<u64>>,
    /// Players in the world, by core.
    inside: Vec<BTreeMap<u64, Life>>,
    random: Random,
}

impl Services {
    pub fn new(ends: Vec<ServicesEnd>, random: Random) -> Self {
        let cores = ends.len();
        let (admitted, inside) = (vec![BTreeSet::new(); cores], vec![BTreeMap::new(); cores]);
        Services { ends, checks: Vec::new(), admitted, inside, random }
    }

    /// Hears the cores, and answers what is due. Without `mistrust` every ticket is good.
    ///
    /// # Errors
    /// Says what a core must not say.
    pub fn step(&mut self, now: Instant, mistrust: bool) -> Result<(), String> {
        for core in 0..self.ends.len() {
            self.hear(core, now)?;
        }
        let mut due = Vec::new();
        while let Some(at) = self.checks.iter().position(|check| check.until <= now || !mistrust) {
            due.push(self.checks.swap_remove(at));
        }
        for Check { core, player, shown, .. } in due {
            if mistrust && self.random.chance(100) {
                self.say(core, &ToCore::Refuse { player, reason: reason::TICKET });
            } else {
                self.admitted[core].insert(player);
                self.say(core, &ToCore::Admit { player, account: None, shown: &shown });
            }
        }
        Ok(())
    }

    fn hear(&mut self, core: usize, now: Instant) -> Result<(), String> {
        let mut answers = Vec::new();
        while let Some(letter) = self.ends[core].take() {
            let inside = &mut self.inside[core];
            let is_legal = match letter {
                FromCore::Knock { player, ticket, .. } => {
                    let until = now + Duration::from_millis(self.random.magnitude(1, 3_000));
                    self.checks.push(Check { core, player, shown: ticket.to_vec(), until });
                    !inside.contains_key(&player)
                }
                FromCore::Entered { player, .. } => {
                    self.admitted[core].remove(&player) && inside.insert(player, Life::Connected).is_none()
                }
                FromCore::Suspended { player } => inside.insert(player, Life::Suspended) == Some(Life::Connected),
                FromCore::Resumed { player } => inside.insert(player, Life::Connected) == Some(Life::Suspended),
                FromCore::Left { player } => inside.remove(&player).is_some(),
                FromCore::Message { player, bytes } => {
                    answers.push((player, bytes.len()));
                    inside.get(&player) == Some(&Life::Connected)
                }
            };
            if !is_legal {
                return Err(format!("core {core} must not tell its services {letter:?}: {inside:?}"));
            }
        }
        for (player, bytes) in answers {
            // Some messages go to a player that does not exist.
            let player = player + u64::from(self.random.chance(200));
            let is_bulk = self.random.chance(500);
            self.say(core, &ToCore::Message { player, is_bulk, bytes: &vec![26; bytes] });
        }
        Ok(())
    }

    fn say(&mut self, core: usize, letter: &ToCore<'_>) {
        // A core that does not take what is said for long does not happen here.
        let is_said = self.ends[core].poll_send(&mut Context::from_waker(Waker::noop()), letter).is_ready();
        assert!(is_said, "the ring to core {core} is full");
    }

    /// Whether the services know of nobody in the world.
    pub fn is_empty(&self) -> bool {
        self.inside.iter().all(BTreeMap::is_empty)
    }
}
