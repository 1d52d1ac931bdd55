// Ringshard's client for C++17: typed over the game's structs, without exceptions, and without allocations per frame once warm.
// README.md is the guide; ringshard.h says what each call does.
#ifndef RINGSHARD_HPP
#define RINGSHARD_HPP

#include "ringshard.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ringshard {

// Why a call failed: a negative rs_error, or 0.
class [[nodiscard]] status {
public:
    constexpr status(rs_result code) noexcept : code_(code < 0 ? code : 0) {}
    // Whether the call succeeded.
    constexpr explicit operator bool() const noexcept { return code_ == 0; }
    constexpr rs_result code() const noexcept { return code_; }
    // What happened, and what to do.
    const char *text() const noexcept { return rs_text(code_); }

private:
    rs_result code_;
};

// A value, or why there is none.
template <class T> class [[nodiscard]] result {
public:
    result(T value) noexcept : value_(std::move(value)), error_(0) {}
    result(status error) noexcept : error_(error) {}
    explicit operator bool() const noexcept { return value_.has_value(); }
    // The value. Only if there is one.
    T &operator*() noexcept { return *value_; }
    const T &operator*() const noexcept { return *value_; }
    T *operator->() noexcept { return &*value_; }
    const T *operator->() const noexcept { return &*value_; }
    status error() const noexcept { return error_; }

private:
    std::optional<T> value_;
    status error_;
};

// The name of an entity, as a field of a state. `Option<EntityId>` of the server.
struct entity {
    rs_entity number = 0;
    constexpr explicit operator bool() const noexcept { return number != 0; }
};
constexpr bool operator==(entity one, entity other) noexcept { return one.number == other.number; }
constexpr bool operator!=(entity one, entity other) noexcept { return one.number != other.number; }

// Ticks until an ability can be used again, as a field of the own state. `Cooldown` of the server.
struct cooldown {
    std::uint16_t ticks = 0;
    constexpr bool is_ready() const noexcept { return ticks == 0; }
    constexpr void count_down() noexcept { ticks = static_cast<std::uint16_t>(ticks - (ticks > 0)); }
    // Uses the ability, if it is ready.
    constexpr bool start(std::uint16_t until_ready) noexcept {
        if (!is_ready()) return false;
        ticks = until_ready;
        return true;
    }
};

// UTF-8 of at most N bytes, as a field of a state. `Text<N>` of the server.
template <std::size_t N> struct text {
    static_assert(N >= 1 && N <= 255, "a text has 1 to 255 bytes");
    std::uint8_t bytes = 0;
    char characters[N] = {};

    // False, and nothing is done, if it is too long.
    bool set(std::string_view value) noexcept {
        if (value.size() > N) return false;
        std::memset(characters, 0, N);
        std::memcpy(characters, value.data(), value.size());
        bytes = static_cast<std::uint8_t>(value.size());
        return true;
    }
    std::string_view view() const noexcept { return {characters, bytes}; }
};

