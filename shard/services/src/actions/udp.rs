//! The door of UDP: services messages of one connection.

use super::caller::Caller;
use super::dispatch::{Request, refused};
use super::once::{Begin, CallNumbers, ClientKey, Done, Waiter};
use super::outcome::{Failure, Outcome};
use super::registry::Actions;
use crate::AccountId;
use crate::counters::count;
use ringshard_requests::codec::Malformed;
use ringshard_requests::message::{self, Call, Cancel, Greeting, Hello, Instance, kinds, status};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The actions as one client reaches them over UDP: one for each presence in the world.
///
/// When it is dropped, the client's calls go on, and their outcomes wait for the client's next presence.
pub struct Client {
    actions: Actions,
    connection: u64,
    account: Option<AccountId>,
    operator: bool,
    address: IpAddr,
    /// The client program, once it has said hello.
    instance: OnceLock<Instance>,
}

/// The reply to a client's message.
pub enum Reply {
    /// There is no reply.
    Nothing,
    /// This message, now.
    Now(Vec<u8>),
    /// This future, which gives the message once the call has ended. Spawn it. None: there is no reply any more.
    Later(Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>),
}

impl Actions {
    /// A client has entered the world.
    pub fn connect(&self, account: Option<AccountId>, operator: bool, address: IpAddr) -> Client {
        let connection = self.inner.connection.fetch_add(1, Ordering::Relaxed) + 1;
        Client { actions: self.clone(), connection, account, operator, address, instance: OnceLock::new() }
    }
}

impl Client {
    /// Takes a message whose kind is [`HELLO`](kinds::HELLO), [`CALL`](kinds::CALL) or [`CANCEL`](kinds::CANCEL). Messages are
    /// to be handed in in the order in which they arrived. Replies may go back in any order, on a reliable channel.
    ///
    /// # Panics
    /// Outside a tokio runtime: calls are executed on it.
    pub fn receive(&self, message: &[u8]) -> Reply {
        let reply = match message.first() {
            Some(&kinds::HELLO) => self.hello(message),
            Some(&kinds::CALL) => self.call(message),
            Some(&kinds::CANCEL) => self.cancel(message),
            _ => Err(Malformed("the message is of another kind")),
        };
        reply.unwrap_or_else(|why| {
            tracing::debug!(address = %self.address, %why, "a services message was dropped");
            count(&self.actions.inner.counters.dropped_messages);
            Reply::Nothing
        })
    }

    fn hello(&self, message: &[u8]) -> Result<Reply, Malformed> {
        let hello = Hello::read(message)?;
        if *self.instance.get_or_init(|| hello.instance) != hello.instance {
            return Err(Malformed("a client says hello as two instances"));
        }
        let mut fresh = [0; 8];
        getrandom::fill(&mut fresh).expect("the system has random numbers");
        let key = self.key().expect("it has said hello");
        let mut calls = self.actions.inner.calls.lock().expect("no thread panics with the lock");
        let epoch = calls.hello(key, u64::from_le_bytes(fresh), self.actions.now());
        drop(calls);
        Ok(match epoch {
            Some(epoch) => Reply::Now(written(|out| Greeting { epoch }.write(out))),
            None => self.full(),
        })
    }

    fn call(&self, message: &[u8]) -> Result<Reply, Malformed> {
        let call = Call::read(message)?;
        let key = self.key().ok_or(Malformed("a call comes before hello"))?;
        let numbers = CallNumbers { number: call.number, epoch: call.epoch, oldest: call.oldest };
        let mut calls = self.actions.inner.calls.lock().expect("no thread panics with the lock");
        let begin = calls.begin(key, &numbers, self.connection, self.actions.now());
        drop(calls);
        Ok(match begin {
            Begin::Execute(waiter, done, cancelled) => {
                let deadline = Instant::now() + Call::DEADLINE_UNIT * u32::from(call.deadline);
                let Client { account, operator, address, .. } = *self;
                let caller = Caller { account, operator, address, deadline, cancelled };
                self.spawn(caller, key, &call, done);
                later(call.number, waiter)
            }
            begin => self.repeated(call.number, begin),
        })
    }

    fn cancel(&self, message: &[u8]) -> Result<Reply, Malformed> {
        let Cancel { number } = Cancel::read(message)?;
        let key = self.key().ok_or(Malformed("a cancel comes before hello"))?;
        let taken_back = Failure::new(status::CANCELLED, "the call was taken back before it began");
        let mut calls = self.actions.inner.calls.lock().expect("no thread panics with the lock");
        let begin = calls.cancel(key, number, refused(&taken_back), self.connection, self.actions.now());
        drop(calls);
        Ok(self.repeated(number, begin))
    }

    fn key(&self) -> Option<ClientKey> {
        self.instance.get().map(|instance| ClientKey { account: self.account, instance: *instance })
    }

    /// Executes a call. It goes on when the client goes away: the outcome waits for the client's next presence.
    fn spawn(&self, caller: Caller, key: ClientKey, call: &Call<'_>, done: Done) {
        let (actions, number) = (self.actions.clone(), call.number);
        let (path, value) = (call.path.to_owned(), call.value.to_vec());
        tokio::spawn(async move {
            let outcome = actions.execute(caller, &path, Request::Bytes(value)).await.outcome;
            let mut calls = actions.inner.calls.lock().expect("no thread panics with the lock");
            calls.end(key, number, &outcome, actions.now());
            drop(calls);
            done.end(outcome);
        });
    }

    fn repeated(&self, number: u32, begin: Begin) -> Reply {
        let counters = &self.actions.inner.counters;
        match begin {
            Begin::Execute(..) => unreachable!("a call that is new is not repeated"),
            Begin::Wait(waiter) => {
                count(&counters.repeated_running);
                later(number, waiter)
            }
            Begin::Waiting => {
                count(&counters.repeated_running);
                Reply::Nothing
            }
            Begin::Answered(outcome) => {
                count(&counters.repeated_answered);
                Reply::Now(outcome_message(number, &outcome))
            }
            Begin::Unknown => {
                count(&counters.unknown);
                let message = "this server does not know whether the call was executed";
                Reply::Now(outcome_message(number, &refused(&Failure::new(status::UNKNOWN, message))))
            }
            Begin::Full => self.full(),
        }
    }

    fn full(&self) -> Reply {
        count(&self.actions.inner.counters.dropped_full);
        Reply::Nothing
    }
}

fn later(number: u32, waiter: Waiter) -> Reply {
    Reply::Later(Box::pin(async move { waiter.outcome().await.map(|outcome| outcome_message(number, &outcome)) }))
}

fn outcome_message(number: u32, outcome: &Outcome) -> Vec<u8> {
    let wait = outcome.wait.map_or(0, |wait| wait.min(Duration::from_secs(86_400)).as_millis() as u32);
    let Outcome { status, value, .. } = outcome;
    written(|out| message::Outcome { number, status: *status, wait, value }.write(out))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
