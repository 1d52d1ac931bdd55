// The rules of the demonstration, for the subsystem. demo.h is in engine/client/c/examples.
#pragma once

#include "RingshardRules.h"
#include "demo.h"

class FDemoRules : public TRingshardRules<demo_input, demo_own, demo_shown>
{
public:
    /** What the player does: set it from the player controller. */
    demo_input Wanted = {};

    rs_layout InputLayout() const override { return RS_LAYOUT(demo_input, demo_input_fields); }
    rs_layout OwnLayout() const override { return RS_LAYOUT(demo_own, demo_own_fields); }
    rs_layout ShownLayout() const override { return RS_LAYOUT(demo_shown, demo_shown_fields); }
    uint32 AskSchema() const override { return DEMO_SCHEMA_ASK; }
    uint32 AnswerSchema() const override { return DEMO_SCHEMA_ANSWER; }
    uint32 EventSchema() const override { return DEMO_SCHEMA_EVENT; }

    void Step(demo_own& Own, const demo_input& Input) const override
    {
        demo_rules Map = demo_default_rules();
        demo_step(&Own, &Input, &Map);
    }

    void Place(const demo_own& Own, rs_pose& Pose) const override { demo_place(&Own, &Pose, nullptr); }

    void MakeInput(demo_input& Input) override { Input = Wanted; }
};
