//! Tiles from a provider over HTTP, with a bearer token.

use super::breaker::Breaker;
use super::provider::{Bytes, Fetching, TILE_BYTES_MAX, TileError, TileProvider};
use super::tile::{Tile, ZOOM_MAX};
use std::fmt;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use ureq::http::{Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

/// The wait that is said to clients if the provider does not say one.
const WAIT: Duration = Duration::from_secs(5);
/// For how long a fetch waits for its turn.
const TURN_MAX: Duration = Duration::from_secs(10);
const REDIRECTS_MAX: u32 = 3;

/// A secret such as a token. Its debug text hides it.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a tile is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TileFormat {
    /// A picture.
    Png,
    /// A picture.
    Jpeg,
    /// A picture.
    Webp,
    /// A Mapbox vector tile, perhaps compressed with gzip.
    Mvt,
}

/// Settings of a provider.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// The address of a tile, with `{z}`, `{x}` and `{y}`: `https://tiles.example/streets/{z}/{x}/{y}.png`.
    pub template: String,
    /// Sent as `Authorization: Bearer`. Needs https, except on loopback.
    pub token: Option<Secret>,
    /// What the provider gives. Anything else is refused.
    pub format: TileFormat,
    /// The zooms that the provider has.
    pub zooms: RangeInclusive<u8>,
    /// How long a fetch may take.
    pub timeout: Duration,
    /// Fetches at once.
    pub parallel: usize,
    /// The certificates of the authorities that https trusts, a PEM file.
    pub authorities: PathBuf,
}

impl RemoteSettings {
    /// Settings that suit most providers.
    pub fn new(template: impl Into<String>, format: TileFormat) -> RemoteSettings {
        RemoteSettings {
            template: template.into(),
            token: None,
            format,
            zooms: 0..=18,
            timeout: Duration::from_secs(10),
            parallel: 8,
            authorities: "/etc/ssl/certs/ca-certificates.crt".into(),
        }
    }
}

/// Settings that cannot work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RemoteSettingsError {
    /// The template is invalid.
    #[error("the address of tiles must begin with http:// or https:// and have {{z}}, {{x}} and {{y}}")]
    Template,
    /// Others could read the token on the network.
    #[error("a token needs https://, except for an address of this host")]
    OpenToken,
    /// The token has characters that a header cannot carry.
    #[error("the token has characters that a header cannot carry")]
    Token,
    /// The zooms are out of range.
    #[error("zooms lie between 0 and {ZOOM_MAX}, the lower one first")]
    Zooms,
    /// The authorities cannot be read.
    #[error("cannot read certificates from {path}: {reason}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A provider over HTTP.
pub struct Remote {
    shared: Arc<Shared>,
    turns: Arc<Semaphore>,
    zooms: RangeInclusive<u8>,
}

struct Shared {
    agent: Agent,
    template: String,
    authorization: Option<String>,
    format: TileFormat,
    breaker: Mutex<Breaker>,
}

/// The end of a request.
enum End {
    Tile(Bytes),
    Absent,
    Hold(Duration),
    Failed(String),
    Rubbish(String),
}

impl Remote {
    /// A provider.
    ///
    /// # Errors
    /// [`RemoteSettingsError`].
    pub fn new(settings: &RemoteSettings) -> Result<Remote, RemoteSettingsError> {
        check(settings)?;
        let mut config = Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .http_status_as_error(false)
            .max_redirects(REDIRECTS_MAX)
            .user_agent("ringshard")
            .max_idle_connections(settings.parallel)
            .max_idle_connections_per_host(settings.parallel);
        if settings.template.starts_with("https://") {
            config = config.tls_config(tls(settings)?).https_only(true);
        }
        let shared = Shared {
            agent: config.build().new_agent(),
            template: settings.template.clone(),
            authorization: settings.token.as_ref().map(|token| format!("Bearer {}", token.0)),
            format: settings.format,
            breaker: Mutex::new(Breaker::new()),
        };
        let turns = Arc::new(Semaphore::new(settings.parallel.max(1)));
        Ok(Remote { shared: Arc::new(shared), turns, zooms: settings.zooms.clone() })
    }

    async fn fetch_in_turn(&self, tile: Tile) -> Result<Option<Bytes>, TileError> {
        let not_now = |wait, reason: &str| TileError::NotNow { wait, reason: reason.to_owned() };
        let turn = tokio::time::timeout(TURN_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(not_now(WAIT, "too many tiles are being fetched")) };
        let passed = self.shared.breaker().pass(Instant::now());
        passed.map_err(|wait| not_now(wait, "the provider of tiles is out of order or wants to be left alone"))?;
        let request = Request { shared: Arc::clone(&self.shared), ended: false };
        let ended = tokio::task::spawn_blocking(move || {
            // A turn lasts as long as the request does, also if nobody waits for it any more.
            let _turn = turn;
            request.run(tile)
        });
        match ended.await {
            Ok(End::Tile(bytes)) => Ok(Some(bytes)),
            Ok(End::Absent) => Ok(None),
            Ok(End::Hold(wait)) => Err(not_now(wait, "the provider of tiles wants to be left alone")),
            Ok(End::Failed(reason)) => Err(TileError::NotNow { wait: WAIT, reason }),
            Ok(End::Rubbish(reason)) => Err(TileError::Damaged { reason }),
            Err(error) => Err(TileError::NotNow { wait: WAIT, reason: format!("a fetch ended early: {error}") }),
        }
    }
}

