//! Rows in turn, and the table.

use crate::clients::{Stream, Way, connect, trust};
use crate::servers::{self, Server};
use futures_util::future::try_join_all;
use rustls::RootCertStore;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

type Failed = Box<dyn Error + Send + Sync>;

/// Calls at once on a connection with HTTP/2.
const STREAMS: usize = 4;
/// How long a row runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(300);

/// One measurement.
struct Figures {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_us: f64,
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Measures each row `rounds` times, in turn, and prints the medians.
///
/// # Errors
/// A server does not start, or a call has a wrong answer.
pub fn compare(connections: usize, rounds: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let folder = Folder(std::env::temp_dir().join(format!("ringshard-call-peers-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0)?;
    let door = servers::door(folder.0.clone());
    let roots = trust(&folder.0.join("development.pem")).map_err(|error| error.to_string())?;
    let (axum, tonic) = (servers::axum(&folder.0), servers::tonic(&folder.0));
    let rows = [
        ("the door, HTTP/1.1", &door, Way::Http1),
        ("plain axum, HTTP/1.1", &axum, Way::Http1),
        ("the door, HTTP/2", &door, Way::Http2),
        ("plain axum, HTTP/2", &axum, Way::Http2),
        ("tonic, HTTP/2", &tonic, Way::Grpc),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut figures: Vec<Vec<Figures>> = rows.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((name, server, way), figures) in rows.iter().zip(&mut figures) {
            let measured = runtime.block_on(measure(server, *way, &roots, connections, time));
            figures.push(measured.map_err(|error| format!("{name}: {error}"))?);
        }
    }
    println!("{connections} connections, {STREAMS} calls at once on each with HTTP/2; TLS 1.3; medians of {rounds}");
    println!("{:<22} {:>9} {:>9} {:>9} {:>16}", "", "calls/s", "p50 us", "p99 us", "server CPU us");
    for ((name, ..), figures) in rows.iter().zip(&figures) {
        let median = |of: fn(&Figures) -> f64| {
            let mut all: Vec<f64> = figures.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let (rate, p50, p99) = (median(|it| it.per_second), median(|it| it.p50_us), median(|it| it.p99_us));
        println!("{name:<22} {rate:>9.0} {p50:>9.0} {p99:>9.0} {:>16.1}", median(|it| it.cpu_us));
    }
    Ok(())
}

async fn measure(
    server: &Server,
    way: Way,
    roots: &RootCertStore,
    connections: usize,
    time: Duration,
) -> Result<Figures, Failed> {
    let opened = try_join_all((0..connections).map(|_| connect(way, server.address, roots, STREAMS))).await?;
    let mut streams: Vec<Stream> = opened.into_iter().flatten().collect();
    run(&mut streams, WARM_UP).await?;
    let (began, before) = (Instant::now(), server.cpu());
    let mut times = run(&mut streams, time).await?;
    let (wall, cpu) = (began.elapsed(), server.cpu() - before);
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    Ok(Figures {
        per_second: times.len() as f64 / wall.as_secs_f64(),
        p50_us: at(0.5),
        p99_us: at(0.99),
        cpu_us: cpu.as_secs_f64() * 1e6 / times.len() as f64,
    })
}

/// Calls on all streams for a time; gives how long each call took.
async fn run(streams: &mut [Stream], time: Duration) -> Result<Vec<Duration>, Failed> {
    let began = Instant::now();
    let callers = streams.iter_mut().map(async |stream| {
        let mut times = Vec::new();
        let mut item = 0;
        while began.elapsed() < time {
            let asked = Instant::now();
            stream.call(item).await?;
            times.push(asked.elapsed());
            item += 1;
        }
        Ok::<_, Failed>(times)
    });
    Ok(try_join_all(callers).await?.into_iter().flatten().collect())
}
