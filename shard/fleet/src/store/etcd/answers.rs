//! etcd's answers and errors, in the words of the store.

use crate::store::{Lease, Record, StoreError};
use etcd_client::{Error, KeyValue, ResponseHeader};

/// Codes of gRPC (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
mod code {
    pub const CANCELLED: i32 = 1;
    pub const UNKNOWN: i32 = 2;
    pub const DEADLINE_EXCEEDED: i32 = 4;
    pub const NOT_FOUND: i32 = 5;
    pub const PERMISSION_DENIED: i32 = 7;
    pub const INTERNAL: i32 = 13;
    pub const UNAVAILABLE: i32 = 14;
    pub const UNAUTHENTICATED: i32 = 16;
}

pub(super) fn error_of(error: &Error) -> StoreError {
    let Error::GRpcStatus(status) = error else {
        return match error {
            Error::LeaseKeepAliveError(text) if text.contains("not found") => StoreError::LeaseEnded,
            Error::InvalidArgs(text) => StoreError::Refused(text.clone()),
            error => StoreError::Unavailable(error.to_string()),
        };
    };
    let text = status.message().trim_start_matches("etcdserver: ").to_owned();
    match i32::from(status.code()) {
        code::NOT_FOUND if text.contains("lease not found") => StoreError::LeaseEnded,
        code::PERMISSION_DENIED | code::UNAUTHENTICATED => StoreError::Denied(text),
        // etcd answers so to a wrong password, and to a user or password where it has no users.
        _ if text.contains("authentication") || text.contains("user name is empty") => StoreError::Denied(text),
        code::CANCELLED | code::UNKNOWN | code::DEADLINE_EXCEEDED | code::INTERNAL | code::UNAVAILABLE => {
            StoreError::Unavailable(with_sources(text, status))
        }
        _ => StoreError::Refused(text),
    }
}

/// A text, and what is behind it: "transport error" alone helps nobody.
fn with_sources(mut text: String, error: &dyn std::error::Error) -> String {
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

pub(super) fn revision_of(header: Option<&ResponseHeader>) -> u64 {
    header.map_or(0, |header| header.revision().max(0) as u64)
}

/// A key and its record. None: the key is no text, so it is none of this program's.
pub(super) fn record_of(pair: &KeyValue) -> Option<(String, Record)> {
    let record = Record {
        value: pair.value().to_vec(),
        created: pair.create_revision().max(0) as u64,
        modified: pair.mod_revision().max(0) as u64,
        lease: Some(pair.lease()).filter(|lease| *lease != 0).map(Lease),
    };
    Some((String::from_utf8(pair.key().to_vec()).ok()?, record))
}
