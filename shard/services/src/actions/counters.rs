//! Counters of the actions.

use crate::counters::counters;

counters! {
    /// Counters of the actions since the start.
    "services_actions_":
    /// Calls that reached the actions, over all doors, without repetitions.
    calls,
    /// Calls that a handler answered.
    answered,
    /// Calls that a handler refused with a status below 500.
    refused_by_handler,
    /// Calls whose handler failed.
    failed,
    /// Calls whose handler took too long.
    timeouts,
    /// Calls of a path that has no action.
    refused_unknown_path,
    /// Calls that the caller may not make.
    refused_access,
    /// Calls over the rate limit.
    refused_rate,
    /// Calls whose request could not be read.
    refused_malformed,
    /// Calls for which the action had no room.
    refused_busy,
    /// Calls of a suspended action.
    refused_suspended,
    /// Calls that came while the server was stopping.
    refused_stopping,
    /// Calls whose deadline passed before they began.
    expired,
    /// Calls that were cancelled before they began.
    cancelled,
    /// Times that an action was suspended.
    suspensions,
    /// Repetitions of calls that were running.
    repeated_running,
    /// Repetitions that got the stored outcome again.
    repeated_answered,
    /// Calls that this server does not know: another process may have executed them.
    unknown,
    /// Idempotency keys that were used for another call.
    keys_of_other_calls,
    /// Calls dropped because there was no room for their client.
    dropped_full,
    /// Messages that were malformed, or came before Hello.
    dropped_messages,
}
