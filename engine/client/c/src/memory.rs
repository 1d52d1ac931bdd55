//! Reading and writing what the program points to. No other module reads through pointers of the program.

use crate::error::{Failure, rs_error};
use crate::types::{rs_clock, rs_config, rs_interpolation, rs_map, rs_news, rs_smoothing, rs_stats, rs_tuning};
use std::ffi::{CStr, c_char};
use std::mem::{MaybeUninit, offset_of};

/// A size above this is no size.
const SIZE_MAX: usize = 4_096;

/// A struct that begins with its size, a `u32`, and may grow at its end.
///
/// # Safety
/// It is `repr(C)`, its first field is a `u32`, and every byte pattern that a C program can give it is a valid value: it has
/// numbers, pointers and optional function pointers only.
pub unsafe trait Growing: Copy {
    /// Its size in the first version that has it: what every program gives at least.
    const FIRST_SIZE: usize;
}

// SAFETY: each is repr(C), begins with `size: u32`, and has numbers, pointers and optional function pointers only.
unsafe impl Growing for rs_config {
    const FIRST_SIZE: usize = offset_of!(rs_config, user) + size_of::<usize>();
}
// SAFETY: as above.
unsafe impl Growing for rs_news {
    const FIRST_SIZE: usize = offset_of!(rs_news, reserved) + 4;
}
// SAFETY: as above.
unsafe impl Growing for rs_clock {
    const FIRST_SIZE: usize = offset_of!(rs_clock, round_trip_ms) + 4;
}
// SAFETY: as above.
unsafe impl Growing for rs_map {
    const FIRST_SIZE: usize = offset_of!(rs_map, step) + 4;
}
// SAFETY: as above.
unsafe impl Growing for rs_interpolation {
    const FIRST_SIZE: usize = offset_of!(rs_interpolation, extrapolation_max_ms) + 4;
}
// SAFETY: as above.
unsafe impl Growing for rs_smoothing {
    const FIRST_SIZE: usize = offset_of!(rs_smoothing, between_ticks) + 4;
}
// SAFETY: as above.
unsafe impl Growing for rs_stats {
    const FIRST_SIZE: usize = offset_of!(rs_stats, bytes_out) + 8;
}

// SAFETY: as above.
unsafe impl Growing for rs_tuning {
    const FIRST_SIZE: usize = offset_of!(rs_tuning, swim_depth) + 4;
}

fn null(what: &str) -> Failure {
    Failure::new(rs_error::Null, format!("{what} is null: give a pointer"))
}

/// The size that the program gave a struct.
///
/// # Safety
/// `pointer` is null, or points to a `u32`.
unsafe fn size_of_given<T: Growing>(pointer: *const T, what: &str) -> Result<usize, Failure> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: the caller says so. A packed struct of another language may not be aligned.
    let size = unsafe { pointer.cast::<u32>().read_unaligned() } as usize;
    if !(T::FIRST_SIZE..=SIZE_MAX).contains(&size) {
        let least = T::FIRST_SIZE;
        return Err(Failure::new(
            rs_error::Size,
            format!("{what}.size is {size}: set it to the struct's sizeof, {least} or more"),
        ));
    }
    Ok(size)
}

/// Reads a struct. What an older program does not have is 0. What a newer program has beyond this library must be 0.
///
/// # Safety
/// `pointer` is null, or points to as many readable bytes as the `u32` there says.
pub unsafe fn read_growing<T: Growing>(pointer: *const T, what: &str) -> Result<T, Failure> {
    // SAFETY: the caller says so.
    let size = unsafe { size_of_given(pointer, what)? };
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the program's struct has `size` bytes, and no more than `value` has are copied. Every byte pattern is a value.
    let value = unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), size.min(size_of::<T>()));
        value.assume_init()
    };
    for at in size_of::<T>()..size {
        // SAFETY: `at` is below the size that the program gave.
        if unsafe { pointer.cast::<u8>().add(at).read() } != 0 {
            return Err(Failure::new(
                rs_error::Size,
                format!("{what} sets what this library does not know: update the library"),
            ));
        }
    }
    Ok(value)
}

/// Writes a struct, as much of it as the program has; what a newer program has beyond is set to 0. The size stays.
///
/// # Safety
/// `pointer` is null, or points to as many writable bytes as the `u32` there says.
pub unsafe fn write_growing<T: Growing>(pointer: *mut T, value: T, what: &str) -> Result<(), Failure> {
    // SAFETY: the caller says so.
    let size = unsafe { size_of_given(pointer, what)? };
    let known = size.min(size_of::<T>());
    let behind_size = size_of::<u32>();
    // SAFETY: both have `known` bytes; the program's has `size`.
    unsafe {
        let from = std::ptr::from_ref(&value).cast::<u8>();
        let to = pointer.cast::<u8>();
        std::ptr::copy_nonoverlapping(from.add(behind_size), to.add(behind_size), known - behind_size);
        std::ptr::write_bytes(to.add(known), 0, size - known);
    }
    Ok(())
}

/// Checks a size before a call does something that could not be undone.
///
/// # Safety
/// As [`write_growing`].
pub unsafe fn check_growing<T: Growing>(pointer: *const T, what: &str) -> Result<(), Failure> {
    // SAFETY: the caller says so.
    unsafe { size_of_given(pointer, what) }.map(|_| ())
}

/// The items that a program points to. Null is allowed if there are none.
///
/// # Safety
/// `pointer` is null, or points to `count` readable items, which do not change as long as the slice is used.
pub unsafe fn slice<'a, T>(pointer: *const T, count: usize, what: &str) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(what));
    }
    if !pointer.is_aligned() || count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Failure::new(rs_error::Value, format!("{what} is not aligned, or has an impossible length")));
    }
    // SAFETY: the caller says so; it is aligned, and not null.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// The bytes that a program wants to have filled.
///
/// # Safety
/// `pointer` is null, or points to `count` writable bytes that nothing else uses meanwhile.
pub unsafe fn slice_mut<'a>(pointer: *mut u8, count: usize, what: &str) -> Result<&'a mut [u8], Failure> {
    if count == 0 {
        return Ok(&mut []);
    }
    if pointer.is_null() {
        return Err(null(what));
    }
    if count > isize::MAX as usize {
        return Err(Failure::new(rs_error::Value, format!("{what} has an impossible length")));
    }
    // SAFETY: the caller says so; bytes are always aligned.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, count) })
}

/// Text that ends with a 0.
///
/// # Safety
/// `pointer` is null, or points to bytes that end with a 0.
pub unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: the caller says so.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Failure::new(rs_error::Text, format!("{what} is not UTF-8: convert it")))
}

/// Writes a value, if the program wants it.
///
/// # Safety
/// `pointer` is null, or points to room for a `T`.
pub unsafe fn write_optional<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: the caller says so.
        unsafe { pointer.write_unaligned(value) };
    }
}

/// Writes a value that the program must want.
///
/// # Safety
/// As [`write_optional`].
pub unsafe fn write<T>(pointer: *mut T, value: T, what: &str) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: the caller says so.
    unsafe { pointer.write_unaligned(value) };
    Ok(())
}

/// Fails for a pointer that is null.
pub fn check<T>(pointer: *const T, what: &str) -> Result<(), Failure> {
    if pointer.is_null() { Err(null(what)) } else { Ok(()) }
}
