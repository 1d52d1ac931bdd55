//! The system call sendmmsg, for many messages of which some may fail.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;

/// Sends messages in order, and calls `done` with the outcome of each: sent, or the error code. A message that fails does
/// not stop those behind it.
///
/// # Safety
/// Everything that a message points to must stay valid until `done` was called for that message.
pub(super) unsafe fn send_all(fd: RawFd, messages: &mut [libc::mmsghdr], mut done: impl FnMut(usize, Result<(), i32>)) {
    let mut next = 0;
    while next < messages.len() {
        let rest = &mut messages[next..];
        // SAFETY: what the messages point to is valid, by the caller's promise, and the kernel has copied it on return.
        let sent = unsafe { libc::sendmmsg(fd, rest.as_mut_ptr(), rest.len() as u32, libc::MSG_DONTWAIT) };
        match usize::try_from(sent) {
            Ok(sent) => {
                assert!((1..=messages.len() - next).contains(&sent), "sendmmsg sends one message at least, or fails");
                (next..next + sent).for_each(|at| done(at, Ok(())));
                next += sent;
            }
            // The first of them failed.
            Err(_) => {
                let error = io::Error::last_os_error().raw_os_error().unwrap_or_default();
                if error != libc::EINTR {
                    done(next, Err(error));
                    next += 1;
                }
            }
        }
    }
}
