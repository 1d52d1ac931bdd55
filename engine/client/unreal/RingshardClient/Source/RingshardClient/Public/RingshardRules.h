// What a game says about itself: the layouts of its structs, its step, and what the player does.
#pragma once

#include "CoreMinimal.h"
#include "ringshard.h"

/** The rules of a game, for structs that the subsystem does not know. TRingshardRules is this, typed. */
class IRingshardRules
{
public:
    virtual ~IRingshardRules() = default;

    virtual rs_layout InputLayout() const = 0;
    virtual rs_layout OwnLayout() const = 0;
    virtual rs_layout ShownLayout() const = 0;

    /** The schema numbers of the server's Ask, Answer and Event; 0 is not compared. */
    virtual uint32 AskSchema() const { return 0; }
    virtual uint32 AnswerSchema() const { return 0; }
    virtual uint32 EventSchema() const { return 0; }
    /** Stands for what both ends must have alike beside the types: the digest of a map. 0 is not compared. */
    virtual uint32 Level() const { return 0; }

    virtual void StepRaw(void* Own, const void* Input) const = 0;
    virtual void PlaceRaw(const void* Own, rs_pose& Pose) const = 0;
    virtual void MakeInputRaw(void* Input) = 0;
};

/** The rules of a game with these structs. Step and Place run on the game thread, and must not use the subsystem. */
template <class InputType, class OwnType, class ShownType>
class TRingshardRules : public IRingshardRules
{
public:
    /** Advances the own state by one tick, as the server does. The result depends on the arguments alone. */
    virtual void Step(OwnType& Own, const InputType& Input) const = 0;

    /** Says where a player is. Pose is all 0. */
    virtual void Place(const OwnType& Own, rs_pose& Pose) const = 0;

    /** Says what the player does in the next tick. Input is all 0. */
    virtual void MakeInput(InputType& Input) = 0;

private:
    void StepRaw(void* Own, const void* Input) const final
    {
        Step(*static_cast<OwnType*>(Own), *static_cast<const InputType*>(Input));
    }

    void PlaceRaw(const void* Own, rs_pose& Pose) const final { Place(*static_cast<const OwnType*>(Own), Pose); }

    void MakeInputRaw(void* Input) final { MakeInput(*static_cast<InputType*>(Input)); }
};
