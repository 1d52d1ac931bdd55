//! The floor: the least that an echo server can do. One thread, one socket, recvmmsg and sendmmsg of the same buffers.
#![allow(unsafe_code)]

use super::counts;
use super::socket::Place;
use std::mem::zeroed;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Datagrams per call.
const BATCH: usize = 64;
const DATAGRAM_BYTES: usize = 2048;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
}

/// Echoes until killed.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    echo(&arguments.place.open(&[])?);
    Ok(())
}

fn echo(socket: &UdpSocket) {
    let mut bytes = vec![[0u8; DATAGRAM_BYTES]; BATCH];
    // SAFETY: zeros are a value of these plain C structures.
    let mut names: Vec<libc::sockaddr_in6> = vec![unsafe { zeroed() }; BATCH];
    let mut buffers: Vec<libc::iovec> = bytes
        .iter_mut()
        .map(|bytes| libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: DATAGRAM_BYTES })
        .collect();
    // SAFETY: as above.
    let mut headers: Vec<libc::mmsghdr> = vec![unsafe { zeroed() }; BATCH];
    for ((header, buffer), name) in headers.iter_mut().zip(&mut buffers).zip(&mut names) {
        header.msg_hdr.msg_iov = buffer;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = std::ptr::from_mut(name).cast();
    }
    loop {
        for (header, buffer) in headers.iter_mut().zip(&mut buffers) {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            buffer.iov_len = DATAGRAM_BYTES;
        }
        // SAFETY: every header points to its own name and iovec, and that to its own bytes; all outlive the loop.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        let Ok(received) = usize::try_from(received) else { continue };
        for at in 0..received {
            buffers[at].iov_len = headers[at].msg_len as usize;
        }
        counts::count_received(received as u64, received as u64);
        let mut done = 0;
        while done < received {
            // SAFETY: as above; the lengths are those just received.
            let sent = unsafe {
                libc::sendmmsg(socket.as_raw_fd(), headers[done..].as_mut_ptr(), (received - done) as u32, 0)
            };
            match usize::try_from(sent) {
                Ok(sent) => {
                    counts::count_sent(sent as u64, sent as u64);
                    done += sent;
                }
                // The first datagram cannot be sent: skip it.
                Err(_) => done += 1,
            }
        }
    }
}
