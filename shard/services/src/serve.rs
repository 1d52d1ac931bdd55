//! Serving a game of one's own with services: what [`ringshard::serve`] does, and what [`Services`](crate::Services) add.

use crate::actions::Builder;
use crate::hub::Hub;
use crate::start::{Providers, ServerIdentity, Services};
use ringshard::config::Settings;
use ringshard::game::{Game, GameStart};
use ringshard::runtime::server::Server;
use ringshard::runtime::services::ServicesEnd;
use ringshard::serve::{Beside, StartedServices, serve_beside};
use serde::de::DeserializeOwned;
use std::process::ExitCode;
use std::sync::Arc;

/// Serves a game like [`ringshard::serve::serve_with`], with the services that the settings ask for: `services` names their
/// folder. `extend` adds the game's own actions; it may keep the hub to tell players something.
///
/// ```no_run
/// # use ringshard::game::{Game, GameStart};
/// # use ringshard_services::actions::{Access, Action, Caller, Failure, Limits};
/// # ringshard_requests::record! {
/// #     /// Uses an item.
/// #     pub struct UseItem {
/// #         /// Which.
/// #         pub item: u32,
/// #     }
/// #     /// What is left.
/// #     pub struct Used {
/// #         /// How many.
/// #         pub left: u32,
/// #     }
/// # }
/// # fn arena<G: Game<Job = ringshard::game::NoJob, Done = ringshard::game::NoJob>>(game: fn(GameStart, &()) -> G) {
/// ringshard_services::serve(game, ringshard::no_jobs, |actions, _hub| {
///     let about = "Uses an item.";
///     let action = Action { path: "/v1/inventory/use", about, access: Access::Account, limits: Limits::default() };
///     actions.add(action, |_caller: Caller, _request: UseItem| async move { Ok(Used { left: 2 }) });
/// });
/// # }
/// ```
pub fn serve<S: DeserializeOwned + Default, G: Game>(
    game: impl FnMut(GameStart, &S) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
    extend: impl FnOnce(&mut Builder, &Hub),
) -> ExitCode {
    serve_with(game, work, Providers::default(), extend)
}

/// The same with what the game brings in place of the services' own: accounts, tiles, directions, geocoding.
pub fn serve_with<S: DeserializeOwned + Default, G: Game>(
    game: impl FnMut(GameStart, &S) -> G,
    work: impl Fn(G::Job) -> G::Done + Send + Sync + 'static,
    providers: Providers,
    extend: impl FnOnce(&mut Builder, &Hub),
) -> ExitCode {
    serve_beside(game, work, Beside::none().with_services(beside(providers, extend)))
}

/// What starts the services, for a program that has more beside its cores ([`Beside::with_services`]). `extend` adds the game's
/// own actions.
pub fn beside<'a>(
    providers: Providers,
    extend: impl FnOnce(&mut Builder, &Hub) + 'a,
) -> impl FnOnce(&Settings, &Server, Vec<ServicesEnd>) -> StartedServices + 'a {
    |settings, server, ends| {
        let identity = ServerIdentity { key: *server.public_key().as_bytes(), listen: server.listen() };
        let services = Services::start(settings, identity, ends, providers, extend)?;
        Ok(services.map(|services| services as Arc<_>))
    }
}
