//! Downloads a resource into a new file.

use super::super::arguments::Arguments;
use super::world::World;
use crate::failure::Failure;
use crate::output::{self, Output};
use crate::units::bytes;
use indicatif::{ProgressBar, ProgressStyle};
use ringshard_client::requests::download::{Event, Failure as Ended, Trust, Verify, Wanted};
use ringshard_client::signed_by;
use ringshard_services::resources::{PublicKey, SigningKey, to_hex};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A download that has not begun.
pub struct Download {
    wanted: Wanted,
    key: Option<PublicKey>,
    out: Output,
}

impl Download {
    /// Reads the command line, and creates the file.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn prepare(name: &str, arguments: &Arguments) -> Result<Download, Failure> {
        let options = &arguments.world;
        let key = options.key.as_deref().map(public_key).transpose()?;
        let wanted = if options.trust_server { Wanted::unsigned(name) } else { Wanted::new(name) };
        if wanted.trust == Trust::Signature && key.is_none() {
            let why = "give the --key that signs resources, or --trust-server to take whatever the server has";
            return Err(Failure::Usage(why.into()));
        }
        let last = name.rsplit('/').next().unwrap_or(name);
        let path = options.out.clone().unwrap_or_else(|| PathBuf::from(last));
        let out = Output::create(&path, "the download").map_err(Failure::Usage)?;
        Ok(Download { wanted, key, out })
    }

    /// What checks the signature.
    pub fn verify(&self) -> Option<Verify> {
        let key = self.key?;
        Some(signed_by(key.0))
    }

    /// Downloads. Without success, the file is removed.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn run(self, world: &mut World, as_json: bool) -> Result<(), Failure> {
        let Download { wanted, key, mut out } = self;
        let name = wanted.name.clone();
        let began = Instant::now();
        match transfer(world, wanted, &mut out) {
            Ok((hash, size)) => {
                let report =
                    Report { name: &name, file: out.to_string(), sha256: to_hex(&hash), size, signed: key.is_some() };
                report.print(began.elapsed(), as_json);
                Ok(())
            }
            Err(failure) => {
                out.discard();
                Err(failure)
            }
        }
    }

    /// Removes the file of a download that does not begin because of `failure`.
    pub fn give_up(self, failure: Failure) -> Failure {
        self.out.discard();
        failure
    }
}

/// What was downloaded.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    file: String,
    sha256: String,
    size: u64,
    /// Whether a signature was checked.
    signed: bool,
}

impl Report<'_> {
    /// Prints it to standard error, because standard output may be the download.
    fn print(&self, time: Duration, as_json: bool) {
        if as_json {
            return output::remark(serde_json::to_string(self).expect("JSON can be written"));
        }
        let Report { file, sha256, size, signed, .. } = self;
        let (size, seconds) = (bytes(*size as f64), time.as_secs_f64());
        let signed = if *signed { ", signed" } else { "" };
        output::remark(format_args!("{file}: {size} in {seconds:.1} s, sha256 {sha256}{signed}"));
    }
}

fn transfer(world: &mut World, wanted: Wanted, out: &mut Output) -> Result<([u8; 32], u64), Failure> {
    let opened = world.downloads.open(world.now().as_millis() as u64, wanted);
    opened.map_err(|error| Failure::Usage(error.to_string()))?;
    let bar = bar();
    let mut heard = world.now();
    loop {
        world.turn()?;
        while let Some(event) = world.downloads.poll_event() {
            heard = world.now();
            match event {
                Event::Opened { size, .. } => bar.set_length(size),
                Event::Bytes { bytes, .. } => {
                    out.write(&bytes).map_err(|error| Failure::Wrong(error.to_string()))?;
                    bar.inc(bytes.len() as u64);
                }
                Event::Done { hash, size, .. } => {
                    bar.finish_and_clear();
                    return Ok((hash, size));
                }
                Event::Failed { why, .. } => return Err(ended(why)),
            }
        }
        if world.now() - heard > world.timeout() {
            return Err(ended(Ended::NoAnswer));
        }
    }
}

/// A progress bar of bytes. It is hidden if standard error is not a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("[{bar:40}] {bytes} of {total_bytes}, {binary_bytes_per_sec}");
    let bar = ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn ended(why: Ended) -> Failure {
    match why {
        Ended::Refused(404) => Failure::refused(404, "the server has no such resource"),
        Ended::Refused(status) => Failure::refused(status, "the server does not open the resource"),
        Ended::NoAnswer => Failure::Unreachable(why.to_string()),
        why => Failure::Wrong(why.to_string()),
    }
}

/// A public key in hexadecimal digits, or that of a secret key file.
fn public_key(text: &str) -> Result<PublicKey, Failure> {
    if let Some(key) = PublicKey::from_hex(text) {
        return Ok(key);
    }
    let loaded = SigningKey::load(Path::new(text));
    loaded.map(|key| key.public()).map_err(|error| {
        Failure::Usage(format!("--key: give 64 hexadecimal digits, which are the public key, or a key file: {error}"))
    })
}
