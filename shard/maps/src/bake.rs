//! Baking: from a description to a plan.

use crate::source::{Agent, Description, Source, SourceError, Volume};
use crate::{heightmap, models, spawns};
use ringshard_paths::{MeshSettings, bake_mesh};
use ringshard_terrain::file::limits::SECTIONS_MAX;
use ringshard_terrain::file::{MapFileError, Plan, Shape, VolumeKind, VolumePlan};
use ringshard_terrain::movement::Tuning;
use ringshard_terrain::{Terrain, file};
use ringshard_world::Map;
use serde::Serialize;
use std::collections::BTreeMap;

/// A plan, and what went into it.
#[derive(Clone, PartialEq, Debug)]
pub struct Baked {
    /// What the map is made of. [`Plan::write`] makes the file.
    pub plan: Plan,
    /// What went into it.
    pub report: Report,
}

/// What went into a map.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Report {
    /// The far corner of the map, in units.
    pub size: [f32; 3],
    /// Pixels of the heightmap along x and y; zeros without one.
    pub pixels: [u32; 2],
    /// Heights along x and y.
    pub heights: [u32; 2],
    /// Distance of two heights, in units.
    pub spacing: f32,
    /// The lowest and the highest ground, in units.
    pub ground: [f32; 2],
    /// Models.
    pub models: usize,
    /// Nodes of models that have geometry.
    pub nodes: usize,
    /// Triangles of the models.
    pub triangles: usize,
    /// Triangles without an area, which were left out.
    pub degenerate_triangles: usize,
    /// Boxes of water.
    pub water: usize,
    /// Boxes that nobody may enter.
    pub no_go: usize,
    /// Boxes to which the game gives a meaning.
    pub areas: usize,
    /// Places where characters enter, by name.
    pub spawns: BTreeMap<String, usize>,
    /// Polygons of the navigation mesh; zero without one.
    pub mesh_polygons: usize,
}

/// A part of the work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The picture of the ground.
    Heightmap,
    /// The static geometry.
    Models,
    /// The lists of geometry by cell.
    Lists,
    /// The places where characters enter.
    Spawns,
    /// The navigation mesh.
    Mesh,
}

/// Bakes a map, with a navigation mesh if `with_mesh`. Calls `progress` with the stage that is under way, and how much of it is
/// done, from 0 to 1.
///
/// # Errors
/// [`SourceError`] says what is wrong, where, and what to do.
pub fn bake(source: &Source, with_mesh: bool, progress: &mut dyn FnMut(Stage, f32)) -> Result<Baked, SourceError> {
    let Description { map: shape, heightmap, models, .. } = &source.description;
    let map = Map::new(shape.section, shape.sections_per_component, shape.components)
        .map_err(|error| SourceError::new(format_args!("{}, [map]", source.name), error))?;
    check_sections(source, &map)?;
    check_no_go(source, &map)?;
    let mut plan = Plan::flat(shape.section, shape.sections_per_component, shape.components);
    let mut report = Report { size: map.size(), models: models.len(), ..Report::default() };
    if let Some(heightmap) = heightmap {
        progress(Stage::Heightmap, 0.0);
        let heights = heightmap::read(heightmap, &source.files, map.size())?;
        report.pixels = heights.pixels;
        plan.shape = Shape {
            height_spacing: heights.spacing,
            heights: heights.counts,
            height_base: heights.base,
            height_scale: heights.scale,
            ..plan.shape
        };
        plan.heights = heights.values;
    }
    let mut geometry = models::Geometry::default();
    for (number, model) in models.iter().enumerate() {
        progress(Stage::Models, number as f32 / models.len() as f32);
        models::read(model, &source.files, shape.units_per_metre, map.size(), &mut geometry)?;
    }
    (report.nodes, report.degenerate_triangles) = (geometry.nodes, geometry.degenerate);
    plan.triangles = geometry.triangles.into_iter().map(|corners| (corners, 0)).collect();
    plan.volumes = volumes(&source.description);
    progress(Stage::Lists, 0.0);
    let impossible = |error: MapFileError| SourceError::new(&source.name, error);
    let terrain = Terrain::of(&plan).map_err(impossible)?;
    progress(Stage::Spawns, 0.0);
    plan.spawns = spawns::read(source, &terrain)?;
    if with_mesh {
        let settings = MeshSettings { tuning: tuning(&source.description), ..MeshSettings::default() };
        let mesh = bake_mesh(&terrain, &settings, &mut |part| progress(Stage::Mesh, part));
        plan.mesh = Some(mesh.map_err(|error| SourceError::new(&source.name, error))?);
    }
    report.count(&plan);
    Ok(Baked { plan, report })
}

