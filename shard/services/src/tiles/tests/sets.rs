//! One fetch for many, absent tiles, tiles too old, cancelling, and fetches in advance.

use super::{Folder, Slow, content, tile};
use crate::resources::Source;
use crate::tiles::{Cache, Counters, TileProvider, TileSettings, Tiles};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

fn tiles(provider: &Arc<Slow>, folder: Option<&Folder>, settings: TileSettings) -> Tiles {
    let cache = folder.map(|folder| Cache::open(&folder.0, 1 << 20).unwrap());
    let provider: Arc<dyn TileProvider> = provider.clone();
    Tiles::new([("base".to_owned(), provider)], cache, settings)
}

fn without_prefetch() -> TileSettings {
    TileSettings { prefetch: false, ..TileSettings::default() }
}

/// Lets all other tasks and blocking threads go on.
async fn settle() {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn counts(counters: &Counters) -> Vec<(&'static str, u64)> {
    let mut counts = Vec::new();
    counters.each(&mut |name, count| counts.push((name.strip_prefix("services_tiles_").unwrap(), count)));
    counts.retain(|(_, count)| *count > 0);
    counts
}

#[tokio::test]
async fn many_requests_for_a_tile_make_one_fetch() {
    let (folder, slow) = (Folder::new(), Slow::new(0));
    let tiles = tiles(&slow, Some(&folder), without_prefetch());
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let tiles = tiles.clone();
            tokio::spawn(async move { tiles.get("base", tile(4, 1, 1)).await })
        })
        .collect();
    settle().await;
    assert_eq!(slow.count(), 1);
    slow.permits.add_permits(1);
    for answer in asked {
        assert_eq!(answer.await.unwrap().unwrap(), Some(content(tile(4, 1, 1))));
    }
    assert_eq!(
        tiles.get("base", tile(4, 1, 1)).await.unwrap(),
        Some(content(tile(4, 1, 1))),
        "without a permit: cached"
    );
    let expected = [("asked", 101), ("hits", 1), ("misses", 1), ("fetched", 1), ("joined", 99)];
    assert_eq!(counts(tiles.counters()), expected);
    assert!(tiles.shared.flights_under_way() == 0, "no entry stays");
}

#[tokio::test]
async fn a_fetch_ends_only_when_nobody_waits_for_it() {
    let (folder, slow) = (Folder::new(), Slow::new(0));
    let tiles = tiles(&slow, Some(&folder), without_prefetch());
    let ask = || {
        let tiles = tiles.clone();
        tokio::spawn(async move { tiles.get("base", tile(4, 1, 1)).await })
    };
    let (first, second) = (ask(), ask());
    settle().await;
    first.abort();
    settle().await;
    slow.permits.add_permits(1);
    assert!(second.await.unwrap().unwrap().is_some(), "the second one goes on without the first");
    let cancelled = {
        let tiles = tiles.clone();
        tokio::spawn(async move { tiles.open("tile/base/5/1/1").await })
    };
    settle().await;
    assert_eq!(tiles.shared.flights_under_way(), 1);
    cancelled.abort();
    settle().await;
    assert_eq!(tiles.shared.flights_under_way(), 0);
    assert_eq!(tiles.counters().cancelled.load(Relaxed), 2);
    slow.permits.add_permits(1);
    assert!(tiles.open("tile/base/5/1/1").await.is_ok(), "it can be asked for again");
}

#[tokio::test]
async fn absent_tiles_are_remembered_and_names_are_checked() {
    let slow = Slow::new(1);
    let tiles = tiles(&slow, None, without_prefetch());
    for _ in 0..3 {
        assert_eq!(tiles.get("base", tile(4, 3, 1)).await, Ok(None));
    }
    assert_eq!(slow.count(), 1);
    assert_eq!(tiles.get("base", tile(11, 0, 0)).await, Ok(None), "no such zoom: the provider is not asked");
    for (name, status) in
        [("tile/base/4/3/1", 404), ("tile/other/4/3/1", 404), ("tile/base/4/99/1", 400), ("tile/x", 400)]
    {
        assert_eq!(tiles.open(name).await.unwrap_err().status, status, "{name}");
    }
    assert_eq!((slow.count(), tiles.counters().refused.load(Relaxed)), (1, 2));
}

