//! `ringshard capture` and `ringshard decrypt`

use crate::admin::AdminArguments;
use ringshard::capture::{MEGABYTES_MAX, SECONDS_MAX, Secrets, decrypt};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time between two looks at the connections' secrets: one that is there for less may be missed.
const SECRETS_PERIOD: Duration = Duration::from_millis(200);

/// What `capture` takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    admin: AdminArguments,
    /// File to write; it must not exist yet.
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
    /// The capture.
    capture: PathBuf,
    /// The secrets, as of `ringshard capture --key-log`.
    #[arg(long, value_name = "FILE")]
    key_log: PathBuf,
    /// File to write; it must not exist yet.
    #[arg(long, value_name = "FILE", default_value = "decrypted.pcapng")]
    out: PathBuf,
    /// The server's port.
    #[arg(long, value_name = "PORT", default_value_t = ringshard_engine::limits::PORT_DEFAULT)]
    port: u16,
}

/// Captures.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { admin, out, seconds, megabytes, address, key_log } = arguments;
    if !(*seconds > 0.0 && *seconds <= SECONDS_MAX && (1..=MEGABYTES_MAX).contains(megabytes)) {
        return Err(format!("--seconds is up to {SECONDS_MAX}, and --megabytes 1 to {MEGABYTES_MAX}").into());
    }
    let asker = admin.asker()?;
    let address = address.map_or(String::new(), |address| format!("&address={address}"));
    let path = format!("/capture?seconds={seconds}&megabytes={megabytes}{address}");
    eprintln!("capturing for {seconds} s ...");
    let (seconds, capturer) = (Duration::from_secs_f64(*seconds), asker.clone());
    let capturing = std::thread::spawn(move || capturer.bytes(&path, seconds));
    let mut secrets = BTreeSet::new();
    // Again and again: players come and go, and keys can change.
    while key_log.is_some() && !capturing.is_finished() {
        secrets.extend(asker.text("/keys")?.lines().map(str::to_owned));
        std::thread::sleep(SECRETS_PERIOD);
    }
    let file = capturing.join().map_err(|_| "the capture was given up")??;
    write_new(out, &file)?;
    eprintln!(
        "wrote {} ({} KiB); scripts/wireshark/ringshard.lua lets Wireshark read it",
        out.display(),
        file.len() >> 10
    );
    if let Some(path) = key_log {
        let log: String = secrets.iter().map(|line| format!("{line}\n")).collect();
        write_new(path, log.as_bytes())?;
        eprintln!("wrote {}: keep it to yourself", path.display());
    }
    Ok(())
}

/// Opens a capture.
pub fn run_decrypt(arguments: &DecryptArguments) -> Result<(), Box<dyn Error>> {
    let DecryptArguments { capture, key_log, out, port } = arguments;
    let unreadable = |path: &Path, error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let log = std::fs::read_to_string(key_log).map_err(|error| unreadable(key_log, error))?;
    let secrets = Secrets::read(&log).map_err(|error| format!("{}, {error}", key_log.display()))?;
    let file = std::fs::read(capture).map_err(|error| unreadable(capture, error))?;
    let decrypted = decrypt(&file, &secrets, *port).map_err(|error| format!("{}: {error}", capture.display()))?;
    write_new(out, &decrypted.file)?;
    let (opened, sealed, clear) = (decrypted.opened, decrypted.sealed, decrypted.clear);
    eprintln!(
        "wrote {}: {opened} datagrams opened, {sealed} without their secrets, {clear} never sealed",
        out.display()
    );
    if opened == 0 && sealed > 0 {
        return Err(format!("nothing could be opened: is {port} the server's port, and the key log of its run?").into());
    }
    Ok(())
}

/// Writes a file that was not there, for its owner alone: it tells what players say.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    open()
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| format!("cannot write {}: {error}; it must not exist yet", path.display()).into())
}
