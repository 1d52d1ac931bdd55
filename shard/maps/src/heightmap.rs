//! The picture of the ground: a PNG file with 16 bits of grey.

use crate::source::{Files, Heightmap, SourceError};
use png::{BitDepth, ColorType, Decoder, Limits};
use ringshard_terrain::file::limits::HEIGHTS_MAX;
use std::io::Cursor;

/// The heights of a map.
#[derive(Clone, PartialEq, Debug)]
pub struct Heights {
    /// Distance of two heights, in units.
    pub spacing: f32,
    /// Heights along x and y.
    pub counts: [u32; 2],
    /// The height of the value 0, in units.
    pub base: f32,
    /// Units per count.
    pub scale: f32,
    /// The heights, in rows along x.
    pub values: Vec<u16>,
    /// Pixels of the picture along x and y.
    pub pixels: [u32; 2],
}

/// Reads the picture and fits it to a map of `size` units.
///
/// The first pixel lies on the map's corner, and the last one on the far corner: a picture of 1,025 pixels has 1,024 squares.
/// With a spacing, heights between pixels are interpolated; the picture's sides must have the ratio of the map's.
///
/// # Errors
/// The file is no PNG file with 16 bits of grey, or its size or its heights do not fit the map.
pub fn read(heightmap: &Heightmap, files: &Files, size: [f32; 3]) -> Result<Heights, SourceError> {
    let wrong = |why: String| SourceError::new(&heightmap.file, why);
    let (pixels, values) = decode(&files.read(&heightmap.file)?).map_err(wrong)?;
    let Heightmap { lowest, highest, .. } = *heightmap;
    if !(lowest >= 0.0 && lowest <= highest && highest <= size[2]) {
        return Err(wrong(format!(
            "the ground reaches from `lowest` = {lowest} to `highest` = {highest}, and must stay between 0 and the map's \
             height, {}",
            size[2]
        )));
    }
    let spacing = spacing(heightmap, pixels, size).map_err(wrong)?;
    // The far edge counts as covered if the last height is off by a rounding error only.
    let count = |length: f32| (f64::from(length) / f64::from(spacing) - 1e-6).ceil() + 1.0;
    let [along_x, along_y] = [count(size[0]), count(size[1])];
    if along_x * along_y > HEIGHTS_MAX as f64 {
        return Err(wrong(format!(
            "{spacing} units between heights make {along_x} by {along_y} heights, and at most {HEIGHTS_MAX} are possible: \
             give a larger `spacing`"
        )));
    }
    let counts = [along_x as u32, along_y as u32];
    let values = if counts == pixels { values } else { resample(&values, pixels, counts, spacing, size) };
    Ok(Heights {
        spacing: cover(spacing, counts, size),
        counts,
        base: lowest,
        scale: scale(lowest, highest),
        values,
        pixels,
    })
}

/// A spacing with which this many heights cover the map, despite rounding.
fn cover(spacing: f32, counts: [u32; 2], size: [f32; 3]) -> f32 {
    let mut spacing = spacing;
    while (0..2).any(|axis| (counts[axis] - 1) as f32 * spacing < size[axis]) {
        spacing = spacing.next_up();
    }
    spacing
}

/// Units per count, so that white is not higher than it should be.
fn scale(lowest: f32, highest: f32) -> f32 {
    let mut scale = (highest - lowest) / 65_535.0;
    while scale > 0.0 && lowest + scale * 65_535.0 > highest {
        scale = scale.next_down();
    }
    scale
}

