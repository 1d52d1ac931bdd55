//! Both ends get the same bits.

use crate::bounds::Player;
use crate::dice::Dice;
use crate::oracle::Oracle;
use crate::playground::playground;
use ringshard_terrain::Terrain;

/// A number of all bits of 10,000 steps of ten players.
fn digest() -> u64 {
    let mut dice = Dice(4_711);
    let terrain = Terrain::of(&playground(&mut dice)).unwrap();
    let oracle = Oracle::new(&terrain);
    let mut digest = 0xCBF2_9CE4_8422_2325_u64;
    for _ in 0..10 {
        let mut player = Player::anywhere(&mut dice, &terrain, &oracle);
        for _ in 0..1_000 {
            player.step(&mut dice, &terrain);
            let walker = player.walker;
            let numbers = walker.point.into_iter().chain(walker.velocity).map(f32::to_bits);
            for bits in numbers.chain([walker.gait.into(), walker.yaw.into()]) {
                digest = (digest ^ u64::from(bits)).wrapping_mul(0x0000_0100_0000_01B3);
            }
        }
    }
    digest
}

#[test]
fn the_same_inputs_give_the_same_bits() {
    assert_eq!(digest(), digest());
}
