//! Times 10,000 tiles: from a provider over HTTP on this host (misses), from the cache on disk (hits), and from a PMTiles file.
//!
//! ```text
//! cargo run --release -p ringshard-services --example tiles-latency
//! ```

use pmtiles::{Compression, PmTilesWriter, TileCoord, TileType};
use ringshard_services::tiles::{
    Archive, Cache, Remote, RemoteSettings, Tile, TileFormat, TileProvider, TileSettings, Tiles,
};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TILES: usize = 10_000;
const TILE_BYTES: usize = 20_000;
const ZOOM: u8 = 7;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("tiles-latency-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let run = run(&folder).await;
    std::fs::remove_dir_all(&folder)?;
    run
}

async fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let grid: Vec<Tile> =
        (0..1 << ZOOM).flat_map(|x| (0..1 << ZOOM).map(move |y| (x, y))).take(TILES).map(tile).collect();
    let settings = RemoteSettings::new(format!("http://{}/{{z}}/{{x}}/{{y}}.png", provider()?), TileFormat::Png);
    let without_prefetch = TileSettings { prefetch: false, ..TileSettings::default() };
    let open = || {
        let cache = Cache::open(folder.join("cache"), 1 << 30)?;
        let remote: Arc<dyn TileProvider> = Arc::new(Remote::new(&settings)?);
        Ok::<_, Box<dyn Error>>(Tiles::new([("base".to_owned(), remote)], Some(cache), without_prefetch))
    };
    let tiles = open()?;
    time("misses: over HTTP, into the cache", &tiles, &grid).await?;
    time("hits: from the cache", &tiles, &grid).await?;
    let began = Instant::now();
    let tiles = open()?;
    println!("restart: {} tiles found again in {:.0} ms", tiles.cached().1, began.elapsed().as_secs_f64() * 1e3);
    time("hits after a restart", &tiles, &grid).await?;
    let path = folder.join("base.pmtiles");
    write_archive(&path)?;
    let archive: Arc<dyn TileProvider> = Arc::new(Archive::open(&path).await?);
    let tiles = Tiles::new([("base".to_owned(), archive)], None, without_prefetch);
    time("from a PMTiles file", &tiles, &grid).await
}

fn tile((x, y): (u32, u32)) -> Tile {
    Tile::new(ZOOM, x, y).expect("the tile lies in the grid")
}

async fn time(name: &str, tiles: &Tiles, grid: &[Tile]) -> Result<(), Box<dyn Error>> {
    let mut times: Vec<Duration> = Vec::with_capacity(grid.len());
    for tile in grid {
        let began = Instant::now();
        let found = tiles.get("base", *tile).await?;
        times.push(began.elapsed());
        assert_eq!(found.map(|bytes| bytes.len()), Some(TILE_BYTES), "{tile}");
    }
    times.sort_unstable();
    let micros = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!(
        "{name}: {} tiles, p50 {:.0} us, p99 {:.0} us, most {:.0} us",
        grid.len(),
        micros(0.5),
        micros(0.99),
        micros(1.0)
    );
    Ok(())
}

fn picture() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend((bytes.len()..TILE_BYTES).map(|at| (at * 31 % 251) as u8));
    bytes
}

fn write_archive(path: &Path) -> Result<(), Box<dyn Error>> {
    let writer = PmTilesWriter::new(TileType::Png).tile_compression(Compression::None).max_zoom(ZOOM);
    let mut writer = writer.create(File::create(path)?)?;
    let mut picture = picture();
    for (x, y) in (0..1 << ZOOM).flat_map(|x| (0..1 << ZOOM).map(move |y| (x, y))) {
        // Each one differs, so that none is stored once for all.
        picture[8..16].copy_from_slice(&(u64::from(x) << 32 | u64::from(y)).to_le_bytes());
        writer.add_tile(TileCoord::new(ZOOM, x, y)?, &picture)?;
    }
    Ok(writer.finalize()?)
}

/// A provider on this host. Returns its address.
fn provider() -> Result<std::net::SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

fn serve(stream: TcpStream) {
    let body = picture();
    let _ = stream.set_nodelay(true);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), &body].concat();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" && reader.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}
