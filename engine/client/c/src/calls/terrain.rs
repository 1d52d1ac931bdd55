//! The map, and the step of a character on it.

use crate::error::{Failure, rs_error};
use crate::handle::guarded;
use crate::memory;
use crate::types::{rs_result, rs_steering, rs_tuning, rs_walker};
use ringshard_terrain::movement::{self, Tuning};
use ringshard_terrain::{MapFileError, Terrain};
use std::ffi::c_char;
use std::sync::Arc;

/// The ground, walls, water and places of a map. It does not change: any number of threads and clients can use one.
#[allow(non_camel_case_types, reason = "the names are those of the header")]
pub struct rs_terrain {
    terrain: Arc<Terrain>,
}

/// Reads the map file at a path. Free the terrain with `rs_terrain_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_terrain_open(path: *const c_char, terrain: *mut *mut rs_terrain) -> rs_result {
    guarded(|| {
        memory::check(terrain, "terrain")?;
        // SAFETY: the header demands a text that ends with a 0.
        let path = unsafe { memory::text(path, "path")? };
        let bytes = std::fs::read(path).map_err(|error| Failure::new(rs_error::Map, format!("{path}: {error}")))?;
        let read = Terrain::read(Box::new(bytes)).map_err(|error| refused(path, &error))?;
        // SAFETY: the header demands room for a pointer.
        unsafe { memory::write(terrain, handle(Arc::new(read)), "terrain")? };
        Ok(0)
    })
}

/// Reads the content of a map file, for a program whose files lie in an archive. The bytes are copied. Free the terrain with
/// `rs_terrain_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_terrain_read(bytes: *const u8, count: usize, terrain: *mut *mut rs_terrain) -> rs_result {
    guarded(|| {
        memory::check(terrain, "terrain")?;
        // SAFETY: the header demands so many bytes.
        let bytes = unsafe { memory::slice(bytes, count, "bytes")? }.to_vec();
        let read = Terrain::read(Box::new(bytes)).map_err(|error| refused("the map", &error))?;
        // SAFETY: the header demands room for a pointer.
        unsafe { memory::write(terrain, handle(Arc::new(read)), "terrain")? };
        Ok(0)
    })
}

/// Level ground on the default map: that of a server without a map file. Free the terrain with `rs_terrain_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_terrain_flat(terrain: *mut *mut rs_terrain) -> rs_result {
    guarded(|| {
        memory::check(terrain, "terrain")?;
        // SAFETY: the header demands room for a pointer.
        unsafe { memory::write(terrain, handle(Terrain::shared_flat()), "terrain")? };
        Ok(0)
    })
}

/// Frees a terrain. Null is allowed. No client may use it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_terrain_free(terrain: *mut rs_terrain) {
    if !terrain.is_null() {
        guarded(|| {
            // SAFETY: `handle` made it of a box, and the program gives it up.
            drop(unsafe { Box::from_raw(terrain) });
            Ok(0)
        });
    }
}

/// The digest of the map, for `rs_config.level`. 0 for null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_terrain_digest(terrain: *const rs_terrain) -> u32 {
    // SAFETY: the header demands null, or a terrain that was not freed.
    unsafe { terrain.as_ref() }.map_or(0, |terrain| terrain.terrain.digest())
}

/// The height of the ground at a point, in units. Outside the map it is that of the nearest edge.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_terrain_height(terrain: *const rs_terrain, x: f32, y: f32, height: *mut f32) -> rs_result {
    guarded(|| {
        // SAFETY: the header demands a terrain that was not freed, and room for a number.
        unsafe {
            let terrain = &memory::slice(terrain, 1, "terrain")?[0].terrain;
            memory::write(height, terrain.height(x, y), "height")?;
        }
        Ok(0)
    })
}

/// Sets everything but the size to what the server's `Tuning` has by default: a person, if a unit is a centimetre.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_tuning_default(tuning: *mut rs_tuning) -> rs_result {
    guarded(|| {
        // SAFETY: the header demands room for as many bytes as the size says.
        unsafe { memory::write_growing(tuning, Tuning::default().into(), "tuning")? };
        Ok(0)
    })
}

/// Advances a character by one tick: the step of the server, with the same bits. An `rs_step` may call it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_walk(
    terrain: *const rs_terrain,
    tuning: *const rs_tuning,
    walker: *mut rs_walker,
    steering: *const rs_steering,
) -> rs_result {
    guarded(|| {
        // SAFETY: the header demands a terrain that was not freed, and structs that nothing else changes meanwhile.
        unsafe {
            let terrain = &memory::slice(terrain, 1, "terrain")?[0].terrain;
            let tuning = checked(memory::read_growing(tuning, "tuning")?.into())?;
            let mut character = memory::slice(walker.cast_const(), 1, "walker")?[0].into();
            let steering = memory::slice(steering, 1, "steering")?[0].into();
            movement::step(terrain, &tuning, &mut character, &steering);
            memory::write(walker, character.into(), "walker")?;
        }
        Ok(0)
    })
}

fn handle(terrain: Arc<Terrain>) -> *mut rs_terrain {
    Box::into_raw(Box::new(rs_terrain { terrain }))
}

fn refused(name: &str, error: &MapFileError) -> Failure {
    Failure::new(rs_error::Map, format!("{name}: {error}"))
}

/// A tuning that a step can work with.
fn checked(tuning: Tuning) -> Result<Tuning, Failure> {
    let Tuning { radius, height, step_height, slope_limit, walk_speed, run_speed, swim_speed, .. } = tuning;
    let Tuning { jump_speed, fall_speed_max, acceleration, air_acceleration, gravity, swim_depth, .. } = tuning;
    let body = [radius, height, step_height, slope_limit, swim_depth];
    let speeds = [walk_speed, run_speed, swim_speed, jump_speed, fall_speed_max];
    let changes = [acceleration, air_acceleration, gravity];
    let is_size = |size: &f32| size.is_finite() && *size >= 0.0;
    if [&body[..], &speeds, &changes].into_iter().flatten().all(is_size) {
        return Ok(tuning);
    }
    Err(Failure::new(rs_error::Value, "a number of the tuning is negative or not finite: begin with rs_tuning_default"))
}
