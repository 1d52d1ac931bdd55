//! `ringshard capture` and `ringshard decrypt`

use crate::admin::AdminArguments;
use crate::output::{Output, remark};
use ringshard::ops::admin::{AdminClient, AdminClientError};
use ringshard::ops::capture::{MEGABYTES_MAX, SECONDS_MAX, Secrets, decrypt};
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two requests for traffic secrets. Secrets of shorter connections may be missed.
const SECRETS_PERIOD: Duration = Duration::from_millis(200);
/// Most bytes that are copied at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Arguments of `capture`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// File to write, which must not exist yet. `-` is standard output, such as for `| wireshark -k -i -`.
    #[arg(long, value_name = "FILE", default_value = "ringshard.pcapng")]
    out: PathBuf,
    /// Duration in seconds, up to 300.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// Largest size in MiB, up to 256.
    #[arg(long, value_name = "MIB", default_value_t = 100)]
    megabytes: usize,
    /// Capture only datagrams from and to this address.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// Also write the traffic secrets of the connections to this file, for `ringshard decrypt`. The server must run with
    /// --key-log true.
    #[arg(long, value_name = "FILE")]
    key_log: Option<PathBuf>,
}

/// Arguments of `decrypt`.
#[derive(clap::Args)]
pub struct DecryptArguments {
    /// The capture to decrypt; `-` is standard input.
    capture: PathBuf,
    /// The traffic secrets, from `ringshard capture --key-log`.
    #[arg(long, value_name = "FILE")]
    key_log: PathBuf,
    /// File to write, which must not exist yet; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "decrypted.pcapng")]
    out: PathBuf,
    /// UDP port of the server.
    #[arg(long, value_name = "PORT", default_value_t = ringshard_protocol::limits::PORT_DEFAULT)]
    port: u16,
}

/// Runs `ringshard capture`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { admin, out, seconds, megabytes, key_log, .. } = arguments;
    if !(*seconds > 0.0 && *seconds <= SECONDS_MAX && (1..=MEGABYTES_MAX).contains(megabytes)) {
        return Err(format!(
            "--seconds must be above 0 and at most {SECONDS_MAX}, and --megabytes from 1 to {MEGABYTES_MAX}"
        )
        .into());
    }
    if key_log.as_ref().is_some_and(|path| path.as_os_str() == "-") && out.as_os_str() == "-" {
        return Err("--out and --key-log cannot both be `-`: name a file for one of them".into());
    }
    let client = admin.client()?;
    // If the server refuses to give out secrets, no capture begins.
    let secrets = if key_log.is_some() { client.text("/keys")? } else { String::new() };
    let mut file = Output::create(out, "the capture")?;
    let key_file = match key_log.as_ref().map(|path| Output::create(path, "the key log")).transpose() {
        Ok(key_file) => key_file,
        Err(error) => {
            file.discard();
            return Err(error.into());
        }
    };
    let answer = match client.open(&arguments.path(), Duration::from_secs_f64(*seconds)) {
        Ok(answer) => answer,
        Err(error) => {
            file.discard();
            key_file.into_iter().for_each(Output::discard);
            return Err(error.into());
        }
    };
    remark(format_args!("capturing for {seconds} s ..."));
    let watch = key_file.map(|file| SecretsCollector::start(client, file, &secrets));
    let copied = copy(answer, &mut file);
    let secrets_written = watch.map_or(Ok(()), SecretsCollector::end);
    let bytes = copied?;
    remark(format_args!(
        "wrote {file} ({} KiB); Wireshark needs the dissector ringshard.lua to read it",
        bytes.div_ceil(1024)
    ));
    secrets_written
}

impl Arguments {
    /// The request.
    fn path(&self) -> String {
        let address = self.address.map_or(String::new(), |address| format!("&address={address}"));
        format!("/capture?seconds={}&megabytes={}{address}", self.seconds, self.megabytes)
    }
}

/// Copies the answer as it arrives; returns the number of bytes.
fn copy(mut from: impl Read, to: &mut Output) -> Result<u64, Box<dyn Error>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(len) => {
                to.write(&chunk[..len])?;
                bytes += len as u64;
            }
            Err(error) => {
                let kept = bytes.div_ceil(1024);
                return Err(format!("the capture ended early ({error}); {to} has the first {kept} KiB").into());
            }
        }
    }
}

/// Collects the secrets of the connections during a capture, on a thread of its own.
struct SecretsCollector {
    over: Arc<AtomicBool>,
    collecting: JoinHandle<Result<(BTreeSet<String>, Output), AdminClientError>>,
}

impl SecretsCollector {
    fn start(client: AdminClient, file: Output, first: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut secrets: BTreeSet<String> = first.lines().map(str::to_owned).collect();
        let collect = {
            let over = over.clone();
            // Repeatedly, because clients come and go and keys change.
            move || {
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(SECRETS_PERIOD);
                    secrets.extend(client.text("/keys")?.lines().map(str::to_owned));
                }
                Ok((secrets, file))
            }
        };
        SecretsCollector { over, collecting: std::thread::spawn(collect) }
    }

    /// Writes what was collected.
    fn end(self) -> Result<(), Box<dyn Error>> {
        self.over.store(true, Ordering::Relaxed);
        let (secrets, mut file) =
            self.collecting.join().map_err(|_| "the thread that collects traffic secrets panicked")??;
        let log: String = secrets.iter().map(|line| format!("{line}\n")).collect();
        file.write(log.as_bytes())?;
        remark(format_args!("wrote {file}; anyone with this file can decrypt the capture"));
        Ok(())
    }
}

/// Runs `ringshard decrypt`.
pub fn run_decrypt(arguments: &DecryptArguments) -> Result<(), Box<dyn Error>> {
    let DecryptArguments { capture, key_log, out, port } = arguments;
    let unreadable = |path: &Path, error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let log = std::fs::read_to_string(key_log).map_err(|error| unreadable(key_log, error))?;
    let secrets = Secrets::parse(&log).map_err(|error| format!("{}, {error}", key_log.display()))?;
    let file = read(capture).map_err(|error| unreadable(capture, error))?;
    let decrypted = decrypt(&file, &secrets, *port).map_err(|error| format!("{}: {error}", capture.display()))?;
    let mut out = Output::create(out, "the capture")?;
    out.write(&decrypted.file)?;
    let (opened, sealed, clear) = (decrypted.opened, decrypted.sealed, decrypted.clear);
    remark(format_args!(
        "wrote {out}: {opened} datagrams decrypted, {sealed} without their secrets, {clear} never encrypted"
    ));
    if opened == 0 && sealed > 0 {
        return Err(format!("no datagram could be decrypted: check that {port} is the port of the server, and that the key log is from the \
             same run").into());
    }
    Ok(())
}

/// The bytes of a file, or of standard input for `-`.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
}
