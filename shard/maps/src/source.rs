//! The description of a map, and the files that it names.

use ringshard_terrain::movement::Tuning;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Component, Path, PathBuf};

/// Most bytes of a file that a description names.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// What is wrong with a source, where, and what to do.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{place}: {why}")]
pub struct SourceError {
    /// The file, and the line, node or place in it.
    pub place: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl SourceError {
    /// An error at a place.
    pub fn new(place: impl Display, why: impl Display) -> SourceError {
        SourceError { place: place.to_string(), why: why.to_string() }
    }
}

/// A description with the folder of its files.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of the description's file, for errors.
    pub name: String,
    /// What the description says.
    pub description: Description,
    /// Where the files lie that it names.
    pub files: Files,
}

impl Source {
    /// Reads a description. The files that it names are read when the map is baked.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, has an unknown key, or a value that its key does not take.
    pub fn open(path: &Path) -> Result<Source, SourceError> {
        let name = path.display().to_string();
        if path.extension().is_some_and(|it| it == "ringmap") {
            return Err(SourceError::new(
                name,
                "this is a map file, which is baked already: name its description (.toml)",
            ));
        }
        let text =
            std::fs::read(path).map_err(|error| SourceError::new(&name, format_args!("cannot be read: {error}")))?;
        let Ok(text) = String::from_utf8(text) else {
            return Err(SourceError::new(name, "this is no text: name the description of a map, a TOML file"));
        };
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Source::parse(&name, &text, Files::Folder(folder.to_owned()))
    }

    /// Parses a description. `name` stands in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn parse(name: &str, text: &str, files: Files) -> Result<Source, SourceError> {
        let description = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let place = line.map_or(name.to_owned(), |line| format!("{name}, line {line}"));
            SourceError::new(place, error.message().replace('\n', " "))
        })?;
        Ok(Source { name: name.to_owned(), description, files })
    }
}

/// Where the files of a description lie.
#[derive(Clone, Debug)]
pub enum Files {
    /// A folder.
    Folder(PathBuf),
    /// Memory: names and contents.
    Memory(BTreeMap<String, Vec<u8>>),
}

impl Files {
    /// Reads a file. Its name is a relative path with `/`, and does not lead out of the folder.
    ///
    /// # Errors
    /// The name leads out of the folder, or the file cannot be read or is too large.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, SourceError> {
        let wrong = |why: String| SourceError::new(name, why);
        let is_inside =
            Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if name.is_empty() || !is_inside {
            let why = "the name leads out of the folder of the description: copy the file into that folder";
            return Err(wrong(why.to_owned()));
        }
        let folder = match self {
            Files::Folder(folder) => folder,
            Files::Memory(files) => {
                return files.get(name).cloned().ok_or_else(|| wrong("there is no such file".to_owned()));
            }
        };
        let path = folder.join(name);
        let unreadable = |error: std::io::Error| wrong(format!("cannot read {}: {error}", path.display()));
        let metadata = std::fs::metadata(&path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(wrong(format!("{} is no regular file", path.display())));
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Err(wrong(format!("the file has {} bytes, and at most {FILE_BYTES_MAX} are read", metadata.len())));
        }
        std::fs::read(&path).map_err(unreadable)
    }
}

/// What a description says. All lengths are in units, except in models, which are in metres.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Description {
    /// The sections of the map.
    #[serde(default)]
    pub map: Shape,
    /// The ground. Without it, the ground is level, at height 0.
    pub heightmap: Option<Heightmap>,
    /// The static geometry.
    #[serde(default, rename = "model")]
    pub models: Vec<Model>,
    /// Boxes of water.
    #[serde(default)]
    pub water: Vec<Volume>,
    /// Boxes that nobody may enter.
    #[serde(default)]
    pub no_go: Vec<Volume>,
    /// Boxes to which the game gives a meaning.
    #[serde(default, rename = "area")]
    pub areas: Vec<Volume>,
    /// Where characters enter.
    #[serde(default, rename = "spawn")]
    pub spawns: Vec<Spawn>,
    /// For whom spawn points are checked, and the navigation mesh is made.
    #[serde(default)]
    pub agent: Agent,
}

/// The sections of a map.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Shape {
    /// Edge and height of a section, in units.
    pub section: [f32; 2],
    /// Sections of a component, along each axis.
    pub sections_per_component: [u16; 3],
    /// Components, along each axis.
    pub components: [u16; 3],
    /// How many units a metre of a model has.
    pub units_per_metre: f64,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            section: [25_600.0, 6_400.0],
            sections_per_component: [4, 4, 1],
            components: [8, 8, 4],
            units_per_metre: 100.0,
        }
    }
}

/// A picture of the ground.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Heightmap {
    /// A PNG file with 16 bits of grey. Its first row of pixels is the edge with the lowest y.
    pub file: String,
    /// The height of black.
    pub lowest: f32,
    /// The height of white.
    pub highest: f32,
    /// Distance of two heights of the map. If it is not given, the map has a height per pixel.
    pub spacing: Option<f32>,
}

/// A glTF file, and how it lies in the map.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Model {
    /// A `.glb` file, or a `.gltf` file with its `.bin` files beside it.
    pub file: String,
    /// Where the model's origin lies, in units.
    #[serde(default)]
    pub offset: [f64; 3],
    /// By how much it is larger.
    #[serde(default = "one")]
    pub scale: f64,
    /// By how many degrees it is turned, from the x axis towards the y axis.
    #[serde(default)]
    pub yaw: f64,
}

fn one() -> f64 {
    1.0
}

/// A box with a name.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Volume {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The corner with the lowest coordinates.
    pub low: [f32; 3],
    /// The corner with the highest coordinates.
    pub high: [f32; 3],
}

/// Places with a name where characters enter.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Spawn {
    /// Their name.
    pub name: String,
    /// Where they are: `[x, y]` on the ground, or `[x, y, z]` for the feet.
    pub points: Vec<Vec<f32>>,
    /// Where characters look, in degrees from the x axis towards the y axis.
    #[serde(default)]
    pub yaw: f32,
}

/// The body of a character.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Agent {
    /// Half of its width, in units.
    pub radius: f32,
    /// Its height, in units.
    pub height: f32,
    /// The highest step that it climbs, in units.
    pub step_height: f32,
    /// The steepest ground that it can stand on: the z of the normal, which is the cosine of the slope.
    pub slope_limit: f32,
    /// It swims where the water is deeper than this, in units.
    pub swim_depth: f32,
}

impl Default for Agent {
    /// That of [`Tuning`].
    fn default() -> Self {
        let Tuning { radius, height, step_height, slope_limit, swim_depth, .. } = Tuning::default();
        Agent { radius, height, step_height, slope_limit, swim_depth }
    }
}
