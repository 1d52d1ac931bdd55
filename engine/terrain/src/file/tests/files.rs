//! Files that a reader refuses.

use super::super::{HEADER_BYTES, MapFileError, TABLES, aligned, read};
use super::{file, plan, refusal, table};

fn read_error(bytes: &[u8]) -> MapFileError {
    read((*aligned(bytes)).as_ref()).map(|_| ()).unwrap_err()
}

/// A file without geometry, which has large tables.
fn small_file() -> Vec<u8> {
    let mut plan = plan();
    plan.triangles.clear();
    plan.volumes.remove(1);
    plan.write().unwrap()
}

#[test]
fn a_file_with_any_bit_flipped_is_refused() {
    let mut bytes = small_file();
    for at in 0..bytes.len() {
        let bit = 1 << (at % 8);
        bytes[at] ^= bit;
        let error = read_error(&bytes);
        let expected = match at {
            0..8 => matches!(error, MapFileError::Foreign),
            8..12 => matches!(error, MapFileError::Version(_)),
            16..24 => matches!(error, MapFileError::Short { .. } | MapFileError::Long { .. }),
            _ => matches!(error, MapFileError::Damaged { .. }),
        };
        assert!(expected, "byte {at}: {error}");
        bytes[at] ^= bit;
    }
}

#[test]
fn a_file_that_was_cut_off_or_grew_is_refused() {
    let mut bytes = small_file();
    for length in 0..bytes.len() {
        let error = read_error(&bytes[..length]);
        let expected = if length < 8 { matches!(error, MapFileError::Foreign) } else { is_short(&error) };
        assert!(expected, "{length} bytes: {error}");
    }
    bytes.push(0);
    assert!(read_error(&bytes).to_string().contains("something was appended"));
}

fn is_short(error: &MapFileError) -> bool {
    matches!(error, MapFileError::Short { .. }) && error.to_string().contains("cut off")
}

#[test]
fn a_file_at_an_odd_address_is_refused_and_a_terrain_copies_it() {
    let bytes = file();
    let mut shifted = vec![0; 8 + bytes.len()];
    for shift in 0..8 {
        let begin = shifted.as_ptr().addr().wrapping_neg() % 8 % 4 + shift % 4;
        shifted[begin..begin + bytes.len()].copy_from_slice(&bytes);
        let result = read(&shifted[begin..begin + bytes.len()]).map(|_| ());
        let is_aligned = shifted[begin..].as_ptr().addr().is_multiple_of(4);
        assert_eq!(result, if is_aligned { Ok(()) } else { Err(MapFileError::Misaligned) });
    }
    struct Shifted(Vec<u8>, usize);
    impl AsRef<[u8]> for Shifted {
        fn as_ref(&self) -> &[u8] {
            &self.0[self.1..]
        }
    }
    for shift in 1..4 {
        let owner = Shifted([&vec![0; shift][..], &bytes].concat(), shift);
        let terrain = crate::Terrain::read(Box::new(owner)).unwrap();
        assert_eq!(terrain.spawns().len(), 3);
    }
}

