//! The own state ahead of the server.

use crate::random::Random;
use ringshard_world::limits::{INPUT_REPEAT_TICKS, INPUTS_PER_MESSAGE_MAX};
use ringshard_world::messages::TimedInput;
use ringshard_world::prediction::{PREDICTED_TICKS_MAX, Prediction, Reconciled};
use ringshard_world::{Pose, Rules};
use std::collections::HashMap;

ringshard_world::wire! {
    pub struct Input { pub way: i32 }
    pub struct Own { pub at: i64, pub steps: u64 }
    pub struct Nothing {}
}

/// Steps that do not commute: an input missed or out of order shows in all states after it.
struct Mixing;

impl Rules for Mixing {
    type Input = Input;
    type Own = Own;
    type Shown = Nothing;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Nothing;

    fn step(&self, own: &mut Own, input: &Input) {
        own.at = own.at.wrapping_mul(31).wrapping_add(input.way.into());
        own.steps += 1;
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.at as f32, 0.0, 0.0])
    }
}

fn input(way: i32) -> TimedInput<Input> {
    TimedInput { input: Input { way }, view_delay: way as u16 }
}

/// A prediction with the states of the ticks `first` to `first + ways.len()`.
fn predicted(first: u64, ways: &[i32]) -> Prediction<Mixing> {
    let mut prediction = Prediction::default();
    assert_eq!(prediction.reconcile(&Mixing, first, Own::default()), Reconciled::Agreed);
    for way in ways {
        prediction.step(&Mixing, input(*way));
    }
    prediction
}

fn stepped(ways: &[i32]) -> Own {
    ways.iter().fold(Own::default(), |mut own, way| {
        Mixing.step(&mut own, &Input { way: *way });
        own
    })
}

#[test]
fn a_state_that_was_predicted_right_changes_nothing() {
    let mut prediction = predicted(100, &[1, 2, 3, 4]);
    assert_eq!(prediction.reconcile(&Mixing, 102, stepped(&[1, 2])), Reconciled::Agreed);
    assert_eq!((prediction.newest(), prediction.len()), (104, 3), "what is older is forgotten");
    assert_eq!(prediction.own(), Some(&stepped(&[1, 2, 3, 4])));
    assert_eq!(prediction.own_before(), Some(&stepped(&[1, 2, 3])));
    assert_eq!(prediction.reconcile(&Mixing, 101, stepped(&[1])), Reconciled::Forgotten);
}

#[test]
fn a_state_that_was_not_is_taken_and_all_later_inputs_are_stepped_again() {
    let mut prediction = predicted(100, &[1, 2, 3, 4]);
    // The server did not have the input of tick 102, and repeated the one before.
    let former = stepped(&[1, 2, 3, 4]);
    assert_eq!(prediction.reconcile(&Mixing, 102, stepped(&[1, 1])), Reconciled::Corrected { former });
    assert_eq!(prediction.own(), Some(&stepped(&[1, 1, 3, 4])));
    assert_eq!(prediction.reconcile(&Mixing, 103, stepped(&[1, 1, 3])), Reconciled::Agreed, "it is corrected once");
}

/// Zero latency: the server's state is as new as the client's, or newer.
#[test]
fn a_state_at_or_ahead_of_the_newest_one_is_compared_too() {
    let mut prediction = predicted(100, &[5]);
    assert_eq!(prediction.reconcile(&Mixing, 101, stepped(&[5])), Reconciled::Agreed);
    // The server has stepped on with the last input.
    assert_eq!(prediction.reconcile(&Mixing, 103, stepped(&[5, 5, 5])), Reconciled::Agreed);
    assert_eq!(prediction.newest(), 103);
    assert_eq!(prediction.step(&Mixing, input(6)), 104);
    assert_eq!(prediction.own(), Some(&stepped(&[5, 5, 5, 6])));
    // It did something else, at the newest tick and ahead of it.
    let former = *prediction.own().unwrap();
    assert_eq!(prediction.reconcile(&Mixing, 104, stepped(&[7])), Reconciled::Corrected { former });
    let corrected = prediction.reconcile(&Mixing, 106, stepped(&[8]));
    assert!(matches!(corrected, Reconciled::Corrected { .. }));
    assert_eq!((prediction.newest(), prediction.own()), (106, Some(&stepped(&[8]))));
    // Far ahead of it.
    assert!(matches!(prediction.reconcile(&Mixing, 9_000, stepped(&[9])), Reconciled::Corrected { .. }));
    assert_eq!((prediction.newest(), prediction.len()), (9_000, 1));
}

#[test]
fn skipped_ticks_repeat_the_last_input_as_long_as_the_server_does() {
    let mut prediction = predicted(u64::from(u32::MAX) - 3, &[3]);
    let repeats = INPUT_REPEAT_TICKS as usize;
    for _ in 0..repeats + 2 {
        prediction.skip(&Mixing);
    }
    let ways: Vec<i32> = std::iter::repeat_n(3, 1 + repeats).chain([0, 0]).collect();
    assert_eq!(prediction.own(), Some(&stepped(&ways)));
    // Before the first input of a game there is nothing to repeat.
    let mut prediction = predicted(0, &[]);
    prediction.skip(&Mixing);
    assert_eq!(prediction.own(), Some(&stepped(&[0])));
}

