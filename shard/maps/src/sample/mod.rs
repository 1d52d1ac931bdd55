//! A sample map from a seed: 2 km by 2 km with hills, cliffs, a lake, a river with bridges, and six walled towns.
//!
//! It is written as a studio would: a heightmap, glTF files, and a description. The same seed gives the same bytes on every
//! machine.

mod glb;
mod ground;
mod mesh;
mod noise;
#[cfg(test)]
mod tests;
mod towns;

use crate::bake::bake;
use crate::source::{Files, Source};
use ground::{BANK, Ground, HEIGHTS, HIGHEST, QUARRY, SPACING, WATER};
use ringshard_terrain::Terrain;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of the description.
pub const DESCRIPTION: &str = "sample.toml";

/// Points where characters enter, along each side of a town's square.
const SPAWNS_ACROSS: u8 = 8;
/// Distance of two of them, in units.
const SPAWNS_APART: f64 = 180.0;

/// The files of the sample map, by name. Bake [`DESCRIPTION`].
pub fn sample_sources(seed: u64) -> BTreeMap<String, Vec<u8>> {
    let ground = Ground::new(seed);
    let mut files = BTreeMap::new();
    let mut add = |name: &str, bytes: Vec<u8>| drop(files.insert(name.to_owned(), bytes));
    add("heights.png", picture(&ground.heightmap()));
    for layout in 0..towns::LAYOUTS {
        add(&town_file(layout), towns::town(seed, layout));
    }
    add("bridge.glb", towns::bridge_file());
    add("rocks.glb", towns::rocks(seed, &ground));
    add(DESCRIPTION, description(seed, &ground).into_bytes());
    files
}

/// The sample map, baked in memory, without a navigation mesh.
pub fn sample_terrain(seed: u64) -> Terrain {
    let files = sample_sources(seed);
    let text = String::from_utf8(files[DESCRIPTION].clone()).expect("the description is a text");
    let source = Source::parse(DESCRIPTION, &text, Files::Memory(files)).expect("the description is valid");
    let baked = bake(&source, false, &mut |_, _| {}).expect("the sample map is valid");
    Terrain::of(&baked.plan).expect("the sample map is possible")
}

fn town_file(layout: usize) -> String {
    format!("town-{}.glb", ["a", "b", "c"][layout])
}

/// A PNG file with 16 bits of grey.
fn picture(values: &[u16]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, HEIGHTS as u32, HEIGHTS as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.set_compression(png::Compression::Fast);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let mut writer = encoder.write_header().expect("the size is possible");
    writer.write_image_data(&bytes).expect("the size is right");
    writer.finish().expect("memory can be written");
    file
}

fn description(seed: u64, ground: &Ground) -> String {
    let mut text = format!(
        "# The sample map of seed {seed}. Bake it with: ringshard map bake {DESCRIPTION} -o sample.ringmap\n\
         # A unit is a centimetre. x and y lie on the ground, z goes upwards.\n\n\
         [map]\n\
         section = [25600.0, 6400.0]          # edge and height of a section\n\
         sections-per-component = [4, 4, 1]\n\
         components = [2, 2, 4]               # 2 x 2 km, 256 m high\n\n\
         [heightmap]\n\
         file = \"heights.png\"                 # 16 bits of grey; the first row is the edge y = 0\n\
         lowest = 0.0                         # the height of black\n\
         highest = {HIGHEST:?}                    # the height of white\n\
         spacing = {SPACING:?}                      # distance of two heights\n\n"
    );
    let mut add = |part: String| text.push_str(&part);
    for (number, town) in ground.towns.iter().enumerate() {
        let (file, yaw) = (town_file(number % towns::LAYOUTS), number as f64 * 90.0 % 360.0);
        add(format!("[[model]]\nfile = \"{file}\"\noffset = {:?}\nyaw = {yaw:?}\n\n", [town.x, town.y, town.level]));
    }
    for &[x, y] in &ground.bridges {
        add(format!("[[model]]\nfile = \"bridge.glb\"\noffset = {:?}\n\n", [x, y, BANK]));
    }
    add("[[model]]\nfile = \"rocks.glb\"\n\n".to_owned());
    for (name, low, high) in ground.water() {
        add(volume("water", name, [low[0], low[1], 0.0], [high[0], high[1], WATER]));
    }
    add(volume("no-go", "quarry", [QUARRY.0[0], QUARRY.0[1], 0.0], [QUARRY.1[0], QUARRY.1[1], HIGHEST]));
    for (number, town) in ground.towns.iter().enumerate() {
        let (low, high) = ([town.x - 5_600.0, town.y - 5_600.0, 0.0], [town.x + 5_600.0, town.y + 5_600.0, HIGHEST]);
        add(volume("area", &format!("town-{number}"), low, high));
    }
    for (number, town) in ground.towns.iter().enumerate() {
        add(format!("[[spawn]]\nname = \"town-{number}\"\nyaw = 90.0\npoints = [\n"));
        for row in 0..SPAWNS_ACROSS {
            let at = |number: u8| (f64::from(number) - f64::from(SPAWNS_ACROSS - 1) / 2.0) * SPAWNS_APART;
            let mut line = String::from("   ");
            for column in 0..SPAWNS_ACROSS {
                let _ = write!(line, " {:?},", [town.x + at(column), town.y + at(row)]);
            }
            add(line + "\n");
        }
        add("]\n\n".to_owned());
    }
    text
}

fn volume(table: &str, name: &str, low: [f64; 3], high: [f64; 3]) -> String {
    // Whole units are exact as 32-bit floats.
    let (low, high) = (low.map(f64::floor), high.map(f64::ceil));
    format!("[[{table}]]\nname = \"{name}\"\nlow = {low:?}\nhigh = {high:?}\n\n")
}
