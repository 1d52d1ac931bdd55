// The rules of the demonstration, for the subsystem. demo.h is in engine/client/c/examples.
#pragma once

#include "RingshardRules.h"
#include "demo.h"

class FDemoRules : public TRingshardRules<demo_input, demo_own, demo_shown>
{
public:
    /** The server's map file; without one, level ground. */
    explicit FDemoRules(const char* MapFile = nullptr)
    {
        // Without a map, the server refuses the client, or has level ground.
        if (demo_open_rules(&Map, MapFile) < 0)
        {
            rs_terrain_flat(&Map.terrain);
        }
    }
    ~FDemoRules() { demo_close_rules(&Map); }
    FDemoRules(const FDemoRules&) = delete;
    FDemoRules& operator=(const FDemoRules&) = delete;

    /** What the player does: set it from the player controller. */
    demo_input Wanted = {};

    rs_layout InputLayout() const override { return RS_LAYOUT(demo_input, demo_input_fields); }
    rs_layout OwnLayout() const override { return RS_LAYOUT(demo_own, demo_own_fields); }
    rs_layout ShownLayout() const override { return RS_LAYOUT(demo_shown, demo_shown_fields); }
    uint32 AskSchema() const override { return DEMO_SCHEMA_ASK; }
    uint32 AnswerSchema() const override { return DEMO_SCHEMA_ANSWER; }
    uint32 EventSchema() const override { return DEMO_SCHEMA_EVENT; }

    uint32 Level() const override { return rs_terrain_digest(Map.terrain); }

    void Step(demo_own& Own, const demo_input& Input) const override { demo_step(&Own, &Input, &Map); }

    void Place(const demo_own& Own, rs_pose& Pose) const override { demo_place(&Own, &Pose, nullptr); }

    void MakeInput(demo_input& Input) override { Input = Wanted; }

private:
    mutable demo_rules Map;
};
