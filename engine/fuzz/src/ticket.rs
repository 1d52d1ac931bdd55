//! Tickets.

use ringshard_requests::ticket::{TICKET_BYTES_MAX, TICKET_BYTES_MIN, TICKET_NAME_BYTES_MAX, TicketParts};

/// A ticket: it is written as the same bytes. Otherwise, a used ticket would have a second form.
pub fn ticket(bytes: &[u8]) {
    let Ok(TicketParts { fields, signed, signature }) = TicketParts::read(bytes) else { return };
    assert!((TICKET_BYTES_MIN..=TICKET_BYTES_MAX).contains(&bytes.len()));
    assert!(fields.name.len() <= TICKET_NAME_BYTES_MAX && fields.issued <= fields.expires);
    let mut again = Vec::new();
    fields.write(&mut again);
    assert_eq!(again, signed);
    assert_eq!([signed, signature].concat(), bytes);
}
