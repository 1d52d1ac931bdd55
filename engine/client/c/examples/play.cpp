// Plays the demonstration for some seconds, in C++: runs, jumps, shoots, talks, asks, and prints what came of it.
//
//   c++ -std=c++17 -ffp-contract=off play.cpp $(pkg-config --cflags --libs ringshard-client) -o play
//   ./play 127.0.0.1:3565 KEY 10 [MAP]
//
// MAP is the server's map file, if it has one.
//
// Ends with 0 only if it entered the world, saw others, had answers and heard itself, predicted well, and nothing failed.
#include "demo.h"
#include "ringshard.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace demo {

struct input {
    std::int8_t forward = 0, left = 0;
    std::uint16_t yaw = 0;
    std::uint8_t keys = 0, actions = 0;
};

struct own {
    std::array<float, 2> point{};
    std::array<float, 2> velocity{};
    std::uint16_t yaw = 0;
    float height = 0, rise = 0;
    ringshard::cooldown shot;
    std::uint8_t gait = 0, leap = 0;
    std::uint8_t potions = 0;
    bool stunned = false, frozen = false, slowed = false;
};

struct shown {
    std::uint8_t kind = 0, faction = 0, states = 0, buffs = 0, health = 0, mana = 0;
    std::uint16_t animation = 0;
    std::uint32_t score = 0;
};

} // namespace demo

template <> struct ringshard::fields<demo::input> {
    static constexpr rs_field list[] = {
        RINGSHARD_FIELD(demo::input, forward), RINGSHARD_FIELD(demo::input, left), RINGSHARD_FIELD(demo::input, yaw),
        RINGSHARD_FIELD(demo::input, keys),    RINGSHARD_FIELD(demo::input, actions),
    };
};

template <> struct ringshard::fields<demo::own> {
    static constexpr rs_field list[] = {
        RINGSHARD_FIELD(demo::own, point),   RINGSHARD_FIELD(demo::own, velocity), RINGSHARD_FIELD(demo::own, yaw),
        RINGSHARD_FIELD(demo::own, height),  RINGSHARD_FIELD(demo::own, rise),     RINGSHARD_FIELD(demo::own, shot),
        RINGSHARD_FIELD(demo::own, gait),    RINGSHARD_FIELD(demo::own, leap),     RINGSHARD_FIELD(demo::own, potions),
        RINGSHARD_FIELD(demo::own, stunned), RINGSHARD_FIELD(demo::own, frozen),   RINGSHARD_FIELD(demo::own, slowed),
    };
};

template <> struct ringshard::fields<demo::shown> {
    static constexpr rs_field list[] = {
        RINGSHARD_FIELD(demo::shown, kind),   RINGSHARD_FIELD(demo::shown, faction),
        RINGSHARD_FIELD(demo::shown, states), RINGSHARD_FIELD(demo::shown, buffs),
        RINGSHARD_FIELD(demo::shown, health), RINGSHARD_FIELD(demo::shown, mana),
        RINGSHARD_FIELD(demo::shown, animation), RINGSHARD_FIELD(demo::shown, score),
    };
};

namespace demo {

// The step that the server runs.
struct rules {
    using input = demo::input;
    using own = demo::own;
    using shown = demo::shown;
    static constexpr std::uint32_t schema_ask = DEMO_SCHEMA_ASK;
    static constexpr std::uint32_t schema_answer = DEMO_SCHEMA_ANSWER;
    static constexpr std::uint32_t schema_event = DEMO_SCHEMA_EVENT;

    // A client owns its rules, and a map can be large: all share one.
    std::shared_ptr<const ringshard::terrain> terrain;
    ringshard::tuning tuning, slow;

    explicit rules(ringshard::terrain map) : terrain(std::make_shared<const ringshard::terrain>(std::move(map))) {
        for (float *speed : {&slow.walk_speed, &slow.run_speed, &slow.swim_speed}) *speed /= 2.0f;
    }

