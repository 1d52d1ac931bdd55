-- Wireshark dissector for the Ringshard protocol, version 1 (engine/PROTOCOL.md).
--
-- It shows unencrypted packets, and the parts of encrypted datagrams that are readable without keys. It also reads
-- capture files whose datagrams were decrypted before they were written. In such a datagram the flag ENCRYPTED is clear
-- although the connection id names a connection, the frames are plaintext, and the tag is missing.
--
-- Runs under Lua 5.2 to 5.4, so it uses no bit operators.

local ringshard = Proto("ringshard", "Ringshard Protocol")

-- Limits ------------------------------------------------------------------------------------------------------------

local PROTOCOL_VERSION = 1
local PORT_DEFAULT = 3565
local DATAGRAM_BYTES_MAX = 1472
local HEADER_BYTES = 14
local FORWARDED = 0x80
local FORWARDED_BYTES = 48
local TAG_BYTES = 16
local FRAME_HEADER_BYTES = 2
local MESSAGE_BYTES_MAX = 65536
local CONNECT_BYTES = 144
local FRAGMENT_GRAIN_BYTES = 128
local ACK_POSITIONS_MAX = 512
local ACK_DELAY_UNIT = 8 -- µs
local SEQUENCE_MAX = UInt64(0, 0x40000000) -- 2^62

local FRAMES_IN_INFO = 8 -- more would fill the column

-- Names -------------------------------------------------------------------------------------------------------------

local CONNECT, COOKIE, ACCEPTED, DENIED = 0, 1, 2, 3
local PACKETS = {
    [CONNECT] = "Connect",
    [COOKIE] = "Cookie",
    [ACCEPTED] = "ConnectionAccepted",
    [DENIED] = "ConnectionDenied",
}
local PACKET_BYTES = { [CONNECT] = CONNECT_BYTES, [COOKIE] = 67, [ACCEPTED] = 83, [DENIED] = 24 }

local DENIED_REASONS = {
    [1] = "wrong version",
    [2] = "server full",
    [3] = "wrong key",
    [4] = "no common suite",
    [5] = "shutting down",
    [6] = "pre-shared key mismatch",
    [7] = "busy",
}

local DISCONNECT_REASONS = {
    [0] = "closed",
    [1] = "shutting down",
    [3] = "key exhausted",
    [4] = "protocol violation",
    [5] = "overflow",
    [6] = "bad compression",
    [7] = "short of memory",
    [9] = "integrity failed",
    [10] = "not resumable",
    [11] = "denied",
}

local FRAMES = {
    [0] = "End",
    [1] = "Compressed",
    [2] = "PathChallenge",
    [3] = "PathResponse",
    [4] = "Ping",
    [5] = "Pong",
    [6] = "Disconnect",
    [7] = "Ack",
    [8] = "Fragment",
    [9] = "NewId",
    [12] = "Integrity",
    [13] = "RekeyRequest",
    [14] = "RekeyResponse",
    [15] = "Probe",
}
local FIRST_MESSAGE_KIND = 16
for channel = 0, 15 do
    FRAMES[FIRST_MESSAGE_KIND + channel] = "Message"
end

-- By channel modulo 4.
local DELIVERIES = {
    [0] = "unreliable",
    [1] = "reliable, ordered",
    [2] = "reliable, unordered",
    [3] = "unreliable, sequenced",
}

-- Fields ------------------------------------------------------------------------------------------------------------

