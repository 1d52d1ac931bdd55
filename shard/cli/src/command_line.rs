//! The command line, read to its end whatever is wrong on the way: a command that takes settings reports a flag that
//! there is not, or one without its value, along with everything else that is wrong with them.

use crate::Arguments;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// A word that was taken out, and why.
enum Misplaced {
    /// A flag of no setting.
    Unknown(String),
    /// Anything else.
    Other(String, &'static str),
}

/// Reads the command line. Where something is wrong that has nothing to do with settings, or help is asked for, that is
/// said, and the process ends.
pub fn parse() -> Arguments {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let (mut misplaced, mut first_error) = (Vec::new(), None);
    loop {
        let error = match Arguments::try_parse_from(&words) {
            Ok(arguments) => return with(arguments, misplaced, first_error),
            Err(error) => error,
        };
        match take_out(&error, &mut words) {
            Some(word) => misplaced.push(word),
            None => error.exit(),
        }
        first_error.get_or_insert(error);
    }
}

fn with(mut arguments: Arguments, misplaced: Vec<Misplaced>, first_error: Option<clap::Error>) -> Arguments {
    let Some(error) = first_error else { return arguments };
    let Some(sources) = arguments.command.sources_mut() else { error.exit() };
    for word in misplaced {
        match word {
            Misplaced::Unknown(flag) => sources.flags.push((flag, String::new())),
            Misplaced::Other(word, why) => sources.misplaced.push((word, why.into())),
        }
    }
    arguments
}

/// Takes out the word that an error is about, with the value that belongs to it; None where there is no such word.
fn take_out(error: &clap::Error, words: &mut Vec<OsString>) -> Option<Misplaced> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    // clap names a flag with its placeholder.
    let name = argument.split([' ', '=']).next()?;
    let is_it = |word: &OsString| {
        word.to_str().is_some_and(|word| word == name || word.strip_prefix(name).is_some_and(|it| it.starts_with('=')))
    };
    // The last of them, where there are several.
    let at = words.iter().rposition(is_it)?;
    let is_last_or_flag = words.get(at + 1).is_none_or(|next| next.to_str().is_some_and(|next| next.starts_with('-')));
    let has_value = name.starts_with("--") && words[at] == *name && !is_last_or_flag;
    let misplaced = match error.kind() {
        ErrorKind::UnknownArgument if name.starts_with("--") => Misplaced::Unknown(name[2..].into()),
        ErrorKind::UnknownArgument => {
            Misplaced::Other(name.into(), "flags begin with --, and a list such as --cpus 0,1 has no spaces")
        }
        ErrorKind::ArgumentConflict => Misplaced::Other(name.into(), "it is given more than once"),
        ErrorKind::InvalidValue if !has_value => Misplaced::Other(name.into(), "a value must follow"),
        _ => return None,
    };
    words.drain(at..=at + usize::from(has_value));
    Some(misplaced)
}
