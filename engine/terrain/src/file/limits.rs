//! How large a map may be. Readers and writers check these limits.

/// Most sections of a map along x and y together: 256 by 256 are 65 km by 65 km, if a section's edge is 256 m.
pub const SECTIONS_MAX: usize = 1 << 16;
/// Most heights: 512 MiB.
pub const HEIGHTS_MAX: usize = 1 << 28;
/// Most triangles of static geometry, with twelve for each volume that nobody may enter: 592 MiB.
pub const TRIANGLES_MAX: usize = 1 << 24;
/// Most entries in the lists of triangles by cell, where a triangle counts once for each cell under its bounding box: 1 GiB.
pub const CELL_TRIANGLES_MAX: usize = 1 << 25;
/// Most volumes.
pub const VOLUMES_MAX: usize = 1 << 16;
/// Most entries in the lists of volumes by section, where a volume counts once for each section that it reaches into.
pub const VOLUME_LISTS_MAX: usize = 1 << 22;
/// Most places where characters enter.
pub const SPAWNS_MAX: usize = 1 << 16;
/// Most bytes of all names together.
pub const NAMES_BYTES_MAX: usize = 1 << 24;
/// Most bytes of one name.
pub const NAME_BYTES_MAX: usize = 64;
/// Most corners of the navigation mesh, and most of its polygons.
pub const NAV_MAX: usize = 1 << 24;
