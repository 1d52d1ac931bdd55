//! How fast blobs go from the store to clients in one process, without a network.
//!
//! `cargo run --release --example resource-throughput -- [CLIENTS] [BLOBS] [BLOB_KIB] [DOWNLOADS_PER_CLIENT]`
//!
//! Each client downloads one blob after the other, and verifies signature and hash. Printed are MB/s over all clients, by the
//! wall clock and by the CPU time of the process, and how much the cache of blocks found.

use ringshard_requests::download::{Downloads as Client, Event, Wanted};
use ringshard_services::resources::store::Addition;
use ringshard_services::resources::{Downloads, Gone, Outlet, ResourceSettings, Resources, SigningKey, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

struct Channel(mpsc::Sender<Vec<u8>>);

impl Outlet for Channel {
    async fn send(&self, message: &[u8]) -> Result<(), Gone> {
        self.0.send(message.to_vec()).await.map_err(|_| Gone)
    }
}

fn main() {
    let numbers: Vec<usize> =
        std::env::args().skip(1).map(|it| it.parse().expect("the arguments are numbers")).collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (clients, blobs, kib, downloads) = (number(0, 64), number(1, 32), number(2, 1024), number(3, 16));
    let folder = std::env::temp_dir().join(format!("resource-throughput-{}", std::process::id()));
    let key = SigningKey::from_seed(&[1; 32]);
    let store = fill(&folder, &key, blobs, kib * 1024);

    let runtime = tokio::runtime::Runtime::new().expect("the system has threads");
    let settings =
        ResourceSettings { session_bytes_per_second: 0, all_bytes_per_second: 0, ..ResourceSettings::default() };
    let resources = Arc::new(Resources::new(store, &settings));
    let (start, cpu) = (Instant::now(), cpu_time());
    runtime.block_on(async {
        let public = key.public();
        let players = (0..clients).map(|client| {
            let resources = resources.clone();
            tokio::spawn(async move {
                for round in 0..downloads {
                    let name = format!("blob/{}", (client * 7 + round) % blobs);
                    download(&resources, move |message, signature| public.verify(message, signature), &name).await;
                }
            })
        });
        for player in players.collect::<Vec<_>>() {
            player.await.expect("a client does not panic");
        }
    });
    let (wall, cpu) = (start.elapsed(), cpu_time() - cpu);
    let megabytes = (clients * downloads * kib * 1024) as f64 / 1e6;
    println!("{clients} clients, {downloads} downloads each, {blobs} blobs of {kib} KiB: {megabytes:.0} MB");
    println!("{:.0} MB/s by the wall clock ({wall:.2?})", megabytes / wall.as_secs_f64());
    println!("{:.0} MB per CPU second ({cpu:.2?})", megabytes / cpu.as_secs_f64());
    resources.counters().each(&mut |name, value| println!("{name} {value}"));
    let _ = std::fs::remove_dir_all(&folder);
}

fn fill(folder: &Path, key: &SigningKey, blobs: usize, bytes: usize) -> Store {
    std::fs::create_dir_all(folder).expect("the folder of temporary files can be written");
    let additions = (0..blobs).map(|blob| {
        let file: PathBuf = folder.join(format!("source-{blob}"));
        let content: Vec<u8> = (0..bytes).map(|at| (at * 31 + at / 251 + blob) as u8).collect();
        std::fs::write(&file, content).expect("the folder of temporary files can be written");
        Addition { name: format!("blob/{blob}"), file }
    });
    let store = Store::new(folder.join("resources"));
    store.add(&additions.collect::<Vec<_>>(), Some(key), 0).expect("files can be added");
    store
}

async fn download(resources: &Arc<Resources>, verify: impl Fn(&[u8], &[u8; 64]) -> bool + Send + 'static, name: &str) {
    // As many messages as fit into the window of a session, 64 KiB.
    let (sender, mut receiver) = mpsc::channel(8);
    let server = Downloads::new(resources.clone(), Channel(sender));
    let mut client = Client::new(Some(Box::new(verify)));
    let (start, mut message) = (Instant::now(), Vec::new());
    let now = || start.elapsed().as_millis() as u64;
    client.online(0);
    client.open(0, Wanted::new(name)).expect("one download can be open");
    loop {
        while client.poll_send(now(), &mut message) {
            server.receive(&message).expect("a client sends what servers read");
        }
        let waited = tokio::time::timeout(Duration::from_secs(1), receiver.recv()).await;
        let mut next = waited.ok().flatten();
        while let Some(message) = next {
            client.receive(now(), &message).expect("a server sends what clients read");
            next = receiver.try_recv().ok();
        }
        while let Some(event) = client.poll_event() {
            match event {
                Event::Done { .. } => return,
                Event::Failed { why, .. } => panic!("{name}: {why}"),
                _ => {}
            }
        }
    }
}

/// CPU time of the process, from /proc.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own: u64 = text.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let all = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(all.sum::<u64>().max(own))
}
