//! Tiles from a PMTiles file. A file that is replaced is read anew.

use super::provider::{Bytes, Fetching, TILE_BYTES_MAX, TileError, TileProvider};
use super::tile::{Tile, ZOOM_MAX};
use pmtiles::{
    AsyncBackend, AsyncPmTilesReader, BackendResponse, DirEntry, Directory, DirectoryCache, PmtError, PmtResult,
    TileCoord, TileId,
};
use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the file is looked at, whether it was replaced.
const LOOK: Duration = Duration::from_secs(1);
/// The longest read: directories and tiles are shorter. A damaged directory may ask for more.
const READ_BYTES_MAX: usize = 16 << 20;
/// Directories in memory. Each has a few thousand entries of 24 bytes.
const DIRECTORIES_MAX: usize = 256;
/// When to try again after a read error.
const WAIT: Duration = Duration::from_secs(5);

type Reader = AsyncPmTilesReader<Backend, Directories>;

/// A PMTiles file.
pub struct Archive {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    reader: Arc<Reader>,
    identity: Identity,
    looked: Instant,
}

type Identity = (u64, u64, u64, i64, i64);

/// A PMTiles file that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot read tiles from {path}: {reason}")]
pub struct ArchiveError {
    path: PathBuf,
    reason: String,
}

impl Archive {
    /// Opens a file.
    ///
    /// # Errors
    /// [`ArchiveError`] if it is missing, unreadable, not a PMTiles file of version 3, or not whole.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Archive, ArchiveError> {
        let path = path.into();
        let open =
            Open::new(&path).await.map_err(|error| ArchiveError { path: path.clone(), reason: error.to_string() })?;
        Ok(Archive { path, open: Mutex::new(open) })
    }

    /// How many tiles the file has, if it says so.
    pub fn tiles(&self) -> Option<u64> {
        self.reader().get_header().n_addressed_tiles().map(Into::into)
    }

    /// West, south, east and north, in degrees.
    pub fn bounds(&self) -> [f64; 4] {
        let reader = self.reader();
        let header = reader.get_header();
        [header.min_longitude, header.min_latitude, header.max_longitude, header.max_latitude]
    }

    /// The metadata: a JSON text.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn metadata(&self) -> Result<String, ArchiveError> {
        let metadata = self.reader().get_metadata().await;
        metadata.map_err(|error| ArchiveError { path: self.path.clone(), reason: error.to_string() })
    }

    fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.lock().reader)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader of the file that is there now. If the new one is damaged, the old one goes on.
    async fn current(&self) -> Arc<Reader> {
        let identity = {
            let mut open = self.lock();
            if open.looked.elapsed() < LOOK {
                return Arc::clone(&open.reader);
            }
            open.looked = Instant::now();
            open.identity
        };
        if identify(&self.path).ok() == Some(identity) {
            return self.reader();
        }
        match Open::new(&self.path).await {
            Ok(open) => *self.lock() = open,
            Err(error) => {
                tracing::warn!("tiles: {} cannot be read, the former file serves: {error}", self.path.display())
            }
        }
        self.reader()
    }
}

impl TileProvider for Archive {
    fn fetch(&self, tile: Tile) -> Fetching<'_> {
        Box::pin(async move {
            let damaged = |error: PmtError| match error {
                PmtError::Reading(error) if error.kind() != ErrorKind::UnexpectedEof => {
                    TileError::NotNow { wait: WAIT, reason: format!("cannot read {}: {error}", self.path.display()) }
                }
                error => {
                    TileError::Damaged { reason: format!("{} is damaged at {tile}: {error}", self.path.display()) }
                }
            };
            let coordinate = TileCoord::new(tile.z(), tile.x(), tile.y()).map_err(damaged)?;
            let bytes = self.current().await.get_tile(coordinate).await.map_err(damaged)?;
            match bytes {
                Some(bytes) if bytes.len() > TILE_BYTES_MAX => Err(TileError::Damaged {
                    reason: format!("{tile} in {} has {} bytes, which is too many", self.path.display(), bytes.len()),
                }),
                bytes => Ok(bytes.map(|bytes| Bytes::from(&bytes[..]))),
            }
        })
    }

    fn zooms(&self) -> RangeInclusive<u8> {
        let reader = self.reader();
        let header = reader.get_header();
        header.min_zoom..=header.max_zoom.min(ZOOM_MAX)
    }

    fn format(&self) -> (&'static str, Option<&'static str>) {
        let reader = self.reader();
        let header = reader.get_header();
        (header.tile_type.content_type(), header.tile_compression.content_encoding())
    }

    fn is_remote(&self) -> bool {
        false
    }
}

