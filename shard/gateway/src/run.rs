//! Runs a gateway from its settings to its end: signals, reload, drain.

use crate::admin::Admin;
use crate::control::Control;
use crate::settings::Sources;
use crate::start::Gateway;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Time between two looks at a drain.
const LOOK: Duration = Duration::from_millis(100);
/// Time between two looks at the files of the certificate.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(10);
/// For the close frames of the last clients.
const GOODBYE: Duration = Duration::from_millis(500);

/// Runs until a signal or the admin port ends the gateway, and all clients have left or `drain-secs` have passed.
///
/// # Errors
/// The settings are wrong, or the gateway does not start.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let settings = sources.load()?;
    let signals = signals()?;
    let gateway = Gateway::start(settings)?;
    let control = gateway.control();
    control.reload_from(sources.clone());
    let admin = Admin::start(control)?;
    announce(&gateway, admin.as_ref());
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    supervise(control, &signals);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    std::thread::sleep(GOODBYE);
    tracing::info!(clients = control.taken().1, "the gateway ends");
    Ok(())
}

fn announce(gateway: &Gateway, admin: Option<&Admin>) {
    let settings = gateway.control().settings();
    let listen = gateway.listen();
    let servers = settings.servers.iter().map(|server| format!("{}={}", server.name, server.address));
    let servers = servers.collect::<Vec<_>>().join(" ");
    let carriers = settings.carriers.iter().map(|carrier| carrier.name()).collect::<Vec<_>>().join(" ");
    tracing::info!(%listen, threads = settings.threads, %carriers, %servers, "the gateway serves");
    if settings.key.is_none() {
        tracing::info!("there is no gateway key: servers see the gateway's address instead of the clients'");
    }
    if let Some(admin) = admin {
        tracing::info!("dashboard: http://{}", admin.listen());
    }
    if settings.page {
        let scheme = if settings.is_development() { "http" } else { "https" };
        tracing::info!("page: {scheme}://{listen}");
    }
}

fn signals() -> std::io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if sender.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// Returns once the gateway may end.
fn supervise(control: &Arc<Control>, signals: &Receiver<i32>) {
    let mut look_at_certificate = Instant::now() + CERTIFICATE_LOOK;
    loop {
        match signals.recv_timeout(LOOK) {
            Ok(SIGHUP) => control.log_reload(),
            Ok(_) if control.drains() => {
                tracing::warn!("a second signal ends the drain");
                return;
            }
            Ok(_) => control.drain(control.settings().drain),
            Err(RecvTimeoutError::Timeout) => {}
            // The thread of the signals has ended, which it never does: only the admin port is left.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
        if control.has_drained() {
            return;
        }
        if Instant::now() >= look_at_certificate {
            look_at_certificate = Instant::now() + CERTIFICATE_LOOK;
            control.renew_certificate();
        }
    }
}
