"""Runs a command as on a kernel without IPv6: socket(AF_INET6) fails with EAFNOSUPPORT."""
import ctypes
import os
import platform
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL_WITH, EAFNOSUPPORT, AF_INET6 = 0x7FFF0000, 0x00050000, 97, 10
SOCKET_CALL = {"x86_64": 41, "aarch64": 198}[platform.machine()]

steps = [
    (LOAD_WORD, 0, 0, 0),  # the number of the system call
    (JUMP_IF_EQUAL, 0, 3, SOCKET_CALL),
    (LOAD_WORD, 0, 0, 16),  # its first argument
    (JUMP_IF_EQUAL, 0, 1, AF_INET6),
    (RETURN, 0, 0, FAIL_WITH | EAFNOSUPPORT),
    (RETURN, 0, 0, ALLOW),
]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(program)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
    sys.exit("no-ipv6: this kernel cannot filter system calls")
os.execvp(sys.argv[1], sys.argv[1:])
