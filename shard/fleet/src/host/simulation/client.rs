//! A player at home.

use super::dice::Dice;
use crate::model::RunId;
use ringshard::runtime::fleet::Token;
use tokio::time::Instant;

/// How far a client walks in a second, in units of the map.
const SPEED: f32 = 12.0;

pub(super) struct Client {
    pub number: usize,
    /// The session. Each time that it enters, it has a new one.
    pub token: Token,
    entered: u64,
    pub point: [f32; 2],
    aim: [f32; 2],
    /// How often its state has changed.
    pub version: u64,
    /// The server that has the player, or had it last. None: it is in no world.
    pub home: Option<RunId>,
    /// The other server at which it waits, and until when.
    pub beside: Option<(RunId, Instant)>,
    /// When it enters again.
    pub enter_at: Instant,
}

impl Client {
    pub(super) fn new(number: usize, point: [f32; 2]) -> Self {
        Client {
            number,
            token: [0; 16],
            entered: 0,
            point,
            aim: point,
            version: 0,
            home: None,
            beside: None,
            enter_at: Instant::now(),
        }
    }

    /// It begins a new session.
    pub(super) fn enter(&mut self, home: RunId) {
        self.entered += 1;
        let parts = [(self.number as u64).to_le_bytes(), self.entered.to_le_bytes()].concat();
        self.token = parts.try_into().expect("two numbers of eight bytes");
        (self.home, self.beside) = (Some(home), None);
    }

    /// Walks for a time, in seconds.
    pub(super) fn walk(&mut self, seconds: f32, size: f32, dice: &mut Dice) {
        let [x, y] = [self.aim[0] - self.point[0], self.aim[1] - self.point[1]];
        let (distance, step) = (x.hypot(y), SPEED * seconds);
        if distance <= step {
            self.point = self.aim;
            self.aim = [dice.below(size as u64) as f32, dice.below(size as u64) as f32];
        } else {
            self.point = [self.point[0] + x / distance * step, self.point[1] + y / distance * step];
        }
    }
}
