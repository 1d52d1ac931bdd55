//! Parses a command line with settings. Unknown flags and flags without a value are reported together with all other errors in
//! the settings, so parsing goes on after them.

use super::sources::Sources;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Words of a command line that do not belong there.
#[derive(Debug, Default)]
pub struct Misplaced {
    words: Vec<Word>,
    /// What is wrong with the first of them.
    error: Option<clap::Error>,
}

/// A word that was removed, and why.
#[derive(Debug)]
enum Word {
    /// An unknown flag.
    Unknown(String),
    /// Another word, and what is wrong with it.
    Other(String, &'static str),
}

/// Parses the command line of this process with `parse`, without the words that do not belong there. Prints help, and errors
/// that do not concern settings, and ends the process.
pub fn parse_command_line<T>(parse: impl Fn(&[OsString]) -> Result<T, clap::Error>) -> (T, Misplaced) {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let mut misplaced = Misplaced::default();
    loop {
        let error = match parse(&words) {
            Ok(parsed) => return (parsed, misplaced),
            Err(error) => error,
        };
        match remove_wrong_word(&error, &mut words) {
            Some(word) => misplaced.words.push(word),
            None => error.exit(),
        }
        misplaced.error.get_or_insert(error);
    }
}

impl Misplaced {
    /// Adds the words to the sources of the settings, so that they are reported with all other errors. If the command has no
    /// settings, prints the first error and ends the process.
    pub fn report_with(self, sources: Option<&mut Sources>) {
        let Some(error) = self.error else { return };
        let Some(sources) = sources else { error.exit() };
        for word in self.words {
            match word {
                Word::Unknown(flag) => sources.flags.push((flag, String::new())),
                Word::Other(word, why) => sources.misplaced.push((word, why.into())),
            }
        }
    }
}

/// Removes the word that an error is about, with its value; None if the error is not about a word.
fn remove_wrong_word(error: &clap::Error, words: &mut Vec<OsString>) -> Option<Word> {
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
        ErrorKind::UnknownArgument if name.starts_with("--") => Word::Unknown(name[2..].into()),
        ErrorKind::UnknownArgument => {
            Word::Other(name.into(), "flags begin with --, and lists such as --cpus 0,1 have no spaces")
        }
        ErrorKind::ArgumentConflict => Word::Other(name.into(), "this flag is given more than once"),
        ErrorKind::InvalidValue if !has_value => Word::Other(name.into(), "this flag needs a value"),
        _ => return None,
    };
    words.drain(at..=at + usize::from(has_value));
    Some(misplaced)
}