namespace detail {

template <class T> struct kind_of;
template <> struct kind_of<std::uint8_t> { static constexpr int kind = RS_KIND_U8, count = 0; };
template <> struct kind_of<std::uint16_t> { static constexpr int kind = RS_KIND_U16, count = 0; };
template <> struct kind_of<std::uint32_t> { static constexpr int kind = RS_KIND_U32, count = 0; };
template <> struct kind_of<std::uint64_t> { static constexpr int kind = RS_KIND_U64, count = 0; };
template <> struct kind_of<std::int8_t> { static constexpr int kind = RS_KIND_I8, count = 0; };
template <> struct kind_of<std::int16_t> { static constexpr int kind = RS_KIND_I16, count = 0; };
template <> struct kind_of<std::int32_t> { static constexpr int kind = RS_KIND_I32, count = 0; };
template <> struct kind_of<std::int64_t> { static constexpr int kind = RS_KIND_I64, count = 0; };
template <> struct kind_of<float> { static constexpr int kind = RS_KIND_F32, count = 0; };
template <> struct kind_of<bool> { static constexpr int kind = RS_KIND_BOOL, count = 0; };
template <> struct kind_of<entity> { static constexpr int kind = RS_KIND_ENTITY, count = 0; };
template <> struct kind_of<cooldown> { static constexpr int kind = RS_KIND_COOLDOWN, count = 0; };
template <std::size_t N> struct kind_of<text<N>> { static constexpr int kind = RS_KIND_TEXT, count = N; };
template <class T, std::size_t N> struct kind_of<T[N]> {
    static_assert(kind_of<T>::count == 0, "an array has numbers, not arrays or texts");
    static_assert(N <= 255, "an array has at most 255 items");
    static constexpr int kind = kind_of<T>::kind, count = N;
};
template <class T, std::size_t N> struct kind_of<std::array<T, N>> : kind_of<T[N]> {};

template <class T> constexpr rs_field field(const char *name, std::size_t offset) noexcept {
    return {name, static_cast<std::uint16_t>(offset), static_cast<std::uint8_t>(kind_of<T>::kind),
            static_cast<std::uint8_t>(kind_of<T>::count)};
}

template <class Rules, class = void> struct has_agrees : std::false_type {};
template <class Rules>
struct has_agrees<Rules, std::void_t<decltype(std::declval<const Rules &>().agrees(
                             std::declval<const typename Rules::own &>(), std::declval<const typename Rules::own &>()))>>
    : std::true_type {};

template <class Rules, class = void> struct has_level : std::false_type {};
template <class Rules>
struct has_level<Rules, std::void_t<decltype(std::declval<const Rules &>().level())>> : std::true_type {};

} // namespace detail

// The fields of a struct, in the order of the server's struct. Specialize it:
//   template <> struct ringshard::fields<my_own> {
//       static constexpr rs_field list[] = {RINGSHARD_FIELD(my_own, point), RINGSHARD_FIELD(my_own, height)};
//   };
template <class T> struct fields;
#define RINGSHARD_FIELD(type, member) ::ringshard::detail::field<decltype(type::member)>(#member, offsetof(type, member))

template <class T> rs_layout layout_of() noexcept {
    static_assert(std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T>, "inputs and states are plain structs");
    static_assert(sizeof(T) <= RS_RECORD_BYTES_MAX && alignof(T) <= 16, "the struct is too large: see RS_RECORD_BYTES_MAX");
    return {fields<T>::list, static_cast<std::uint32_t>(std::size(fields<T>::list)), static_cast<std::uint32_t>(sizeof(T))};
}

// The schema number of a struct: compare it with what the server prints.
template <class T> result<std::uint32_t> schema_of() noexcept {
    const rs_layout layout = layout_of<T>();
    std::uint32_t number = 0;
    const status status = rs_schema(&layout, &number);
    if (!status) return status;
    return number;
}

// Writes the bytes of an ask or an event. What does not fit is left out, and `ok` is false.
template <std::size_t N> class writer {
public:
    writer &u8(std::uint8_t value) noexcept { return number(value, 1); }
    writer &u16(std::uint16_t value) noexcept { return number(value, 2); }
    writer &u32(std::uint32_t value) noexcept { return number(value, 4); }
    writer &u64(std::uint64_t value) noexcept { return number(value, 8); }
    writer &f32(float value) noexcept {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        return number(bits, 4);
    }
    writer &text(std::string_view value) noexcept {
        for (std::size_t left = value.size(); ; left >>= 7) {
            u8(static_cast<std::uint8_t>((left & 0x7F) | (left >= 0x80 ? 0x80 : 0)));
            if (left < 0x80) break;
        }
        if (value.size() > N - used_) {
            ok_ = false;
        } else if (!value.empty()) {
            std::memcpy(bytes_ + used_, value.data(), value.size());
            used_ += value.size();
        }
        return *this;
    }
    bool ok() const noexcept { return ok_; }
    const std::uint8_t *data() const noexcept { return bytes_; }
    std::size_t size() const noexcept { return used_; }

private:
    writer &number(std::uint64_t value, std::size_t bytes) noexcept {
        if (bytes > N - used_) {
            ok_ = false;
            return *this;
        }
        for (std::size_t at = 0; at < bytes; at++) bytes_[used_++] = static_cast<std::uint8_t>(value >> (8 * at));
        return *this;
    }

    std::uint8_t bytes_[N] = {};
    std::size_t used_ = 0;
    bool ok_ = true;
};

