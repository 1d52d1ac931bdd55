//! A player of the duel without a person: its half of the match, and what it does in a tick.

use ringshard_client::{Channel, Client, News, Scene};
use ringshard_duel_rules::{DuelRules, Event, Input, PLATFORM, RADIUS, Ring, length};
use ringshard_rollback::{Difference, Packet, Session, SessionConfig, Taken, Together};

/// A bot. `T` is its step: tests have one that goes wrong.
pub struct Duelist<T: Together<State = Ring, Input = Input> = DuelRules> {
    /// Its half of the match.
    pub session: Session<T>,
    /// The differences that the server has told it of.
    pub differences: Vec<Difference>,
    /// The state of its random numbers.
    random: u32,
    ticks: u32,
    /// Where it would rather go, for a while.
    whim: [i8; 2],
}

impl<T: Together<State = Ring, Input = Input>> Duelist<T> {
    /// A bot. Each number behaves differently.
    pub fn new(number: u32, rules: T, config: SessionConfig) -> Self {
        let session = Session::new(rules, config);
        Duelist { session, differences: Vec::new(), random: number.wrapping_mul(77) + 1, ticks: number, whim: [0; 2] }
    }

    /// Takes what the server sends for its match.
    pub fn hear(&mut self, news: &News<DuelRules>) {
        match news {
            News::Event(Event::Match { packet }) => {
                if let Ok(Taken::Differs(difference)) = self.session.take(packet) {
                    self.differences.push(difference);
                }
            }
            News::Renewed | News::PutOut(_) => self.session.end(),
            _ => {}
        }
    }

    /// What it does in a tick. Its match goes on by a tick.
    pub fn input(&mut self, scene: &Scene<'_, DuelRules>) -> Input {
        let input = self.decide();
        self.session.advance(scene.tick().wrapping_add(1), &input);
        input
    }

    /// Sends its report, if one is due.
    pub fn frame(&mut self, client: &mut Client<DuelRules>) {
        if let Some(packet) = self.session.report() {
            tell(client, packet);
        }
    }

    /// Runs at the nearest disc and dashes, but not over the edge.
    fn decide(&mut self) -> Input {
        self.ticks += 1;
        if self.ticks.is_multiple_of(40) {
            self.whim = [self.draw(), self.draw()];
        }
        let (Some(ring), Some(seat), Some(inputs)) = (self.session.state(), self.session.seat(), self.session.inputs())
        else {
            return Input::default();
        };
        let own = ring.discs[seat];
        let others = (0..inputs.seats()).filter(|&other| other != seat && inputs.is_present(other));
        let ways = others.filter(|&other| ring.discs[other].out == 0).map(|other| {
            let at = ring.discs[other].at;
            [at[0] - own.at[0], at[1] - own.at[1]]
        });
        let nearest = ways.min_by_key(|&way| length(way));
        let is_at_edge = length(own.at) > i64::from(PLATFORM - 2 * RADIUS);
        let way = if is_at_edge { [-own.at[0], -own.at[1]] } else { nearest.unwrap_or([-own.at[0], -own.at[1]]) };
        let far = length(way).max(1);
        let part =
            |axis: usize| (i64::from(way[axis]) * 127 / far + i64::from(self.whim[axis]) / 3).clamp(-127, 127) as i8;
        Input { x: part(0), y: part(1), dash: !is_at_edge && far < i64::from(4 * RADIUS) }
    }

    /// A random number.
    fn draw(&mut self) -> i8 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.random >> 24) as i8
    }
}

/// Sends a packet of a match. If it does not fit now, the next report says the same.
pub fn tell(client: &mut Client<DuelRules>, packet: Packet) {
    client.tell(Channel::UNRELIABLE, &Event::Match { packet });
}
