//! Who may read and who may write: a private file with a token per line.
//!
//! A line has a name, a role and a token: `anna write 4f3c...`. Roles are `read` and `write`; `write` may read, too. Empty lines
//! and those that begin with `#` are skipped.

use ring::digest::{Digest, SHA256, digest};
use ringshard_operation::private_file;
use std::collections::BTreeSet;
use std::path::Path;

/// Characters of a token. Shorter ones can be guessed.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 16..=128;
/// Tokens of a file.
const TOKENS_MAX: usize = 1_000;
/// Characters of a name.
const NAME_BYTES_MAX: usize = 64;

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Looking.
    Read,
    /// Looking and changing.
    Write,
}

/// Who holds a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The name that the audit has.
    pub name: String,
    /// What the token allows.
    pub role: Role,
}

/// The tokens of a file.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Digests are kept and compared in place of tokens, so that the time of a comparison says nothing about a token.
    holders: Vec<(Digest, Holder)>,
}

impl Tokens {
    /// Reads a file that other users of the host cannot read.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub fn load(path: &Path) -> Result<Tokens, String> {
        let text = private_file::read(path)?;
        Tokens::parse(&text).map_err(|fault| format!("{}: {fault}", path.display()))
    }

    /// Takes the lines of a file.
    ///
    /// # Errors
    /// The number of a line, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Tokens, String> {
        let mut holders = Vec::new();
        let mut names = BTreeSet::new();
        let mut digests = BTreeSet::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (token, holder) = holder(line).map_err(|fault| format!("line {number}: {fault}"))?;
            if !names.insert(holder.name.clone()) {
                return Err(format!("line {number}: there is another {}: each needs its own name", holder.name));
            }
            let digest = digest(&SHA256, token.as_bytes());
            if !digests.insert(digest.as_ref().to_vec()) {
                return Err(format!("line {number}: {} has the token of another: make a new one", holder.name));
            }
            holders.push((digest, holder));
        }
        match holders.len() {
            0 => {
                Err("it has no token: add a line such as `anna write TOKEN`, with a token from `openssl rand -hex 32`"
                    .to_owned())
            }
            TOKENS_MAX.. => Err(format!("it has more than {TOKENS_MAX} tokens")),
            _ => Ok(Tokens { holders }),
        }
    }

    /// Who holds a token. Every one is compared, so that the time says nothing about which.
    pub fn holder(&self, token: &[u8]) -> Option<&Holder> {
        let digest = digest(&SHA256, token);
        let mut found = None;
        for (other, holder) in &self.holders {
            if other.as_ref() == digest.as_ref() {
                found = Some(holder);
            }
        }
        found
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.holders.len()
    }
}

fn holder(line: &str) -> Result<(&str, Holder), String> {
    let mut words = line.split_ascii_whitespace();
    let (Some(name), Some(role), Some(token), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err("it must have a name, a role and a token, such as `anna write TOKEN`".to_owned());
    };
    let role = match role {
        "read" => Role::Read,
        "write" => Role::Write,
        other => return Err(format!("the role of {name} is `{other}`, but must be `read` or `write`")),
    };
    if !TOKEN_BYTES.contains(&token.len()) {
        let (least, most) = (TOKEN_BYTES.start(), TOKEN_BYTES.end());
        return Err(format!(
            "the token of {name} must have {least} to {most} characters: make one with `openssl rand -hex 32`"
        ));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has at most {NAME_BYTES_MAX} bytes"));
    }
    Ok((token, Holder { name: name.to_owned(), role }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# operators\n\nanna write 0123456789abcdef\n  boards read fedcba9876543210\n";

    #[test]
    fn a_token_names_its_holder_and_role() {
        let tokens = Tokens::parse(FILE).unwrap();
        let holder = |token: &str| tokens.holder(token.as_bytes()).map(|holder| (holder.name.as_str(), holder.role));
        assert_eq!(holder("0123456789abcdef"), Some(("anna", Role::Write)));
        assert_eq!(holder("fedcba9876543210"), Some(("boards", Role::Read)));
        for wrong in ["", "0123456789abcdeg", "0123456789abcde", "0123456789abcdef0"] {
            assert_eq!(holder(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_wrong_line_is_named_and_no_fault_tells_a_token() {
        for (text, expected) in [
            ("", "it has no token"),
            ("anna 0123456789abcdef", "line 1: it must have a name, a role and a token"),
            ("#\nanna admin 0123456789abcdef", "line 2: the role of anna is `admin`"),
            ("anna read secret", "line 1: the token of anna must have 16 to 128"),
            ("a read 0123456789abcdef\na read 1123456789abcdef", "line 2: there is another a"),
            ("a read 0123456789abcdef\nb read 0123456789abcdef", "line 2: b has the token of another"),
        ] {
            let fault = Tokens::parse(text).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
            assert!(!fault.contains("secret") && !fault.contains("0123456789"), "{fault}");
        }
    }
}