    std::uint32_t level() const noexcept { return terrain->digest(); }

    void step(own &own, const input &input) const noexcept {
        own.shot.count_down();
        rs_walker walker = walker_of(own);
        rs_steering steering = {input.yaw, input.forward, input.left, input.keys, 0};
        const bool is_neutral = input.forward == 0 && input.left == 0 && input.yaw == 0 && input.keys == 0 && input.actions == 0;
        if (own.stunned || own.frozen || is_neutral) steering = {own.yaw, 0, 0, 0, 0};
        // It cannot fail: the map is open, and the tuning is valid.
        (void)terrain->walk(own.slowed ? slow : tuning, walker, steering);
        own.point = {walker.point[0], walker.point[1]};
        own.velocity = {walker.velocity[0], walker.velocity[1]};
        own.height = walker.point[2];
        own.rise = walker.velocity[2];
        own.yaw = walker.yaw;
        own.gait = walker.gait;
        own.leap = walker.leap;
        if ((input.actions & DEMO_SHOOT) != 0 && !own.stunned) own.shot.start(DEMO_SHOT_COOLDOWN);
    }

    rs_pose pose(const own &own) const noexcept {
        const rs_walker walker = walker_of(own);
        rs_pose pose = {};
        for (std::size_t axis = 0; axis < 3; axis++) {
            pose.point[axis] = walker.point[axis];
            pose.velocity[axis] = walker.velocity[axis];
        }
        pose.rotation[0] = walker.yaw;
        pose.leap = walker.leap;
        return pose;
    }

    static rs_walker walker_of(const own &own) noexcept {
        return {{own.point[0], own.point[1], own.height}, {own.velocity[0], own.velocity[1], own.rise}, own.yaw, own.gait, own.leap};
    }
};

} // namespace demo

namespace {

struct game {
    ringshard::client<demo::rules> client;
    unsigned inputs = 0, asked = 0, answers = 0, unanswered = 0, heard = 0, failures = 0;
    std::size_t others_most = 0;
    bool entered = false, closed = false;
    std::uint16_t yaw = 0;
    std::uint32_t random = 7;

    void check(const char *what, ringshard::status status) {
        if (!status) {
            std::fprintf(stderr, "play: %s: %s\n", what, status.text());
            failures++;
        }
    }

    demo::input make_input() {
        if (inputs % 45 == 0) {
            random = random * 1664525u + 1013904223u;
            yaw = static_cast<std::uint16_t>(random >> 8);
        }
        demo::input input;
        input.yaw = yaw;
        input.forward = 127;
        input.keys = inputs % 100 == 0 ? RS_KEY_RUN | RS_KEY_JUMP : RS_KEY_RUN;
        input.actions = inputs % 40 == 0 ? DEMO_SHOOT : 0;
        inputs++;
        return input;
    }

    void talk() {
        if (inputs % 120 == 1) {
            ringshard::writer<RS_EVENT_BYTES_MAX> event;
            event.u8(DEMO_EVENT_SAY).text("Hello from C++");
            check("tell", client.tell(RS_CHANNEL_RELIABLE_ORDERED, event));
        }
        if (inputs % 60 == 30) {
            ringshard::writer<1> ask;
            ask.u8(DEMO_ASK_DRINK);
            const auto asked_as = client.ask(ask);
            check("ask", asked_as.error());
            asked += static_cast<bool>(asked_as);
        }
    }

