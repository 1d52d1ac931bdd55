//! Names a tile: its zoom, and its column and row in the grid of that zoom.

use std::fmt;
use std::str::FromStr;

/// The deepest zoom.
pub const ZOOM_MAX: u8 = 24;
/// The longest name of a set, in bytes.
pub const SET_BYTES_MAX: usize = 32;

/// A tile. Zoom 0 has one tile; each further zoom has twice as many columns and rows. x goes east, y goes south.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Tile {
    z: u8,
    x: u32,
    y: u32,
}

/// A text or numbers that do not name a tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidTile {
    /// The zoom is too deep.
    #[error("a zoom lies between 0 and {ZOOM_MAX}")]
    Zoom,
    /// The column or the row lies outside of the grid.
    #[error("at zoom {0}, columns and rows lie between 0 and {max}", max = (1_u32 << .0) - 1)]
    OutOfGrid(u8),
    /// The text is not the name of a tile.
    #[error("a tile is called tile/SET/Z/X/Y, with plain numbers, and a set of a-z, 0-9, - and _")]
    Name,
}

impl Tile {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`InvalidTile`].
    pub fn new(z: u8, x: u32, y: u32) -> Result<Tile, InvalidTile> {
        if z > ZOOM_MAX {
            return Err(InvalidTile::Zoom);
        }
        if x >> z != 0 || y >> z != 0 {
            return Err(InvalidTile::OutOfGrid(z));
        }
        Ok(Tile { z, x, y })
    }

    /// The zoom.
    pub fn z(self) -> u8 {
        self.z
    }

    /// The column, from the west.
    pub fn x(self) -> u32 {
        self.x
    }

    /// The row, from the north.
    pub fn y(self) -> u32 {
        self.y
    }

    /// The tiles around this one at the same zoom: up to eight. The grid is round from west to east.
    pub fn neighbours(self) -> Vec<Tile> {
        let size = 1_i64 << self.z;
        let mut around = Vec::with_capacity(8);
        for (across, down) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)] {
            let (x, y) = ((i64::from(self.x) + across).rem_euclid(size), i64::from(self.y) + down);
            let tile = Tile { z: self.z, x: x as u32, y: y as u32 };
            if (0..size).contains(&y) && tile != self && !around.contains(&tile) {
                around.push(tile);
            }
        }
        around
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.z, self.x, self.y)
    }
}

impl FromStr for Tile {
    type Err = InvalidTile;

    fn from_str(text: &str) -> Result<Tile, InvalidTile> {
        let mut parts = text.split('/');
        let mut next = || parts.next().and_then(number).ok_or(InvalidTile::Name);
        let (z, x, y) = (next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(InvalidTile::Name);
        }
        Tile::new(u8::try_from(z).map_err(|_| InvalidTile::Zoom)?, x, y)
    }
}

/// Plain digits without leading zeros, so that a tile has one name.
fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Takes `tile/SET/Z/X/Y` apart.
///
/// # Errors
/// [`InvalidTile`].
pub fn parse_name(name: &str) -> Result<(&str, Tile), InvalidTile> {
    let rest = name.strip_prefix("tile/").ok_or(InvalidTile::Name)?;
    let (set, tile) = rest.split_once('/').ok_or(InvalidTile::Name)?;
    if !is_set(set) {
        return Err(InvalidTile::Name);
    }
    Ok((set, tile.parse()?))
}

/// Whether a text can name a set of tiles. Such a name is also a plain name of a folder.
pub fn is_set(name: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_';
    (1..=SET_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_lies_in_its_grid() {
        assert!(Tile::new(0, 0, 0).is_ok() && Tile::new(24, (1 << 24) - 1, 0).is_ok());
        assert_eq!(Tile::new(25, 0, 0), Err(InvalidTile::Zoom));
        assert_eq!(Tile::new(255, 0, 0), Err(InvalidTile::Zoom));
        assert_eq!(Tile::new(0, 1, 0), Err(InvalidTile::OutOfGrid(0)));
        let error = Tile::new(3, 0, 8).unwrap_err();
        assert_eq!(error.to_string(), "at zoom 3, columns and rows lie between 0 and 7");
    }

    #[test]
    fn a_tile_has_one_name() {
        assert_eq!(parse_name("tile/base/3/7/0"), Ok(("base", Tile { z: 3, x: 7, y: 0 })));
        let wrong = [
            "tile/base/3/7",
            "tile/base/3/7/0/",
            "tile/base/3/7/0/1",
            "tile/base/03/7/0",
            "tile/base/+3/7/0",
            "tile/base/-1/0/0",
            "tile//3/7/0",
            "tile/../3/7/0",
            "tile/Base/3/7/0",
            "tile/base/3/7/ 0",
            "tiles/base/3/7/0",
            "tile/base/3/7/99999999999",
            "tile/base/\u{0663}/7/0",
            "tile/base///",
        ];
        for name in wrong {
            assert_eq!(parse_name(name), Err(InvalidTile::Name), "{name}");
        }
        assert_eq!(parse_name("tile/base/256/0/0"), Err(InvalidTile::Zoom));
        assert!(parse_name(&format!("tile/{}/0/0/0", "a".repeat(33))).is_err());
    }

    #[test]
    fn neighbours_go_round_the_globe_and_stop_at_the_poles() {
        let around = |z, x, y| Tile::new(z, x, y).unwrap().neighbours();
        assert_eq!(around(0, 0, 0), []);
        assert_eq!(around(1, 0, 0).len(), 3);
        assert_eq!(around(5, 31, 10).len(), 8);
        assert!(around(5, 31, 10).contains(&Tile { z: 5, x: 0, y: 11 }));
        assert_eq!(around(5, 3, 0).len(), 5);
    }
}