#[tokio::test]
async fn a_tile_too_old_is_fetched_again_and_serves_if_that_fails() {
    let (folder, slow) = (Folder::new(), Slow::new(9));
    let settings = TileSettings { age_max: Duration::ZERO, ..without_prefetch() };
    let tiles = tiles(&slow, Some(&folder), settings);
    let get = async || tiles.get("base", tile(4, 1, 1)).await;
    get().await.unwrap();
    // Times of fetches are whole seconds.
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    get().await.unwrap();
    assert_eq!(slow.count(), 2);
    slow.broken.store(1, Relaxed);
    assert_eq!(get().await, Ok(Some(content(tile(4, 1, 1)))));
    assert_eq!((slow.count(), tiles.counters().stale.load(Relaxed)), (3, 1));
    let refusal = tiles.open("tile/base/5/1/1").await.unwrap_err();
    assert_eq!((refusal.status, refusal.wait), (503, Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn neighbours_are_fetched_in_advance_while_nobody_waits() {
    let (folder, slow) = (Folder::new(), Slow::new(1));
    let tiles = tiles(&slow, Some(&folder), TileSettings::default());
    tiles.get("base", tile(6, 10, 10)).await.unwrap();
    settle().await;
    assert_eq!(slow.count(), 2, "one neighbour at a time");
    slow.permits.add_permits(7);
    settle().await;
    assert_eq!(slow.count(), 9);
    slow.permits.add_permits(1);
    settle().await;
    assert_eq!(tiles.counters().prefetched.load(Relaxed), 8);
    assert!(tiles.get("base", tile(6, 11, 11)).await.unwrap().is_some());
    assert_eq!(tiles.counters().hits.load(Relaxed), 1, "from the cache, without another fetch");
}

#[tokio::test]
async fn what_waits_in_advance_gives_way_to_clients() {
    let (folder, slow) = (Folder::new(), Slow::new(1));
    let tiles = tiles(&slow, Some(&folder), TileSettings::default());
    tiles.get("base", tile(6, 10, 10)).await.unwrap();
    settle().await;
    let client = {
        let tiles = tiles.clone();
        tokio::spawn(async move { tiles.get("base", tile(6, 40, 40)).await })
    };
    settle().await;
    assert_eq!(slow.count(), 3, "the neighbour that is under way, and the client's tile");
    slow.permits.add_permits(1);
    settle().await;
    assert_eq!(slow.count(), 3, "seven neighbours are dropped");
    assert_eq!(tiles.counters().prefetch_dropped.load(Relaxed), 7);
    slow.permits.add_permits(1);
    assert!(client.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn the_cache_goes_on_over_a_restart_and_a_full_disk_is_survived() {
    let (folder, slow) = (Folder::new(), Slow::new(2));
    tiles(&slow, Some(&folder), without_prefetch()).get("base", tile(4, 1, 1)).await.unwrap();
    let restarted = tiles(&slow, Some(&folder), without_prefetch());
    assert!(restarted.get("base", tile(4, 1, 1)).await.unwrap().is_some());
    assert_eq!((slow.count(), restarted.cached()), (1, (4_096, 1)));
    // A file where the folder of a shard should be: nothing can be written there.
    let shard = folder.0.join("base").join(format!("{:02x}", 1 ^ (2_u32 << 4)));
    std::fs::write(shard, "").unwrap();
    assert!(restarted.get("base", tile(4, 1, 2)).await.unwrap().is_some());
    assert_eq!(restarted.counters().unwritten.load(Relaxed), 1);
}
