//! The world's door: the services of a server, over UDP.
//!
//! | module | for |
//! |---|---|
//! | `world` | enters the world of any game, calls, and leaves |
//! | `download` | downloads a resource |
//! | `chat` | hears and speaks in a room |

mod chat;
mod download;
mod world;

use super::arguments::{Arguments, Deed};
use crate::failure::Failure;
use crate::login::Entrance;
use download::Download;
use world::World;

/// Enters the world, does something there, and leaves.
///
/// # Errors
/// [`Failure`].
pub fn perform(arguments: &Arguments, address: &str, entrance: &Entrance, deed: &Deed) -> Result<(), Failure> {
    // A mistake in the words costs no ticket.
    let download = match deed {
        Deed::Download(name) => Some(Download::prepare(name, arguments)?),
        _ => None,
    };
    let verify = download.as_ref().and_then(Download::verify);
    let entered = World::enter(address, entrance, verify, arguments.timeout());
    let (mut world, download) = match (entered, download) {
        (Ok(world), download) => (world, download),
        (Err(failure), Some(download)) => return Err(download.give_up(failure)),
        (Err(failure), None) => return Err(failure),
    };
    let done = match (deed, download) {
        (_, Some(download)) => download.run(&mut world, arguments.print_json()),
        (Deed::Chat(room), _) => chat::listen(&mut world, room, arguments.print_json()),
        (Deed::Say(room, text), _) => chat::say(&mut world, room, text, arguments.print_json()),
        _ => super::perform(arguments, &mut world, deed),
    };
    world.leave();
    done
}