local f = {
    connection = ProtoField.uint32("ringshard.connection", "Connection id", base.HEX),
    core = ProtoField.uint8("ringshard.connection.core", "Core"),
    generation = ProtoField.uint8("ringshard.connection.generation", "Generation"),
    slot = ProtoField.uint16("ringshard.connection.slot", "Slot"),
    header_channel = ProtoField.uint8("ringshard.channel", "Channel"),
    flags = ProtoField.uint8("ringshard.flags", "Flags", base.HEX),
    flag_encrypted = ProtoField.bool("ringshard.flags.encrypted", "ENCRYPTED", 8, nil, 0x01),
    flag_chacha = ProtoField.bool("ringshard.flags.chacha20_poly1305", "CHACHA20_POLY1305", 8, nil, 0x02),
    flag_rekey = ProtoField.bool("ringshard.flags.rekey", "REKEY", 8, nil, 0x04),
    flag_fragment = ProtoField.bool("ringshard.flags.fragment", "FRAGMENT", 8, nil, 0x08),
    flag_compressed = ProtoField.bool("ringshard.flags.compressed", "COMPRESSED", 8, nil, 0x10),
    flag_acknowledgment = ProtoField.bool("ringshard.flags.acknowledgment", "ACKNOWLEDGMENT", 8, nil, 0x20),
    flag_handshake = ProtoField.bool("ringshard.flags.reliable_handshake", "RELIABLE_HANDSHAKE", 8, nil, 0x40),
    flag_forwarded = ProtoField.bool("ringshard.flags.forwarded", "FORWARDED", 8, nil, 0x80),
    gateway = ProtoField.bytes("ringshard.gateway", "Gateway"),
    client_address = ProtoField.ipv6("ringshard.client.address", "Client's address"),
    client_port = ProtoField.uint16("ringshard.client.port", "Client's port"),
    gateway_mac = ProtoField.bytes("ringshard.gateway.mac", "MAC"),
    sequence = ProtoField.uint64("ringshard.sequence", "Sequence"),
    handshake_tag = ProtoField.bytes("ringshard.handshake_tag", "Handshake tag"),
    decrypted = ProtoField.bool("ringshard.decrypted", "Decrypted before it was written"),

    packet = ProtoField.uint8("ringshard.type", "Type", base.DEC, PACKETS),
    version = ProtoField.uint16("ringshard.connect.version", "Version"),
    suites = ProtoField.uint8("ringshard.connect.suites", "Suites", base.HEX),
    suite_chacha = ProtoField.bool("ringshard.connect.suites.chacha20_poly1305", "ChaCha20-Poly1305", 8, nil, 0x01),
    suite_aes_gcm = ProtoField.bool("ringshard.connect.suites.aes_128_gcm", "AES-128-GCM", 8, nil, 0x02),
    options = ProtoField.uint8("ringshard.connect.options", "Options", base.HEX),
    option_psk = ProtoField.bool("ringshard.connect.options.pre_shared_key", "Pre-shared key", 8, nil, 0x01),
    connect_padding = ProtoField.bytes("ringshard.connect.padding", "Padding"),
    cookie = ProtoField.bytes("ringshard.cookie", "Cookie"),
    noise = ProtoField.bytes("ringshard.noise", "Noise message"),
    noise_ephemeral = ProtoField.bytes("ringshard.noise.ephemeral", "Ephemeral key"),
    noise_token = ProtoField.bytes("ringshard.noise.token", "Sealed token"),
    noise_parameters = ProtoField.bytes("ringshard.noise.parameters", "Sealed parameters"),
    noise_tag = ProtoField.bytes("ringshard.noise.tag", "Tag"),
    denied_reason = ProtoField.uint8("ringshard.denied.reason", "Reason", base.DEC, DENIED_REASONS),
    denied_version = ProtoField.uint16("ringshard.denied.version", "Version of the server"),
    denied_wait = ProtoField.uint16("ringshard.denied.wait", "Wait in ms"),
    checksum = ProtoField.uint32("ringshard.checksum", "Checksum", base.HEX),
    checksum_status = ProtoField.string("ringshard.checksum.status", "Checksum status"),
    checksum_due = ProtoField.uint32("ringshard.checksum.due", "Checksum due", base.HEX),

    ciphertext = ProtoField.bytes("ringshard.ciphertext", "Ciphertext"),
    tag = ProtoField.bytes("ringshard.tag", "Tag"),

    frame = ProtoField.string("ringshard.frame", "Frame"),
    frame_kind = ProtoField.uint16("ringshard.frame.kind", "Kind", base.DEC, FRAMES, 0xf800),
    frame_length = ProtoField.uint16("ringshard.frame.length", "Length", base.DEC, nil, 0x07ff),
    padding = ProtoField.bytes("ringshard.padding", "Padding"),

    channel = ProtoField.uint8("ringshard.message.channel", "Channel"),
    delivery = ProtoField.string("ringshard.message.delivery", "Delivery"),
    number = ProtoField.uint16("ringshard.message.number", "Number"),
    message = ProtoField.bytes("ringshard.message", "Message"),
    compressed_size = ProtoField.uint32("ringshard.compressed.size", "Size of the message"),
    compressed_block = ProtoField.bytes("ringshard.compressed.block", "LZ4 block"),
    fragment_offset = ProtoField.uint16("ringshard.fragment.offset", "Offset"),
    fragment_compressed = ProtoField.bool("ringshard.fragment.compressed", "Compressed", 32, nil, 0x80000000),
    fragment_size = ProtoField.uint32("ringshard.fragment.size", "Size of the whole", base.DEC, nil, 0x7fffffff),
    fragment_piece = ProtoField.bytes("ringshard.fragment.piece", "Piece"),

    path_value = ProtoField.bytes("ringshard.path.value", "Value"),
    ping_value = ProtoField.bytes("ringshard.ping.value", "Value"),
    disconnect_reason = ProtoField.uint8("ringshard.disconnect.reason", "Reason", base.DEC, DISCONNECT_REASONS),
    ack_largest = ProtoField.uint64("ringshard.ack.largest", "Largest"),
    ack_delay = ProtoField.uint16("ringshard.ack.delay", "Delay, in units of 8 µs"),
    ack_delay_us = ProtoField.uint32("ringshard.ack.delay_us", "Delay in µs"),
    ack_runs = ProtoField.bytes("ringshard.ack.runs", "Runs"),
    ack_range = ProtoField.string("ringshard.ack.range", "Received"),
    ack_first = ProtoField.uint64("ringshard.ack.range.first", "First"),
    ack_last = ProtoField.uint64("ringshard.ack.range.last", "Last"),
    new_id = ProtoField.uint32("ringshard.new_id", "New connection id", base.HEX),
    new_core = ProtoField.uint8("ringshard.new_id.core", "Core"),
    new_generation = ProtoField.uint8("ringshard.new_id.generation", "Generation"),
    new_slot = ProtoField.uint16("ringshard.new_id.slot", "Slot"),
    integrity_index = ProtoField.uint8("ringshard.integrity.index", "Index into the table"),
    integrity_nonce = ProtoField.bytes("ringshard.integrity.nonce", "Nonce"),
    integrity_names = ProtoField.bytes("ringshard.integrity.names", "First 8 bytes of the nonce"),
    integrity_answer = ProtoField.bytes("ringshard.integrity.answer", "HMAC-SHA256"),
    rekey_names = ProtoField.bytes("ringshard.rekey.names", "First 8 bytes of the key in the RekeyRequest"),
    rekey_public_key = ProtoField.bytes("ringshard.rekey.public_key", "Public key"),
    probe = ProtoField.bytes("ringshard.probe", "Zeros"),

    data = ProtoField.bytes("ringshard.data", "Data that was not read"),
}
ringshard.fields = f

