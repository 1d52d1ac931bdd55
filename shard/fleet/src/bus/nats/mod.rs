//! The bus over NATS.

use super::BusSettings;
use super::seal::LETTER_BYTES_MAX;
use crate::model::RunId;
use async_nats::{Client, ConnectOptions, Event, RequestErrorKind, Subscriber};
use futures_util::StreamExt;
use ringshard_certificates::{CertificateSource, Certificates, read_certificates};
use ringshard_operation::private_file;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Letters that wait for this host to read them. NATS drops what finds no room, and the bus counts it as away.
const WAITING_MAX: usize = 4_096;
/// Time between two questions whether NATS is there: two without an answer, and it is away.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long NATS may take to take a letter. The hosts' thread has other things to do.
const PATIENCE: Duration = Duration::from_millis(20);
/// After that, letters are lost for a while.
const STALL: Duration = Duration::from_secs(1);
/// How long a server may take to bring a letter back.
const CHECK_PATIENCE: Duration = Duration::from_secs(3);
/// Time between two complaints that NATS takes no letters of that size.
const COMPLAIN_AGAIN: Duration = Duration::from_secs(60);
/// Longest letter with its seal.
const PAYLOAD_MAX: usize = LETTER_BYTES_MAX + 64;
/// Longest wait between two attempts to connect.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// A connection to NATS, which connects again by itself.
pub struct NatsBus {
    client: Client,
    subject: String,
    is_connected: Arc<AtomicBool>,
    /// Until when nothing is said, because NATS did not take a letter in time.
    stalled_until: Option<Instant>,
    /// When the log last said that NATS takes no letters of that size.
    complained_at: Option<Instant>,
    all: Subscriber,
    own: Subscriber,
}

/// Why the bus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A file that the settings name.
    #[error("{0}")]
    File(String),
    /// NATS refuses.
    #[error("cannot use NATS: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// One of the two does not accept the certificate of the other.
    #[error(
        "cannot use NATS: {1}; bus.ca-certificate must name the certificate that signed that of NATS, but is {0}; NATS's must be \
         valid now, and for the host in bus.servers; if NATS asks for one of this host, bus.certificate must name one that it accepts"
    )]
    Certificate(PathBuf, async_nats::ConnectError),
    /// A subject that NATS refuses.
    #[error("cannot listen on NATS: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
}

impl NatsBus {
    /// Begins to connect, and listens for what is said to all and to `own`. It does not wait for NATS.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn start(settings: &BusSettings, own: RunId) -> Result<Self, BusError> {
        let is_connected = Arc::new(AtomicBool::new(false));
        let (seen, is_told) = (is_connected.clone(), Arc::new(AtomicBool::new(false)));
        let options = options(settings)?.retry_on_initial_connect().event_callback(move |event| {
            let (seen, is_told) = (seen.clone(), is_told.clone());
            async move {
                match event {
                    Event::Connected => {
                        seen.store(true, Ordering::Relaxed);
                        is_told.store(false, Ordering::Relaxed);
                        tracing::info!("the bus between hosts is connected");
                    }
                    Event::Disconnected | Event::Closed => {
                        seen.store(false, Ordering::Relaxed);
                        tracing::warn!("the bus between hosts is away: players do not move between hosts meanwhile");
                    }
                    Event::ClientError(error) if !is_told.swap(true, Ordering::Relaxed) => tracing::warn!(
                        %error,
                        "the bus between hosts cannot be reached, and is tried again: `ringshard doctor --fleet` says why"
                    ),
                    event => tracing::debug!(%event, "the bus between hosts"),
                }
            }
        });
        let client = options.connect(settings.servers.clone()).await?;
        let all = client.subscribe(format!("{}.all", settings.subject)).await?;
        let own = client.subscribe(format!("{}.to.{own}", settings.subject)).await?;
        Ok(NatsBus {
            client,
            subject: settings.subject.clone(),
            is_connected,
            stalled_until: None,
            complained_at: None,
            all,
            own,
        })
    }

    /// The connection, for what else is kept in NATS.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Whether NATS answers.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    /// Says something to all hosts, or to one. It is lost if NATS is away, or if NATS takes short letters only: a player that moves would
    /// then leave its host and never arrive.
    pub async fn say(&mut self, to: Option<RunId>, bytes: Vec<u8>) {
        assert!(bytes.len() <= PAYLOAD_MAX, "a letter is not longer than a player or a message of the border");
        if !self.is_connected()
            || !self.takes_players()
            || self.stalled_until.is_some_and(|until| Instant::now() < until)
        {
            return;
        }
        let subject = match to {
            Some(to) => format!("{}.to.{to}", self.subject),
            None => format!("{}.all", self.subject),
        };
        match timeout(PATIENCE, self.client.publish(subject, bytes.into())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the bus between hosts did not take a letter"),
            Err(_) => self.stalled_until = Some(Instant::now() + STALL),
        }
    }

    /// Whether NATS takes letters of every size. If not, the log says so.
    fn takes_players(&mut self) -> bool {
        let most = self.client.max_payload();
        if most >= PAYLOAD_MAX {
            return true;
        }
        if self.complained_at.is_none_or(|at| at.elapsed() >= COMPLAIN_AGAIN) {
            self.complained_at = Some(Instant::now());
            tracing::error!("{}: this host says nothing on the bus", too_small(most));
        }
        false
    }

    /// The next thing that somebody says to all or to this host.
    pub async fn hear(&mut self) -> Vec<u8> {
        loop {
            let message = tokio::select! {
                message = self.own.next() => message,
                message = self.all.next() => message,
            };
            match message {
                Some(message) => return message.payload.to_vec(),
                // The client is closed only when this bus is dropped.
                None => std::future::pending::<()>().await,
            }
        }
    }
}