/// Refuses a map that is too large, before memory is reserved for it.
fn check_sections(source: &Source, map: &Map) -> Result<(), SourceError> {
    let (_, [along_x, along_y, _]) = map.shape();
    let sections = usize::from(along_x) * usize::from(along_y);
    if sections <= SECTIONS_MAX {
        return Ok(());
    }
    let why = format!("{along_x} by {along_y} are {sections} sections, and at most {SECTIONS_MAX} are possible");
    Err(SourceError::new(format_args!("{}, [map]", source.name), why))
}

/// Refuses boxes outside the map: walls are made of them.
fn check_no_go(source: &Source, map: &Map) -> Result<(), SourceError> {
    let [width, depth, height] = map.size();
    let lowest = [0.0, 0.0, -height];
    let highest = [width, depth, 2.0 * height];
    let is_outside = |it: &&Volume| (0..3).any(|axis| it.low[axis] < lowest[axis] || it.high[axis] > highest[axis]);
    match source.description.no_go.iter().find(is_outside) {
        Some(volume) => Err(SourceError::new(
            format_args!("{}, [[no-go]] `{}`", source.name, volume.name),
            format_args!("it lies outside the map, which reaches from {lowest:?} to {highest:?}"),
        )),
        None => Ok(()),
    }
}

/// The character for whom the mesh is made.
fn tuning(description: &Description) -> Tuning {
    let Agent { radius, height, step_height, slope_limit, swim_depth } = description.agent;
    Tuning { radius, height, step_height, slope_limit, swim_depth, ..Tuning::default() }
}

fn volumes(description: &Description) -> Vec<VolumePlan> {
    let of = |volumes: &[Volume], kind: VolumeKind| -> Vec<VolumePlan> {
        let plan = |it: &Volume| VolumePlan { low: it.low, high: it.high, kind, name: it.name.clone() };
        volumes.iter().map(plan).collect()
    };
    let water = of(&description.water, VolumeKind::Water);
    let (no_go, areas) = (of(&description.no_go, VolumeKind::NoGo), of(&description.areas, VolumeKind::Area));
    [water, no_go, areas].concat()
}

impl Report {
    fn count(&mut self, plan: &Plan) {
        let file::Shape { heights, height_spacing, height_base, height_scale, .. } = plan.shape;
        (self.heights, self.spacing) = (heights, height_spacing);
        let (lowest, highest) = plan.heights.iter().fold((u16::MAX, 0), |(low, high), &it| (low.min(it), high.max(it)));
        self.ground = [lowest, highest].map(|it| height_base + height_scale * f32::from(it));
        self.triangles = plan.triangles.len();
        let count = |kind: VolumeKind| plan.volumes.iter().filter(|volume| volume.kind == kind).count();
        (self.water, self.no_go, self.areas) =
            (count(VolumeKind::Water), count(VolumeKind::NoGo), count(VolumeKind::Area));
        self.mesh_polygons = plan.mesh.as_ref().map_or(0, |mesh| mesh.polygons.len());
        for spawn in &plan.spawns {
            *self.spawns.entry(spawn.name.clone()).or_default() += 1;
        }
    }
}