local function new_expert(name, text, group, severity)
    return ProtoExpert.new("ringshard." .. name, text, expert.group[group], expert.severity[severity])
end
local expert_malformed = new_expert("malformed", "Malformed", "MALFORMED", "ERROR")
local expert_bad_frame = new_expert("bad_frame", "Malformed: bad frame", "MALFORMED", "ERROR")
local expert_violation = new_expert("violation", "Malformed: violation", "MALFORMED", "ERROR")
local expert_checksum = new_expert("checksum.bad", "Bad checksum", "CHECKSUM", "ERROR")
local expert_reserved = new_expert("reserved", "Reserved value", "PROTOCOL", "NOTE")
local expert_cut = new_expert("cut", "Cut off by the capture", "UNDECODED", "NOTE")
ringshard.experts = {
    expert_malformed, expert_bad_frame, expert_violation, expert_checksum, expert_reserved, expert_cut,
}

-- Ports -------------------------------------------------------------------------------------------------------------

ringshard.prefs.ports = Pref.range("UDP ports", tostring(PORT_DEFAULT), "Ports of Ringshard servers", 65535)

local udp_ports = DissectorTable.get("udp.port")
local registered_ports -- the value of the preference, such as "3565,4000-4007"

local function register_ports()
    if registered_ports == ringshard.prefs.ports then
        return
    end
    if registered_ports and registered_ports ~= "" then
        udp_ports:remove(registered_ports, ringshard)
    end
    registered_ports = ringshard.prefs.ports
    if registered_ports ~= "" then
        udp_ports:add(registered_ports, ringshard)
    end
end

ringshard.prefs_changed = register_ports

local function is_server_port(port)
    for first, last in string.gmatch(registered_ports, "(%d+)%-?(%d*)") do
        if port >= tonumber(first) and port <= (tonumber(last) or tonumber(first)) then
            return true
        end
    end
    return false
end

-- The direction according to the ports; nil if neither or both are server ports.
local TO_SERVER, TO_CLIENT = "to the server", "to the client"
local function direction_of(pinfo)
    local from_server, to_server = is_server_port(pinfo.src_port), is_server_port(pinfo.dst_port)
    if from_server == to_server then
        return nil
    end
    return to_server and TO_SERVER or TO_CLIENT
end

-- Checksum ----------------------------------------------------------------------------------------------------------

-- Wireshark has `bit` with Lua 5.2. Later versions have the operator, which the parser of 5.2 rejects.
local bxor = (bit and bit.bxor) or (bit32 and bit32.bxor) or load("return function(a, b) return a ~ b end")()

local CRC32C_TABLE = {}
for byte = 0, 255 do
    local crc = byte
    for _ = 1, 8 do
        local out = crc % 2
        crc = math.floor(crc / 2)
        if out == 1 then
            -- 0x1EDC6F41, reflected. The modulo undoes the sign that `bit` gives.
            crc = bxor(crc, 0x82f63b78) % 0x100000000
        end
    end
    CRC32C_TABLE[byte] = crc
end

local function crc32c(bytes)
    local crc = 0xffffffff
    for i = 1, #bytes do
        local index = bxor(crc % 256, bytes:byte(i)) % 256
        crc = bxor(math.floor(crc / 256), CRC32C_TABLE[index]) % 0x100000000
    end
    return bxor(crc, 0xffffffff) % 0x100000000
end

assert(crc32c("123456789") == 0xe3069283)

-- Ids and bytes -----------------------------------------------------------------------------------------------------

local function has_numbers(channel)
    return channel % 4 ~= 0
end

local function only_zeros(bytes)
    return not bytes:find("[^\0]")
end

-- A connection keeps its core and slot; its generation can change.
local function name_of(id)
    return string.format("%d:%d", id(0, 1):uint(), id(2, 2):le_uint())
end

local function requests_core(id)
    return id(1, 1):uint() == 0 and id(2, 2):le_uint() == 1
end

local function describe(id)
    if id:uint() == 0 then
        return "no connection yet"
    end
    if requests_core(id) then
        return "no connection yet, requests core " .. id(0, 1):uint()
    end
    return name_of(id)
end

local function add_id(tree, id, whole, core, generation, slot)
    local item = tree:add_le(whole, id)
    item:add(core, id(0, 1))
    item:add(generation, id(1, 1))
    item:add_le(slot, id(2, 2))
    return item
end

-- `datagram` is the state that the functions below share about one datagram:
--   tvb, pinfo, tree
--   size       its length on the wire
--   captured   the number of its bytes in the file
--   direction  TO_SERVER, TO_CLIENT or nil
--   malformed  whether any part of it is malformed
local function malformed(datagram, item, why, which)
    datagram.malformed = true
    item:add_proto_expert_info(which or expert_malformed, "Malformed: " .. why)
end

local function add_rest(datagram, tree, from)
    if datagram.captured > from then
        tree:add(f.data, datagram.tvb(from, datagram.captured - from))
    end
end

-- Header ------------------------------------------------------------------------------------------------------------

