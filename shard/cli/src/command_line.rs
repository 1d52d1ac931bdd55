//! Parses the command line. For commands that take settings, unknown flags and flags without a value are reported together
//! with all other errors in the settings, so parsing goes on after them.

use crate::arguments::Arguments;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// A word that was removed, and why.
enum Misplaced {
    /// An unknown flag.
    Unknown(String),
    /// Another word, and what is wrong with it.
    Other(String, &'static str),
}

/// Parses the command line. Prints help, and errors that do not concern settings, and ends the process.
pub fn parse() -> Arguments {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let (mut misplaced, mut first_error) = (Vec::new(), None);
    loop {
        let error = match Arguments::try_parse_from(&words) {
            Ok(arguments) => return add_misplaced(arguments, misplaced, first_error),
            Err(error) => error,
        };
        match remove_wrong_word(&error, &mut words) {
            Some(word) => misplaced.push(word),
            None => error.exit(),
        }
        first_error.get_or_insert(error);
    }
}

fn add_misplaced(mut arguments: Arguments, misplaced: Vec<Misplaced>, first_error: Option<clap::Error>) -> Arguments {
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

/// Removes the word that an error is about, with its value; None if the error is not about a word.
fn remove_wrong_word(error: &clap::Error, words: &mut Vec<OsString>) -> Option<Misplaced> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return None };
    // clap names a flag with its placeholder.
    let name = argument.split([' ', '=']).next()?;
    let is_it = |word: &OsString| {
        word.to_str().is_some_and(|word| word == name || word.strip_prefix(name).is_some_and(|it| it.starts_with('=')))
    };
    // If there are several, the last one is wrong.
    let at = words.iter().rposition(is_it)?;
    let is_last_or_flag = words.get(at + 1).is_none_or(|next| next.to_str().is_some_and(|next| next.starts_with('-')));
    let has_value = name.starts_with("--") && words[at] == *name && !is_last_or_flag;
    let misplaced = match error.kind() {
        ErrorKind::UnknownArgument if name.starts_with("--") => Misplaced::Unknown(name[2..].into()),
        ErrorKind::UnknownArgument => {
            Misplaced::Other(name.into(), "flags begin with --, and lists such as --cpus 0,1 have no spaces")
        }
        ErrorKind::ArgumentConflict => Misplaced::Other(name.into(), "this flag is given more than once"),
        ErrorKind::InvalidValue if !has_value => Misplaced::Other(name.into(), "this flag needs a value"),
        _ => return None,
    };
    words.drain(at..=at + usize::from(has_value));
    Some(misplaced)
}