impl TileProvider for Remote {
    fn fetch(&self, tile: Tile) -> Fetching<'_> {
        Box::pin(self.fetch_in_turn(tile))
    }

    fn zooms(&self) -> RangeInclusive<u8> {
        self.zooms.clone()
    }

    fn format(&self) -> (&'static str, Option<&'static str>) {
        match self.shared.format {
            TileFormat::Png => ("image/png", None),
            TileFormat::Jpeg => ("image/jpeg", None),
            TileFormat::Webp => ("image/webp", None),
            TileFormat::Mvt => ("application/vnd.mapbox-vector-tile", None),
        }
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// A request that has passed the breaker: it tells it how it ends, whatever happens.
struct Request {
    shared: Arc<Shared>,
    ended: bool,
}

impl Request {
    fn run(mut self, tile: Tile) -> End {
        let shared = Arc::clone(&self.shared);
        let end = shared.get(tile);
        let mut breaker = shared.breaker();
        match &end {
            End::Tile(_) | End::Absent => breaker.succeeded(),
            End::Hold(wait) => breaker.hold(Instant::now(), *wait),
            End::Failed(_) | End::Rubbish(_) => breaker.failed(Instant::now()),
        }
        self.ended = true;
        end
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.breaker().abandoned();
        }
    }
}

impl Shared {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, tile: Tile) -> End {
        let (z, x, y) = (tile.z().to_string(), tile.x().to_string(), tile.y().to_string());
        let address = self.template.replace("{z}", &z).replace("{x}", &x).replace("{y}", &y);
        let mut request = self.agent.get(&address);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        // The address is not part of the reason: it may have a key.
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return End::Failed(format!("the provider of tiles does not answer: {error}")),
        };
        match response.status() {
            StatusCode::OK => self.take(tile, response),
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND | StatusCode::GONE => End::Absent,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => End::Hold(retry_after(&response)),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                End::Failed(format!("the provider of tiles refuses the token: status {}", status.as_u16()))
            }
            status => End::Failed(format!("the provider of tiles answers with status {}", status.as_u16())),
        }
    }

    fn take(&self, tile: Tile, mut response: Response<Body>) -> End {
        let read = response.body_mut().with_config().limit(TILE_BYTES_MAX as u64).read_to_vec();
        match read {
            Ok(bytes) if self.format.fits(&bytes) => End::Tile(bytes.into()),
            Ok(_) => End::Rubbish(format!("the provider gave something for {tile} that is no {:?} tile", self.format)),
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                End::Rubbish(format!("the provider gave more than {TILE_BYTES_MAX} bytes for {tile}"))
            }
            Err(error) => End::Failed(format!("the provider of tiles stops in the middle of a tile: {error}")),
        }
    }
}

impl TileFormat {
    /// Whether bytes begin as this format does. A vector tile has no mark, but is no web page either.
    fn fits(self, bytes: &[u8]) -> bool {
        match self {
            TileFormat::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            TileFormat::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
            TileFormat::Webp => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
            // The first field of a vector tile is a layer; gzip has a mark.
            TileFormat::Mvt => bytes.starts_with(b"\x1a") || bytes.starts_with(b"\x1f\x8b"),
        }
    }
}

fn retry_after(response: &Response<Body>) -> Duration {
    let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(WAIT, Duration::from_secs).clamp(Duration::from_secs(1), Duration::from_secs(60))
}

fn check(settings: &RemoteSettings) -> Result<(), RemoteSettingsError> {
    let template = &settings.template;
    let uri: Option<ureq::http::Uri> = template.replace(['{', '}'], "0").parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default().trim_matches(['[', ']']);
    let is_http = template.starts_with("http://") || template.starts_with("https://");
    if !is_http || host.is_empty() || !["{z}", "{x}", "{y}"].iter().all(|part| template.contains(part)) {
        return Err(RemoteSettingsError::Template);
    }
    if let Some(Secret(token)) = &settings.token {
        let is_here = host == "localhost" || host.parse().is_ok_and(|it: std::net::IpAddr| it.is_loopback());
        if !template.starts_with("https://") && !is_here {
            return Err(RemoteSettingsError::OpenToken);
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RemoteSettingsError::Token);
        }
    }
    if settings.zooms.is_empty() || *settings.zooms.end() > ZOOM_MAX {
        return Err(RemoteSettingsError::Zooms);
    }
    Ok(())
}

fn tls(settings: &RemoteSettings) -> Result<TlsConfig, RemoteSettingsError> {
    let path = &settings.authorities;
    let failed = |reason: String| RemoteSettingsError::Authorities { path: path.clone(), reason };
    let pem = std::fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed("there is no such file; install ca-certificates or name another one".to_owned()),
        _ => failed(error.to_string()),
    })?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(failed("it has no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut RemoteSettings)) -> RemoteSettingsError {
        let mut settings = RemoteSettings::new("https://tiles.example/{z}/{x}/{y}.png", TileFormat::Png);
        change(&mut settings);
        Remote::new(&settings).err().expect("the settings should be refused")
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        for template in
            ["", "tiles.example/{z}/{x}/{y}", "ftp://a/{z}/{x}/{y}", "https://a/{z}/{x}", "https:///{z}/{x}/{y}"]
        {
            assert_eq!(refused(|it| it.template = template.into()), RemoteSettingsError::Template, "{template}");
        }
        let open = refused(|it| {
            it.template = "http://tiles.example/{z}/{x}/{y}".into();
            it.token = Some(Secret("t".into()));
        });
        assert_eq!(open, RemoteSettingsError::OpenToken);
        assert_eq!(refused(|it| it.token = Some(Secret("a\r\nb".into()))), RemoteSettingsError::Token);
        assert_eq!(refused(|it| it.zooms = 0..=25), RemoteSettingsError::Zooms);
        let missing = refused(|it| it.authorities = "/nowhere.pem".into());
        assert!(missing.to_string().contains("/nowhere.pem: there is no such file"), "{missing}");
        assert_eq!(format!("{:?}", Secret("hidden".into())), "Secret(..)");
    }
}
