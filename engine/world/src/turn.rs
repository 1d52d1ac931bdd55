//! Directions from angles. The sine of a standard library differs from platform to platform in the last digits; this one does
//! not, because it only adds and multiplies.

use std::f32::consts::TAU;

/// An eighth and a quarter of a turn, in 65,536ths.
const EIGHTH: u16 = 1 << 13;
const QUARTER_LOG2: u32 = 14;

/// The vector of length 1 in a direction, in 65,536ths of a turn from the x axis towards the y axis. Each coordinate is off by
/// less than 0.000001.
pub fn direction(turn: u16) -> [f32; 2] {
    let quarter = turn.wrapping_add(EIGHTH) >> QUARTER_LOG2;
    // What is left is at most an eighth of a turn in either direction. There, four terms of the series are exact enough.
    let rest = turn.wrapping_sub(quarter << QUARTER_LOG2) as i16;
    let angle = f32::from(rest) * (TAU / 65_536.0);
    let square = angle * angle;
    // Products, because divisions cost several times as much.
    let sine = angle * (1.0 - square * (1.0 / 6.0) * (1.0 - square * (1.0 / 20.0) * (1.0 - square * (1.0 / 42.0))));
    let inner = 1.0 - square * (1.0 / 30.0) * (1.0 - square * (1.0 / 56.0));
    let cosine = 1.0 - square * 0.5 * (1.0 - square * (1.0 / 12.0) * inner);
    match quarter {
        0 => [cosine, sine],
        1 => [-sine, cosine],
        2 => [-cosine, -sine],
        _ => [sine, -cosine],
    }
}