local function add_header(datagram)
    local tvb, tree = datagram.tvb, datagram.tree
    datagram.id_item = add_id(tree, tvb(0, 4), f.connection, f.core, f.generation, f.slot)
    datagram.id_item:append_text(" (" .. describe(tvb(0, 4)) .. ")")

    local channel = tree:add(f.header_channel, tvb(4, 1))
    if tvb(4, 1):uint() ~= 0 then
        malformed(datagram, channel, "the channel of the header is not 0")
    end

    local flags = tree:add(f.flags, tvb(5, 1))
    for _, flag in ipairs({
        f.flag_encrypted, f.flag_chacha, f.flag_rekey, f.flag_fragment,
        f.flag_compressed, f.flag_acknowledgment, f.flag_handshake, f.flag_forwarded,
    }) do
        flags:add(flag, tvb(5, 1))
    end
    datagram.flags_item = flags
    if tvb(5, 1):uint() >= 0x08 and tvb(5, 1):uint() ~= FORWARDED then
        malformed(datagram, flags, "flags that are reserved")
    end
end

local function add_sequence(datagram)
    local item = datagram.tree:add_le(f.sequence, datagram.tvb(6, 8))
    local sequence = datagram.tvb(6, 8):le_uint64()
    if sequence == UInt64(0) or sequence > SEQUENCE_MAX then
        malformed(datagram, item, "sequence 0, or above 2^62")
    end
    return tostring(sequence)
end

-- Unencrypted packets -----------------------------------------------------------------------------------------------

local function add_checksum(datagram)
    local at = datagram.size - 4
    local item = datagram.tree:add_le(f.checksum, datagram.tvb(at, 4))
    local due = crc32c(datagram.tvb:raw(0, at))
    local good = datagram.tvb(at, 4):le_uint() == due
    item:append_text(good and " (good)" or " (bad)")
    item:add(f.checksum_status, datagram.tvb(at, 4), good and "good" or "bad"):set_generated()
    if not good then
        datagram.malformed = true
        item:add(f.checksum_due, datagram.tvb(at, 4), due):set_generated()
        item:add_proto_expert_info(expert_checksum, string.format("Bad checksum: 0x%08x is due", due))
    end
end

local function add_noise(datagram, at, payload)
    local item = datagram.tree:add(f.noise, datagram.tvb(at, 64))
    item:add(f.noise_ephemeral, datagram.tvb(at, 32))
    item:add(payload, datagram.tvb(at + 32, 16))
    item:add(f.noise_tag, datagram.tvb(at + 48, 16))
end

-- All versions have the version and, at the end, the checksum at the same place, and nothing else.
local function add_foreign_connect(datagram)
    local version = datagram.tvb(15, 2):le_uint()
    datagram.tree:add_le(f.version, datagram.tvb(15, 2))
    datagram.tree:add(f.data, datagram.tvb(17, datagram.size - 4 - 17))
    return "Connect, version " .. version
end

local function add_connect(datagram)
    local tvb, tree = datagram.tvb, datagram.tree
    tree:add_le(f.version, tvb(15, 2))

    local suites = tree:add(f.suites, tvb(17, 1))
    suites:add(f.suite_chacha, tvb(17, 1))
    suites:add(f.suite_aes_gcm, tvb(17, 1))
    if tvb(17, 1):uint() >= 0x04 then
        suites:add_proto_expert_info(expert_reserved, "Suites unknown in version 1")
    end

    local options = tree:add(f.options, tvb(18, 1))
    options:add(f.option_psk, tvb(18, 1))
    if tvb(18, 1):uint() >= 0x02 then
        malformed(datagram, options, "reserved options")
    end

    local cookie = tree:add(f.cookie, tvb(19, 48))
    add_noise(datagram, 67, f.noise_token)
    if tvb:raw(6, 8) ~= tvb:raw(67, 8) then
        malformed(datagram, datagram.tag_item, "the handshake tag does not match the ephemeral key")
    end

    local padding = tree:add(f.connect_padding, tvb(131, 9))
    if not only_zeros(tvb:raw(131, 9)) then
        malformed(datagram, padding, "nonzero padding")
    end

    local info = "Connect"
    if requests_core(tvb(0, 4)) then
        info = info .. ", requests core " .. tvb(0, 1):uint()
    end
    if only_zeros(tvb:raw(19, 48)) then
        cookie:append_text(" (none yet)")
        return info .. ", no cookie"
    end
    return info .. ", with cookie"
end

local function add_cookie(datagram)
    local item = datagram.tree:add(f.cookie, datagram.tvb(15, 48))
    if only_zeros(datagram.tvb:raw(15, 48)) then
        malformed(datagram, item, "a cookie of zeros")
    end
    return "Cookie"
end

local function add_accepted(datagram)
    add_noise(datagram, 15, f.noise_parameters)
    return "ConnectionAccepted " .. name_of(datagram.tvb(0, 4))
end

local function add_denied(datagram)
    local reason = datagram.tvb(15, 1):uint()
    local item = datagram.tree:add(f.denied_reason, datagram.tvb(15, 1))
    if not DENIED_REASONS[reason] then
        malformed(datagram, item, "a reserved reason")
    end
    datagram.tree:add_le(f.denied_version, datagram.tvb(16, 2))
    datagram.tree:add_le(f.denied_wait, datagram.tvb(18, 2))
    return string.format("ConnectionDenied (%s)", DENIED_REASONS[reason] or reason)
end

local PACKET_READERS = {
    [CONNECT] = add_connect,
    [COOKIE] = add_cookie,
    [ACCEPTED] = add_accepted,
    [DENIED] = add_denied,
}

-- The version of a Connect; nil for any other packet. Other versions may have longer Connects.
local function version_of_connect(tvb, size)
    if size >= CONNECT_BYTES and tvb(14, 1):uint() == CONNECT then
        return tvb(15, 2):le_uint()
    end
    return nil
end

local function id_is_allowed(tvb, packet)
    if packet == ACCEPTED then
        return tvb(1, 1):uint() ~= 0
    end
    return tvb(0, 4):uint() == 0 or (packet == CONNECT and requests_core(tvb(0, 4)))
