//! What there is to draw, and how.

use crate::error::{Failure, rs_error};
use crate::handle::{rs_client, with};
use crate::memory;
use crate::types::{
    entity_from, entity_number, rs_clock, rs_entity, rs_interpolation, rs_map, rs_mode, rs_other, rs_pose, rs_result,
    rs_smoothing, rs_stats,
};
use client::{Interpolation, Mode, Smoothing};
use std::ffi::c_void;
use std::time::Duration;

/// Gives the player's own state, predicted, and its pose with what is left of corrections. Either may be null. 1 if there is
/// one, or 0 before the first snapshot: then nothing is written. `own` is the struct of `rs_config.own`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_own(client: *const rs_client, own: *mut c_void, pose: *mut rs_pose) -> rs_result {
    // SAFETY: the header demands a client, and null or room for a struct of the layout of own states, and a pose.
    unsafe {
        with(client, |player| {
            let scene = player.client().scene();
            let (Some(state), Some(shown)) = (scene.own(), scene.own_pose()) else { return Ok(0) };
            if !own.is_null() {
                memory::slice_mut(own.cast(), state.bytes().len(), "own")?.copy_from_slice(state.bytes());
            }
            memory::write_optional(pose, rs_pose::from(shown));
            Ok(1)
        })
    }
}

/// Gives the entity that the player controls; 0 for none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_body(client: *const rs_client, body: *mut rs_entity) -> rs_result {
    // SAFETY: the header demands a client, and room for a number.
    unsafe {
        with(client, |player| {
            let number = player.client().scene().body().map_or(0, entity_number);
            memory::write(body, number, "body")?;
            Ok(0)
        })
    }
}

/// Gives all entities in view but the own body, in no particular order, at the shown tick. Fills `others` as far as it has
/// room, for that many entities, and gives how many entities there are. It may be null if there is no room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_others(client: *const rs_client, others: *mut rs_other, room: usize) -> rs_result {
    // SAFETY: the header demands a client, and room for that many.
    unsafe {
        with(client, |player| {
            if room > 0 {
                memory::check(others, "others")?;
            }
            let mut count = 0;
            for (id, pose, shown) in player.client().scene().others() {
                if count < room {
                    let shown = shown.bytes().as_ptr().cast();
                    others.add(count).write_unaligned(rs_other { shown, entity: entity_number(id), pose: pose.into() });
                }
                count += 1;
            }
            Ok(count as i32)
        })
    }
}

/// Gives where an entity in view is at the shown tick; of the own body, the own pose. 1 if it is in view, or 0: then nothing is
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_pose(client: *const rs_client, entity: rs_entity, pose: *mut rs_pose) -> rs_result {
    // SAFETY: the header demands a client, and room for a pose.
    unsafe {
        with(client, |player| {
            memory::check(pose, "pose")?;
            let scene = player.client().scene();
            let Some(found) = entity_from(entity).and_then(|id| scene.pose(id)) else { return Ok(0) };
            memory::write_optional(pose, rs_pose::from(found));
            Ok(1)
        })
    }
}

/// Gives what an entity in view shows at the shown tick; of the own body, the newest that is known. 1 if it is in view, or 0:
/// then nothing is written. `shown` is the struct of `rs_config.shown`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_shown(client: *const rs_client, entity: rs_entity, shown: *mut c_void) -> rs_result {
    // SAFETY: the header demands a client, and room for a struct of the layout of what is shown.
    unsafe {
        with(client, |player| {
            memory::check(shown, "shown")?;
            let scene = player.client().scene();
            let Some(found) = entity_from(entity).and_then(|id| scene.shown(id)) else { return Ok(0) };
            memory::slice_mut(shown.cast(), found.bytes().len(), "shown")?.copy_from_slice(found.bytes());
            Ok(1)
        })
    }
}

/// Gives the clocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_clock(client: *const rs_client, clock: *mut rs_clock) -> rs_result {
    // SAFETY: the header demands a client, and a clock whose size is set.
    unsafe {
        with(client, |player| {
            let client = player.client();
            let now = client.clock();
            let value = rs_clock {
                size: 0,
                own_tick: client.scene().tick(),
                server: now.server,
                shown: now.shown,
                ahead: now.ahead,
                rate: now.rate,
                jitter_ms: now.jitter.as_secs_f32() * 1_000.0,
                round_trip_ms: now.round_trip.as_secs_f32() * 1_000.0,
            };
            memory::write_growing(clock, value, "clock")?;
            Ok(0)
        })
    }
}

