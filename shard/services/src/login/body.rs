//! Reads bodies of requests, within their bounds of bytes, time and depth.

use super::answer::Refusal;
use super::counters::Counters;
use super::settings::{BODY_BYTES_MAX, JSON_DEPTH_MAX};
use crate::counters::count;
use axum::body::{Body, HttpBody};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a body that is too long which are still read, so that its client gets to see why it is refused.
const READ_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// Reads a whole body as JSON.
pub(super) async fn json<T: DeserializeOwned>(body: Body, time: Duration, counters: &Counters) -> Result<T, Refusal> {
    let bytes = bytes(body, time, counters).await?;
    parse(&bytes, counters)
}

/// Reads a whole body.
pub(super) async fn bytes(body: Body, time: Duration, counters: &Counters) -> Result<Vec<u8>, Refusal> {
    match timeout(time, read(body)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            count(&counters.bodies_long);
            Err(Refusal::new(413, format!("the body is longer than {BODY_BYTES_MAX} bytes")))
        }
        Ok(Err(_)) => {
            count(&counters.bodies_malformed);
            Err(Refusal::new(400, "the body ended too early"))
        }
        Err(_) => {
            count(&counters.bodies_late);
            Err(Refusal::new(408, format!("the body did not arrive within {} s", time.as_secs())))
        }
    }
}

/// None: it is too long.
async fn read(body: Body) -> Result<Option<Vec<u8>>, axum::Error> {
    if body.size_hint().lower() > READ_BYTES_MAX as u64 {
        return Ok(None);
    }
    let mut kept = Vec::new();
    let mut length = 0;
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part?;
        length += part.len();
        if length > READ_BYTES_MAX {
            return Ok(None);
        }
        if length <= BODY_BYTES_MAX {
            kept.extend_from_slice(&part);
        }
    }
    Ok((length <= BODY_BYTES_MAX).then_some(kept))
}

/// Parses JSON that is not too deep.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], counters: &Counters) -> Result<T, Refusal> {
    let parsed = if depth(bytes) > JSON_DEPTH_MAX {
        Err(Refusal::new(400, format!("the JSON is more than {JSON_DEPTH_MAX} levels deep")))
    } else {
        serde_json::from_slice(bytes)
            .map_err(|error| Refusal::new(400, format!("this is not the JSON needed: {error}")))
    };
    parsed.inspect_err(|_| count(&counters.bodies_malformed))
}

/// How deep arrays and objects lie in each other, as far as the text is JSON.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::sync::atomic::Ordering;

    fn depth_of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            r#"[\[\]{}"\\a]{0,6}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(r#"[\[\]{}"\\a]{0,4}"#, inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn the_depth_of_a_text_is_that_of_its_value(value in any_json()) {
            prop_assert_eq!(depth(value.to_string().as_bytes()), depth_of(&value));
        }
    }

    #[test]
    fn a_deep_text_is_refused_before_it_is_parsed() {
        let text = [vec![b'['; 20_000], vec![b']'; 20_000]].concat();
        let refusal = parse::<Value>(&text, &Counters::default()).unwrap_err();
        assert!(refusal.error.contains("levels deep"), "{}", refusal.error);
        let fits = format!("{}{}", "[".repeat(JSON_DEPTH_MAX), "]".repeat(JSON_DEPTH_MAX));
        assert!(parse::<Value>(fits.as_bytes(), &Counters::default()).is_ok());
    }

    #[tokio::test]
    async fn a_body_of_the_bound_fits_and_one_byte_more_does_not() {
        let counters = Counters::default();
        let time = Duration::from_secs(1);
        assert_eq!(bytes(Body::from(vec![b'a'; BODY_BYTES_MAX]), time, &counters).await.unwrap().len(), BODY_BYTES_MAX);
        for length in [BODY_BYTES_MAX + 1, READ_BYTES_MAX, READ_BYTES_MAX + 1] {
            assert_eq!(bytes(Body::from(vec![b'a'; length]), time, &counters).await.unwrap_err().status, 413);
        }
        assert_eq!(counters.bodies_long.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_refused_in_time() {
        let counters = Counters::default();
        let endless = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(bytes(endless, Duration::from_secs(3), &counters).await.unwrap_err().status, 408);
        assert_eq!(counters.bodies_late.load(Ordering::Relaxed), 1);
    }
}
