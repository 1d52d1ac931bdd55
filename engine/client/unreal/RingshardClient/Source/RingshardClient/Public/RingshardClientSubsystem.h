// The connection of a game instance to a Ringshard server.
#pragma once

#include "CoreMinimal.h"
#include "RingshardRules.h"
#include "Subsystems/GameInstanceSubsystem.h"
#include "Tickable.h"

#include "RingshardClientSubsystem.generated.h"

DECLARE_DYNAMIC_MULTICAST_DELEGATE(FRingshardSignal);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRingshardReason, int32, Reason);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRingshardText, const FString&, Text);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRingshardEntity, int32, Entity);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FRingshardMessage, const TArray<uint8>&, Message);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FRingshardAnswer, int32, Ask, const TArray<uint8>&, Answer);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FRingshardUnanswered, int32, Ask, int32, Reason);

/**
 * A client of a game. It polls in each frame, on the game thread. Entities have numbers; 0 is none. A unit of the map is a
 * centimetre, and its axes are Unreal's: x, y, and z up.
 */
UCLASS()
class RINGSHARDCLIENT_API URingshardClientSubsystem : public UGameInstanceSubsystem, public FTickableGameObject
{
    GENERATED_BODY()

public:
    /** Sets the rules of the game. Call it before Connect. */
    void SetRules(TSharedRef<IRingshardRules> NewRules);

    /**
     * Begins to connect to HOST:PORT, and to enter the world. Key is the server's public key, 64 hexadecimal digits. OnEntered,
     * OnRefused or OnClosed follows. False, and a line in the log, if there is nothing to connect with.
     */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    bool Connect(const FString& Server, const FString& Key, const TArray<uint8>& Ticket);

    /** Asks to enter again, after OnRefused or OnPutOut. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    bool Enter(const TArray<uint8>& Ticket);

    /** Disconnects, and tells the server. OnClosed follows. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    void Close();

    UFUNCTION(BlueprintPure, Category = "Ringshard")
    bool IsInWorld() const;

    /** The entity that the player controls, or 0. */
    UFUNCTION(BlueprintPure, Category = "Ringshard")
    int32 Body() const;

    /** Where the player is, predicted. False before the first snapshot. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    bool OwnTransform(FTransform& Transform) const;

    /** Where an entity is, at the shown tick. False if it is not in view. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    bool EntityTransform(int32 Entity, FTransform& Transform) const;

    /** The entities in view but the own body. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    void Others(TArray<int32>& Entities) const;

    /** Asks the server, and gives the ask's number: OnAnswered or OnUnanswered follows. -1 if nothing was asked. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    int32 Ask(const TArray<uint8>& Message);

    /** Tells the server an event, over a channel of 0 to 15: see rs_channel. False if nothing was told. */
    UFUNCTION(BlueprintCallable, Category = "Ringshard")
    bool Tell(int32 Channel, const TArray<uint8>& Message);

    /** The own state, predicted: the struct of the rules. False before the first snapshot. */
    template <class OwnType>
    bool Own(OwnType& State) const
    {
        return Client && sizeof(OwnType) == OwnBytes && rs_client_own(Client, &State, nullptr) == 1;
    }

    /** What an entity shows: the struct of the rules. False if it is not in view. */
    template <class ShownType>
    bool Shown(int32 Entity, ShownType& State) const
    {
        return Client && sizeof(ShownType) == ShownBytes
            && rs_client_shown(Client, static_cast<rs_entity>(Entity), &State) == 1;
    }

    /** The client, for calls of ringshard.h that this class does not have; null if there is none. */
    rs_client* Handle() const { return Client; }

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardSignal OnEntered;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardReason OnRefused;

    /** The server has another version of a type: the game or the server is outdated. */
    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardReason OnWrongSchema;

    /** The client is no longer in the world. Nothing is in view, without OnDespawned. */
    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardReason OnPutOut;

    /**
     * The client is in the world of another server. Nothing is in view, without OnDespawned: destroy what stands for entities.
     * They have other numbers there. Asks that wait go on.
     */
    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardSignal OnMoved;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardEntity OnSpawned;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardEntity OnDespawned;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardEntity OnBodyChanged;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardMessage OnEvent;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardAnswer OnAnswered;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardUnanswered OnUnanswered;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardText OnReconnecting;

    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardSignal OnResumed;

    /** The client has a new session, and enters again. Nothing is in view, without OnDespawned. */
    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardSignal OnRenewed;

    /** There is no connection, and will be none. It is the last news. */
    UPROPERTY(BlueprintAssignable, Category = "Ringshard")
    FRingshardText OnClosed;

    // UGameInstanceSubsystem
    virtual void Deinitialize() override;

    // FTickableGameObject
    virtual void Tick(float DeltaTime) override;
    virtual ETickableTickType GetTickableTickType() const override;
    virtual bool IsTickable() const override { return Client != nullptr; }
    virtual bool IsTickableWhenPaused() const override { return true; }
    virtual TStatId GetStatId() const override;

private:
    void Free();
    void Report(const rs_news& News);

    TSharedPtr<IRingshardRules> Rules;
    rs_client* Client = nullptr;
    uint32 OwnBytes = 0;
    uint32 ShownBytes = 0;
    /** What Others reads into. */
    mutable TArray<rs_other> Seen;
};
