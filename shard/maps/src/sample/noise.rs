//! Smooth random numbers from a seed. They are the same on every machine.

/// A random number from 64 bits of seed and a place on a grid.
pub(super) fn hash(seed: u64, x: i64, y: i64) -> u64 {
    let mut bits =
        seed ^ (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    // The finish of SplitMix64: each bit of the input changes half of the output's.
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// A random number from 0 to 1.
pub(super) fn unit(seed: u64, x: i64, y: i64) -> f64 {
    (hash(seed, x, y) >> 11) as f64 / (1_u64 << 53) as f64
}

/// 0 below 0, 1 above 1, and smooth between.
pub(super) fn smooth(at: f64) -> f64 {
    let at = at.clamp(0.0, 1.0);
    at * at * at * (at * (at * 6.0 - 15.0) + 10.0)
}

/// From `from` to `to`, as `at` goes from 0 to 1.
pub(super) fn mix(from: f64, to: f64, at: f64) -> f64 {
    from + (to - from) * at
}

/// Smooth noise from 0 to 1: random at the corners of squares with an edge of `size`, interpolated between.
pub(super) fn noise(seed: u64, x: f64, y: f64, size: f64) -> f64 {
    let (column, row) = ((x / size).floor(), (y / size).floor());
    let (part_x, part_y) = (smooth(x / size - column), smooth(y / size - row));
    let (column, row) = (column as i64, row as i64);
    let across = |row: i64| mix(unit(seed, column, row), unit(seed, column + 1, row), part_x);
    mix(across(row), across(row + 1), part_y)
}

/// Noise with details: four layers, each half as large and half as strong as the one before. From 0 to 1.
pub(super) fn fractal(seed: u64, x: f64, y: f64, size: f64) -> f64 {
    const STRENGTHS: [f64; 4] = [8.0, 4.0, 2.0, 1.0];
    let layer = |number: usize| {
        STRENGTHS[number] * noise(seed.wrapping_add(number as u64), x, y, size * STRENGTHS[number] / 8.0)
    };
    (0..4).map(layer).sum::<f64>() / 15.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_smooth_and_fills_its_range() {
        let (mut lowest, mut highest) = (1.0_f64, 0.0_f64);
        let mut last = noise(7, 0.0, 33.0, 100.0);
        for step in 1..100_000 {
            let now = noise(7, f64::from(step), 33.0, 100.0);
            assert!((now - last).abs() < 0.02, "a leap at {step}");
            (lowest, highest, last) = (lowest.min(now), highest.max(now), now);
        }
        assert!(lowest < 0.05 && highest > 0.95, "{lowest} to {highest}");
    }
}
