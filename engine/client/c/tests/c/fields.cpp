// The kinds that the C++ header finds are those of the same fields declared by hand, and messages are read as they were written.
#include "ringshard.hpp"

#include <cstdio>

struct everything {
    std::uint8_t u8;
    std::int8_t i8;
    std::uint16_t u16;
    std::int16_t i16;
    std::uint32_t u32;
    std::int32_t i32;
    std::uint64_t u64;
    std::int64_t i64;
    float f32;
    bool flag;
    ringshard::entity who;
    ringshard::cooldown ready;
    ringshard::text<5> name;
    float point[3];
    std::array<std::uint16_t, 2> turn;
};

#define MEMBER(name) RINGSHARD_FIELD(everything, name)
template <> struct ringshard::fields<everything> {
    static constexpr rs_field list[] = {
        MEMBER(u8),  MEMBER(i8),   MEMBER(u16), MEMBER(i16),   MEMBER(u32),  MEMBER(i32),   MEMBER(u64),  MEMBER(i64),
        MEMBER(f32), MEMBER(flag), MEMBER(who), MEMBER(ready), MEMBER(name), MEMBER(point), MEMBER(turn),
    };
};

static const rs_field by_hand[] = {
    RS_FIELD(everything, u8, RS_KIND_U8),          RS_FIELD(everything, i8, RS_KIND_I8),
    RS_FIELD(everything, u16, RS_KIND_U16),        RS_FIELD(everything, i16, RS_KIND_I16),
    RS_FIELD(everything, u32, RS_KIND_U32),        RS_FIELD(everything, i32, RS_KIND_I32),
    RS_FIELD(everything, u64, RS_KIND_U64),        RS_FIELD(everything, i64, RS_KIND_I64),
    RS_FIELD(everything, f32, RS_KIND_F32),        RS_FIELD(everything, flag, RS_KIND_BOOL),
    RS_FIELD(everything, who, RS_KIND_ENTITY),     RS_FIELD(everything, ready, RS_KIND_COOLDOWN),
    RS_STRING(everything, name, 5),                RS_ARRAY(everything, point, RS_KIND_F32, 3),
    RS_ARRAY(everything, turn, RS_KIND_U16, 2),
};

static int failures;
static void expect(bool holds, int line) {
    if (!holds) {
        std::fprintf(stderr, "fields.cpp:%d\n", line);
        failures++;
    }
}
#define EXPECT(what) expect((what), __LINE__)

static rs_news news_of(const std::uint8_t *bytes, std::size_t count) {
    rs_news news = {};
    news.bytes = bytes;
    news.bytes_count = static_cast<std::uint32_t>(count);
    return news;
}

int main() {
    const rs_layout layout = RS_LAYOUT(everything, by_hand);
    std::uint32_t number = 0;
    EXPECT(rs_schema(&layout, &number) == 0);
    const auto found = ringshard::schema_of<everything>();
    EXPECT(found && *found == number);

    char long_text[200];
    std::memset(long_text, 'x', sizeof long_text);
    ringshard::writer<256> writer;
    writer.u8(1).u16(0x1234).u32(77).u64(1ull << 60).f32(0.5f).text("gr\xC3\xBC\xC3\x9F").text("").text({long_text, 200});
    EXPECT(writer.ok() && writer.size() == 1 + 2 + 4 + 8 + 4 + 7 + 1 + 202);
    ringshard::reader reader(news_of(writer.data(), writer.size()));
    EXPECT(reader.u8() == 1 && reader.u16() == 0x1234 && reader.u32() == 77 && reader.u64() == 1ull << 60);
    EXPECT(reader.f32() == 0.5f && reader.text() == "gr\xC3\xBC\xC3\x9F" && reader.text().empty());
    EXPECT(reader.text().size() == 200 && reader.ok());
    EXPECT(reader.u8() == 0 && !reader.ok());

    // Whatever a server sends, nothing is read beyond its end.
    for (std::size_t left = 0; left < writer.size(); left++) {
        auto *exact = new std::uint8_t[left + 1];
        std::memcpy(exact, writer.data(), left);
        ringshard::reader cut(news_of(left ? exact : nullptr, left));
        cut.u8(), cut.u16(), cut.u32(), cut.u64(), cut.f32(), cut.text(), cut.text(), cut.text();
        EXPECT(!cut.ok());
        delete[] exact;
    }
    ringshard::writer<3> small;
    small.text("abc");
    EXPECT(!small.ok());

    ringshard::text<4> name;
    EXPECT(name.set("abcd") && name.view() == "abcd" && !name.set("abcde") && name.view() == "abcd");
    ringshard::cooldown ready;
    EXPECT(ready.start(2) && !ready.start(2));
    ready.count_down(), ready.count_down(), ready.count_down();
    EXPECT(ready.is_ready());
    return failures > 0;
}
