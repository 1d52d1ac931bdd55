//! The polygons of a tile's voxels.
//!
//! Watershed regions can have holes, and the simplified outline of a region can cross itself. Recast then has no polygons:
//! `rerecast` does not join holes to the outline around them. Such a region is split into strips, which have no holes. If the
//! outline of a strip still crosses itself, because its neighbour's outline is simplified, the strip is split into rows. A row
//! is a rectangle, so this comes to an end.

use super::field::OUTLINE_ERROR;
use rerecast::{BuildContoursFlags, CompactHeightfield, ContourSet, PolygonNavmesh, RegionId, RegionVertexId};
use std::collections::BTreeMap;

/// Corners of a polygon, at most.
const CORNERS_MAX: u16 = 6;
/// Regions with fewer voxels than this are merged into a neighbour.
const MERGED_BELOW: u16 = 400;
/// How often outlines are made, at most. A split changes the outlines of neighbours, so that they can need one in turn.
const SPLITS_MAX: u32 = 64;

/// The polygons of a field whose outermost `border` voxels are not a part of the tile.
pub fn polygons_of(field: &mut CompactHeightfield, border: u16) -> Result<PolygonNavmesh, String> {
    field.build_distance_field();
    field.build_regions(border, 0, MERGED_BELOW).map_err(|error| error.to_string())?;
    let mut splits = BTreeMap::new();
    for _ in 0..SPLITS_MAX {
        let outlines = outlines_of(field);
        let crossed = crossed_in(&outlines);
        if crossed.is_empty() {
            return outlines.into_polygon_mesh(CORNERS_MAX).map_err(|error| error.to_string());
        }
        for region in crossed {
            split(field, region, &mut splits)?;
        }
    }
    Err(format!("outlines still cross themselves after {SPLITS_MAX} splits"))
}

fn outlines_of(field: &CompactHeightfield) -> ContourSet {
    let mut outlines = field.build_contours(OUTLINE_ERROR, 0, BuildContoursFlags::empty());
    // Recast removes corners at the edge of the tile where two regions meet. `seams` joins tiles without that, and the removal
    // fails for some polygons.
    for (_, flags) in outlines.contours.iter_mut().flat_map(|outline| &mut outline.vertices) {
        *flags &= !RegionVertexId::BORDER_VERTEX.bits();
    }
    outlines
}

/// The regions that have a hole, or whose outline crosses itself.
fn crossed_in(outlines: &ContourSet) -> Vec<RegionId> {
    let mut crossed = Vec::new();
    for outline in &outlines.contours {
        let corners = &outline.vertices;
        let doubled_area = (0..corners.len()).map(|place| {
            let [a, b] = [corners[place].0, corners[(place + 1) % corners.len()].0].map(|it| it.as_ivec3());
            a.x * b.z - b.x * a.z
        });
        // Outlines go round with a negative area, and holes with a positive one.
        let is_hole = doubled_area.sum::<i32>() >= 0;
        let alone = || ContourSet { contours: vec![outline.clone()], ..ContourSet::default() };
        if is_hole || alone().into_polygon_mesh(CORNERS_MAX).is_err() {
            crossed.push(outline.region);
        }
    }
    crossed.sort_unstable();
    crossed.dedup();
    crossed
}

/// What a region is after a split.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Strip,
    Row,
}

/// Splits a region into strips, and a strip into rows.
///
/// A row is a run of voxels along x. A strip is a pile of rows, each of which touches only the next one and the one before.
fn split(
    field: &mut CompactHeightfield,
    region: RegionId,
    splits: &mut BTreeMap<RegionId, Kind>,
) -> Result<(), String> {
    let kind = match splits.remove(&region) {
        None => Kind::Strip,
        Some(Kind::Strip) => Kind::Row,
        Some(Kind::Row) => return Err("the outline of a row crosses itself".into()),
    };
    let rows = Rows::of(field, region);
    let joins = rows.joins();
    let mut names = Vec::<RegionId>::with_capacity(rows.spans.len());
    for (row, join) in joins.iter().enumerate() {
        let name = match join {
            Some(before) if kind == Kind::Strip => names[*before],
            _ if row == 0 => region,
            _ => new_region(field)?,
        };
        splits.insert(name, kind);
        names.push(name);
        for &span in &rows.spans[row] {
            field.spans[span].region = name;
        }
    }
    Ok(())
}

fn new_region(field: &mut CompactHeightfield) -> Result<RegionId, String> {
    let number = field.max_region.bits() + 1;
    if number >= RegionId::BORDER_REGION.bits() {
        return Err("it has too many regions".into());
    }
    field.max_region = RegionId::from(number);
    Ok(field.max_region)
}

/// The rows of a region, from south to north.
struct Rows {
    spans: Vec<Vec<usize>>,
    /// By span: its row.
    row_of: BTreeMap<usize, usize>,
    /// By span: that of the same region to the south.
    south_of: BTreeMap<usize, usize>,
}

impl Rows {
    fn of(field: &CompactHeightfield, region: RegionId) -> Rows {
        let mut rows = Rows { spans: Vec::new(), row_of: BTreeMap::new(), south_of: BTreeMap::new() };
        for z in 0..field.height {
            for x in 0..field.width {
                for span in field.cell_at(x, z).index_range() {
                    if field.spans[span].region != region {
                        continue;
                    }
                    let beside = |direction| {
                        let layer = field.spans[span].con(direction)?;
                        let (.., other) = field.con_indices(i32::from(x), i32::from(z), direction, layer);
                        (field.spans[other].region == region).then_some(other)
                    };
                    let row = match beside(WEST) {
                        Some(west) => rows.row_of[&west],
                        None => {
                            rows.spans.push(Vec::new());
                            rows.spans.len() - 1
                        }
                    };
                    rows.spans[row].push(span);
                    rows.row_of.insert(span, row);
                    if let Some(south) = beside(SOUTH) {
                        rows.south_of.insert(span, south);
                    }
                }
            }
        }
        rows
    }

    /// For each row, the one to the south that it continues: each of the two touches no other row at that side.
    fn joins(&self) -> Vec<Option<usize>> {
        let south: Vec<Vec<usize>> = self
            .spans
            .iter()
            .map(|spans| {
                let mut touched: Vec<usize> =
                    spans.iter().filter_map(|span| self.south_of.get(span)).map(|south| self.row_of[south]).collect();
                touched.dedup();
                touched
            })
            .collect();
        let mut touches = vec![0; south.len()];
        south.iter().flatten().for_each(|&row| touches[row] += 1);
        south
            .iter()
            .map(|touched| match touched[..] {
                [row] if touches[row] == 1 => Some(row),
                _ => None,
            })
            .collect()
    }
}

/// Recast's directions: towards lower x, and towards lower y.
const WEST: u8 = 0;
const SOUTH: u8 = 3;