impl Open {
    async fn new(path: &Path) -> PmtResult<Open> {
        let path = path.to_owned();
        let opened = blocking(move || {
            let (identity, file) = (identify(&path)?, File::open(&path)?);
            Ok((identity, file))
        });
        let (identity, file) = opened.await?;
        let file = Arc::new(file);
        let backend = Backend(Arc::clone(&file));
        let reader = Arc::new(Reader::try_from_cached_source(backend, Directories::default()).await?);
        blocking(move || check_whole(&file)).await?;
        Ok(Open { reader, identity, looked: Instant::now() })
    }
}

/// Checks that a file has all that its header names. A copy that was interrupted, or still runs, has not.
fn check_whole(file: &File) -> io::Result<()> {
    // Behind the magic number and the version: offset and length of the root, the metadata, the leaves and the tiles.
    let mut parts = [0; 64];
    file.read_exact_at(&mut parts, 8)?;
    let number = |at: usize| u64::from_le_bytes(parts[at..at + 8].try_into().expect("8 bytes"));
    let needed = (0..4).map(|part| number(part * 16).saturating_add(number(part * 16 + 8))).max().unwrap_or(0);
    let bytes = file.metadata()?.len();
    if bytes >= needed {
        return Ok(());
    }
    let why = format!("the file is not whole: it has {bytes} of {needed} bytes; copy it again");
    Err(io::Error::new(ErrorKind::UnexpectedEof, why))
}

fn identify(path: &Path) -> io::Result<Identity> {
    let it = std::fs::metadata(path)?;
    Ok((it.dev(), it.ino(), it.len(), it.mtime(), it.mtime_nsec()))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Reads parts of a file. A mapped file would end the process if somebody cut the file.
struct Backend(Arc<File>);

impl AsyncBackend for Backend {
    async fn read(&self, offset: u64, length: usize) -> PmtResult<BackendResponse> {
        if length > READ_BYTES_MAX {
            return Err(PmtError::InvalidEntry);
        }
        let file = Arc::clone(&self.0);
        let bytes = blocking(move || {
            let mut bytes = vec![0; length];
            let mut read = 0;
            while read < length {
                match file.read_at(&mut bytes[read..], offset + read as u64) {
                    Ok(0) => break,
                    Ok(count) => read += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            bytes.truncate(read);
            Ok(bytes)
        });
        Ok(BackendResponse::new(bytes.await?.into()))
    }
}

/// Directories of a file, by offset. When it is full, it begins anew.
#[derive(Default)]
struct Directories(Mutex<HashMap<u64, Directory>>);

impl Directories {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Directory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DirectoryCache for Directories {
    async fn get_dir_entry_or_insert(
        &self,
        offset: u64,
        tile_id: TileId,
        fetcher: impl Future<Output = PmtResult<Directory>> + Send,
    ) -> PmtResult<Option<DirEntry>> {
        if let Some(directory) = self.lock().get(&offset) {
            return Ok(directory.find_tile_id(tile_id).copied());
        }
        let directory = fetcher.await?;
        let entry = directory.find_tile_id(tile_id).copied();
        let mut directories = self.lock();
        if directories.len() >= DIRECTORIES_MAX {
            directories.clear();
        }
        directories.insert(offset, directory);
        Ok(entry)
    }
}
