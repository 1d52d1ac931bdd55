//! `ringshard call`: calls an action of any server without its compiled types.
//!
//! The server's list of actions has the schema of each request. So the words of the command line become typed values.
//!
//! | module | for |
//! |---|---|
//! | `arguments` | the command line, and what it asks for |
//! | `door` | what both ways to a server's actions have in common |
//! | `udp` | the way through the world; [`login`] has the other |
//! | `actions` | the server's list of actions |
//! | `request` | fields and JSON as a typed request |
//! | `shown` | answers for people |

mod actions;
mod arguments;
mod door;
mod request;
mod shown;
mod udp;

pub use arguments::Arguments;

use crate::failure::Failure;
use crate::login::{self, Session};
use crate::output;
use arguments::{Deed, Target};
use door::{Answer, Door};
use std::process::ExitCode;

/// The end of `ringshard call --help`.
pub const EXAMPLES: &str = "\
A server has two doors to the same actions: the login door (HTTPS, port 3567) and the game's port (UDP, port 3565). KEY is the
server's public key. With --login, it need not be given: the login tells it.

Over HTTPS:
  ringshard call https://play.example.com:3567 --list /v1/places
  ringshard call https://play.example.com:3567 /v1/places/complete --field text=par --field limit=5
  ringshard call https://localhost:3567 /v1/chat/who --field room=hall --token-file token --fingerprint 3f2a...

In the world, over UDP:
  ringshard call play.example.com:3565 KEY --list --ticket @ticket
  ringshard call play.example.com:3565 --login https://play.example.com:3567 --email ann@example.com --chat hall
  ringshard call play.example.com:3565 KEY --ticket @ticket --download maps/north.ringmap --key PUBLIC_KEY

Exit codes: 0 answered; 1 refused; 2 wrong usage; 3 no answer.";

/// Runs `ringshard call`. Gives the exit code: 0 answered, 1 refused, 2 wrong usage, 3 no answer.
pub fn run(arguments: &Arguments) -> ExitCode {
    match try_run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Print(error)) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            output::remark(format_args!("ringshard: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn try_run(arguments: &Arguments) -> Result<(), Failure> {
    let (target, deed) = arguments.read()?;
    match target {
        Target::Https(url) => {
            let mut session = Session::begin(url, &arguments.login, arguments.timeout())?;
            let done = perform(arguments, &mut session.door, &deed);
            // What was asked for is done or not, whatever becomes of the login.
            session.end();
            done
        }
        Target::Udp(address, key) => {
            let entrance = login::entrance(&arguments.world.entry, &arguments.login, key, arguments.timeout())?;
            let done = udp::perform(arguments, &address, &entrance, &deed);
            entrance.end();
            done
        }
    }
}

/// What both doors can do.
fn perform(arguments: &Arguments, door: &mut impl Door, deed: &Deed) -> Result<(), Failure> {
    match deed {
        Deed::Call(path) => {
            let action = actions::find(door, path)?;
            let request = request::build(&action.request, arguments.json(), arguments.fields())?;
            print(&door.call(path, &request)?, arguments.print_json())
        }
        Deed::List(prefix) => actions::print(door, prefix, arguments.print_json()),
        Deed::Download(_) | Deed::Chat(_) | Deed::Say(..) => {
            unreachable!("the command line refuses this over HTTPS, and UDP has its own")
        }
    }
}

fn print(answer: &Answer, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let text = serde_json::to_string_pretty(&answer.to_json()).expect("JSON can be written");
        return Ok(output::print_line(text)?);
    }
    match answer {
        Answer::Typed(value) => Ok(output::print_line(value)?),
        Answer::Json(json) => Ok(output::print_line(shown::Shown(json))?),
    }
}