end

local function add_unencrypted_packet(datagram)
    local tvb, tree, size = datagram.tvb, datagram.tree, datagram.size
    add_header(datagram)
    datagram.tag_item = tree:add(f.handshake_tag, tvb(6, 8))
    if size == HEADER_BYTES then
        malformed(datagram, tree, "nothing after the header")
        return "Malformed"
    end
    if tvb(5, 1):uint() ~= 0 then
        malformed(datagram, datagram.flags_item, "nonzero flags of an unencrypted packet")
    end

    if datagram.captured == HEADER_BYTES then
        return "Unencrypted packet"
    end
    local packet = tvb(14, 1):uint()
    local item = tree:add(f.packet, tvb(14, 1))
    if not PACKETS[packet] then
        malformed(datagram, item, "a reserved type")
        add_rest(datagram, tree, 15)
        return "Malformed"
    end
    if not id_is_allowed(tvb, packet) then
        malformed(datagram, datagram.id_item, "a connection id that this packet may not have")
    end
    if datagram.direction and datagram.direction ~= (packet == CONNECT and TO_SERVER or TO_CLIENT) then
        malformed(datagram, item, "the wrong direction")
    end
    if datagram.captured < size then
        add_rest(datagram, tree, 15)
        return PACKETS[packet]
    end

    local version = version_of_connect(tvb, size)
    local read = PACKET_READERS[packet]
    if version and version ~= PROTOCOL_VERSION then
        read = add_foreign_connect
    elseif size ~= PACKET_BYTES[packet] then
        malformed(datagram, tree, string.format("%s has %d bytes, not %d", PACKETS[packet], PACKET_BYTES[packet], size))
        add_rest(datagram, tree, 15)
        return PACKETS[packet]
    end
    local info = read(datagram)
    add_checksum(datagram)
    return info
end

-- Forwarded datagrams -----------------------------------------------------------------------------------------------

local function add_forwarded(datagram)
    local tvb, tree = datagram.tvb, datagram.tree
    add_header(datagram)
    tree:add(f.gateway, tvb(6, 8))
    if datagram.size < FORWARDED_BYTES + HEADER_BYTES then
        malformed(datagram, tree, "too short for a forwarded datagram")
    end
    if datagram.captured < FORWARDED_BYTES + HEADER_BYTES then
        add_rest(datagram, tree, HEADER_BYTES)
        return "Forwarded"
    end
    tree:add(f.client_address, tvb(14, 16))
    tree:add_le(f.client_port, tvb(30, 2))
    tree:add(f.gateway_mac, tvb(32, 16))
    if tvb(48, 4):uint() ~= tvb(0, 4):uint() then
        malformed(datagram, datagram.id_item, "another connection id than the datagram inside")
    end
    if tvb(53, 1):uint() == FORWARDED then
        malformed(datagram, tree, "a forwarded datagram inside a forwarded one")
        return "Forwarded"
    end
    ringshard.dissector(tvb(48):tvb(), datagram.pinfo, tree)
    return "Forwarded, " .. tostring(datagram.pinfo.cols.info)
end

-- Encrypted datagrams -----------------------------------------------------------------------------------------------

local function add_encrypted(datagram)
    local tvb, tree, size, captured = datagram.tvb, datagram.tree, datagram.size, datagram.captured
    add_header(datagram)
    if tvb(1, 1):uint() == 0 then
        malformed(datagram, datagram.id_item, "an id of generation 0 names no connection")
    end
    local sequence = add_sequence(datagram)
    if size < HEADER_BYTES + TAG_BYTES then
        malformed(datagram, tree, "too short for a tag")
        add_rest(datagram, tree, HEADER_BYTES)
    else
        local tag_at = size - TAG_BYTES
        local ciphertext_end = math.min(tag_at, captured)
        if ciphertext_end > HEADER_BYTES then
            tree:add(f.ciphertext, tvb(HEADER_BYTES, ciphertext_end - HEADER_BYTES))
        end
        if captured == size then
            tree:add(f.tag, tvb(tag_at, TAG_BYTES))
        else
            add_rest(datagram, tree, ciphertext_end)
        end
    end
    return string.format("Encrypted %s seq %s, %d bytes", name_of(tvb(0, 4)), sequence, size)
end

-- Frames ------------------------------------------------------------------------------------------------------------

-- A reader adds the fields of a body to `tree`. It returns the text for the Info column and, if the frame is faulty,
-- `bad` or `violation`. The body is complete and its length is within `min` and `max`. `at` is the offset of the body,
-- `length` its length.
local function bad(why)
    return { expert = expert_bad_frame, why = "bad frame: " .. why }
end

local function violation(why)
    return { expert = expert_violation, why = "violation: " .. why }
end

local function add_channel(tree, range, channel)
    tree:add(f.channel, range, channel)
    tree:add(f.delivery, range, DELIVERIES[channel % 4]):set_generated()
end

-- Adds a field unless it is empty: Wireshark rejects empty fields.
local function add_bytes(tree, field, tvb, at, length)
    if length > 0 then
        tree:add(field, tvb(at, length))
    end
end

local function read_message(datagram, tree, at, length, kind)
    local tvb = datagram.tvb
    local channel = kind - FIRST_MESSAGE_KIND
    add_channel(tree, tvb(at - FRAME_HEADER_BYTES, FRAME_HEADER_BYTES), channel)
    if has_numbers(channel) then
        if length < 2 then
            add_bytes(tree, f.data, tvb, at, length)
            return nil, bad("a message on this channel has a number")
        end
        tree:add_le(f.number, tvb(at, 2))
        at, length = at + 2, length - 2
    end
    add_bytes(tree, f.message, tvb, at, length)
    return string.format("Message ch %d (%d bytes)", channel, length)
