//! One open WebSocket.

use super::super::answer::Refusal;
use super::super::bearer;
use super::super::connections::Peer;
use super::super::state::State;
use super::commands::{Command, Request, answer, execute, told};
use super::pace::{Pace, Verdict};
use crate::accounts::{Profile, Secret};
use crate::counters::count;
use crate::hub::Member;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// Pings that a client may leave unanswered.
const PINGS_MAX: u32 = 3;
/// For the last message and the end of the connection.
const CLOSE: Duration = Duration::from_secs(5);

/// Why a WebSocket ends.
enum End {
    /// The client left, or the connection failed.
    Gone,
    /// The server closes it, with a code and, if there is more to say, a last answer.
    Close(u16, Option<(Option<u64>, Refusal)>),
}

/// Serves a WebSocket to its end. `peer` keeps its place among the connections.
pub(super) async fn run(mut socket: WebSocket, state: Arc<State>, peer: Peer, login: Option<(Profile, Secret)>) {
    count(&state.counters.sockets);
    let ended = match serve(&mut socket, &state, &peer, login).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    };
    if let End::Close(code, last) = ended {
        let _ = timeout(CLOSE, close(&mut socket, code, last)).await;
    }
    drop(peer);
}

async fn close(socket: &mut WebSocket, code: u16, last: Option<(Option<u64>, Refusal)>) -> Result<(), axum::Error> {
    if let Some((id, refusal)) = last {
        socket.send(Message::text(answer(id, Err(refusal)))).await?;
    }
    socket.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await?;
    // The client confirms the end; what it sent before is of no interest any more.
    while let Some(Ok(_)) = socket.recv().await {}
    Ok(())
}

async fn serve(
    socket: &mut WebSocket,
    state: &Arc<State>,
    peer: &Peer,
    login: Option<(Profile, Secret)>,
) -> Result<std::convert::Infallible, End> {
    let mut closing = state.closing.clone();
    let (profile, token) = match login {
        Some(login) => login,
        None => tokio::select! {
            login = hello(socket, state, peer) => login?,
            () = closing.begun() => return Err(End::Close(close_code::AWAY, None)),
        },
    };
    let joined = state.hub.join(profile.id, &profile.name);
    let member = joined.map_err(|refusal| End::Close(close_code::AGAIN, Some((None, refusal.into()))))?;
    let ready = json!({ "type": "ready", "account": profile.id.0, "name": profile.name });
    send(socket, ready.to_string()).await?;
    let session = Session { state, peer, token, member, pace: Pace::new(Instant::now()), pings: 0 };
    session.run(socket).await
}

/// Waits for the message that carries the token.
async fn hello(socket: &mut WebSocket, state: &State, peer: &Peer) -> Result<(Profile, Secret), End> {
    let unauthorized = |id, refusal| {
        count(&state.counters.sockets_unauthorized);
        End::Close(close_code::POLICY, Some((id, refusal)))
    };
    let first = timeout(state.settings.hello, socket.recv()).await;
    let late = |_| unauthorized(None, Refusal::new(408, "the first message did not come in time"));
    let Some(Ok(Message::Text(text))) = first.map_err(late)? else {
        count(&state.counters.sockets_unauthorized);
        return Err(End::Gone);
    };
    let request = Request::parse(&text, &state.counters);
    let token = match request.command {
        Ok(Command::Hello { token }) if bearer::is_token(&token.0) => token,
        Ok(_) => {
            let needed = r#"the first message must be {"type": "hello", "token": "TOKEN"}"#;
            return Err(unauthorized(request.id, Refusal::new(401, needed)));
        }
        Err(refusal) => return Err(unauthorized(request.id, refusal)),
    };
    match state.accounts.identify(peer.address, &token.0).await {
        Ok(profile) => Ok((profile, token)),
        Err(error) => Err(unauthorized(request.id, error.into())),
    }
}

async fn send(socket: &mut WebSocket, text: String) -> Result<(), End> {
    socket.send(Message::text(text)).await.map_err(|_| End::Gone)
}

/// A WebSocket whose account is known.
struct Session<'a> {
    state: &'a State,
    peer: &'a Peer,
    token: Secret,
    member: Member,
    pace: Pace,
    /// Pings since the client last sent anything.
    pings: u32,
}

impl Session<'_> {
    async fn run(mut self, socket: &mut WebSocket) -> Result<std::convert::Infallible, End> {
        let mut closing = self.state.closing.clone();
        let mut ping = every(self.state.settings.ping);
        let mut recheck = every(self.state.settings.recheck);
        loop {
            tokio::select! {
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.message(socket, message).await?,
                    _ => return Err(End::Gone),
                },
                event = self.member.next() => match told(&event) {
                    Some(text) => send(socket, text).await?,
                    None => self.recheck().await?,
                },
                _ = ping.tick() => self.ping(socket).await?,
                _ = recheck.tick() => self.recheck().await?,
                () = closing.begun() => return Err(End::Close(close_code::AWAY, None)),
            }
        }
    }

    async fn message(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), End> {
        self.pings = 0;
        let verdict = self.pace.message(Instant::now());
        if verdict != Verdict::Accept {
            count(&self.state.counters.socket_messages_fast);
        }
        let text = match (verdict, message) {
            (Verdict::Close, _) => {
                let refusal = Refusal::new(429, "this client sends far too many messages");
                return Err(End::Close(close_code::POLICY, Some((None, refusal))));
            }
            (_, Message::Close(_)) => return Err(End::Gone),
            (_, Message::Ping(_) | Message::Pong(_)) => return Ok(()),
            (_, Message::Binary(_)) => return Err(End::Close(close_code::UNSUPPORTED, None)),
            (_, Message::Text(text)) => text,
        };
        let request = Request::parse(&text, &self.state.counters);
        let result = match (verdict, request.command) {
            (Verdict::TooFast(wait), _) => Err(Refusal { wait: Some(wait), ..Refusal::new(429, "too many messages") }),
            (_, Ok(command)) => execute(&self.state.hub, self.member.account(), command),
            (_, Err(refusal)) => Err(refusal),
        };
        send(socket, answer(request.id, result)).await
    }

    async fn ping(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        if self.pings >= PINGS_MAX {
            count(&self.state.counters.sockets_silent);
            return Err(End::Gone);
        }
        self.pings += 1;
        socket.send(Message::Ping(Default::default())).await.map_err(|_| End::Gone)
    }

    /// Ends the WebSocket if its session has ended. If accounts cannot be asked, it goes on.
    async fn recheck(&self) -> Result<(), End> {
        match self.state.accounts.identify(self.peer.address, &self.token.0).await {
            Err(error) if matches!(error.status(), 401 | 403) => {
                count(&self.state.counters.sockets_revoked);
                Err(End::Close(close_code::POLICY, Some((None, error.into()))))
            }
            _ => Ok(()),
        }
    }
}

/// Ticks from one period on.
fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