/// Gives the map of the world, once entered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_map(client: *const rs_client, map: *mut rs_map) -> rs_result {
    // SAFETY: the header demands a client, and a map whose size is set.
    unsafe {
        with(client, |player| {
            if !player.client().is_in_world() {
                return Err(rs_error::NotInWorld.into());
            }
            let found = player.client().map();
            memory::write_growing(map, rs_map { size: 0, corner: found.size(), step: found.step() }, "map")?;
            Ok(0)
        })
    }
}

/// Gives what the client did so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_stats(client: *const rs_client, stats: *mut rs_stats) -> rs_result {
    // SAFETY: the header demands a client, and counts whose size is set.
    unsafe {
        with(client, |player| {
            let client = player.client();
            let done = *client.stats();
            let value = rs_stats {
                size: 0,
                worst_correction: client.worst_correction(),
                snapshots: done.snapshots,
                snapshots_refused: done.snapshots_refused,
                snapshots_late: done.snapshots_late,
                predicted: done.predicted,
                mispredicted: done.mispredicted,
                corrections: done.corrections,
                inputs_made: done.inputs_made,
                inputs_missed: done.inputs_missed,
                ticks_skipped: done.ticks_skipped,
                frames: done.frames,
                starved: done.starved,
                reconnects: done.reconnects,
                malformed: done.malformed,
                ignored: done.ignored,
                datagrams_in: done.datagrams_in,
                bytes_in: done.bytes_in,
                datagrams_out: done.datagrams_out,
                bytes_out: done.bytes_out,
            };
            memory::write_growing(stats, value, "stats")?;
            Ok(0)
        })
    }
}

/// Sets how others are shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_set_interpolation(
    client: *mut rs_client,
    interpolation: *const rs_interpolation,
) -> rs_result {
    // SAFETY: the header demands a client, and a struct whose size is set.
    unsafe {
        with(client, |player| {
            let given = memory::read_growing(interpolation, "interpolation")?;
            let modes =
                [(rs_mode::Hermite, Mode::Hermite), (rs_mode::Linear, Mode::Linear), (rs_mode::Hold, Mode::Hold)];
            let mode = modes.into_iter().find(|(number, _)| *number as u32 == given.mode);
            let Some((_, mode)) = mode else {
                return Err(Failure::new(
                    rs_error::Value,
                    format!("interpolation.mode is {}, which is no rs_mode", given.mode),
                ));
            };
            let delay_min = milliseconds(given.delay_min_ms, "interpolation.delay_min_ms")?;
            let delay_max = milliseconds(given.delay_max_ms, "interpolation.delay_max_ms")?;
            let extrapolation_max = milliseconds(given.extrapolation_max_ms, "interpolation.extrapolation_max_ms")?;
            if delay_min > delay_max {
                return Err(Failure::new(rs_error::Value, "interpolation.delay_min_ms is more than delay_max_ms"));
            }
            player.client_mut().set_interpolation(Interpolation { mode, delay_min, delay_max, extrapolation_max });
            Ok(0)
        })
    }
}

/// Sets how corrections of the own pose are shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rs_client_set_smoothing(client: *mut rs_client, smoothing: *const rs_smoothing) -> rs_result {
    // SAFETY: the header demands a client, and a struct whose size is set.
    unsafe {
        with(client, |player| {
            let given = memory::read_growing(smoothing, "smoothing")?;
            let time = milliseconds(given.time_ms, "smoothing.time_ms")?;
            if given.snap.is_nan() || given.snap < 0.0 {
                return Err(Failure::new(rs_error::Value, "smoothing.snap is negative, or no number"));
            }
            let between_ticks = given.between_ticks != 0;
            player.client_mut().set_smoothing(Smoothing { time, snap: given.snap, between_ticks });
            Ok(0)
        })
    }
}

fn milliseconds(value: f32, what: &str) -> Result<Duration, Failure> {
    if !(0.0..=10_000.0).contains(&value) {
        return Err(Failure::new(rs_error::Value, format!("{what} is {value}; give 0 to 10000")));
    }
    Ok(Duration::from_secs_f32(value / 1_000.0))
}
