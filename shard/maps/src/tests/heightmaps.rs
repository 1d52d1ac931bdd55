//! Pictures of the ground.

use super::{assert_refused, baked, damaged};
use png::{BitDepth, ColorType};
use ringshard_terrain::Terrain;

fn png(size: [u32; 2], color: ColorType, depth: BitDepth, bytes: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size[0], size[1]);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(bytes).unwrap();
    writer.finish().unwrap();
    file
}

/// 16 bits of grey.
fn grey(size: [u32; 2], value: impl Fn(u32, u32) -> u16) -> Vec<u8> {
    let bytes: Vec<u8> = (0..size[1])
        .flat_map(|y| (0..size[0]).map(move |x| (x, y)))
        .flat_map(|(x, y)| value(x, y).to_be_bytes())
        .collect();
    png(size, ColorType::Grayscale, BitDepth::Sixteen, &bytes)
}

fn table(rest: &str) -> String {
    format!("[heightmap]\nfile = \"h.png\"\nlowest = 100.0\nhighest = 400.0\n{rest}")
}

#[test]
fn a_pixel_is_a_height_and_the_first_row_is_the_edge_with_the_lowest_y() {
    let picture = grey([5, 5], |x, y| (x * 1_000 + y * 10_000) as u16);
    let baked = baked(&table(""), &[("h.png", picture)]).unwrap();
    assert_eq!((baked.report.pixels, baked.report.heights, baked.report.spacing), ([5, 5], [5, 5], 500.0));
    let terrain = Terrain::of(&baked.plan).unwrap();
    for (x, y, value) in [(0.0, 0.0, 0.0), (500.0, 0.0, 1_000.0), (0.0, 500.0, 10_000.0), (2_000.0, 2_000.0, 44_000.0)]
    {
        assert!((terrain.height(x, y) - (100.0 + value / 65_535.0 * 300.0)).abs() < 0.001, "{x}, {y}");
    }
    assert_eq!(terrain.height(250.0, 0.0), (terrain.height(0.0, 0.0) + terrain.height(500.0, 0.0)) / 2.0);
}

#[test]
fn a_spacing_interpolates_between_pixels() {
    let ramp = |last: u32| move |x: u32, _: u32| (f64::from(x) / f64::from(last) * 65_535.0).round() as u16;
    // Coarser, finer, and a size that is off by one, as many programs write it.
    for (size, spacing, heights) in [([9, 9], 500.0, 5), ([3, 3], 100.0, 21), ([8, 9], 250.0, 9), ([64, 64], 30.0, 68)]
    {
        let tables = table(&format!("spacing = {spacing:?}"));
        let baked = baked(&tables, &[("h.png", grey(size, ramp(size[0] - 1)))]).unwrap();
        assert_eq!(baked.report.heights, [heights; 2]);
        let terrain = Terrain::of(&baked.plan).unwrap();
        for step in 0..40_u8 {
            let x = f32::from(step) * 50.0;
            let expected = 100.0 + x / 2_000.0 * 300.0;
            assert!((terrain.height(x, 777.0) - expected).abs() < 0.5, "{size:?} at {x}: {}", terrain.height(x, 777.0));
        }
    }
}

#[test]
fn white_is_the_highest_ground_and_may_be_the_top_of_the_map() {
    for highest in [500.0_f32, 333.3, 0.1, 0.0] {
        let tables = format!("[heightmap]\nfile = \"h.png\"\nlowest = 0.0\nhighest = {highest:?}\n");
        let report = baked(&tables, &[("h.png", grey([3, 3], |_, _| u16::MAX))]).unwrap().report;
        assert!(report.ground[1] <= highest && report.ground[1] > highest - 0.01, "{report:?}");
    }
}

#[test]
fn pictures_that_do_not_fit_are_refused_with_the_size_that_does() {
    let refused = |tables: &str, bytes: Vec<u8>, words: &[&str]| {
        assert_refused(baked(tables, &[("h.png", bytes)]), &[&["h.png: "], words].concat());
    };
    let flat = |size: [u32; 2]| grey(size, |_, _| 9);
    refused(&table(""), flat([9, 5]), &["9 by 5 pixels", "2000 by 2000 units", "it needs 9 along y", "`spacing`"]);
    refused(&table("spacing = 100.0"), flat([9, 5]), &["9 by 5 pixels", "it needs 9 along y", "21 by 21"]);
    refused(&table("spacing = 0.0"), flat([9, 9]), &["`spacing` is 0"]);
    refused(&table("spacing = nan"), flat([9, 9]), &["`spacing` is NaN"]);
    refused(&table("spacing = 0.0001"), flat([9, 9]), &["give a larger `spacing`"]);
    refused(&table(""), flat([1, 5]), &["1 by 5 pixels", "needs 2 by 2"]);
    refused(&table("").replace("400.0", "600.0"), flat([5, 5]), &["`highest` = 600", "height, 500"]);
    refused(&table("").replace("400.0", "50.0"), flat([5, 5]), &["`lowest` = 100", "`highest` = 50"]);
    refused(&table("").replace("100.0", "-1.0"), flat([5, 5]), &["`lowest` = -1"]);
    refused(&table("").replace("100.0", "nan"), flat([5, 5]), &["`lowest` = NaN"]);
}

#[test]
fn what_is_no_16_bit_grey_picture_is_refused_with_what_it_is() {
    let refused = |bytes: Vec<u8>, words: &[&str]| {
        assert_refused(baked(&table(""), &[("h.png", bytes)]), &[&["h.png: "], words].concat());
    };
    let eight = png([3, 3], ColorType::Grayscale, BitDepth::Eight, &[7; 9]);
    refused(eight, &["8 bits of grey", "16 bits of grey", "steps"]);
    refused(png([3, 3], ColorType::Rgb, BitDepth::Sixteen, &[7; 54]), &["16 bits of RGB"]);
    refused(png([3, 3], ColorType::Rgba, BitDepth::Eight, &[7; 36]), &["8 bits of RGB with alpha"]);
    refused(b"GIF89a".to_vec(), &["no PNG file", "16 bits of grey"]);
    refused(Vec::new(), &["no PNG file"]);
    let whole = grey([64, 64], |x, y| (x * y) as u16);
    for length in [8, 20, 40, whole.len() / 2] {
        refused(whole[..length].to_vec(), &["the PNG file is damaged"]);
    }
    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    refused(damaged, &["the PNG file is damaged"]);
}

#[test]
fn a_damaged_picture_is_refused_or_read_and_never_a_panic() {
    let whole = grey([17, 17], |x, y| (x * 1_000 + y * 2_000) as u16);
    for file in damaged(&whole, 500) {
        let _ = baked(&table(""), &[("h.png", file)]);
    }
}