end

local function read_compressed(datagram, tree, at, length)
    local tvb = datagram.tvb
    local channel = tvb(at, 1):uint()
    if channel > 15 then
        tree:add(f.channel, tvb(at, 1))
        add_bytes(tree, f.data, tvb, at + 1, length - 1)
        return nil, bad("a channel above 15")
    end
    add_channel(tree, tvb(at, 1), channel)
    at, length = at + 1, length - 1
    if has_numbers(channel) then
        if length < 2 then
            add_bytes(tree, f.data, tvb, at, length)
            return nil, bad("a message on this channel has a number")
        end
        tree:add_le(f.number, tvb(at, 2))
        at, length = at + 2, length - 2
    end
    if length == 0 then
        return nil, bad("the compressed message is empty")
    end

    local info = string.format("Compressed ch %d (%d bytes)", channel, length)
    if length < 4 then
        tree:add(f.data, tvb(at, length))
        return info, violation("bad compression: no size")
    end
    local size = tvb(at, 4):le_uint()
    tree:add_le(f.compressed_size, tvb(at, 4))
    add_bytes(tree, f.compressed_block, tvb, at + 4, length - 4)
    if size > MESSAGE_BYTES_MAX then
        return info, violation("bad compression: too large")
    end
    return string.format("Compressed ch %d (%d bytes, %d before)", channel, length, size)
end

local function read_fragment(datagram, tree, at, length)
    local tvb = datagram.tvb
    local channel = tvb(at, 1):uint()
    if channel > 15 then
        tree:add(f.channel, tvb(at, 1))
        tree:add(f.data, tvb(at + 1, length - 1))
        return nil, bad("a channel above 15")
    end
    add_channel(tree, tvb(at, 1), channel)
    tree:add_le(f.number, tvb(at + 1, 2))
    tree:add_le(f.fragment_offset, tvb(at + 3, 2))
    tree:add_le(f.fragment_compressed, tvb(at + 5, 4))
    tree:add_le(f.fragment_size, tvb(at + 5, 4))
    tree:add(f.fragment_piece, tvb(at + 9, length - 9))

    local from = tvb(at + 3, 2):le_uint()
    local to = from + length - 9
    local size = tvb(at + 5, 4):le_uint() % 0x80000000
    if size < 1 or size > MESSAGE_BYTES_MAX then
        return nil, bad("a size of 0 or above MESSAGE_BYTES_MAX")
    end
    if from % FRAGMENT_GRAIN_BYTES ~= 0 then
        return nil, bad("an offset that is not a multiple of FRAGMENT_GRAIN_BYTES")
    end
    if to > size then
        return nil, bad("a piece that ends after the message")
    end
    if to < size and to % FRAGMENT_GRAIN_BYTES ~= 0 then
        return nil, bad("a piece that ends at no multiple of FRAGMENT_GRAIN_BYTES")
    end
    return string.format("Fragment ch %d (bytes %d..%d of %d)", channel, from, to, size)
end

local function read_path(datagram, tree, at, _, kind)
    local item = tree:add(f.path_value, datagram.tvb(at, 8))
    if FRAMES[kind] == "PathChallenge" and datagram.direction == TO_SERVER then
        item:add_proto_expert_info(expert_reserved, "A client must not send PathChallenge")
    end
    return FRAMES[kind]
end

local function read_ping(datagram, tree, at, _, kind)
    tree:add(f.ping_value, datagram.tvb(at, 8))
    return FRAMES[kind]
end

local function read_disconnect(datagram, tree, at)
    local reason = datagram.tvb(at, 1):uint()
    local item = tree:add(f.disconnect_reason, datagram.tvb(at, 1))
    if not DISCONNECT_REASONS[reason] then
        item:add_proto_expert_info(expert_reserved, "A reserved reason, treated as 0")
    end
    return string.format("Disconnect (%s)", DISCONNECT_REASONS[reason] or reason)
end