#[test]
fn messages_repeat_the_last_inputs_but_none_that_the_game_did_not_make() {
    let mut inputs = [input(0); INPUTS_PER_MESSAGE_MAX];
    let mut prediction = predicted(10, &[1, 2]);
    prediction.skip(&Mixing);
    assert_eq!(prediction.last_inputs(5, &mut inputs), 0);
    for way in 3..=40 {
        prediction.step(&Mixing, input(way));
        let count = prediction.last_inputs(5, &mut inputs);
        assert_eq!(count, (way as usize - 2).min(5));
        assert_eq!(inputs[count - 1], input(way), "the newest is the last");
        assert_eq!(inputs[0], input(way - count as i32 + 1));
    }
    assert_eq!(prediction.last_inputs(99, &mut inputs), INPUTS_PER_MESSAGE_MAX);
}

#[test]
fn a_server_that_is_silent_bounds_the_memory() {
    let mut prediction = predicted(0, &[]);
    for way in 0..1_000 {
        prediction.step(&Mixing, input(way));
    }
    assert_eq!(prediction.len(), PREDICTED_TICKS_MAX);
    assert_eq!(prediction.reconcile(&Mixing, 500, stepped(&[1])), Reconciled::Forgotten);
    prediction.clear();
    assert!(prediction.is_empty() && prediction.own().is_none());
}

/// Rules whose arithmetic differs in the last digits from the server's.
struct Rough;

impl Rules for Rough {
    type Input = Input;
    type Own = Own;
    type Shown = Nothing;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Nothing;

    fn step(&self, own: &mut Own, input: &Input) {
        own.at += i64::from(input.way);
    }

    fn pose(&self, _: &Own) -> Pose {
        Pose::default()
    }

    fn agrees(&self, predicted: &Own, authoritative: &Own) -> bool {
        predicted.at.abs_diff(authoritative.at) <= 2
    }
}

#[test]
fn rules_say_what_agrees() {
    let mut prediction = Prediction::<Rough>::default();
    prediction.reconcile(&Rough, 0, Own::default());
    prediction.step(&Rough, input(10));
    prediction.step(&Rough, input(10));
    assert_eq!(prediction.reconcile(&Rough, 1, Own { at: 12, steps: 0 }), Reconciled::Agreed);
    assert_eq!(prediction.own().unwrap().at, 20);
    let corrected = prediction.reconcile(&Rough, 1, Own { at: 13, steps: 0 });
    assert_eq!(corrected, Reconciled::Corrected { former: Own { at: 20, steps: 0 } });
    assert_eq!(prediction.own().unwrap().at, 23);
}

/// Against a model that keeps all inputs, and steps all of them again for each state of the server.
#[test]
fn whatever_the_server_says_the_newest_state_is_its_state_and_all_later_inputs() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let first = [0, 60 * 86_400 * 100, u64::from(u32::MAX) - 60][seed as usize % 3];
        let mut prediction = predicted(first, &[]);
        // The model: the input of each tick, and the server's newest state.
        let mut inputs = HashMap::new();
        let (mut known, mut state) = (first, Own::default());
        for _ in 0..200 {
            match random.below(5) {
                0 => {
                    let repeated = prediction_input(&mut prediction, &inputs, first);
                    inputs.insert(prediction.newest(), (repeated, false));
                }
                1 | 2 => {
                    let way = random.below(1_000) as i32;
                    let tick = prediction.step(&Mixing, input(way));
                    inputs.insert(tick, (way, true));
                }
                _ => {
                    // The server is right behind the client, and sometimes of another opinion.
                    let to = known + random.below(prediction.newest() - known + 1);
                    let mut server = model(&inputs, known, state, to);
                    if random.below(3) == 0 {
                        server.at ^= 1 << random.below(20);
                    }
                    prediction.reconcile(&Mixing, to, server);
                    (known, state) = (to, server);
                }
            }
            let expected = model(&inputs, known, state, prediction.newest());
            assert_eq!(prediction.own(), Some(&expected), "seed {seed}");
        }
    }
}

/// Skips a tick; gives the input that the server's rule asks for.
fn prediction_input(prediction: &mut Prediction<Mixing>, inputs: &HashMap<u64, (i32, bool)>, first: u64) -> i32 {
    let next = prediction.skip(&Mixing);
    let oldest = next.saturating_sub(INPUT_REPEAT_TICKS.into()).max(first);
    let made = (oldest..next).rev().find_map(|tick| inputs.get(&tick).filter(|(_, made)| *made));
    made.map_or(0, |(way, _)| *way)
}

fn model(inputs: &HashMap<u64, (i32, bool)>, from: u64, mut own: Own, to: u64) -> Own {
    for tick in from + 1..=to {
        Mixing.step(&mut own, &Input { way: inputs[&tick].0 });
    }
    own
}
