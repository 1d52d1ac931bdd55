//! Queries against a search through all places in memory, and what an import refuses and keeps.

mod imports;
mod pools;
mod queries;

use super::import::{Columns, Format, Import, ImportError, Imported, import};
use super::position::Position;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for each test, removed when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("ringshard-places-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Imports a file as it is.
pub fn import_as(target: &Path, source: &Path, kind: &str) -> Result<Imported, ImportError> {
    let format = Format::of(source).unwrap();
    let columns = Columns::default();
    import(target, &Import { source, format, kind, columns, skip_invalid: false }, &mut |_| ())
}

/// A row of a source.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub position: Position,
    pub importance: u32,
}

/// Rows as CSV.
pub fn csv(rows: &[Row]) -> String {
    let mut text = "name,lat,lon,population,country\n".to_owned();
    for Row { name, position, importance } in rows {
        let name = name.replace('"', "\"\"");
        text.push_str(&format!("\"{name}\",{},{},{importance},XX\n", position.latitude, position.longitude));
    }
    text
}