-- Ranges of received datagrams, newest first. Each is two distances from `largest`: of its last and of its first.
local function ranges_of(runs)
    local ranges = { { last = 0, first = 0 } }
    local distance = 0
    for i = 1, #runs do
        local run = runs:byte(i)
        local received = i % 2 == 1
        if received and run > 0 then
            local range = ranges[#ranges]
            if range.first == distance then -- after a run of 0, or after `largest`: the same range
                range.first = distance + run
            else
                ranges[#ranges + 1] = { last = distance + 1, first = distance + run }
            end
        end
        distance = distance + run
    end
    return ranges, distance
end

local function read_ack(datagram, tree, at, length)
    local tvb = datagram.tvb
    if length < 10 then
        add_bytes(tree, f.data, tvb, at, length)
        return nil, violation("an Ack has 10 bytes or more")
    end
    local largest = tvb(at, 8):le_uint64()
    tree:add_le(f.ack_largest, tvb(at, 8))
    local delay = tvb(at + 8, 2):le_uint()
    tree:add_le(f.ack_delay, tvb(at + 8, 2))
    local delay_us = tree:add(f.ack_delay_us, tvb(at + 8, 2), delay * ACK_DELAY_UNIT):set_generated()
    if delay == 65535 then
        delay_us:append_text(" or more")
    end

    local info = "Ack " .. tostring(largest)
    local runs_at, runs_length = at + 10, length - 10
    local runs = ""
    if runs_length > 0 then
        tree:add(f.ack_runs, tvb(runs_at, runs_length))
        runs = tvb:raw(runs_at, runs_length)
    end
    local ranges, distance = ranges_of(runs)
    if distance > ACK_POSITIONS_MAX then
        return info, violation("an Ack that reaches too far down")
    end
    if UInt64(distance) >= largest then
        return info, violation("an Ack that reaches 0")
    end
    for _, range in ipairs(ranges) do
        local first, last = largest - UInt64(range.first), largest - UInt64(range.last)
        local text = first == last and tostring(last) or tostring(first) .. " to " .. tostring(last)
        local item = tree:add(f.ack_range, tvb(at, length), text):set_generated()
        item:add(f.ack_first, tvb(at, length), first):set_generated()
        item:add(f.ack_last, tvb(at, length), last):set_generated()
    end
    return info
end

local function read_new_id(datagram, tree, at)
    local tvb = datagram.tvb
    local id = tvb(at, 4)
    add_id(tree, id, f.new_id, f.new_core, f.new_generation, f.new_slot)
    if id(1, 1):uint() == 0 then
        return nil, bad("generation 0")
    end
    if name_of(id) ~= name_of(tvb(0, 4)) then
        return nil, bad("another core or slot")
    end
    if datagram.direction == TO_SERVER then
        return nil, bad("the wrong direction")
    end
    return string.format("NewId %s generation %d", name_of(id), id(1, 1):uint())
end

local function read_integrity(datagram, tree, at, length)
    local tvb = datagram.tvb
    if length == 17 then
        tree:add(f.integrity_index, tvb(at, 1))
        tree:add(f.integrity_nonce, tvb(at + 1, 16))
        if datagram.direction == TO_SERVER then
            return nil, bad("the wrong direction")
        end
        return "Integrity challenge"
    end
    if length == 40 then
        tree:add(f.integrity_names, tvb(at, 8))
        tree:add(f.integrity_answer, tvb(at + 8, 32))
        if datagram.direction == TO_CLIENT then
            return nil, bad("the wrong direction")
        end
        return "Integrity answer"
    end
    add_bytes(tree, f.data, tvb, at, length)
    return nil, bad("a length that this kind does not have")
end

local function read_rekey_request(datagram, tree, at)
    tree:add(f.rekey_public_key, datagram.tvb(at, 32))
    return "RekeyRequest"
end

local function read_rekey_response(datagram, tree, at)
    tree:add(f.rekey_names, datagram.tvb(at, 8))
    tree:add(f.rekey_public_key, datagram.tvb(at + 8, 32))
    return "RekeyResponse"
end

local function read_probe(datagram, tree, at, length)
    if length > 0 then
        local item = tree:add(f.probe, datagram.tvb(at, length))
        if not only_zeros(datagram.tvb:raw(at, length)) then
            item:add_proto_expert_info(expert_reserved, "A Probe with nonzero bytes, which are ignored")
        end
    end
    return string.format("Probe (%d bytes)", length)
end

-- The length is checked against `min` and `max`; without `max`, any longer one is allowed. The readers of Ack and
-- Integrity check it themselves: a short Ack is a violation and no bad frame, and an Integrity has one of two lengths.
local FRAME_READERS = {
    [1] = { read = read_compressed, min = 2 },
    [2] = { read = read_path, min = 8, max = 8 },
    [3] = { read = read_path, min = 8, max = 8 },
    [4] = { read = read_ping, min = 8, max = 8 },
    [5] = { read = read_ping, min = 8, max = 8 },
    [6] = { read = read_disconnect, min = 1, max = 1 },
    [7] = { read = read_ack, min = 0 },
    [8] = { read = read_fragment, min = 10 },
    [9] = { read = read_new_id, min = 4, max = 4 },
    [12] = { read = read_integrity, min = 0 },
    [13] = { read = read_rekey_request, min = 32, max = 32 },
    [14] = { read = read_rekey_response, min = 40, max = 40 },
    [15] = { read = read_probe, min = 0 },
}
for channel = 0, 15 do
    FRAME_READERS[FIRST_MESSAGE_KIND + channel] = { read = read_message, min = 0 }
end

-- A correct sender pads with zeros. Receivers do not check.
local function add_padding(datagram, from)
    local length = datagram.captured - from
    if length > 0 then
        local item = datagram.tree:add(f.padding, datagram.tvb(from, length))
        if not only_zeros(datagram.tvb:raw(from, length)) then
            item:add_proto_expert_info(expert_reserved, "Nonzero padding, which is ignored")
        end
    end
end

-- Reads one frame with a complete body.
local function read_body(datagram, item, at, length, kind)
    local reader = FRAME_READERS[kind]
    if not reader then
        add_bytes(item, f.data, datagram.tvb, at, length)
        return nil, bad("a reserved kind")
    end
    if length < reader.min or (reader.max and length > reader.max) then
        add_bytes(item, f.data, datagram.tvb, at, length)
        return nil, bad("a length that this kind does not have")
    end
    return reader.read(datagram, item, at, length, kind)
end

local function add_frames(datagram)
    local tvb, tree, size, captured = datagram.tvb, datagram.tree, datagram.size, datagram.captured
    local infos = {}
    local at = HEADER_BYTES
    while captured - at >= FRAME_HEADER_BYTES do
        local head = tvb(at, FRAME_HEADER_BYTES):le_uint()
        local kind, length = math.floor(head / 2048), head % 2048
        local name = FRAMES[kind] or "Reserved"
        local body = at + FRAME_HEADER_BYTES
        local is_whole = body + length <= captured
        local is_cut_by_capture = not is_whole and body + length <= size

        local item = tree:add(f.frame, tvb(at, math.min(FRAME_HEADER_BYTES + length, captured - at)), name)
        item:add_le(f.frame_kind, tvb(at, FRAME_HEADER_BYTES))
        item:add_le(f.frame_length, tvb(at, FRAME_HEADER_BYTES))

        local info, fault
        local ends = true
        if kind == 0 then
            if length ~= 0 then
                fault = bad("an End with a length")
            end
            item:set_len(FRAME_HEADER_BYTES)
            add_padding(datagram, body)
        elseif not is_whole then
            add_bytes(item, f.data, tvb, body, captured - body)
            if is_cut_by_capture then
                info = name .. " (cut off)"
            else
                fault = bad("a length beyond the end of the plaintext")
            end
        else
            info, fault = read_body(datagram, item, body, length, kind)
            ends = false
        end

        if fault then
            malformed(datagram, item, fault.why, fault.expert)
            info = "bad " .. (info or name)
        end
        item:set_text(info or name)
        if info then
            infos[#infos + 1] = info
        end
        if ends then
            return infos
        end
        at = body + length
    end
    if captured - at == 1 then
        local is_last = captured == size
        if is_last and tvb(at, 1):uint() == 0 then
            add_padding(datagram, at)
        elseif is_last then
            local item = tree:add(f.data, tvb(at, 1))
            malformed(datagram, item, bad("a single byte that is not 0").why, expert_bad_frame)
            infos[#infos + 1] = "bad frame"
        else
            tree:add(f.data, tvb(at, 1))
        end
    end
    return infos
end

local function add_decrypted(datagram)
    add_header(datagram)
    datagram.tree:add(f.decrypted, datagram.tvb(5, 1), true):set_generated()
    local sequence = add_sequence(datagram)
    if datagram.size > DATAGRAM_BYTES_MAX - TAG_BYTES then
        malformed(datagram, datagram.tree, "more frames than a datagram holds")
    end

    local infos = add_frames(datagram)
    if #infos == 0 then
        return string.format("Nothing but padding, %s seq %s", name_of(datagram.tvb(0, 4)), sequence)
    end
    local shown = table.concat(infos, ", ", 1, math.min(#infos, FRAMES_IN_INFO))
    if #infos > FRAMES_IN_INFO then
        shown = string.format("%s, and %d more", shown, #infos - FRAMES_IN_INFO)
    end
    return shown
end

-- Datagrams ---------------------------------------------------------------------------------------------------------

-- A ConnectionAccepted is the only datagram on the wire with the id of a connection and no flag. No decrypted datagram
-- has its size: with the tag it would have a size that senders do not pad to.
local function is_accepted(tvb, size, captured)
    return size == PACKET_BYTES[ACCEPTED] and captured > HEADER_BYTES and tvb(5, 1):uint() == 0
        and tvb(14, 1):uint() == ACCEPTED
end

function ringshard.dissector(tvb, pinfo, root)
    local datagram = {
        tvb = tvb,
        pinfo = pinfo,
        tree = root:add(ringshard, tvb()),
        size = tvb:reported_len(),
        captured = tvb:captured_len(),
        direction = direction_of(pinfo),
        malformed = false,
    }
    local size, captured = datagram.size, datagram.captured
    pinfo.cols.protocol = "Ringshard"

    local info
    if captured < size then
        datagram.tree:add_proto_expert_info(expert_cut, string.format("The file has %d of %d bytes", captured, size))
    end
    if captured < HEADER_BYTES then
        info = "Part of a header"
        if size < HEADER_BYTES then
            malformed(datagram, datagram.tree, "too short for a header")
        end
        add_rest(datagram, datagram.tree, 0)
    else
        if size > DATAGRAM_BYTES_MAX then
            malformed(datagram, datagram.tree, "more bytes than a datagram has")
        end
        if tvb(5, 1):uint() == FORWARDED then
            info = add_forwarded(datagram)
        elseif tvb(5, 1):uint() % 2 == 1 then
            info = add_encrypted(datagram)
        elseif tvb(1, 1):uint() == 0 or is_accepted(tvb, size, captured) then
            info = add_unencrypted_packet(datagram)
        else
            info = add_decrypted(datagram)
        end
    end
    if datagram.malformed then
        info = info .. " [malformed]"
    end
    pinfo.cols.info = info
    datagram.tree:append_text(", " .. info)
    return captured
end

-- On other ports, an unencrypted packet is recognized by the size of its type and a correct checksum. Later datagrams
-- between the same two ports then belong to the connection. Encrypted datagrams alone cannot be recognized.
local function heuristic(tvb, pinfo, root)
    local size = tvb:reported_len()
    if tvb:captured_len() < size or size < PACKET_BYTES[DENIED] or size > DATAGRAM_BYTES_MAX then
        return false
    end
    local packet = tvb(14, 1):uint()
    local is_foreign = (version_of_connect(tvb, size) or PROTOCOL_VERSION) ~= PROTOCOL_VERSION
    if tvb(4, 2):uint() ~= 0 or (size ~= PACKET_BYTES[packet] and not is_foreign) or not id_is_allowed(tvb, packet) then
        return false
    end
    if tvb(size - 4, 4):le_uint() ~= crc32c(tvb:raw(0, size - 4)) then
        return false
    end
    pinfo.conversation = ringshard
    ringshard.dissector(tvb, pinfo, root)
    return true
end

register_ports()
ringshard:register_heuristic("udp", heuristic)
