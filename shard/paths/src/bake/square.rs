//! Where a tile is.

/// A square of the map.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    pub low: [f32; 2],
    pub high: [f32; 2],
}

impl Tile {
    /// The tile in that column and row, if a section has this edge, and this many tiles along each axis.
    pub fn new(at: [u32; 2], edge: f32, parts: u32) -> Tile {
        // The same line is always the same number, whoever asks.
        let line = |number: u32| (number / parts) as f32 * edge + (number % parts) as f32 * (edge / parts as f32);
        Tile { low: at.map(line), high: at.map(|number| line(number + 1)) }
    }

    /// The same, wider by a margin at each side.
    pub fn wider(&self, margin: f32) -> Tile {
        Tile { low: self.low.map(|axis| axis - margin), high: self.high.map(|axis| axis + margin) }
    }
}
