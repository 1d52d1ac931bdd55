// NOT UNREAL: see CoreMinimal.h.
#pragma once

enum class ETickableTickType { Conditional, Always, Never };

class FTickableGameObject
{
public:
    virtual ~FTickableGameObject() = default;
    virtual void Tick(float DeltaTime) = 0;
    virtual ETickableTickType GetTickableTickType() const = 0;
    virtual bool IsTickable() const = 0;
    virtual bool IsTickableWhenPaused() const = 0;
    virtual TStatId GetStatId() const = 0;
};
