//! Rays and lines of sight.

use super::beam::Beam;
use super::facet::{Shear, normal};
use super::squares;
use super::walk::{Grid, Patch};
use crate::Terrain;
use crate::file::{Columns, NO_CELLS, SECTION_CELLS, triangle_flags};

/// A ray, in units of the map.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ray {
    /// Where it begins.
    pub from: [f32; 3],
    /// Where it goes. It need not have length 1.
    pub direction: [f32; 3],
    /// Its length. It may be infinite.
    pub max: f32,
}

/// What a query met first.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Impact {
    /// How far along the way, in units.
    pub distance: f32,
    /// Where, in units.
    pub point: [f32; 3],
    /// The normal of the surface, of length 1, on the side from which the query came.
    pub normal: [f32; 3],
    /// What it met.
    pub surface: Surface,
}

/// Something solid that does not move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// The height field.
    Ground,
    /// A triangle of the static geometry: its number in [`Columns::triangles`].
    Triangle(u32),
}

/// A surface this near to an end of a line of sight does not block it, in units: what is seen may touch a wall or stand on the
/// ground, and coordinates are rounded.
const TOUCH: f32 = 0.125;

impl Terrain {
    /// The first surface along a ray: ground or geometry, from either side. Triangles that are
    /// [`INVISIBLE`](triangle_flags::INVISIBLE) do not count. Outside the map there is nothing.
    ///
    /// `direction` need not have length 1, and `max`, in units, may be infinite. A ray that is not finite, has no direction or a
    /// negative length meets nothing. If a ray begins on a surface, rounding decides whether it meets it.
    #[inline]
    pub fn ray(&self, from: [f32; 3], direction: [f32; 3], max: f32) -> Option<Impact> {
        let beam = Beam::new(self, from, direction, max)?;
        let mut search = Search::new(self, &beam, [0.0, beam.length], false);
        search.run();
        search.impact()
    }

    /// Whether nothing solid is between two points, in units. Surfaces count as for [`Self::ray`], unless they touch one of
    /// the points: within an eighth of a unit. If one point sees the other, the other sees it. Points that are not finite
    /// see nothing.
    #[inline]
    pub fn sees(&self, from: [f32; 3], to: [f32; 3]) -> bool {
        // Always from the lower of the points, so that both directions have the same roundings.
        let (from, to) = if from <= to { (from, to) } else { (to, from) };
        let Some(beam) = Beam::between(self, from, to, [0.0; 3]) else {
            // The same point, a line outside the map, or no line.
            return from.iter().chain(&to).all(|along| along.is_finite());
        };
        let (least, limit) = (TOUCH - beam.skipped, (beam.whole - TOUCH - beam.skipped).min(beam.length));
        limit < least || !Search::new(self, &beam, [least.max(0.0), limit], true).run()
    }
}

/// What a search has found.
#[derive(Clone, Copy)]
enum Found {
    Triangle(u32),
    /// A square of the height field, and whether it is the half with greater y.
    Ground([u32; 2], bool),
}

struct Search<'a> {
    terrain: &'a Terrain,
    columns: &'a Columns<'a>,
    beam: &'a Beam,
    shear: Shear,
    /// Surfaces nearer than this do not count.
    least: f32,
    /// Surfaces farther away than this do not count.
    limit: f32,
    /// Any surface ends the search, not only the nearest.
    any: bool,
    found: Option<Found>,
}

impl<'a> Search<'a> {
    fn new(terrain: &'a Terrain, beam: &'a Beam, [least, limit]: [f32; 2], any: bool) -> Self {
        let (columns, shear) = (terrain.columns(), Shear::new(beam));
        Search { terrain, columns, beam, shear, least, limit, any, found: None }
    }

    /// Whether there is a surface.
    fn run(&mut self) -> bool {
        if !self.columns.triangles.is_empty() {
            let grid = Grid::of_cells(self.terrain);
            grid.walk(self.beam, self.limit, |patch| self.triangles_in(patch));
        }
        if self.found.is_none() || !self.any {
            let grid = Grid::of_squares(self.terrain);
            grid.walk(self.beam, self.limit, |patch| self.ground_in(patch));
        }
        self.found.is_some()
    }

    /// Up to where a search goes on.
    fn end(&self) -> f32 {
        if self.any && self.found.is_some() { f32::NEG_INFINITY } else { self.limit }
    }

    fn triangles_in(&mut self, patch: &Patch) -> f32 {
        let (columns, from) = (self.columns, self.beam.from);
        let along_x = self.terrain.grid.sections_along_x();
        for y in patch.first[1]..=patch.last[1] {
            for x in patch.first[0]..=patch.last[0] {
                let cells = columns.sections[(y / SECTION_CELLS * along_x + x / SECTION_CELLS) as usize];
                if cells == NO_CELLS {
                    continue;
                }
                let cell = cells as usize + (y % SECTION_CELLS * SECTION_CELLS + x % SECTION_CELLS) as usize;
                let list = columns.cells[cell] as usize..columns.cells[cell + 1] as usize;
                for entry in &columns.cell_triangles[list] {
                    let is_seen = entry.flags & u32::from(triangle_flags::INVISIBLE) == 0;
                    if !(is_seen & entry.reaches(patch.low, patch.high)) {
                        continue;
                    }
                    let number = entry.triangle;
                    let corners = relative(columns.triangles[number as usize], from);
                    let Some(distance) = self.shear.meets(corners) else { continue };
                    if self.counts(distance) {
                        self.found = Some(Found::Triangle(number));
                        self.limit = distance;
                    }
                }
            }
        }
        self.end()
    }

    fn ground_in(&mut self, patch: &Patch) -> f32 {
        let (columns, shape) = (self.columns, &self.columns.shape[0]);
        let (low, high) = (patch.low[2], patch.high[2]);
        for y in patch.first[1]..=patch.last[1] {
            for x in patch.first[0]..=patch.last[0] {
                let four @ [a, b, c, d] = squares::heights(columns, [x, y]);
                let lowest = squares::height_of(shape, a.min(b).min(c.min(d)));
                let highest = squares::height_of(shape, a.max(b).max(c.max(d)));
                if lowest > high || highest < low {
                    continue;
                }
                for upper in [false, true] {
                    let corners = relative(squares::half(shape, [x, y], four, upper), self.beam.from);
                    if let Some(distance) = self.shear.meets(corners)
                        && self.counts(distance)
                    {
                        self.found = Some(Found::Ground([x, y], upper));
                        self.limit = distance;
                    }
                }
            }
        }
        self.end()
    }

    /// Whether a surface at this distance matters. Distances that are no number do not.
    fn counts(&self, distance: f32) -> bool {
        (self.least..=self.limit).contains(&distance)
    }

    fn impact(&self) -> Option<Impact> {
        let beam = self.beam;
        let (corners, surface) = match self.found? {
            Found::Triangle(number) => (self.columns.triangles[number as usize], Surface::Triangle(number)),
            Found::Ground(square, upper) => (self.terrain.half_square(square, upper), Surface::Ground),
        };
        Some(Impact {
            distance: beam.skipped + self.limit,
            point: beam.point(self.limit),
            normal: normal(corners, beam.direction),
            surface,
        })
    }
}

fn relative(corners: [[f32; 3]; 3], from: [f32; 3]) -> [[f32; 3]; 3] {
    corners.map(|corner| std::array::from_fn(|axis| corner[axis] - from[axis]))
}