    void take(const rs_news &news) {
        ringshard::reader reader(news);
        switch (news.kind) {
        case RS_NEWS_KIND_ENTERED: entered = true; break;
        case RS_NEWS_KIND_UNANSWERED: unanswered++; break;
        case RS_NEWS_KIND_ANSWER: answers += reader.u8() <= DEMO_ANSWER_REFUSED && reader.ok(); break;
        case RS_NEWS_KIND_EVENT:
            if (reader.u8() == DEMO_EVENT_SAID) {
                const ringshard::entity by = reader.entity();
                heard += by == client.body() && reader.text() == "Hello from C++" && reader.ok();
            }
            break;
        case RS_NEWS_KIND_REFUSED:
        case RS_NEWS_KIND_PUT_OUT:
        case RS_NEWS_KIND_WRONG_SCHEMA:
        case RS_NEWS_KIND_CLOSED:
            std::fprintf(stderr, "play: closed: reason %" PRId32 ": %s\n", news.reason, news.text ? news.text : "");
            closed = true;
            break;
        default: break;
        }
    }

    void frame() {
        const unsigned before = inputs;
        check("frame", client.frame([this] { return make_input(); }));
        while (const auto news = client.news()) take(*news);
        if (inputs != before && client.is_in_world()) talk();
        const std::size_t count = client.others([this](ringshard::entity entity, const rs_pose &pose, const demo::shown &shown) {
            const auto same = client.shown_of(entity);
            failures += !same || same->score != shown.score || pose.point[0] < 0.0f;
        });
        if (count > others_most) others_most = count;
        check("flush", client.flush());
        check("wait", client.wait(16'000'000));
    }

    bool verdict() const {
        const rs_stats stats = client.stats();
        const auto me = client.me();
        std::printf("inputs %u, snapshots %" PRIu64 ", predicted %" PRIu64 ", mispredicted %" PRIu64 "\n", inputs, stats.snapshots,
                    stats.predicted, stats.mispredicted);
        std::printf("others at most %zu; asked %u, answers %u, unanswered %u; heard %u; failures %u\n", others_most, asked, answers,
                    unanswered, heard, failures);
        // Inputs that arrive late are mispredicted, too; with a step that is wrong, nearly all ticks are.
        const bool predicts = stats.predicted > 0 && stats.mispredicted * 2 <= stats.predicted;
        const bool well_formed = stats.snapshots_refused == 0 && stats.malformed == 0;
        return entered && !closed && me && others_most > 0 && answers > 0 && unanswered == 0 && heard > 0 && failures == 0 &&
               predicts && well_formed;
    }
};

bool has_the_servers_numbers() {
    const auto input = ringshard::schema_of<demo::input>();
    const auto own = ringshard::schema_of<demo::own>();
    const auto shown = ringshard::schema_of<demo::shown>();
    return input && *input == DEMO_SCHEMA_INPUT && own && *own == DEMO_SCHEMA_OWN && shown && *shown == DEMO_SCHEMA_SHOWN;
}

} // namespace

int main(int count, char **words) {
    if (count < 3 || count > 5) {
        std::fprintf(stderr, "Usage: play HOST:PORT KEY [SECONDS [MAP]]\n");
        return 2;
    }
    const unsigned seconds = count >= 4 ? static_cast<unsigned>(std::strtoul(words[3], nullptr, 10)) : 10;
    ringshard::options options;
    const auto key = options.read_key(words[2]);
    if (!key || !has_the_servers_numbers()) {
        std::fprintf(stderr, "play: %s\n", key ? "the structs are not those of demo_types.h" : key.text());
        return 2;
    }
    auto terrain = count == 5 ? ringshard::terrain::open(words[4]) : ringshard::terrain::flat();
    if (!terrain) {
        std::fprintf(stderr, "play: %s\n", rs_last_error());
        return 2;
    }
    auto client = ringshard::client<demo::rules>::connect(words[1], options, demo::rules(std::move(*terrain)));
    if (!client) {
        std::fprintf(stderr, "play: %s\n", rs_last_error());
        return 2;
    }
    game game{std::move(*client)};
    while (game.inputs < seconds * 60 && !game.closed) game.frame();
    const bool good = game.verdict();
    std::printf("%s\n", good ? "passed" : "FAILED");
    return good ? 0 : 1;
}
