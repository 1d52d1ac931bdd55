//! Places as services ask for them: a file that comes, changes and goes.

use super::{Folder, import_as};
use crate::places::{Bounds, Places, PlacesError};
use std::sync::atomic::Ordering::Relaxed;

#[tokio::test]
async fn a_replaced_file_is_read_at_once() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    let places = Places::new(&target);
    let count = async || places.inside(Bounds::WORLD, None, 100).await.map(|found| found.len());
    let error = count().await.unwrap_err();
    assert!(matches!(error, PlacesError::Missing(_)) && error.status() == 503);
    assert!(error.to_string().contains("ringshard places import"));
    import_as(&target, &folder.write("a.csv", "name,lat,lon\nA,1,1\n"), "city").unwrap();
    assert_eq!(count().await.unwrap(), 1);
    assert_eq!(count().await.unwrap(), 1);
    assert_eq!(places.counters().opened.load(Relaxed), 1, "an open file is used again");
    import_as(&target, &folder.write("b.csv", "name,lat,lon\nA,1,1\nB,1,1\n"), "city").unwrap();
    assert_eq!(count().await.unwrap(), 2);
    std::fs::remove_file(&target).unwrap();
    assert!(matches!(count().await, Err(PlacesError::Missing(_))));
    let mut counted = Vec::new();
    places.counters().each(&mut |name, count| counted.push((name, count)));
    assert!(
        counted.contains(&("services_places_queries", 5)) && counted.contains(&("services_places_failed", 2)),
        "{counted:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_queries_at_once_share_few_files() {
    let folder = Folder::new();
    let target = folder.file("places.db");
    import_as(&target, &folder.write("a.csv", "name,lat,lon\nA,1,1\n"), "city").unwrap();
    let places = Places::new(&target);
    let asked: Vec<_> = (0..200)
        .map(|_| {
            let places = places.clone();
            tokio::spawn(async move { places.inside(Bounds::WORLD, None, 1).await })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap().unwrap().len(), 1);
    }
    assert!(places.counters().opened.load(Relaxed) <= 4);
}
