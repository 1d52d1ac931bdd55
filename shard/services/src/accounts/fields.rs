//! Emails, names and passwords: how they must look, and when two are the same.

use super::secrets::Secret;

/// Longest email, in bytes (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;
/// Longest part of an email before the `@`.
const LOCAL_BYTES_MAX: usize = 64;
/// Longest name, in bytes: as long as a ticket's.
const NAME_BYTES_MAX: usize = ringshard_requests::ticket::TICKET_NAME_BYTES_MAX;
/// Shortest password, in bytes.
const PASSWORD_BYTES_MIN: usize = 8;
/// Longest password, in bytes.
const PASSWORD_BYTES_MAX: usize = 256;
/// Longest label of a device, in bytes.
const LABEL_BYTES_MAX: usize = 64;

/// What is wrong with a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// An email as it is shown, and as it is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Email {
    /// Trimmed, with its domain in lower case.
    pub(super) shown: String,
    /// All of it in lower case: mail hosts that tell `Ann` from `ann` are rare, players who mistype are not.
    pub(super) key: String,
}

impl Email {
    /// Checks and normalises an email.
    ///
    /// Only ASCII: otherwise, letters that look the same would make emails that look the same.
    pub(super) fn new(text: &str) -> Result<Self, Malformed> {
        const WRONG: Malformed = Malformed(
            "email: an email has a name, an @ and a domain, such as ann@example.com, and at most 254 ASCII characters",
        );
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(WRONG)?;
        let is_sound = text.len() <= EMAIL_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && (1..=LOCAL_BYTES_MAX).contains(&local.len())
            && !local.contains('@')
            && !domain.is_empty();
        if !is_sound {
            return Err(WRONG);
        }
        let shown = format!("{local}@{}", domain.to_ascii_lowercase());
        Ok(Email { key: shown.to_ascii_lowercase(), shown })
    }
}

/// A name as it is shown, and as it is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Name {
    /// As its player writes it, without blanks around it.
    pub(super) shown: String,
    /// In lower case.
    pub(super) key: String,
}

impl Name {
    /// Checks a name. Letters of different scripts that look alike are not told apart.
    pub(super) fn new(text: &str) -> Result<Self, Malformed> {
        const LONG: Malformed = Malformed("name: a name has 1 to 32 bytes of UTF-8");
        const STRANGE: Malformed = Malformed("name: a name has no control characters and no double blanks");
        let text = text.trim();
        if text.is_empty() || text.len() > NAME_BYTES_MAX {
            return Err(LONG);
        }
        let is_blank = |letter: char| letter.is_whitespace() && letter != ' ';
        if text.contains("  ")
            || text.chars().any(|letter| letter.is_control() || is_blank(letter) || is_unseen(letter))
        {
            return Err(STRANGE);
        }
        Ok(Name { shown: text.to_owned(), key: text.to_lowercase() })
    }

    /// A name from elsewhere, cut to fit; `player` if it cannot be one here.
    pub(super) fn adopted(text: &str) -> Self {
        Name::new(cut(text.trim(), NAME_BYTES_MAX)).or_else(|_| Name::new("player")).expect("that is a name")
    }

    /// The name with a number, cut to fit: for an account of elsewhere whose name is taken here.
    pub(super) fn numbered(&self, number: u32) -> Self {
        let end = format!("-{number}");
        let shown = format!("{}{end}", cut(&self.shown, NAME_BYTES_MAX - end.len()).trim_end());
        Name { key: shown.to_lowercase(), shown }
    }
}

/// The longest start of a text with at most `bytes` bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut length = text.len().min(bytes);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

/// Whether a character shows nothing or changes the direction of text: two names with and without it look the same.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Checks the length of a password.
pub(super) fn check_password(password: &Secret) -> Result<(), Malformed> {
    match password.0.len() {
        PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX => Ok(()),
        _ => Err(Malformed("password: a password has 8 to 256 bytes")),
    }
}

/// Checks that a password is not longer than any password. An older or imported one may be shorter than a new one.
pub(super) fn check_password_length(password: &Secret) -> Result<(), Malformed> {
    match password.0.len() <= PASSWORD_BYTES_MAX {
        true => Ok(()),
        false => Err(Malformed("password: a password has at most 256 bytes")),
    }
}

/// Checks the label of a device.
pub(super) fn check_label(label: &str) -> Result<(), Malformed> {
    match label.len() <= LABEL_BYTES_MAX && !label.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Malformed("label: a label has at most 64 bytes and no control characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn emails_are_trimmed_and_compared_without_case() {
        let email = Email::new("  Ann.B@Example.COM ").unwrap();
        assert_eq!(email.shown, "Ann.B@example.com");
        assert_eq!(email.key, "ann.b@example.com");
        for wrong in ["", "@", "a@", "@b", "ann", "a b@c", "a@b@c", "ä@b.de", "a@b\0", &"a".repeat(300), "a@b\r\nc"] {
            assert!(Email::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(Email::new(&format!("{}@b", "a".repeat(65))).is_err());
    }

    #[test]
    fn names_that_look_like_others_are_refused() {
        assert_eq!(Name::new(" Ann ").unwrap().shown, "Ann");
        assert_eq!(Name::new("ANN").unwrap().key, Name::new("ann").unwrap().key);
        for wrong in ["", "  ", "a  b", "a\nb", "a\u{200b}b", "\u{202e}nna", "a\u{a0}b", "a\u{2066}b", &"n".repeat(33)]
        {
            assert!(Name::new(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn normalising_an_email_again_changes_nothing(text in "[ -~]{0,30}@[ -~]{0,30}|.{0,60}") {
            if let Ok(email) = Email::new(&text) {
                prop_assert_eq!(&Email::new(&email.shown).unwrap(), &email);
                let upper = Email::new(&text.to_ascii_uppercase()).unwrap();
                prop_assert_eq!(&upper.key, &email.key);
                prop_assert_eq!(email.shown.len(), email.key.len());
            }
        }

        #[test]
        fn a_numbered_name_is_a_name(text in ".{1,32}", number in 0u32..) {
            prop_assert!(Name::new(&Name::adopted(&text.repeat(3)).shown).is_ok());
            if let Ok(name) = Name::new(&text) {
                let numbered = name.numbered(number);
                prop_assert_eq!(Name::new(&numbered.shown).unwrap(), numbered);
            }
        }
    }
}
