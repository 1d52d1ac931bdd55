//! Messages that no border writes: a neighbour's bus may be in anybody's hands.

use super::fleet::{Fleet, GOOD};
use super::host::{CORES, ENTITIES};
use super::seconds;
use crate::dice::Dice;
use ringshard::world::border::MESSAGE_BYTES_MAX;

/// Messages that host 1 sends to host 0.
fn record(fleet: &mut Fleet, turns: usize) -> Vec<Vec<u8>> {
    let mut recorded = Vec::new();
    for _ in 0..turns {
        let Fleet { hosts, dice, .. } = fleet;
        hosts[1].stir(dice);
        let now = fleet.now;
        fleet.hosts[1].turn(now);
        while let Some((_, bytes)) = fleet.hosts[1].border.poll_send() {
            recorded.push(bytes);
        }
        fleet.turn();
    }
    recorded
}

#[test]
fn mutated_messages_neither_break_a_border_nor_stay() {
    for seed in 0..3 {
        let mut fleet = Fleet::new(2, GOOD, seed);
        fleet.stir(seconds(3.0));
        let recorded = record(&mut fleet, 60);
        let mut dice = Dice::new(seed ^ 0xBAD);
        for round in 0..6_000 {
            let mut bytes = recorded[dice.below(recorded.len())].clone();
            // Beyond the sessions of the header, so that it is taken as far as possible.
            for _ in 0..1 + dice.below(4) {
                let at = if dice.per_mille(300) {
                    dice.below(bytes.len())
                } else {
                    bytes.len() - 1 - dice.below(bytes.len() - 21)
                };
                bytes[at] = dice.bits() as u8;
            }
            if dice.per_mille(200) {
                bytes.truncate(dice.below(bytes.len() + 1));
            }
            let now = fleet.now;
            fleet.hosts[0].receive(now, 1, &bytes);
            if round % 8 == 0 {
                fleet.turn();
            }
        }
        assert!(fleet.stats(0).malformed > 100, "{:?}", fleet.stats(0));
        assert!(fleet.sees(0, 1) <= ENTITIES / (CORES + 1));
        // A new session of the neighbour mends whatever a forged message has done.
        fleet.pass(seconds(1.0));
        fleet.restart(1, u64::MAX / 2);
        fleet.pass(seconds(5.0));
        fleet.check();
    }
}

#[test]
fn random_bytes_are_counted_and_dropped() {
    let mut fleet = Fleet::new(2, GOOD, 1);
    fleet.stir(seconds(2.0));
    let mut dice = Dice::new(77);
    for _ in 0..5_000 {
        let len = dice.below(200);
        let bytes: Vec<u8> = (0..len).map(|_| dice.bits() as u8).collect();
        let now = fleet.now;
        fleet.hosts[0].receive(now, 1, &bytes);
        fleet.hosts[0].receive(now, 9, &bytes);
    }
    let now = fleet.now;
    fleet.hosts[0].receive(now, 1, &vec![1; MESSAGE_BYTES_MAX + 1]);
    assert_eq!((fleet.stats(0).malformed, fleet.stats(0).strangers), (5_001, 5_000));
    fleet.pass(seconds(1.0));
    fleet.check();
}

/// A host with another game, or another version of it, is not understood.
#[test]
fn a_host_with_another_contract_is_dark() {
    let mut fleet = Fleet::new(2, GOOD, 2);
    let other = ringshard::world::exchange::Exchange::with_border(CORES, ENTITIES);
    let contract = ringshard::world::border::Contract { number: 8, ..super::host::contract() };
    fleet.hosts[1].border = ringshard::world::border::Border::new(other.1, contract, Default::default());
    fleet.pass(seconds(2.0));
    assert_eq!(fleet.stats(0).dark, 1);
    assert!(fleet.stats(0).malformed > 10);
}
