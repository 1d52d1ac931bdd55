#include "RingshardClientSubsystem.h"

DEFINE_LOG_CATEGORY_STATIC(LogRingshard, Log, All);

namespace
{
void StepPlayer(void* Own, const void* Input, void* User)
{
    static_cast<const IRingshardRules*>(User)->StepRaw(Own, Input);
}

void PlacePlayer(const void* Own, rs_pose* Pose, void* User)
{
    static_cast<const IRingshardRules*>(User)->PlaceRaw(Own, *Pose);
}

FTransform ToTransform(const rs_pose& Pose)
{
    const double Degrees = 360.0 / 65536.0;
    const FRotator Rotation(Pose.rotation[1] * Degrees, Pose.rotation[0] * Degrees, Pose.rotation[2] * Degrees);
    return FTransform(Rotation, FVector(Pose.point[0], Pose.point[1], Pose.point[2]));
}

/** Whether a call succeeded. Otherwise the log says why. */
bool Succeeds(const TCHAR* What, rs_result Result)
{
    if (Result < 0)
    {
        UE_LOG(LogRingshard, Warning, TEXT("%s: %s"), What, UTF8_TO_TCHAR(rs_last_error()));
    }
    return Result >= 0;
}

TArray<uint8> Bytes(const rs_news& News)
{
    return TArray<uint8>(News.bytes, static_cast<int32>(News.bytes_count));
}
} // namespace

void URingshardClientSubsystem::SetRules(TSharedRef<IRingshardRules> NewRules)
{
    // The client calls its rules: it must not outlive them.
    Free();
    Rules = NewRules;
}

bool URingshardClientSubsystem::Connect(const FString& Server, const FString& Key, const TArray<uint8>& Ticket)
{
    if (!Rules.IsValid())
    {
        UE_LOG(LogRingshard, Error, TEXT("Connect: there are no rules: call SetRules before"));
        return false;
    }
    Free();
    rs_config Config = {};
    Config.size = sizeof Config;
    Config.reconnect = 1;
    Config.ticket = Ticket.GetData();
    Config.ticket_bytes = static_cast<uint32>(Ticket.Num());
    Config.schema[0] = Rules->AskSchema();
    Config.schema[1] = Rules->AnswerSchema();
    Config.schema[2] = Rules->EventSchema();
    Config.level = Rules->Level();
    Config.input = Rules->InputLayout();
    Config.own = Rules->OwnLayout();
    Config.shown = Rules->ShownLayout();
    Config.step = StepPlayer;
    Config.place = PlacePlayer;
    Config.user = Rules.Get();
    if (!Succeeds(TEXT("Connect"), rs_key(TCHAR_TO_UTF8(*Key), Config.server_key))
        || !Succeeds(TEXT("Connect"), rs_udp_connect(&Config, TCHAR_TO_UTF8(*Server), &Client)))
    {
        return false;
    }
    OwnBytes = Config.own.bytes;
    ShownBytes = Config.shown.bytes;
    return true;
}

bool URingshardClientSubsystem::Enter(const TArray<uint8>& Ticket)
{
    return Client && Succeeds(TEXT("Enter"), rs_client_enter(Client, Ticket.GetData(), static_cast<uint32>(Ticket.Num())));
}

void URingshardClientSubsystem::Close()
{
    if (Client)
    {
        Succeeds(TEXT("Close"), rs_client_close(Client));
        Succeeds(TEXT("Close"), rs_udp_flush(Client));
    }
}

bool URingshardClientSubsystem::IsInWorld() const
{
    return Client && rs_client_is_in_world(Client) == 1;
}

int32 URingshardClientSubsystem::Body() const
{
    rs_entity Entity = 0;
    if (Client)
    {
        Succeeds(TEXT("Body"), rs_client_body(Client, &Entity));
    }
    return static_cast<int32>(Entity);
}

bool URingshardClientSubsystem::OwnTransform(FTransform& Transform) const
{
    rs_pose Pose = {};
    if (!Client || rs_client_own(Client, nullptr, &Pose) != 1)
    {
        return false;
    }
    Transform = ToTransform(Pose);
    return true;
}

bool URingshardClientSubsystem::EntityTransform(int32 Entity, FTransform& Transform) const
{
    rs_pose Pose = {};
    if (!Client || rs_client_pose(Client, static_cast<rs_entity>(Entity), &Pose) != 1)
    {
        return false;
    }
    Transform = ToTransform(Pose);
    return true;
}

