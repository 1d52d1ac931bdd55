"""The client's part of PROTOCOL.md#handshake: it gets a cookie, connects and derives the keys."""

import socket
import time

from cryptography.exceptions import InvalidTag

import wire
from crypto import CHACHA, KeyPair, Keys, Noise
from document import LIMITS, PROTOCOL

MS = 1e-3
SUITES = PROTOCOL.suites


class NoAnswer(Exception):
    """The handshake did not lead to a connection."""


class Handshake:
    def __init__(self, server, suites=(CHACHA,), pre_shared_key=None, token=None, resume_secret=None, core=None):
        self.address, self.server_key = server.address, server.public_key
        self.suites = suites if isinstance(suites, int) else sum(SUITES[name] for name in suites)
        self.pre_shared_key = pre_shared_key
        self.token = token or bytes(LIMITS["RESUME_TOKEN_BYTES"])
        self.resume_secret, self.core = resume_secret, core
        self.socket = self.new_socket()
        self.ephemeral = KeyPair()
        self.noise_1 = None
        self.cookie = wire.NO_COOKIE
        self.denials, self.bad_accepted = [], 0

    @property
    def options(self):
        return 1 if self.pre_shared_key else 0

    def new_socket(self):
        fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        fresh.bind(("127.0.0.1", 0))
        return fresh

    def prepare(self, server_key=None):
        """Writes Noise message 1, which is the same for all Connects of an attempt."""
        if self.noise_1 is None:
            name = PROTOCOL.noise_names[self.options]
            self.noise = Noise(name, wire.prologue(self.suites, self.options), server_key or self.server_key,
                               self.pre_shared_key)
            self.noise_1 = self.noise.write_1(self.ephemeral, self.token)
        return self.noise_1

    def connect_datagram(self, **fields):
        fields.setdefault("cookie", self.cookie)
        if self.core is not None:
            fields.setdefault("connection", wire.wanting_core(self.core))
        return wire.connect(self.prepare(), self.suites, self.options, **fields)

    def send_raw(self, datagram):
        self.socket.sendto(datagram, self.address)

    def receive_raw(self, seconds):
        """One datagram, or None if none arrived in time."""
        self.socket.settimeout(max(seconds, 1e-4))
        try:
            datagram, source = self.socket.recvfrom(2048)
        except (TimeoutError, BlockingIOError):
            return None
        return datagram if source == self.address else None

    def exchange(self, datagram, seconds=1.0):
        """Sends one unencrypted datagram and returns the answer to it."""
        self.send_raw(datagram)
        return self.next_answer(seconds)

    def next_answer(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            datagram = self.receive_raw(left)
            answer = datagram and wire.read_answer(datagram)
            if answer and answer.tag == self.noise_1[:8]:
                answer.bytes = datagram
                return answer
        return None

    def get_cookie(self):
        answer = self.exchange(self.connect_datagram(cookie=wire.NO_COOKIE))
        if answer is None or answer.name != "Cookie":
            raise NoAnswer(f"expected a Cookie, got {answer}")
        self.cookie = answer.body
        return self.cookie

    def shake_hands(self, seconds=None):
        """Connects on the schedule of the retry timer. Raises NoAnswer if no attempt succeeds."""
        until = time.monotonic() + (seconds or LIMITS["CONNECT_TIMEOUT"] * MS)
        wait, answered = LIMITS["CONNECT_RETRY_FIRST"] * MS, 0
        self.prepare()
        while time.monotonic() < until:
            self.send_raw(self.connect_datagram())
            retry = time.monotonic() + wait
            wait = min(2 * wait, LIMITS["CONNECT_RETRY_MAX"] * MS)
            while (left := min(retry, until) - time.monotonic()) > 0:
                answer = self.next_answer(left)
                if answer is None:
                    break
                if answer.name == "Cookie" and answer.body != self.cookie:
                    self.cookie = answer.body
                    if time.monotonic() - answered >= LIMITS["CONNECT_RETRY_FIRST"] * MS:
                        answered = time.monotonic()
                        break
                if answer.name == "ConnectionDenied":
                    self.denials.append((answer.body[0], wire.integer(answer.body[3:5])))
                    if self.denials[-1][1]:
                        retry = time.monotonic() + 1.2 * min(self.denials[-1][1], LIMITS["BUSY_WAIT_MAX"]) * MS
                if answer.name == "ConnectionAccepted" and self.accept(answer.body):
                    return
        raise NoAnswer(f"denials {self.denials}, answers that did not authenticate {self.bad_accepted}")

    def accept(self, noise_2):
        """Accepts a ConnectionAccepted. Returns False, and changes nothing, if it does not authenticate."""
        before = dict(vars(self.noise))
        try:
            data = self.noise.read_2(noise_2)
            found = wire.read_parameters(data, self.suites, any(self.token))
        except (InvalidTag, ValueError):
            found = None
        if found is None:
            vars(self.noise).update(before)
            self.bad_accepted += 1
            return False
        keys = Keys(PROTOCOL.labels, found.suite, *self.noise.split())
        if found.resumed and self.resume_secret:
            keys = keys.follow(self.resume_secret, "resumed")
        self.begin(found, keys)
        return True

    def begin(self, parameters, keys):
        """Called after a ConnectionAccepted; the client implements it."""
        raise NotImplementedError