#[test]
fn the_places_of_tables_are_checked() {
    let bytes = file();
    for number_of_table in 0..TABLES {
        for (at, value) in [(0, 1_u64), (0, u64::MAX), (0, 8), (8, u64::MAX), (8, bytes.len() as u64), (8, 1 << 63)] {
            let mut changed = bytes.clone();
            let at = 32 + 16 * number_of_table + at;
            changed[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let error = refusal(&changed);
            assert!(error.contains("it begins at byte"), "table {number_of_table}, {value}: {error}");
        }
    }
    let mut changed = bytes.clone();
    changed[24] = 1;
    assert!(refusal(&changed).contains("header: bytes 24 to 32"));
    let mut changed = bytes;
    changed.extend_from_slice(&[0; 64]);
    let length = changed.len() as u64;
    changed[16..24].copy_from_slice(&length.to_le_bytes());
    assert!(refusal(&changed).contains("does not end with its last table"));
}

#[test]
fn the_file_has_the_layout_of_the_documentation() {
    let bytes = file();
    assert_eq!(HEADER_BYTES, 304);
    // 6 sections, all of which have geometry except the last.
    let lengths: Vec<usize> = (0..TABLES).map(|number| table(&bytes, number).len()).collect();
    let cells = 4097 * 4;
    assert_eq!(lengths[..4], [52, 13 * 9 * 2, 6 * 4, lengths[2] / 4 * cells]);
    assert_eq!(lengths[5..10], [(12 + 12 + 1) * 36, 25, 3 * 36, 7 * 4, lengths[9]]);
    assert_eq!(lengths[10..], [3 * 24, "lakecellarläketown-0".len(), 4 * 12, 3 * 4, 7 * 4, 2 * 4, 16]);
    assert!((0..TABLES).all(|number| table(&bytes, number).start.is_multiple_of(64)));
}

/// Puts `value` at a place of a table, and expects a message.
#[test]
fn every_wrong_number_is_refused_with_its_table_and_its_row() {
    let nan = f32::NAN.to_bits();
    let far = 301.0_f32.to_bits();
    let cases: &[(usize, usize, u32, &str)] = &[
        (0, 0, nan, "shape: no map can have"),
        (0, 0, 0, "shape: no map can have"),
        (0, 2, 0, "shape: no map can have"),
        (0, 2, 65_536, "shape: no map can have"),
        (0, 5, 2, "do not cover"),
        (0, 8, nan, "shape: the spacing of heights is NaN"),
        (0, 8, 0, "shape: the spacing"),
        (0, 8, 1, "shape: the spacing"),
        (0, 8, (-25.0_f32).to_bits(), "shape: the spacing"),
        (0, 9, 14, "heights: there are 117, and the shape says 126"),
        (0, 9, 1, "do not cover 300 by 200 units"),
        (0, 10, u32::MAX, "heights: there are 117"),
        (0, 11, nan, "heights: the ground reaches from NaN"),
        (0, 11, (-2.1_f32).to_bits(), "must stay between 0 and 100"),
        (0, 12, 5.0_f32.to_bits(), "must stay between 0 and 100"),
        (0, 12, (-0.5_f32).to_bits(), "heights: the ground"),
        (2, 1, 4096, "sections: row 1: no section's cells begin at 4096"),
        (2, 1, 4097 * 6, "sections: row 1: no section's cells"),
        (3, 4096, u32::MAX, "cells: a list ends at 4294967295"),
        (3, 0, u32::MAX, "cells: the lists are not in order"),
        (4, 3, 25, "cell triangles: row 0: there is no triangle 25"),
        (4, 0, nan, "cell triangles: row 0: there is no triangle"),
        (4, 15, 7, "cell triangles: row 1: there is no triangle"),
        (5, 9, nan, "triangles: row 1: the corner [NaN"),
        (5, 0, far, "triangles: row 0: the corner [301"),
        (5, 1, (-0.1_f32).to_bits(), "triangles: row 0"),
        (5, 2, 201.0_f32.to_bits(), "triangles: row 0"),
        (6, 0, 0x0000_0200, "triangle flags: row 1: the flags 0x02"),
        (7, 0, nan, "volumes: row 0: from [NaN"),
        (7, 5, f32::INFINITY.to_bits(), "volumes: row 0"),
        (7, 3, (-10.0_f32).to_bits(), "volumes: row 0"),
        (7, 6, 3, "volumes: row 0: the kind 3"),
        (7, 7, 100, "volumes: row 0: its name"),
        (7, 8, 65, "volumes: row 0: its name"),
        (8, 0, 7, "section volumes: the lists are not in order"),
        (8, 6, 1_000, "section volumes: a list ends at 1000"),
        (9, 0, 3, "volume lists: row 0: there is no volume 3"),
        (10, 0, far, "spawns: row 0: the point [301"),
        (10, 2, (-1.0_f32).to_bits(), "spawns: row 0: the point"),
        (10, 2, nan, "spawns: row 0: the point"),
        (10, 3, 65_536, "spawns: row 0: the yaw 65536"),
        (10, 5, u32::MAX, "spawns: row 0: its name"),
        (12, 0, far, "navigation vertices: row 0"),
        (13, 1, 2, "navigation polygons: row 0: a polygon has fewer than three"),
        (13, 1, 9, "navigation polygons: the lists are not in order"),
        (13, 2, 8, "navigation polygons: a list ends at 8"),
        (14, 6, 4, "navigation corners: row 6: there is no corner 4"),
        (16, 0, nan, "navigation agent: a mesh has one agent"),
        (16, 3, (-1.0_f32).to_bits(), "navigation agent: a mesh has one agent"),
    ];
    let bytes = file();
    for &(number, word, value, expected) in cases {
        let mut changed = bytes.clone();
        let at = table(&bytes, number).start + word * 4;
        changed[at..at + 4].copy_from_slice(&value.to_le_bytes());
        // Shown only if the test fails.
        println!("table {number}, word {word}: {expected}");
        let error = refusal(&changed);
        assert!(error.contains(expected), "table {number}, word {word}, {value}: {error}");
    }
    let mut changed = bytes.clone();
    let names = table(&bytes, 11);
    let umlaut = names.clone().find(|&at| bytes[at] > 127).unwrap();
    changed[umlaut + 1] = b'x';
    assert!(refusal(&changed).contains("volumes: row 2: its name"), "a name ends in the middle of a character");
}

/// A file whose table has other rows: those behind it move.
fn with_table(number_of_table: usize, rows: &[u8]) -> Vec<u8> {
    let bytes = file();
    let mut changed = bytes[..HEADER_BYTES].to_vec();
    for number in 0..TABLES {
        changed.resize(changed.len().next_multiple_of(64), 0);
        let content = if number == number_of_table { rows } else { &bytes[table(&bytes, number)] };
        let (begin, entry) = (changed.len() as u64, 32 + 16 * number);
        changed.extend_from_slice(content);
        changed[entry..entry + 8].copy_from_slice(&begin.to_le_bytes());
        changed[entry + 8..entry + 16].copy_from_slice(&(content.len() as u64).to_le_bytes());
    }
    let length = changed.len() as u64;
    changed[16..24].copy_from_slice(&length.to_le_bytes());
    changed
}

#[test]
fn a_table_with_too_few_or_too_many_rows_is_refused() {
    let bytes = file();
    let rows = |number: usize| bytes[table(&bytes, number)].to_vec();
    assert_eq!(with_table(0, &rows(0)), bytes, "the file is put together as the writer does it");
    for number in 0..TABLES {
        let name = ["shape", "heights", "sections", "cells"].get(number).copied().unwrap_or("");
        let row = [52, 2, 4, 4, 4, 36, 1, 36, 4, 4, 24, 1, 12, 4, 4, 4, 16][number];
        let rows = rows(number);
        // Fewer spawns are allowed, and more rows to which nothing refers.
        if number != 10 {
            let shorter = refusal(&with_table(number, &rows[..rows.len() - row]));
            assert!(shorter.contains(name), "table {number}: {shorter}");
        }
        if row > 1 {
            let torn = refusal(&with_table(number, &rows[..rows.len() - 1]));
            assert!(torn.contains("are no whole number of rows"), "table {number}: {torn}");
        }
        let twice = [&rows[..], &rows[rows.len() - row..]].concat();
        if ![4, 7, 9, 10, 11, 12, 14].contains(&number) {
            refusal(&with_table(number, &twice));
        }
    }
    assert!(refusal(&with_table(13, &[])).contains("navigation agent"));
    assert!(refusal(&with_table(16, &[])).contains("there is a mesh without an agent"));
}