// Reads the bytes of an answer or an event. What is not there reads as 0, and `ok` is false.
class reader {
public:
    explicit reader(const rs_news &news) noexcept : bytes_(news.bytes), left_(news.bytes_count) {}
    std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() noexcept { return number(8); }
    float f32() noexcept {
        const std::uint32_t bits = u32();
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    // An `EntityId` of the server.
    ringshard::entity entity() noexcept {
        const std::uint16_t index = u16();
        const std::uint8_t generation = u8();
        return {ok_ ? rs_entity_of(index, generation) : 0};
    }
    // It lives as long as the bytes of the news.
    std::string_view text() noexcept {
        std::size_t bytes = 0;
        for (unsigned shift = 0;; shift += 7) {
            const std::uint8_t part = u8();
            bytes |= static_cast<std::size_t>(part & 0x7F) << shift;
            if (part < 0x80) break;
            // No message has a text that needs a third byte of length.
            if (shift > 0) {
                ok_ = false;
                return {};
            }
        }
        if (!ok_ || bytes > left_) {
            ok_ = false;
            return {};
        }
        const std::string_view value(reinterpret_cast<const char *>(bytes_), bytes);
        bytes_ += bytes;
        left_ -= bytes;
        return value;
    }
    bool ok() const noexcept { return ok_; }

private:
    std::uint64_t number(std::size_t bytes) noexcept {
        if (!ok_ || bytes > left_) {
            ok_ = false;
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t at = 0; at < bytes; at++) value |= static_cast<std::uint64_t>(bytes_[at]) << (8 * at);
        bytes_ += bytes;
        left_ -= bytes;
        return value;
    }

    const std::uint8_t *bytes_;
    std::size_t left_;
    bool ok_ = true;
};

// What a client is made with, beside its rules.
struct options {
    std::array<std::uint8_t, 32> server_key{};
    std::string_view ticket{};
    bool reconnect = false;

    // Reads the server's public key from its 64 hexadecimal digits.
    status read_key(const char *text) noexcept { return rs_key(text, server_key.data()); }
};

// A tuning that begins with the server's defaults.
struct tuning : rs_tuning {
    tuning() noexcept : rs_tuning{} {
        size = sizeof(rs_tuning);
        rs_tuning_default(this);
    }
};

// A map. It does not change: any number of threads and clients can use one.
class terrain {
public:
    // Reads the map file at a path.
    static result<terrain> open(const char *path) noexcept {
        rs_terrain *made = nullptr;
        const status status = rs_terrain_open(path, &made);
        if (!status) return status;
        return terrain(made);
    }
    // Reads the content of a map file. The bytes are copied.
    static result<terrain> read(const std::uint8_t *bytes, std::size_t count) noexcept {
        rs_terrain *made = nullptr;
        const status status = rs_terrain_read(bytes, count, &made);
        if (!status) return status;
        return terrain(made);
    }
    // Level ground on the default map: that of a server without a map file.
    static result<terrain> flat() noexcept {
        rs_terrain *made = nullptr;
        const status status = rs_terrain_flat(&made);
        if (!status) return status;
        return terrain(made);
    }

