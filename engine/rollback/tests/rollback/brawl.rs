//! A game whose state depends on every input of every tick.

use ringshard_rollback::{Inputs, SEATS_MAX, Together};
use ringshard_world::wire;

wire! {
    pub struct Input { pub x: i8, pub y: i8, pub hit: bool, pub aim: f32 }
    pub struct Fighter { pub at: [f32; 2], pub hits: u16 }
    pub struct State { pub ticks: u32, pub mixed: u64, pub fighters: [Fighter; SEATS_MAX], pub extra: [u64; 24] }
}

/// The rules; those of a faulty client go wrong in one step.
#[derive(Clone, Copy, Default)]
pub struct Brawl {
    /// The first step after which the state is wrong, counted from the beginning.
    pub wrong_at: Option<u32>,
}

/// The state in which every match of the tests begins.
pub fn start() -> State {
    let mut state = State { mixed: 7, ..State::default() };
    for (seat, fighter) in state.fighters.iter_mut().enumerate() {
        fighter.at = [seat as f32, -(seat as f32)];
    }
    state
}

impl Together for Brawl {
    type State = State;
    type Input = Input;

    fn step_together(&self, state: &mut State, inputs: &Inputs<Input>) {
        state.ticks += 1;
        for (seat, input) in inputs.all().iter().enumerate() {
            let bits = u64::from(input.x as u8) | u64::from(input.y as u8) << 8 | u64::from(input.hit) << 16;
            let aim = u64::from(input.aim.to_bits()) << 32;
            state.mixed = (state.mixed ^ bits ^ aim).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
            state.mixed ^= u64::from(inputs.is_present(seat));
            let fighter = &mut state.fighters[seat];
            fighter.at[0] = fighter.at[0] * 0.98 + f32::from(input.x) * 0.01;
            fighter.at[1] = fighter.at[1] * 0.98 + f32::from(input.y) * 0.01;
        }
        for seat in 0..inputs.seats() {
            let next = (seat + 1) % inputs.seats();
            if inputs.of(seat).hit && state.fighters[seat].at[0] > state.fighters[next].at[0] {
                let push = state.fighters[seat].at[1] * 0.25;
                state.fighters[next].at[1] += push;
                state.fighters[next].hits = state.fighters[next].hits.wrapping_add(1);
            }
        }
        state.extra[state.ticks as usize % 24] = state.mixed;
        if self.wrong_at == Some(state.ticks) {
            state.mixed ^= 1;
        }
    }
}

/// What a player does in a tick: it holds its keys for some ticks.
pub fn input(seed: u64, player: u32, tick: u64) -> Input {
    let held = tick / 7;
    let mut mixed = seed ^ u64::from(player) << 40 ^ held.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^= mixed >> 32;
    Input {
        x: mixed as i8,
        y: (mixed >> 8) as i8,
        hit: (tick ^ mixed).is_multiple_of(5),
        aim: if mixed & 1 << 16 == 0 { -0.0 } else { (mixed >> 17) as u16 as f32 },
    }
}
