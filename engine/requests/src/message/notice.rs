//! Notices: messages from the server that no client asked for.

use super::kind;
use super::kinds::NOTICE;
use crate::codec::{Malformed, write_text};
use crate::limits::{NOTICE_BYTES_MAX, TOPIC_BYTES_MAX};

/// Server to client: chat, presence, notifications.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notice<'a> {
    /// What it is about: 1 to [`TOPIC_BYTES_MAX`] bytes.
    pub topic: &'a str,
    /// The bytes of a value. Empty: nothing.
    pub value: &'a [u8],
}

impl<'a> Notice<'a> {
    /// Reads a whole message. The value is not checked.
    pub fn read(message: &'a [u8]) -> Result<Self, Malformed> {
        if message.len() > NOTICE_BYTES_MAX {
            return Err(Malformed("a notice is too long"));
        }
        let mut reader = kind(message, NOTICE)?;
        let notice = Notice { topic: reader.text()?, value: reader.rest() };
        notice.check().map(|()| notice)
    }

    /// Appends the message.
    ///
    /// # Panics
    /// If the topic is empty or too long, or the message is longer than [`NOTICE_BYTES_MAX`].
    pub fn write(&self, out: &mut Vec<u8>) {
        self.check().unwrap_or_else(|why| panic!("{why}"));
        let start = out.len();
        out.push(NOTICE);
        write_text(out, self.topic);
        out.extend(self.value);
        assert!(out.len() - start <= NOTICE_BYTES_MAX, "a notice is too long");
    }

    fn check(&self) -> Result<(), Malformed> {
        let length = self.topic.len();
        if (1..=TOPIC_BYTES_MAX).contains(&length) {
            Ok(())
        } else {
            Err(Malformed("the topic of a notice is too long"))
        }
    }
}
