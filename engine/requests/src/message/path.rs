//! Paths of actions.

use crate::limits::PATH_BYTES_MAX;

/// Whether `path` can be the path of an action: 2 to [`PATH_BYTES_MAX`] characters of a-z, 0-9, `/`, `_` and `-`, of which the
/// first is `/`.
pub fn is_path(path: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/_-".contains(&byte);
    path.len() <= PATH_BYTES_MAX && path.len() > 1 && path.starts_with('/') && path.bytes().all(allowed)
}
