//! `ringshard map info`

use super::{by, of, print_facts, units};
use crate::output;
use crate::units::bytes;
use ringshard_terrain::Terrain;
use ringshard_terrain::file::{NO_CELLS, VolumeKind, triangle_flags};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

/// Arguments of `map info`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The map file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print all of it as JSON.
    #[arg(long)]
    json: bool,
}

/// What a map file has.
#[derive(Serialize)]
struct Info<'a> {
    file: &'a Path,
    bytes: u64,
    /// The digest of the map, in hexadecimal digits.
    digest: String,
    /// The far corner, in units.
    size: [f32; 3],
    /// Edge and height of a section, in units.
    section: [f32; 2],
    sections_per_component: [u32; 3],
    components: [u32; 3],
    /// Heights along x and y, and their distance in units.
    heights: [u32; 2],
    spacing: f32,
    /// The lowest and the highest ground, in units.
    ground: [f32; 2],
    triangles: usize,
    /// Triangles that bound what nobody may enter.
    invisible_triangles: usize,
    /// The box around all triangles.
    bounds: Option<[[f32; 3]; 2]>,
    /// Sections along x and y that have triangles, and all of them.
    sections_with_triangles: usize,
    sections: usize,
    /// Volumes, by kind and name.
    water: BTreeMap<&'a str, usize>,
    no_go: BTreeMap<&'a str, usize>,
    areas: BTreeMap<&'a str, usize>,
    /// Places where characters enter, by name.
    spawns: BTreeMap<&'a str, usize>,
    mesh: Option<Mesh>,
}

/// The navigation mesh.
#[derive(Serialize)]
struct Mesh {
    polygons: usize,
    corners: usize,
    regions: usize,
    radius: f32,
    height: f32,
    step_height: f32,
    slope_limit: f32,
}

/// Runs `ringshard map info`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let terrain = ringshard::open_map(&arguments.file)?;
    let info = Info::of(&terrain, &arguments.file, std::fs::metadata(&arguments.file)?.len());
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&info)?)?);
    }
    Ok(print_facts(&info.facts())?)
}

impl<'a> Info<'a> {
    fn of(terrain: &'a Terrain, file: &'a Path, bytes: u64) -> Info<'a> {
        let (columns, shape) = (terrain.columns(), terrain.shape());
        let (lowest, highest) =
            columns.heights.iter().fold((u16::MAX, 0), |(low, high), &it| (low.min(it), high.max(it)));
        let height = |value: u16| shape.height_base + shape.height_scale * f32::from(value);
        let is_invisible = |flags: &&u8| **flags & triangle_flags::INVISIBLE != 0;
        let volumes = |kind: VolumeKind| {
            let of_kind = columns.volumes.iter().filter(|volume| volume.kind == kind as u32);
            by_name(of_kind.map(|volume| terrain.name(volume.name)))
        };
        Info {
            file,
            bytes,
            digest: format!("{:08x}", terrain.digest()),
            size: terrain.map().size(),
            section: shape.section,
            sections_per_component: shape.sections_of_component,
            components: shape.components,
            heights: shape.heights,
            spacing: shape.height_spacing,
            ground: [height(lowest), height(highest)],
            triangles: columns.triangles.len(),
            invisible_triangles: columns.triangle_flags.iter().filter(is_invisible).count(),
            bounds: bounds(columns.triangles.as_flattened()),
            sections_with_triangles: columns.sections.iter().filter(|&&cells| cells != NO_CELLS).count(),
            sections: columns.sections.len(),
            water: volumes(VolumeKind::Water),
            no_go: volumes(VolumeKind::NoGo),
            areas: volumes(VolumeKind::Area),
            spawns: by_name(terrain.spawns().iter().map(|spawn| terrain.name(spawn.name))),
            mesh: Mesh::of(terrain),
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let counts = |counts: [u32; 3]| format!("{} x {} x {}", counts[0], counts[1], counts[2]);
        let sections: [u32; 3] = std::array::from_fn(|axis| self.sections_per_component[axis] * self.components[axis]);
        let [edge, tall] = self.section;
        let mut facts = vec![
            ("map", format!("{}, {}, digest {}", self.file.display(), bytes(self.bytes as f64), self.digest)),
            ("size", format!("{} units", by(&self.size))),
            (
                "sections",
                format!(
                    "{} of {} units, in {} components of {}",
                    counts(sections),
                    by(&[edge, edge, tall]),
                    counts(self.components),
                    counts(self.sections_per_component)
                ),
            ),
            (
                "ground",
                format!(
                    "{} x {} heights, {} units apart, from {} to {} units",
                    self.heights[0],
                    self.heights[1],
                    units(self.spacing),
                    units(self.ground[0]),
                    units(self.ground[1])
                ),
            ),
            (
                "geometry",
                format!(
                    "{}, {} of them invisible, in {} of {} sections",
                    of(self.triangles, "triangle", "triangles"),
                    self.invisible_triangles,
                    self.sections_with_triangles,
                    self.sections
                ),
            ),
        ];
        if let Some([low, high]) = self.bounds {
            let point = |it: [f32; 3]| it.map(units).join(" ");
            facts.push(("bounds", format!("({}) to ({})", point(low), point(high))));
        }
        facts.push(("water", listed(&self.water)));
        facts.push(("no-go", listed(&self.no_go)));
        facts.push(("areas", listed(&self.areas)));
        facts.push(("spawns", listed(&self.spawns)));
        facts.push(("mesh", self.mesh.as_ref().map_or("none".to_owned(), Mesh::text)));
        facts
    }
}

impl Mesh {
    fn of(terrain: &Terrain) -> Option<Mesh> {
        let columns = terrain.columns();
        let [radius, height, step_height, slope_limit] = *columns.nav_agent.first()?;
        let regions: BTreeSet<u32> = columns.nav_regions.iter().copied().collect();
        Some(Mesh {
            polygons: columns.nav_regions.len(),
            corners: columns.nav_vertices.len(),
            regions: regions.len(),
            radius,
            height,
            step_height,
            slope_limit,
        })
    }

    fn text(&self) -> String {
        format!(
            "{} in {}, for a radius of {}, a height of {}, steps of {}, a slope limit of {}",
            of(self.polygons, "polygon", "polygons"),
            of(self.regions, "region", "regions"),
            units(self.radius),
            units(self.height),
            units(self.step_height),
            self.slope_limit
        )
    }
}

fn by_name<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}

/// Names with counts, on one line.
fn listed(counts: &BTreeMap<&str, usize>) -> String {
    let name = |name: &str| if name.is_empty() { "(unnamed)".to_owned() } else { name.to_owned() };
    let names: Vec<String> = counts.iter().map(|(text, count)| format!("{} {count}", name(text))).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The box around points.
fn bounds(points: &[[f32; 3]]) -> Option<[[f32; 3]; 2]> {
    let first = *points.first()?;
    let wider = |[low, high]: [[f32; 3]; 2], point: &[f32; 3]| {
        [
            std::array::from_fn(|axis| low[axis].min(point[axis])),
            std::array::from_fn(|axis| high[axis].max(point[axis])),
        ]
    };
    Some(points.iter().fold([first; 2], wider))
}
