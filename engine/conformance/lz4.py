"""The LZ4 block format, as PROTOCOL.md#compression restricts it."""


class BadBlock(Exception):
    pass


def decompress(packed, message_bytes_max):
    """The message of a size, u32, and a block. Raises BadBlock for what PROTOCOL.md#compression refuses."""
    if len(packed) < 4:
        raise BadBlock("no size")
    size = int.from_bytes(packed[:4], "little")
    if size > message_bytes_max:
        raise BadBlock("too large")
    block, at, out, last_match = packed[4:], 0, bytearray(), None
    while True:
        if at >= len(block):
            raise BadBlock("a sequence is missing")
        token, at = block[at], at + 1
        literals, at = _length(block, at, token >> 4)
        if at + literals > len(block):
            raise BadBlock("literals are missing")
        out += block[at:at + literals]
        at += literals
        if len(out) > size:
            raise BadBlock("too many bytes")
        if at == len(block):
            break
        offset, at = int.from_bytes(block[at:at + 2], "little"), at + 2
        if at > len(block) or not 0 < offset <= len(out):
            raise BadBlock("an offset outside the output")
        length, at = _length(block, at, token & 15)
        last_match = len(out)
        if len(out) + length + 4 > size:
            raise BadBlock("too many bytes")
        for _ in range(length + 4):
            out.append(out[-offset])
    if len(out) != size:
        raise BadBlock("too few bytes")
    if last_match is not None and (literals < 5 or last_match > size - 12):
        raise BadBlock("a match too close to the end")
    return bytes(out)


def _length(block, at, nibble):
    length = nibble
    while nibble == 15:
        if at >= len(block):
            raise BadBlock("a length is missing")
        length, at = length + block[at], at + 1
        if block[at - 1] != 255:
            break
    return length, at


def compress(message):
    """A size and a block. Greedily matches the last place with the same four bytes."""
    block, seen, literals, at = bytearray(), {}, 0, 0
    while at + 12 <= len(message):
        word = message[at:at + 4]
        before = seen.get(word)
        seen[word] = at
        if before is None or at - before > 0xFFFF:
            at += 1
            continue
        length = 4
        while at + length < len(message) - 5 and message[before + length] == message[at + length]:
            length += 1
        _sequence(block, message[literals:at], length - 4)
        _match(block, at - before, length - 4)
        at += length
        literals = at
    _sequence(block, message[literals:], 0)
    return len(message).to_bytes(4, "little") + bytes(block)


def _sequence(block, literals, match):
    block.append(min(len(literals), 15) << 4 | min(match, 15))
    _more(block, len(literals))
    block += literals


def _match(block, offset, match):
    block += offset.to_bytes(2, "little")
    _more(block, match)


def _more(block, length):
    if length >= 15:
        length -= 15
        block += b"\xff" * (length // 255)
        block.append(length % 255)