/// The distance of two heights, which must fit the picture.
fn spacing(heightmap: &Heightmap, pixels: [u32; 2], size: [f32; 3]) -> Result<f32, String> {
    let per_pixel = [0, 1].map(|axis| f64::from(size[axis]) / f64::from(pixels[axis] - 1));
    let ([across, up], [width, depth]) = (pixels, [size[0], size[1]]);
    // The ratio fits if the other side is not off by a pixel or more.
    let ideal_up = f64::from(across - 1) * f64::from(depth) / f64::from(width) + 1.0;
    let Some(spacing) = heightmap.spacing else {
        if (ideal_up - f64::from(up)).abs() < 1e-6 {
            return Ok(per_pixel[0] as f32);
        }
        return Err(format!(
            "the picture has {across} by {up} pixels, and the map {width} by {depth} units: with {across} pixels along x it needs \
             {ideal_up:.0} along y, or give a `spacing` in units, to interpolate"
        ));
    };
    if !(spacing.is_finite() && spacing > 0.0) {
        return Err(format!("the `spacing` is {spacing}, and must be a positive number of units"));
    }
    if (ideal_up - f64::from(up)).abs() >= 1.0 {
        return Err(format!(
            "the picture has {across} by {up} pixels, and the map {width} by {depth} units: with {across} pixels along x it needs \
             {ideal_up:.0} along y; the sizes that need no interpolation are {:.0} by {:.0}",
            (width / spacing).ceil() + 1.0,
            (depth / spacing).ceil() + 1.0,
        ));
    }
    Ok(spacing)
}

/// The sizes and values of a picture.
fn decode(bytes: &[u8]) -> Result<([u32; 2], Vec<u16>), String> {
    if bytes.first_chunk() != Some(b"\x89PNG\r\n\x1a\n") {
        return Err("this is no PNG file: export the heights as PNG with 16 bits of grey".to_owned());
    }
    let damaged = |error: png::DecodingError| format!("the PNG file is damaged: {error}");
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 4 * HEIGHTS_MAX });
    let header = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = (header.width, header.height);
    if (header.color_type, header.bit_depth) != (ColorType::Grayscale, BitDepth::Sixteen) {
        return Err(format!(
            "the picture has {} bits of {}, and needs 16 bits of grey: 8 bits would make steps in every slope",
            header.bit_depth as u8,
            name(header.color_type)
        ));
    }
    if width < 2 || height < 2 || u64::from(width) * u64::from(height) > HEIGHTS_MAX as u64 {
        return Err(format!("the picture has {width} by {height} pixels; it needs 2 by 2 to {HEIGHTS_MAX} in all"));
    }
    let mut reader = decoder.read_info().map_err(damaged)?;
    let mut pixels = vec![0; width as usize * height as usize * 2];
    reader.next_frame(&mut pixels).map_err(damaged)?;
    let values = pixels.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    Ok(([width, height], values))
}

fn name(color: ColorType) -> &'static str {
    match color {
        ColorType::Grayscale => "grey",
        ColorType::Rgb => "RGB",
        ColorType::Indexed => "a palette",
        ColorType::GrayscaleAlpha => "grey with alpha",
        ColorType::Rgba => "RGB with alpha",
    }
}

/// Interpolates heights between pixels.
fn resample(values: &[u16], pixels: [u32; 2], counts: [u32; 2], spacing: f32, size: [f32; 3]) -> Vec<u16> {
    // For each height along an axis: the pixel before it, and how far it is from there to the next one.
    let places = [0, 1].map(|axis| {
        let last = f64::from(pixels[axis] - 1);
        let place = |number: u32| {
            let at = f64::from(number) * f64::from(spacing) / f64::from(size[axis]) * last;
            let pixel = at.min(last - 1.0).floor();
            (pixel as usize, (at - pixel).min(1.0))
        };
        (0..counts[axis]).map(place).collect::<Vec<_>>()
    });
    let width = pixels[0] as usize;
    let value = |x: usize, y: usize| f64::from(values[y * width + x]);
    let mut heights = Vec::with_capacity(places[0].len() * places[1].len());
    for &(y, up) in &places[1] {
        heights.extend(places[0].iter().map(|&(x, across)| {
            let row = |y: usize| value(x, y) * (1.0 - across) + value(x + 1, y) * across;
            (row(y) * (1.0 - up) + row(y + 1) * up).round() as u16
        }));
    }
    heights
}