void URingshardClientSubsystem::Others(TArray<int32>& Entities) const
{
    Entities.Reset();
    if (!Client)
    {
        return;
    }
    rs_result Count = rs_client_others(Client, Seen.GetData(), static_cast<size_t>(Seen.Num()));
    if (Count > Seen.Num())
    {
        Seen.SetNum(2 * Count);
        Count = rs_client_others(Client, Seen.GetData(), static_cast<size_t>(Seen.Num()));
    }
    for (int32 At = 0; At < Count; At++)
    {
        Entities.Add(static_cast<int32>(Seen[At].entity));
    }
}

int32 URingshardClientSubsystem::Ask(const TArray<uint8>& Message)
{
    uint32 Id = 0;
    const bool bAsked =
        Client && Succeeds(TEXT("Ask"), rs_client_ask(Client, Message.GetData(), static_cast<size_t>(Message.Num()), &Id));
    return bAsked ? static_cast<int32>(Id) : -1;
}

bool URingshardClientSubsystem::Tell(int32 Channel, const TArray<uint8>& Message)
{
    if (!Client || Channel < 0 || Channel > 15)
    {
        return false;
    }
    const size_t Count = static_cast<size_t>(Message.Num());
    return Succeeds(TEXT("Tell"), rs_client_tell(Client, static_cast<uint8>(Channel), Message.GetData(), Count));
}

void URingshardClientSubsystem::Deinitialize()
{
    Free();
    Super::Deinitialize();
}

void URingshardClientSubsystem::Tick(float)
{
    const rs_result Due = rs_udp_poll(Client);
    Succeeds(TEXT("Tick"), Due);
    for (rs_result At = 0; At < Due; At++)
    {
        alignas(16) uint8 Input[RS_RECORD_BYTES_MAX] = {};
        Rules->MakeInputRaw(Input);
        Succeeds(TEXT("Tick"), rs_client_input(Client, Input));
    }
    // A listener may close the connection, or open another.
    rs_news News = {};
    News.size = sizeof News;
    while (Client && rs_client_news(Client, &News) == 1)
    {
        Report(News);
    }
    if (Client)
    {
        Succeeds(TEXT("Tick"), rs_udp_flush(Client));
    }
}

ETickableTickType URingshardClientSubsystem::GetTickableTickType() const
{
    // The class's default object is no connection.
    return IsTemplate() ? ETickableTickType::Never : ETickableTickType::Conditional;
}

TStatId URingshardClientSubsystem::GetStatId() const
{
    RETURN_QUICK_DECLARE_CYCLE_STAT(URingshardClientSubsystem, STATGROUP_Tickables);
}

void URingshardClientSubsystem::Free()
{
    rs_client_free(Client);
    Client = nullptr;
}

void URingshardClientSubsystem::Report(const rs_news& News)
{
    const int32 Entity = static_cast<int32>(News.entity);
    const int32 Number = static_cast<int32>(News.ask);
    // Without a default, so that a compiler warns of a kind that is missing here.
    switch (static_cast<rs_news_kind>(News.kind))
    {
    case RS_NEWS_KIND_ENTERED: OnEntered.Broadcast(); break;
    case RS_NEWS_KIND_REFUSED: OnRefused.Broadcast(News.reason); break;
    case RS_NEWS_KIND_WRONG_SCHEMA: OnWrongSchema.Broadcast(News.reason); break;
    case RS_NEWS_KIND_PUT_OUT: OnPutOut.Broadcast(News.reason); break;
    case RS_NEWS_KIND_MOVED: OnMoved.Broadcast(); break;
    case RS_NEWS_KIND_SPAWNED: OnSpawned.Broadcast(Entity); break;
    case RS_NEWS_KIND_DESPAWNED: OnDespawned.Broadcast(Entity); break;
    case RS_NEWS_KIND_BODY_CHANGED: OnBodyChanged.Broadcast(Entity); break;
    case RS_NEWS_KIND_EVENT: OnEvent.Broadcast(Bytes(News)); break;
    case RS_NEWS_KIND_ANSWER: OnAnswered.Broadcast(Number, Bytes(News)); break;
    case RS_NEWS_KIND_UNANSWERED: OnUnanswered.Broadcast(Number, News.reason); break;
    case RS_NEWS_KIND_RECONNECTING: OnReconnecting.Broadcast(FString(UTF8_TO_TCHAR(News.text))); break;
    case RS_NEWS_KIND_RESUMED: OnResumed.Broadcast(); break;
    case RS_NEWS_KIND_RENEWED: OnRenewed.Broadcast(); break;
    case RS_NEWS_KIND_CLOSED: OnClosed.Broadcast(FString(UTF8_TO_TCHAR(News.text))); break;
    // OwnTransform smooths corrections: there is nothing to do.
    case RS_NEWS_KIND_CORRECTED: break;
    }
}
