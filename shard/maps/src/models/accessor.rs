//! Numbers in the buffers of a model. Every offset is checked, because files are made by many programs.

use super::container::Container;
use gltf::Accessor;
use gltf::accessor::{DataType, Dimensions};

/// The positions of a mesh.
pub(super) fn positions(container: &Container, accessor: &Accessor<'_>) -> Result<Vec<[f32; 3]>, String> {
    if (accessor.data_type(), accessor.dimensions()) != (DataType::F32, Dimensions::Vec3) {
        return Err("its positions are not three 32-bit floats each: export it uncompressed".to_owned());
    }
    let rows = rows(container, accessor, 12)?;
    let axis = |row: &[u8], at: usize| f32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
    Ok(rows.map(|row| [axis(row, 0), axis(row, 4), axis(row, 8)]).collect())
}

/// The corners of triangles.
pub(super) fn indices(container: &Container, accessor: &Accessor<'_>) -> Result<Vec<u32>, String> {
    if accessor.dimensions() != Dimensions::Scalar {
        return Err("its indices are not single numbers".to_owned());
    }
    Ok(match accessor.data_type() {
        DataType::U8 => rows(container, accessor, 1)?.map(|row| u32::from(row[0])).collect(),
        DataType::U16 => {
            rows(container, accessor, 2)?.map(|row| u32::from(u16::from_le_bytes([row[0], row[1]]))).collect()
        }
        DataType::U32 => {
            rows(container, accessor, 4)?.map(|row| u32::from_le_bytes([row[0], row[1], row[2], row[3]])).collect()
        }
        _ => return Err("its indices are not whole numbers".to_owned()),
    })
}

/// The rows of an accessor, of `length` bytes each.
fn rows<'a>(
    container: &'a Container,
    accessor: &Accessor<'_>,
    length: usize,
) -> Result<impl Iterator<Item = &'a [u8]>, String> {
    let Some(view) = accessor.view().filter(|_| accessor.sparse().is_none()) else {
        return Err("it has sparse data: export it without".to_owned());
    };
    let outside = || format!("accessor {} lies outside its buffer", accessor.index());
    let buffer = &container.buffers[view.buffer().index()];
    let end = view.offset().checked_add(view.length());
    let bytes = end.and_then(|end| buffer.get(view.offset()..end)).ok_or_else(outside)?;
    let stride = view.stride().unwrap_or(length);
    let count = accessor.count();
    // The last row may end before the stride does.
    let used = count.checked_sub(1).and_then(|more| more.checked_mul(stride)?.checked_add(length));
    let end = used.unwrap_or(0).checked_add(accessor.offset());
    let bytes =
        end.and_then(|end| bytes.get(accessor.offset()..end)).filter(|_| stride >= length).ok_or_else(outside)?;
    Ok((0..count).map(move |row| &bytes[row * stride..row * stride + length]))
}
