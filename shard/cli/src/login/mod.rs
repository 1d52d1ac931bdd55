//! Tokens for the login door, and tickets for the world.
//!
//! | module | for |
//! |---|---|
//! | `arguments` | who logs in where |
//! | `https` | the login door |
//! | `password` | asks for a password |

mod arguments;
mod https;
mod password;

pub use arguments::{EntryArguments, LoginArguments};
pub use https::Https;

use crate::failure::Failure;
use ringshard_client::PublicKey;
use ringshard_client::requests::value::base64;
use ringshard_client::world::messages::reason;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::Duration;

/// Use of a login door. A session that began for it ends with it.
pub struct Session {
    /// The door.
    pub door: Https,
    /// Whether the session began here.
    is_own: bool,
}

impl Session {
    /// Uses a door with what the command line has: a token, an email, or neither.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn begin(url: String, login: &LoginArguments, timeout: Duration) -> Result<Session, Failure> {
        let mut door = Https::new(url, login, timeout)?;
        let Some(email) = &login.email else {
            door.token = token(login.token.as_deref(), login.token_file.as_deref())?;
            return Ok(Session { door, is_own: false });
        };
        let body = json!({ "email": email, "password": password::of(email)? });
        let answer = door.post("/v1/login", &body)?;
        door.token = Some(text(&answer, "token")?.to_owned());
        Ok(Session { door, is_own: true })
    }

    /// Logs out, if the session began here.
    pub fn end(self) {
        if self.is_own {
            // A session that is not ended here expires.
            let _ = self.door.post("/v1/logout", &Json::Null);
        }
    }
}

/// What lets the client into the world.
pub struct Entrance {
    /// The server's key.
    pub key: PublicKey,
    /// The ticket; empty for a guest.
    pub ticket: Vec<u8>,
    session: Option<Session>,
}

impl Entrance {
    /// Logs out, if a login began for it.
    pub fn end(self) {
        if let Some(session) = self.session {
            session.end();
        }
    }
}

/// The ticket of the command line, or one of the login door, which answers within `timeout`. Without a login, there is a key.
///
/// # Errors
/// [`Failure`].
pub fn entrance(
    entry: &EntryArguments,
    login: &LoginArguments,
    key: Option<PublicKey>,
    timeout: Duration,
) -> Result<Entrance, Failure> {
    let Some(url) = &entry.login else {
        let key = key.expect("without a login, the command line has a key");
        let ticket = entry.ticket.as_deref().map_or_else(|| Ok(Vec::new()), given_ticket)?;
        return Ok(Entrance { key, ticket, session: None });
    };
    if !url.starts_with("https://") {
        return Err(Failure::Usage("--login has an https:// address".into()));
    }
    let session = Session::begin(url.clone(), login, timeout)?;
    if session.door.token.is_none() {
        return Err(Failure::Usage("--login needs --email, --token-file or --token".into()));
    }
    match ticket(&session.door, key) {
        Ok((key, ticket)) => Ok(Entrance { key, ticket, session: Some(session) }),
        Err(failure) => {
            session.end();
            Err(failure)
        }
    }
}

/// A ticket for the server with this key, or for the first server of the login.
fn ticket(door: &Https, key: Option<PublicKey>) -> Result<(PublicKey, Vec<u8>), Failure> {
    let body = key.map_or_else(|| json!({}), |key| json!({ "server": key.to_string() }));
    let answer = door.post("/v1/ticket", &body)?;
    let ticket = base64::decode(text(&answer, "ticket")?).ok_or_else(|| unknown_form("ticket"))?;
    let key = PublicKey::from_hex(text(&answer, "server_key")?).map_err(|_| unknown_form("server_key"))?;
    Ok((key, ticket))
}

/// Why a server refuses or puts out a client: its own reason, or the game's.
pub fn said(why: u8) -> String {
    match why {
        reason::BACKLOG => "this client was silent for too long".into(),
        reason::TICKET => {
            "the ticket is not good: it was used, has expired after 30 s, or is for another server; get a new one"
                .into()
        }
        reason::BUSY => "the services are busy".into(),
        reason::ELSEWHERE => "the account has entered from another client".into(),
        reason::DISABLED => "the account is disabled".into(),
        other => format!("the game's reason {other}"),
    }
}

/// A ticket of the command line: base64url, or @FILE.
fn given_ticket(text: &str) -> Result<Vec<u8>, Failure> {
    let text = match text.strip_prefix('@') {
        Some(file) => read(Path::new(file), "the ticket")?,
        None => text.to_owned(),
    };
    base64::decode(text.trim()).ok_or_else(|| {
        Failure::Usage("--ticket: this is no base64url: give the `ticket` that POST /v1/ticket answers".into())
    })
}

fn token(given: Option<&str>, file: Option<&Path>) -> Result<Option<String>, Failure> {
    let text = match (given, file) {
        (Some(token), _) => token.to_owned(),
        (None, Some(file)) => read(file, "the token")?,
        (None, None) => return Ok(None),
    };
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| Some(token.to_owned())).ok_or_else(|| Failure::Usage("this is no token".into()))
}

fn read(file: &Path, what: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("cannot read {what} from {}: {error}", file.display())))
}

fn text<'a>(answer: &'a Json, field: &str) -> Result<&'a str, Failure> {
    answer[field].as_str().ok_or_else(|| unknown_form(field))
}

fn unknown_form(field: &str) -> Failure {
    Failure::Wrong(format!("the login door's answer has no usable {field}: is it a Ringshard server?"))
}
