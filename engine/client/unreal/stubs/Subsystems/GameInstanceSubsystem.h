// NOT UNREAL: see CoreMinimal.h.
#pragma once

class UGameInstanceSubsystem
{
public:
    virtual ~UGameInstanceSubsystem() = default;
    virtual void Deinitialize() {}
    bool IsTemplate() const { return false; }
};
