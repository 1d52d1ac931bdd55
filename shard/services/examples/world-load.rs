//! Load on the services of a world over UDP, in one process: calls of many clients, or downloads.
//!
//! ```text
//! cargo run --release -p ringshard-services --example world-load -- calls CLIENTS SECONDS
//! cargo run --release -p ringshard-services --example world-load -- downloads CLIENTS BLOBS
//! ```
//! The server's core, the services and the clients share the machine. CPU times are those of the threads.

#[path = "../tests/world/game.rs"]
mod game;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/world/server.rs"]
mod server;

use ringshard_client::ServiceEvent;
use ringshard_client::requests::caller::End;
use ringshard_client::requests::download::{Event, Trust, Wanted};
use ringshard_services::resources::Store;
use ringshard_services::resources::store::Addition;
use server::{Add, Player, World};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Bytes of a blob.
const BLOB_BYTES: usize = 1 << 20;
/// Calls of a client that are open at the same time.
const PARALLEL: usize = 10;

fn players(world: &World, count: u64) -> Vec<Player> {
    (1..=count)
        .map(|account| {
            let mut player = world.client(&world.ticket(account, "player"));
            player.enter();
            player
        })
        .collect()
}

fn calls(clients: u64, time: Duration) {
    let world = World::new(&[], |_| {});
    let mut players = players(&world, clients);
    let mut began: Vec<HashMap<u32, Instant>> = vec![HashMap::new(); players.len()];
    let (mut times, mut refused) = (Vec::new(), 0_u64);
    let (start, cpu) = (Instant::now(), cpu_of_threads());
    while start.elapsed() < time {
        for (player, began) in players.iter_mut().zip(&mut began) {
            while began.len() < PARALLEL {
                let add = Add { one: 1, other: 2 };
                let now = player.now();
                // A call whose message was refused is repeated, and holds up the numbers after it.
                let called = player.services.call(now, "/v1/test/add", add, Duration::from_secs(10));
                let Ok(number) = called else { break };
                began.insert(number, Instant::now());
            }
            player.frame();
            for event in player.events.drain(..) {
                let ServiceEvent::Ended(number, end) = event else { continue };
                let asked = began.remove(&number).expect("each call ends once");
                match end {
                    End::Answered(_) => times.push(asked.elapsed()),
                    _ => refused += 1,
                }
            }
        }
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    println!(
        "{} calls of {clients} clients in {elapsed:.1?}: {rate:.0}/s, p50 {:.1?}, p99 {:.1?}",
        times.len(),
        at(0.5),
        at(0.99)
    );
    println!("refused {refused}");
    print_cpu(&cpu, times.len() as f64, "call");
}

fn downloads(clients: u64, blobs: usize) {
    let world = World::new(&[("download-kib", "1073741824"), ("download-client-kib", "1073741824")], |folder| {
        let store = Store::new(folder.join("resources"));
        let additions: Vec<Addition> = (0..blobs)
            .map(|number| {
                let file = folder.join(format!("blob-{number}"));
                let content: Vec<u8> = (0..BLOB_BYTES).map(|at| (at * 7 + number * 13 + (at >> 9)) as u8).collect();
                std::fs::write(&file, content).expect("room for a blob");
                Addition { name: format!("blobs/{number}"), file }
            })
            .collect();
        store.add(&additions, None, 1).expect("the blobs are added");
    });
    let mut players = players(&world, clients);
    let mut next = vec![0; players.len()];
    let each = blobs / players.len();
    let (mut done, mut bytes) = (0, 0_u64);
    let (start, cpu) = (Instant::now(), cpu_of_threads());
    while done < each * players.len() {
        for (index, player) in players.iter_mut().enumerate() {
            let now = player.now().as_millis() as u64;
            while next[index] < each {
                let name = format!("blobs/{}", index * each + next[index]);
                let wanted = Wanted { trust: Trust::Server, ..Wanted::new(name) };
                if player.services.downloads_mut().open(now, wanted).is_err() {
                    break;
                }
                next[index] += 1;
            }
            player.frame();
            for event in player.events.drain(..) {
                match event {
                    ServiceEvent::Download(Event::Bytes { bytes: more, .. }) => bytes += more.len() as u64,
                    ServiceEvent::Download(Event::Done { .. }) => done += 1,
                    ServiceEvent::Download(Event::Failed { .. }) => panic!("{event:?}"),
                    _ => {}
                }
            }
        }
    }
    let elapsed = start.elapsed();
    let mib = bytes as f64 / f64::from(1 << 20);
    println!("{mib:.0} MiB to {clients} clients in {elapsed:.1?}: {:.0} MiB/s", mib / elapsed.as_secs_f64());
    print_cpu(&cpu, mib, "MiB");
}

/// CPU time of the threads of this process by name, in seconds.
fn cpu_of_threads() -> HashMap<String, f64> {
    let mut times = HashMap::new();
    for task in std::fs::read_dir("/proc/self/task").expect("the threads of this process").flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(") ")) else { continue };
        let fields: Vec<f64> = rest.split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
        // User and system time, in hundredths of a second.
        *times.entry(name.to_owned()).or_default() += (fields[11] + fields[12]) / 100.0;
    }
    times
}

fn print_cpu(before: &HashMap<String, f64>, count: f64, what: &str) {
    let after = cpu_of_threads();
    let mut threads: Vec<_> =
        after.iter().map(|(name, time)| (name, time - before.get(name).unwrap_or(&0.0))).collect();
    threads.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, time) in threads.into_iter().filter(|(_, time)| *time > 0.05) {
        println!("  {name}: {time:.2} s of CPU, {:.1} us per {what}", time * 1e6 / count);
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    match (words.first().map(String::as_str), number(1), number(2)) {
        (Some("calls"), Some(clients), Some(seconds)) => calls(clients, Duration::from_secs(seconds)),
        (Some("downloads"), Some(clients), Some(blobs)) => downloads(clients, blobs as usize),
        _ => eprintln!("arguments: calls CLIENTS SECONDS, or downloads CLIENTS BLOBS"),
    }
}
