//! Opening a map file: it is mapped into memory, so that a large map needs no copy, and processes on one host share its pages.

use memmap2::{Mmap, MmapOptions};
use ringshard_terrain::{MapFileError, Terrain};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Why a map cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenMapError {
    /// The system reports an error.
    #[error("cannot open the map {0}: {1}")]
    Unreadable(PathBuf, io::Error),
    /// A folder, a pipe or a device.
    #[error("the map {0} is no regular file: name a file that `ringshard map bake` wrote")]
    NoFile(PathBuf),
    /// The file has no content.
    #[error("the map {0} is empty: copy it again, or bake it with `ringshard map bake`")]
    Empty(PathBuf),
    /// The content is no valid map.
    #[error("the map {0} cannot be used: {1}")]
    Invalid(PathBuf, MapFileError),
}

/// Opens a map file. Reads all of it once, to check it.
///
/// While the terrain exists, nobody may change the file in place: a page that changes gives wrong results or a panic, and
/// reading beyond a new, earlier end stops the process with SIGBUS. To install another map under the same name, write it to
/// a second file and rename that one, as `ringshard map bake` does: the terrain keeps the old content.
///
/// # Errors
/// [`OpenMapError`] names the file and what to do.
pub fn open_map(path: &Path) -> Result<Terrain, OpenMapError> {
    let unreadable = |error| OpenMapError::Unreadable(path.to_owned(), error);
    // Before opening: opening a pipe waits for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(OpenMapError::NoFile(path.to_owned()));
    }
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() == 0 {
        return Err(OpenMapError::Empty(path.to_owned()));
    }
    let pages = map_pages(&file).map_err(unreadable)?;
    Terrain::read(Box::new(pages)).map_err(|error| OpenMapError::Invalid(path.to_owned(), error))
}

#[allow(unsafe_code)]
fn map_pages(file: &File) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    // Core threads must not wait for the disk when they first touch a page.
    options.populate();
    // SAFETY: The bytes are read-only here, and the mapping owns what it needs after `file` is closed. Nothing can keep
    // another process from changing or truncating the file, so the documentation of `open_map` forbids it. If somebody does
    // so nevertheless, every index is still checked where it is used, no byte pattern is invalid for a type of the tables,
    // and no pointers lie in the file: the result is a panic, a wrong height, or SIGBUS, never an access to other memory.
    unsafe { options.map(file) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_terrain::Plan;
    use std::process::Command;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("ringshard-map-file-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn refusal(path: &Path) -> String {
        open_map(path).unwrap_err().to_string()
    }

    #[test]
    fn a_map_file_opens_and_survives_a_rename_over_it() {
        let folder = Folder::new("opens");
        let mut plan = Plan::flat([100.0, 50.0], [1, 1, 1], [2, 2, 1]);
        plan.add_box([10.0, 10.0, 0.0], [20.0, 20.0, 30.0]);
        let path = folder.file("a.ringmap", &plan.write().unwrap());
        let terrain = open_map(&path).unwrap();
        std::fs::rename(folder.file("b.ringmap", b"something else"), &path).unwrap();
        assert_eq!(terrain, Terrain::of(&plan).unwrap());
        let mut triangles = 0;
        terrain.triangles_near([0.0; 2], [200.0; 2], |_| triangles += 1);
        assert_eq!(triangles, 12);
    }

    #[test]
    fn what_is_no_map_is_refused_with_its_name_and_advice() {
        let folder = Folder::new("refused");
        let missing = refusal(&folder.0.join("none.ringmap"));
        assert!(missing.contains("none.ringmap") && missing.contains("No such file"), "{missing}");
        let directory = refusal(&folder.0);
        assert!(directory.contains("no regular file"), "{directory}");
        let empty = refusal(&folder.file("empty.ringmap", b""));
        assert!(empty.contains("is empty") && empty.contains("map bake"), "{empty}");
        let foreign = refusal(&folder.file("foreign.ringmap", b"PNG"));
        assert!(foreign.contains("foreign.ringmap") && foreign.contains("map bake"), "{foreign}");
        let whole = Plan::flat([100.0, 50.0], [1, 1, 1], [2, 2, 1]).write().unwrap();
        let cut = refusal(&folder.file("cut.ringmap", &whole[..whole.len() - 1]));
        assert!(cut.contains("cut off"), "{cut}");
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = Folder::new("pipe");
        let path = folder.0.join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(matches!(open_map(&path), Err(OpenMapError::NoFile(_))));
    }
}