    // For the `level` of rules.
    std::uint32_t digest() const noexcept { return rs_terrain_digest(handle_.get()); }
    // The height of the ground, in units.
    float height(float x, float y) const noexcept {
        float height = 0;
        rs_terrain_height(handle_.get(), x, y, &height);
        return height;
    }
    // Advances a character by one tick: the step of the server, with the same bits.
    status walk(const rs_tuning &tuning, rs_walker &walker, const rs_steering &steering) const noexcept {
        return rs_walk(handle_.get(), &tuning, &walker, &steering);
    }

private:
    struct free {
        void operator()(rs_terrain *terrain) const noexcept { rs_terrain_free(terrain); }
    };
    explicit terrain(rs_terrain *made) noexcept : handle_(made) {}
    std::unique_ptr<rs_terrain, free> handle_;
};

// A client with a socket of its own. `Rules` is a type with
//   input, own, shown                            structs whose `fields` are given
//   schema_ask, schema_answer, schema_event      static constexpr numbers that the server prints; 0 is not compared
//   void step(own &, const input &) const        the server's step
//   rs_pose pose(const own &) const              where a player is
//   bool agrees(const own &, const own &) const  if states need not be equal
//   std::uint32_t level() const                  the digest of the map, if both ends must have the same; 0 is not compared
// None of these may throw, or use the client. A client is used by one thread at a time, and can be moved.
template <class Rules> class client {
public:
    using input = typename Rules::input;
    using own = typename Rules::own;
    using shown = typename Rules::shown;

    // The player's own state, and its pose with what is left of corrections.
    struct self {
        typename Rules::own own;
        rs_pose pose;
    };

    // Connects to HOST:PORT, and enters the world. News say what comes of it.
    static result<client> connect(const char *server, const options &options, Rules rules = {}) noexcept {
        std::unique_ptr<Rules> kept(new (std::nothrow) Rules(std::move(rules)));
        if (!kept) return status(RS_ERROR_INTERNAL);
        rs_config config = {};
        config.size = sizeof config;
        config.reconnect = options.reconnect;
        std::memcpy(config.server_key, options.server_key.data(), sizeof config.server_key);
        config.ticket = reinterpret_cast<const std::uint8_t *>(options.ticket.data());
        config.ticket_bytes = static_cast<std::uint32_t>(options.ticket.size());
        config.schema[0] = Rules::schema_ask;
        config.schema[1] = Rules::schema_answer;
        config.schema[2] = Rules::schema_event;
        if constexpr (detail::has_level<Rules>::value) config.level = kept->level();
        config.input = layout_of<input>();
        config.own = layout_of<own>();
        config.shown = layout_of<shown>();
        config.step = step;
        config.place = place;
        if constexpr (detail::has_agrees<Rules>::value) config.agrees = agrees;
        config.user = kept.get();
        rs_client *made = nullptr;
        const status status = rs_udp_connect(&config, server, &made);
        if (!status) return status;
        return client(made, std::move(kept));
    }

    // A frame: receives, calls `make_input` for the input of each tick that is due, and sends. Then take all `news`.
    template <class MakeInput> status frame(MakeInput &&make_input) noexcept {
        const rs_result due = rs_udp_poll(handle());
        for (rs_result at = 0; at < due; at++) {
            const input made = make_input();
            const status status = rs_client_input(handle(), &made);
            if (!status) return status;
        }
        return due < 0 ? status(due) : flush();
    }

    status flush() noexcept { return rs_udp_flush(handle()); }
    status wait(std::uint64_t timeout_ns) noexcept { return rs_udp_wait(handle(), timeout_ns); }
    status rebind() noexcept { return rs_udp_rebind(handle()); }
    status close() noexcept { return rs_client_close(handle()); }
    status enter(std::string_view ticket) noexcept {
        const auto *bytes = reinterpret_cast<const std::uint8_t *>(ticket.data());
        return rs_client_enter(handle(), bytes, static_cast<std::uint32_t>(ticket.size()));
    }

    // The oldest news that was not taken. What it points to lives until the next.
    std::optional<rs_news> news() noexcept {
        rs_news news = {};
        news.size = sizeof news;
        if (rs_client_news(handle(), &news) != 1) return std::nullopt;
        return news;
    }

    // Asks the server, and gives the ask's name.
    template <class Message> result<std::uint32_t> ask(const Message &ask) noexcept {
        if (!ask.ok()) return status(RS_ERROR_TOO_LONG);
        std::uint32_t id = 0;
        const status status = rs_client_ask(handle(), ask.data(), ask.size(), &id);
        if (!status) return status;
        return id;
    }

    // Tells the server an event.
    template <class Message> status tell(std::uint8_t channel, const Message &event) noexcept {
        if (!event.ok()) return RS_ERROR_TOO_LONG;
        return rs_client_tell(handle(), channel, event.data(), event.size());
    }

    bool is_in_world() const noexcept { return rs_client_is_in_world(handle()) == 1; }
    bool is_closed() const noexcept { return rs_client_is_closed(handle()) == 1; }

    // Nothing before the first snapshot.
    std::optional<self> me() const noexcept {
        self found{};
        if (rs_client_own(handle(), &found.own, &found.pose) != 1) return std::nullopt;
        return found;
    }

    entity body() const noexcept {
        entity found;
        (void)rs_client_body(handle(), &found.number);
        return found;
    }

    // Calls `look` with the entity, its pose and what it shows, for each in view but the own body. `look` must not use the
    // client in ways that are not const. Allocates only when more are in view than ever before.
    template <class Look> std::size_t others(Look &&look) const {
        rs_result count = rs_client_others(handle(), others_.data(), others_.size());
        if (count > static_cast<rs_result>(others_.size())) {
            others_.resize(static_cast<std::size_t>(count) * 2);
            count = rs_client_others(handle(), others_.data(), others_.size());
        }
        for (rs_result at = 0; at < count; at++) {
            const rs_other &other = others_[static_cast<std::size_t>(at)];
            look(entity{other.entity}, other.pose, *static_cast<const shown *>(other.shown));
        }
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }

    std::optional<rs_pose> pose_of(entity entity) const noexcept {
        rs_pose pose = {};
        if (rs_client_pose(handle(), entity.number, &pose) != 1) return std::nullopt;
        return pose;
    }

    std::optional<shown> shown_of(entity entity) const noexcept {
        shown found{};
        if (rs_client_shown(handle(), entity.number, &found) != 1) return std::nullopt;
        return found;
    }

    rs_clock clock() const noexcept {
        rs_clock clock = {};
        clock.size = sizeof clock;
        (void)rs_client_clock(handle(), &clock);
        return clock;
    }

    rs_stats stats() const noexcept {
        rs_stats stats = {};
        stats.size = sizeof stats;
        (void)rs_client_stats(handle(), &stats);
        return stats;
    }

    status set_interpolation(rs_interpolation interpolation) noexcept {
        interpolation.size = sizeof interpolation;
        return rs_client_set_interpolation(handle(), &interpolation);
    }

    status set_smoothing(rs_smoothing smoothing) noexcept {
        smoothing.size = sizeof smoothing;
        return rs_client_set_smoothing(handle(), &smoothing);
    }

    // For calls that this class does not have.
    rs_client *handle() const noexcept { return handle_.get(); }

private:
    struct release {
        void operator()(rs_client *client) const noexcept { rs_client_free(client); }
    };

    client(rs_client *made, std::unique_ptr<Rules> rules) noexcept : rules_(std::move(rules)), handle_(made) {}

    static void step(void *own_state, const void *input_state, void *rules) noexcept {
        static_cast<const Rules *>(rules)->step(*static_cast<own *>(own_state), *static_cast<const input *>(input_state));
    }
    static void place(const void *own_state, rs_pose *pose, void *rules) noexcept {
        *pose = static_cast<const Rules *>(rules)->pose(*static_cast<const own *>(own_state));
    }
    static std::int32_t agrees(const void *predicted, const void *authoritative, void *rules) noexcept {
        return static_cast<const Rules *>(rules)->agrees(*static_cast<const own *>(predicted),
                                                         *static_cast<const own *>(authoritative));
    }

    // Declared first, so that it outlives the handle, which calls it.
    std::unique_ptr<Rules> rules_;
    std::unique_ptr<rs_client, release> handle_;
    mutable std::vector<rs_other> others_;
};

} // namespace ringshard

#endif
