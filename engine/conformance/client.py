"""A client of one server: datagrams, messages, keys, paths and sessions.

It follows PROTOCOL.md. A case can deviate from it: `seal` builds any datagram by hand.
"""

import collections
import hmac
import os
import time

import lz4
import wire
from crypto import KeyPair
from document import LIMITS, PROTOCOL
from handshake import MS, Handshake, NoAnswer

IN_FLIGHT_MAX = 10 * LIMITS["DATAGRAM_BYTES_BASE"]
INTEGRITY_CHALLENGE_BYTES = 17


class Session:
    """The state of the reliable channels, which another connection can resume."""

    def __init__(self):
        channels = range(LIMITS["CHANNELS"])
        self.next_number = dict.fromkeys(channels, 0)
        self.expected = dict.fromkeys(channels, 0)
        self.early = {channel: {} for channel in channels}
        self.pieces = {}
        self.unacknowledged = {}
        self.token = bytes(LIMITS["RESUME_TOKEN_BYTES"])
        self.secret = None
        self.core = None


class Client(Handshake):
    def __init__(self, server, session=None, token=None, **offer):
        if session is not None:
            offer.update(resume_secret=session.secret, core=session.core)
        super().__init__(server, token=token or (session and session.token), **offer)
        self.former = session
        self.connection, self.closed = None, None
        self.lose = lambda datagram: False
        self.session = Session()
        self.messages = collections.deque()
        self.last_sequenced, self.sent_numbers = {}, {}
        self.queue = collections.OrderedDict()
        self.control = []
        self.in_flight, self.sent, self.skipped = {}, 0, set()
        self.received, self.highest, self.ack_due = set(), 0, False
        self.acknowledged, self.largest_acknowledged = set(), 0
        self.pongs, self.challenges, self.events = [], [], collections.Counter()
        self.dropped = collections.Counter()
        self.answers_acks = True
        self.integrity_keys = server.integrity_keys

    # PROTOCOL.md#client-handshake and PROTOCOL.md#resumption.

    def connect(self, seconds=None, prove=True):
        """Connects. Unless `prove` is False, pings and waits for the server's first encrypted datagram."""
        self.shake_hands(seconds)
        if prove:
            self.ping()
            if not self.until(lambda: self.highest or self.closed is not None, 3.0):
                raise NoAnswer("accepted, but no authentic datagram arrived")
        return self

    def begin(self, parameters, keys):
        self.parameters, self.connection = parameters, parameters.connection
        if parameters.resumed and self.former:
            self._resume(self.former)
        self.session.token, self.session.secret, self.transcript = keys.secrets(LIMITS["RESUME_TOKEN_BYTES"])
        self.session.core = self.connection[0]
        self.phase, self.open_keys = 0, {0: keys}
        self.asked = self.answered = None
        self.open_connections, self.new_id_sequence = {self.connection}, 0
        self.next_ping = time.monotonic() + parameters.heartbeat_ms * MS

    def _resume(self, session):
        self.session = session
        session.pieces = {name: piece for name, piece in session.pieces.items() if wire.is_reliable(name[0])}
        self.queue.update(session.unacknowledged)

    # Sending: PROTOCOL.md#encrypted-datagrams to PROTOCOL.md#acknowledgments.

    @property
    def keys(self):
        return self.open_keys[self.phase]

    def seal(self, plaintext, sequence=None, flags=None, connection=None, channel=0, cipher=None, pad=True):
        """A sealed datagram. Arguments replace the values that a correct client would use."""
        if sequence is None:
            sequence = self.next_sequence()
        flags = wire.flags_of(self.parameters.suite, self.phase) if flags is None else flags
        head = wire.header(connection or self.connection, flags, sequence, channel)
        return (cipher or self.keys.client).seal(head, wire.padded(plaintext) if pad else plaintext)

    def next_sequence(self):
        self.sent += 1
        if self.sent == 3:
            self.skipped.add(self.sent)
            self.sent += 1
        return self.sent

    def send_frames(self, *frames, **fields):
        """Sends frames at once in their own datagram, which is not sent again."""
        self.send_raw(self.seal(b"".join(frames), **fields))
        return self.sent

    def ping(self, value=None):
        value = value or os.urandom(8)
        self.send_frames(wire.frame("Ping", value))
        return value

    def send(self, channel, text, pack=False, number=None, piece_bytes=None):
        """Sends a message. Reliable messages are sent again until they are acknowledged."""
        numbers = self.session.next_number if wire.is_reliable(channel) else self.sent_numbers
        data = lz4.compress(text) if pack else text
        whole = len(data) <= LIMITS["WHOLE_MESSAGE_BYTES_MAX"] - 10 and piece_bytes is None
        if number is None:
            number = numbers.get(channel, 0)
            if wire.has_number(channel) or not whole:
                numbers[channel] = (number + 1) % 65536
        if whole:
            parts = {0: wire.compressed(channel, number, data) if pack else wire.message(channel, number, text)}
        else:
            parts = wire.fragments(channel, number, data, pack, piece_bytes)
        for offset, part in parts.items():
            key = (channel, number, offset)
            if wire.is_reliable(channel):
                self.session.unacknowledged[key] = part
            self.queue[key] = part
        self.flush()
        return number

    def flush(self):
        """Sends what is queued, up to IN_FLIGHT_MAX bytes in flight."""
        while self.control or (self.queue and self._bytes_in_flight() < IN_FLIGHT_MAX) or self.ack_due:
            parts, keys, room = [], {}, LIMITS["FRAMES_BYTES_BASE"]
            if self.ack_due and self.answers_acks:
                parts.append(wire.write_ack(self.received))
                room -= len(parts[0])
            self.ack_due = False
            while self.control and len(self.control[0]) <= room:
                parts.append(self.control.pop(0))
                room -= len(parts[-1])
            for key in list(self.queue):
                if len(self.queue[key]) > room or self._bytes_in_flight() >= IN_FLIGHT_MAX:
                    break
                parts.append(self.queue.pop(key))
                room -= len(parts[-1])
                keys[key] = parts[-1]
            if not parts:
                return
            sequence = self.next_sequence()
            self.send_raw(self.seal(b"".join(parts), sequence=sequence))
            kept = {key: part for key, part in keys.items() if key[0] == "control" or wire.is_reliable(key[0])}
            if kept:
                self.in_flight[sequence] = (time.monotonic(), kept)

    def _bytes_in_flight(self):
        return sum(len(part) for _, parts in self.in_flight.values() for part in parts.values())

    def _lose(self, sequence):
        for key, part in self.in_flight.pop(sequence)[1].items():
            if key[0] == "control" or key in self.session.unacknowledged:
                self.queue[key] = part
                self.events["sent again"] += 1

    # Receiving.

    def until(self, happened, seconds):
        """Receives, answers and sends until `happened()` is true. Returns False if it was not in time."""
        until = time.monotonic() + seconds
        while not happened():
            left = until - time.monotonic()
            if left <= 0:
                return False
            datagram = self.receive_raw(min(left, 0.02))
            while datagram is not None:
                if not self.lose(datagram):
                    self.take(datagram)
                datagram = self.receive_raw(0)
            self.advance()
        return True

    def idle(self, seconds):
        self.until(lambda: False, seconds)

    def advance(self):
        if self.closed is not None or self.connection is None:
            return
        now = time.monotonic()
        for sequence, (sent_at, _) in list(self.in_flight.items()):
            if now - sent_at > LIMITS["RETRANSMISSION_TIMEOUT_FIRST"] * MS:
                self._lose(sequence)
        if now >= self.next_ping:
            self.next_ping += self.parameters.heartbeat_ms * MS
            self.control.append(wire.frame("Ping", os.urandom(8)))
        self.flush()

    def open(self, datagram):
        """The sequence, key phase and plaintext of an authentic datagram, or None if it is dropped."""
        if len(datagram) < wire.HEADER + wire.TAG or datagram[4] or datagram[:4] not in self.open_connections:
            self.dropped["header"] += 1
            return None
        sequence = wire.integer(datagram[6:wire.HEADER])
        phases = {wire.flags_of(self.parameters.suite, phase): phase for phase in (0, 1)}
        phase = phases.get(datagram[5])
        if phase not in self.open_keys:
            self.dropped["flags or phase"] += 1
            return None
        if (sequence == 0 or sequence > PROTOCOL.sequence_max or sequence in self.received
                or self.highest - sequence >= LIMITS["REPLAY_WINDOW"]):
            self.dropped["sequence"] += 1
            return None
        plaintext = self.open_keys[phase].server.open(datagram, wire.HEADER)
        if plaintext is None:
            self.dropped["not authentic"] += 1
            return None
        self.received.add(sequence)
        self.highest = max(self.highest, sequence)
        return sequence, phase, plaintext

    def take(self, datagram):
        if self.closed is not None:
            return
        opened = self.open(datagram)
        if opened is None:
            return
        sequence, phase, plaintext = opened
        self.events[f"size {len(datagram)}"] += 1
        if self.answered and phase != self.phase:
            self.phase, self.answered = phase, None
            self.events["switched"] += 1
        frames, bad = wire.read_frames(plaintext)
        self.events["bad frames"] += bad
        for name, value in frames:
            self.take_frame(name, value, sequence)
            if self.closed is not None:
                return

    def take_frame(self, name, value, sequence):
        self.events[name] += 1
        if name in ("NewId", "Integrity", "RekeyRequest", "RekeyResponse", "Probe") or (
                isinstance(value, wire.Piece) and wire.is_reliable(value.channel)):
            self.ack_due = True
        if isinstance(value, wire.Piece):
            self.take_piece(value)
        elif name == "Ping":
            self.control.append(wire.frame("Pong", value))
        elif name == "Pong":
            self.pongs.append(value)
        elif name == "PathChallenge":
            self.challenges.append(value)
            self.control.append(wire.frame("PathResponse", value))
        elif name == "Disconnect":
            self.closed = value[0]
        elif name == "Ack":
            self.take_ack(value)
        elif name == "Integrity" and len(value) == INTEGRITY_CHALLENGE_BYTES and value[0] < len(self.integrity_keys):
            self.take_challenge(value[0], value[1:])
        elif name == "NewId":
            self.take_new_id(value, sequence)
        elif name == "RekeyRequest":
            self.take_rekey_request(value)
        elif name == "RekeyResponse":
            self.take_rekey_response(value)

    def take_ack(self, ack):
        if ack.largest > self.sent or any(ack.covers(number) for number in self.skipped):
            raise wire.Violation(f"the server acknowledged what was never sent: {ack}")
        for first, last in ack.ranges:
            self.acknowledged.update(range(first, last + 1))
        self.largest_acknowledged = max(self.largest_acknowledged, ack.largest)
        for sequence in list(self.in_flight):
            if ack.covers(sequence):
                for key in self.in_flight.pop(sequence)[1]:
                    self.session.unacknowledged.pop(key, None)
                    self.queue.pop(key, None)
            elif sequence <= self.largest_acknowledged - LIMITS["REORDERING_PACKETS"]:
                self._lose(sequence)

    # PROTOCOL.md#messages.

    def take_piece(self, piece):
        if piece.size is None:
            self.take_message(piece.channel, piece.number, piece.data, piece.is_compressed)
            return
        name = (piece.channel, piece.number)
        if wire.is_reliable(piece.channel) and self._is_duplicate(piece.channel, piece.number):
            return
        pieces = self.session.pieces.setdefault(name, {"size": piece.size, "packed": piece.is_compressed, "at": {}})
        if (pieces["size"], pieces["packed"]) != (piece.size, piece.is_compressed):
            return
        pieces["at"][piece.offset] = piece.data
        whole, reach = bytearray(piece.size), 0
        for offset, data in sorted(pieces["at"].items()):
            if offset > reach:
                return
            whole[offset:offset + len(data)] = data
            reach = max(reach, offset + len(data))
        if reach == piece.size:
            del self.session.pieces[name]
            self.events["put together"] += 1
            self.take_message(piece.channel, piece.number, bytes(whole), piece.is_compressed)

    def _is_duplicate(self, channel, number):
        ahead = (number - self.session.expected[channel]) % 65536
        return ahead >= 32768 or number in self.session.early[channel]

    def take_message(self, channel, number, data, is_compressed):
        if is_compressed:
            self.events["decompressed"] += 1
            data = lz4.decompress(data, LIMITS["MESSAGE_BYTES_MAX"])
        if wire.is_reliable(channel):
            self._take_reliable(channel, number, data)
        elif channel % 4 == 3:
            last = self.last_sequenced.get(channel)
            if last is None or 1 <= (number - last) % 65536 <= 32767:
                self.last_sequenced[channel] = number
                self.messages.append((channel, data))
        else:
            self.messages.append((channel, data))

    def _take_reliable(self, channel, number, data):
        session = self.session
        if self._is_duplicate(channel, number):
            self.events["duplicates"] += 1
            return
        if (number - session.expected[channel]) % 65536 >= LIMITS["CHANNEL_WINDOW_MESSAGES"]:
            raise wire.Violation("a message beyond the window")
        ordered = channel % 4 == 1
        session.early[channel][number] = data
        if not ordered:
            self.messages.append((channel, data))
        while session.expected[channel] in session.early[channel]:
            data = session.early[channel].pop(session.expected[channel])
            session.expected[channel] = (session.expected[channel] + 1) % 65536
            if ordered:
                self.messages.append((channel, data))

    # PROTOCOL.md#keys, PROTOCOL.md#path and PROTOCOL.md#disconnect.

    def ask_rekey(self, public=None):
        self.asked = KeyPair()
        self.queue[("control", "rekey request")] = wire.frame("RekeyRequest", public or self.asked.public)
        self.flush()

    def take_rekey_response(self, body):
        if self.asked is None or body[:8] != self.asked.public[:8]:
            return
        self.open_keys[self.phase ^ 1] = self.keys.follow(self.asked.exchange(body[8:]), "rekey")
        self.phase ^= 1
        self.asked = None
        self.queue.pop(("control", "rekey request"), None)
        self.events["rekeyed"] += 1

    def take_rekey_request(self, public):
        if self.answered and self.answered[0] == public:
            self.queue[("control", "rekey response")] = self.answered[1]
            return
        if self.answered:
            return
        self.asked = None
        pair = KeyPair()
        self.open_keys[self.phase ^ 1] = self.keys.follow(pair.exchange(public), "rekey")
        self.answered = (public, wire.frame("RekeyResponse", public[:8] + pair.public))
        self.queue[("control", "rekey response")] = self.answered[1]

    def take_challenge(self, index, nonce):
        answer = hmac.digest(self.integrity_keys[index], self.transcript + nonce, "sha256")
        self.queue[("control", "integrity", nonce)] = wire.frame("Integrity", nonce[:8] + answer)

    def take_new_id(self, connection, sequence):
        if sequence < self.new_id_sequence or (connection[0], connection[2:]) != (
                self.connection[0], self.connection[2:]):
            self.events["bad frames"] += 1
            return
        self.new_id_sequence = sequence
        if connection != self.connection:
            self.open_connections = {self.connection, connection}
            self.connection = connection
            self.events["renamed"] += 1

    def move(self):
        """Moves to a new socket, as a client may at any time, and sends a Ping from it."""
        self.former_socket, self.socket = self.socket, self.new_socket()
        return self.ping()

    def disconnect(self, reason=None):
        reason = PROTOCOL.reasons["closed"] if reason is None else reason
        for _ in range(LIMITS["DISCONNECT_COPIES"]):
            self.send_frames(wire.frame("Disconnect", bytes([reason])))
        self.closed = reason

    def close(self):
        if self.connection is not None and self.closed is None:
            self.disconnect()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Queries of cases.

    def echo(self, channel, text, seconds=3.0, **how):
        """Sends a message and returns the answer on its channel, or None."""
        self.send(channel, text, **how)
        return self.next_message(channel, seconds)

    def next_message(self, channel, seconds=3.0):
        def found():
            return next((at for at, (on, _) in enumerate(self.messages) if on == channel), None)
        if not self.until(lambda: found() is not None or self.closed is not None, seconds) or found() is None:
            return None
        at = found()
        data = self.messages[at][1]
        del self.messages[at]
        return data

    def is_alive(self, seconds=2.0):
        """Whether the server answers a Ping over this connection."""
        if self.closed is not None:
            return False
        value = self.ping()
        return self.until(lambda: value in self.pongs or self.closed is not None, seconds) and self.closed is None

    def end_reason(self, seconds=2.0):
        """The reason of the server's Disconnect, or None if it sends none."""
        self.until(lambda: self.closed is not None, seconds)
        return self.closed