/// The sentence for a NATS whose limit is too low.
fn too_small(most: usize) -> String {
    format!(
        "NATS takes at most {most} bytes in a message, but a player may have {PAYLOAD_MAX}: set max_payload = 1MB in its configuration"
    )
}

/// How long one server of NATS takes to bring a letter back. It tries once.
///
/// # Errors
/// Why it does not, as a sentence.
pub async fn round_trip(settings: &BusSettings, server: &str) -> Result<Duration, String> {
    let asked = async {
        let client = connect(settings, server).await?;
        let most = client.max_payload();
        if most < PAYLOAD_MAX {
            return Ok(Err(too_small(most)));
        }
        let subject = format!("{}.doctor.{}", settings.subject, client.new_inbox());
        let mut echo = client.subscribe(subject.clone()).await?;
        let began = Instant::now();
        // What is published next comes behind the subscription.
        let is_said = client.publish(subject, "?".into()).await.is_ok() && client.flush().await.is_ok();
        Ok::<_, BusError>(Ok((is_said && echo.next().await.is_some()).then(|| began.elapsed())))
    };
    match timeout(CHECK_PATIENCE, asked).await {
        Ok(Ok(Ok(Some(took)))) => Ok(took),
        Ok(Ok(Err(why))) => Err(why),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(Ok(None))) | Err(_) => {
            let subject = &settings.subject;
            Err(format!(
                "it brings no letter back: it does not answer, or its user may not use the subjects {subject}.>"
            ))
        }
    }
}

/// Whether one server of NATS has a JetStream for its user, which checkpoints need. It changes nothing.
///
/// # Errors
/// Why it does not, as a sentence.
pub async fn has_jetstream(settings: &BusSettings, server: &str) -> Result<(), String> {
    let asked = async {
        let client = connect(settings, server).await?;
        // Not `Context::query_account`: it cannot read the answers of servers before 2.10.
        Ok::<_, BusError>(client.request("$JS.API.INFO", "".into()).await)
    };
    let answer = match timeout(CHECK_PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string())?,
        Err(_) => return Err("its JetStream does not answer".into()),
    };
    let message = answer.map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => "it has no JetStream".to_owned(),
        _ => format!("its JetStream does not answer: {error}"),
    })?;
    let info: serde_json::Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    match &info["error"] {
        serde_json::Value::Null => Ok(()),
        error => Err(error["description"].as_str().unwrap_or("its JetStream refuses").to_owned()),
    }
}

/// Connects to one server, and tries once.
async fn connect(settings: &BusSettings, server: &str) -> Result<Client, BusError> {
    options(settings)?.connect(server).await.map_err(|error| match &settings.ca_certificate {
        Some(file) if error.to_string().to_lowercase().contains("certificate") => {
            BusError::Certificate(file.clone(), error)
        }
        _ => BusError::Connect(error),
    })
}

/// How to connect.
fn options(settings: &BusSettings) -> Result<ConnectOptions, BusError> {
    let mut options = ConnectOptions::new()
        .name("ringshard")
        .subscription_capacity(WAITING_MAX)
        .reconnect_delay_callback(|attempts| {
            RECONNECT_MAX.min(Duration::from_millis(50) * (1 << attempts.min(6)) as u32)
        })
        .ping_interval(PING_INTERVAL);
    if let (Some(user), Some(file)) = (&settings.user, &settings.password_file) {
        let password = private_file::read(file).map_err(BusError::File)?;
        options = options.user_and_password(user.clone(), password.trim().to_owned());
    }
    if let Some(certificates) = &settings.ca_certificate {
        read_certificates(certificates).map_err(|error| BusError::File(format!("bus.ca-certificate: {error}")))?;
        options = options.add_root_certificates(certificates.clone()).require_tls(true);
    }
    if let (Some(chain), Some(key)) = (&settings.certificate, &settings.certificate_key) {
        private_file::read(key).map_err(BusError::File)?;
        let files = CertificateSource::Files { chain: chain.clone(), key: key.clone() };
        Certificates::open(&files).map_err(|error| BusError::File(format!("bus.certificate: {error}")))?;
        options = options.add_client_certificate(chain.clone(), key.clone());
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
