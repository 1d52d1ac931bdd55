//! A real NATS against the bucket in memory: the same requests get the same answers. Without Debian's nats-server, the tests
//! say so and check nothing.

use super::*;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::{Instant, sleep};

/// A server of NATS that ends with the test.
struct Nats {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Nats {
    /// Starts one. None: it is not installed.
    fn start(has_jetstream: bool) -> Option<Nats> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ringshard-nats-{}-{number}", std::process::id()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        match Nats::spawn(port, has_jetstream.then_some(&folder)) {
            Ok(process) => Some(Nats { process, folder, port }),
            Err(error) => {
                eprintln!("skipped: NATS cannot be started ({error}); install Debian's nats-server");
                None
            }
        }
    }

    fn spawn(port: u16, folder: Option<&PathBuf>) -> std::io::Result<Child> {
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        if let Some(folder) = folder {
            command.arg("-js").arg("--store_dir").arg::<&Path>(folder);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    }

    async fn bucket(&self) -> Bucket {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            match async_nats::connect(format!("nats://127.0.0.1:{}", self.port)).await {
                Ok(client) => return Bucket::Nats(Box::new(NatsBucket::new(client, "checkpoints"))),
                Err(error) => assert!(Instant::now() < until, "NATS does not come up: {error}"),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn the_bucket_of_nats_answers_as_the_one_in_memory() {
    let Some(mut nats) = Nats::start(true) else { return };
    let bucket = nats.bucket().await;
    bucket.open().await.expect("JetStream is there");
    check(&bucket, "one").await;
    check(&Bucket::Memory(MemoryBucket::default()), "one").await;
    // Another host finds the bucket, and after a restart of NATS what is in it.
    let revision = bucket.put("kept", 0, vec![7; 4_096]).await.expect("it is written");
    nats.process.kill().expect("it runs");
    nats.process.wait().expect("it ends");
    nats.process = Nats::spawn(nats.port, Some(&nats.folder)).expect("it can be started");
    let again = nats.bucket().await;
    let until = Instant::now() + Duration::from_secs(30);
    while let Err(error) = again.open().await {
        assert!(Instant::now() < until, "JetStream does not come up: {error}");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(again.get("kept").await, Ok(Found { value: Some(vec![7; 4_096]), revision }));
    again.put("kept", 0, vec![8; 900 * 1_024]).await.expect_err("somebody has written it");
    again.put("kept", revision, vec![8; 901 * 1_024]).await.expect("as large as the largest zone");
}

#[tokio::test]
async fn a_nats_without_jetstream_opens_no_bucket() {
    let Some(nats) = Nats::start(false) else { return };
    let bucket = nats.bucket().await;
    let error = bucket.open().await.expect_err("there is no JetStream").to_string();
    assert!(!error.is_empty());
    assert_eq!(bucket.get("one").await, Err(BucketError::Away("it is not open".into())));
}

async fn check(bucket: &Bucket, key: &str) {
    assert_eq!(bucket.get(key).await, Ok(Found { value: None, revision: 0 }));
    let first = bucket.put(key, 0, vec![1]).await.expect("nobody has written it");
    assert_eq!(bucket.get(key).await, Ok(Found { value: Some(vec![1]), revision: first }));
    assert_eq!(bucket.put(key, 0, vec![2]).await, Err(BucketError::Conflict));
    let second = bucket.put(key, first, vec![2]).await.expect("it is as it was");
    assert!(second > first);
    assert_eq!(bucket.put(key, first, vec![3]).await, Err(BucketError::Conflict));
    assert_eq!(bucket.delete(key, first).await, Err(BucketError::Conflict));
    assert_eq!(bucket.delete(key, second).await, Ok(()));
    let gone = bucket.get(key).await.expect("it answers");
    assert!(gone.value.is_none() && gone.revision > second, "{gone:?}");
    assert_eq!(bucket.put(key, 0, vec![4]).await, Err(BucketError::Conflict));
    let third = bucket.put(key, gone.revision, vec![4]).await.expect("it is as it was");
    assert_eq!(bucket.get(key).await, Ok(Found { value: Some(vec![4]), revision: third }));
}
