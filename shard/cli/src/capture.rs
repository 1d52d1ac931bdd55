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

/// Time between two looks at the connections' secrets: one that is there for less may be missed.
const SECRETS_PERIOD: Duration = Duration::from_millis(200);
/// Bytes that are written at once at most.
const PIECE_BYTES: usize = 64 << 10;

/// What `capture` takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// File to write, which must not exist yet; `-` for standard output, as for `| wireshark -k -i -`.
    #[arg(long, value_name = "FILE", default_value = "ringshard.pcapng")]
    out: PathBuf,
    /// For how long.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// MiB at most.
    #[arg(long, value_name = "MIB", default_value_t = 100)]
    megabytes: usize,
    /// To and from this address alone.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// Also write the traffic secrets of the connections that are there meanwhile, for `ringshard decrypt`. The server must
    /// have been started with --key-log true.
    #[arg(long, value_name = "FILE")]
    key_log: Option<PathBuf>,
}

/// What `decrypt` takes.
#[derive(clap::Args)]
pub struct DecryptArguments {
    /// The capture; `-` for standard input.
    capture: PathBuf,
    /// The secrets, as of `ringshard capture --key-log`.
    #[arg(long, value_name = "FILE")]
    key_log: PathBuf,
    /// File to write, which must not exist yet; `-` for standard output.
    #[arg(long, value_name = "FILE", default_value = "decrypted.pcapng")]
    out: PathBuf,
    /// The server's port.
    #[arg(long, value_name = "PORT", default_value_t = ringshard_protocol::limits::PORT_DEFAULT)]
    port: u16,
}

/// Captures.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { admin, out, seconds, megabytes, key_log, .. } = arguments;
    if !(*seconds > 0.0 && *seconds <= SECONDS_MAX && (1..=MEGABYTES_MAX).contains(megabytes)) {
        return Err(format!("--seconds is up to {SECONDS_MAX}, and --megabytes 1 to {MEGABYTES_MAX}").into());
    }
    if key_log.as_ref().is_some_and(|path| path.as_os_str() == "-") && out.as_os_str() == "-" {
        return Err("--out and --key-log cannot both be `-`: name a file for one of them".into());
    }
    let asker = admin.asker()?;
    // Whatever is refused is refused before the capture begins.
    let secrets = if key_log.is_some() { asker.text("/keys")? } else { String::new() };
    let mut file = Output::create(out, "the capture")?;
    let key_file = match key_log.as_ref().map(|path| Output::create(path, "the key log")).transpose() {
        Ok(key_file) => key_file,
        Err(error) => {
            file.discard();
            return Err(error.into());
        }
    };
    let answer = match asker.open(&arguments.path(), Duration::from_secs_f64(*seconds)) {
        Ok(answer) => answer,
        Err(error) => {
            file.discard();
            key_file.into_iter().for_each(Output::discard);
            return Err(error.into());
        }
    };
    remark(format_args!("capturing for {seconds} s ..."));
    let watch = key_file.map(|file| SecretsWatch::start(asker, file, &secrets));
    let copied = copy(answer, &mut file);
    let secrets_written = watch.map_or(Ok(()), SecretsWatch::end);
    let bytes = copied?;
    remark(format_args!(
        "wrote {file} ({} KiB); scripts/wireshark/ringshard.lua lets Wireshark read it",
        bytes.div_ceil(1024)
    ));
    secrets_written
}

impl Arguments {
    /// What the server is asked.
    fn path(&self) -> String {
        let address = self.address.map_or(String::new(), |address| format!("&address={address}"));
        format!("/capture?seconds={}&megabytes={}{address}", self.seconds, self.megabytes)
    }
}

/// Writes what comes as it comes; gives how many bytes that were.
fn copy(mut from: impl Read, to: &mut Output) -> Result<u64, Box<dyn Error>> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(len) => {
                to.write(&piece[..len])?;
                bytes += len as u64;
            }
            Err(error) => {
                let kept = bytes.div_ceil(1024);
                return Err(
                    format!("the server ended the capture early ({error}); {to} has its first {kept} KiB").into()
                );
            }
        }
    }
}

/// Gathers the secrets of the connections while a capture is made, on a thread of its own.
struct SecretsWatch {
    over: Arc<AtomicBool>,
    gathering: JoinHandle<Result<(BTreeSet<String>, Output), AdminClientError>>,
}

impl SecretsWatch {
    fn start(asker: AdminClient, file: Output, first: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let mut secrets: BTreeSet<String> = first.lines().map(str::to_owned).collect();
        let gather = {
            let over = over.clone();
            // Again and again: players come and go, and keys can change.
            move || {
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(SECRETS_PERIOD);
                    secrets.extend(asker.text("/keys")?.lines().map(str::to_owned));
                }
                Ok((secrets, file))
            }
        };
        SecretsWatch { over, gathering: std::thread::spawn(gather) }
    }

    /// Writes what was gathered.
    fn end(self) -> Result<(), Box<dyn Error>> {
        self.over.store(true, Ordering::Relaxed);
        let (secrets, mut file) = self.gathering.join().map_err(|_| "the secrets were given up")??;
        let log: String = secrets.iter().map(|line| format!("{line}\n")).collect();
        file.write(log.as_bytes())?;
        remark(format_args!("wrote {file}: keep it to yourself"));
        Ok(())
    }
}

/// Opens a capture.
pub fn run_decrypt(arguments: &DecryptArguments) -> Result<(), Box<dyn Error>> {
    let DecryptArguments { capture, key_log, out, port } = arguments;
    let unreadable = |path: &Path, error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let log = std::fs::read_to_string(key_log).map_err(|error| unreadable(key_log, error))?;
    let secrets = Secrets::read(&log).map_err(|error| format!("{}, {error}", key_log.display()))?;
    let file = read(capture).map_err(|error| unreadable(capture, error))?;
    let decrypted = decrypt(&file, &secrets, *port).map_err(|error| format!("{}: {error}", capture.display()))?;
    let mut out = Output::create(out, "the capture")?;
    out.write(&decrypted.file)?;
    let (opened, sealed, clear) = (decrypted.opened, decrypted.sealed, decrypted.clear);
    remark(format_args!(
        "wrote {out}: {opened} datagrams opened, {sealed} without their secrets, {clear} never sealed"
    ));
    if opened == 0 && sealed > 0 {
        return Err(format!("nothing could be opened: is {port} the server's port, and the key log of its run?").into());
    }
    Ok(())
}

/// A file's bytes; those of standard input for `-`.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
}
