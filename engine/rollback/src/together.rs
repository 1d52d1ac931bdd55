//! What a game implements: one step that moves all players of a match, and the inputs that it gets.

use crate::packet::{PACKET_BYTES_MAX, RELAY_HEADER_BYTES, TURN_HEADER_BYTES_MAX};
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::limits::INPUT_BYTES_MAX;
use ringshard_world::{Fields, Wire};

/// Most players of a match.
pub const SEATS_MAX: usize = 8;
/// Fewest players that a match begins with.
pub const SEATS_MIN: usize = 2;
/// Most bytes of an encoded state.
pub const STATE_BYTES_MAX: usize = 8_192;

/// The shared state of a match, and its step. All clients of the match run the same code, and the server can, too.
///
/// The step must have the same result on every machine. It may depend only on the state, the inputs and this value. In
/// Rust, sums, products, quotients, comparisons and square roots of floats are the same everywhere; sines are not. A state
/// must hold no NaN and no infinity, and must not tell 0 from -0: both have the same bytes.
pub trait Together: Send + 'static {
    /// All of the match that steps change: at most [`STATE_BYTES_MAX`] bytes.
    type State: Wire;
    /// What one player does in one tick. Often it is [`Rules::Input`](ringshard_world::Rules::Input) itself.
    type Input: Fields;
    /// Most seats of a match of this game: 2 to [`SEATS_MAX`]. The inputs of all seats in one tick must fit one packet: with
    /// 8 seats an input has at most 26 bytes, with 2 seats any input fits.
    const SEATS: usize = SEATS_MAX;

    /// Advances the match by one tick.
    fn step_together(&self, state: &mut Self::State, inputs: &Inputs<Self::Input>);

    /// The input of a seat that nobody has. It must equal [`Rules::neutral_input`](ringshard_world::Rules::neutral_input) if
    /// both have the same type.
    fn neutral(&self) -> Self::Input {
        Self::Input::default()
    }
}

/// Refuses games whose types are too large, when they are compiled.
pub(crate) const fn check<T: Together>() {
    assert!(T::SEATS >= SEATS_MIN && T::SEATS <= SEATS_MAX, "a match has 2 to 8 seats");
    assert!(T::State::BYTES_MAX <= STATE_BYTES_MAX, "a State is too large: see STATE_BYTES_MAX");
    assert!(<T::Input as Fields>::BYTES_MAX <= INPUT_BYTES_MAX, "an Input is too large: see INPUT_BYTES_MAX");
    let turn = TURN_HEADER_BYTES_MAX + T::SEATS * <T::Input as Fields>::BYTES_MAX;
    assert!(RELAY_HEADER_BYTES + turn <= PACKET_BYTES_MAX, "the inputs of all seats do not fit one packet");
}

/// The inputs of all seats in one tick.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Inputs<I> {
    of: [I; SEATS_MAX],
    seats: u8,
    present: u8,
}

impl<I: Fields> Inputs<I> {
    /// Neutral inputs. `present` has a bit for each seat that a player has, the lowest for seat 0.
    ///
    /// # Panics
    /// When there are no seats or more than [`SEATS_MAX`], or `present` names a seat that does not exist.
    pub fn neutral(neutral: I, seats: usize, present: u8) -> Self {
        assert!((1..=SEATS_MAX).contains(&seats), "a match has 1 to {SEATS_MAX} seats");
        assert!(usize::from(present) < 1 << seats, "only seats that exist are taken");
        Inputs { of: [neutral; SEATS_MAX], seats: seats as u8, present }
    }

    /// Seats of the match.
    pub fn seats(&self) -> usize {
        usize::from(self.seats)
    }

    /// The input of a seat.
    ///
    /// # Panics
    /// When there is no such seat.
    pub fn of(&self, seat: usize) -> &I {
        &self.of[..self.seats()][seat]
    }

    /// All inputs, in the order of the seats.
    pub fn all(&self) -> &[I] {
        &self.of[..self.seats()]
    }

    /// Whether a player has the seat. The input of an empty seat is neutral.
    pub fn is_present(&self, seat: usize) -> bool {
        seat < self.seats() && self.present & 1 << seat != 0
    }

    /// A bit for each seat that a player has.
    pub fn present(&self) -> u8 {
        self.present
    }

    /// Replaces the input of a seat.
    ///
    /// # Panics
    /// When there is no such seat.
    pub fn set(&mut self, seat: usize, input: I) {
        self.of[..usize::from(self.seats)][seat] = input;
    }

    pub(crate) fn set_present(&mut self, present: u8) {
        self.present = present;
    }
}

/// The input as the other end reads it: without the sign of a zero, for example. All ends must step with the same bits.
pub(crate) fn normalised<I: Fields>(input: &I) -> I {
    let mut bytes = [0; INPUT_BYTES_MAX];
    let mut writer = Writer::new(&mut bytes);
    input.write_fields(input.all(), &mut writer).expect("an input has at most INPUT_BYTES_MAX bytes");
    let mut same = *input;
    match same.read_fields(input.all(), &mut Reader::new(writer.written())) {
        Ok(()) => same,
        // A value that no reader takes would not reach the others either.
        Err(_) => I::default(),
    }
}
