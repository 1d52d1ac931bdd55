// Plays the demonstration by the plugin's subsystem over the stubs, without Unreal: play HOST:PORT KEY SECONDS. Ends with 0
// only if it entered the world, walked, saw others, had answers and heard itself, and nothing failed.
#include "DemoRules.h"
#include "RingshardClientSubsystem.h"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <set>
#include <thread>

static TArray<uint8> Message(const uint8* Bytes, size_t Count) { return TArray<uint8>(Bytes, static_cast<int32>(Count)); }

int main(int Count, char** Words)
{
    if (Count != 4)
    {
        std::fprintf(stderr, "Usage: play HOST:PORT KEY SECONDS\n");
        return 2;
    }
    int Entered = 0, Closed = 0, Answers = 0, Unanswered = 0, Heard = 0, Spawned = 0, Failures = 0, OthersMost = 0;
    URingshardClientSubsystem Client;
    const FString Server(UTF8_TO_TCHAR(Words[1])), Key(UTF8_TO_TCHAR(Words[2]));
    // Without rules, and with a wrong key, there is nothing to connect with. The log says so.
    Failures += Client.Connect(Server, Key, {}) ? 1 : 0;
    const TSharedRef<FDemoRules> Rules = MakeShared<FDemoRules>();
    Client.SetRules(Rules);
    Failures += Client.Connect(Server, FString(TEXT("00")), {}) || Client.IsTickable() ? 1 : 0;

    Client.OnEntered.Listeners.push_back([&] { Entered++; });
    // What would be actors of a game.
    std::set<int32> Actors;
    Client.OnSpawned.Listeners.push_back([&](int32 Entity) {
        Spawned++;
        Actors.insert(Entity);
    });
    Client.OnDespawned.Listeners.push_back([&](int32 Entity) { Actors.erase(Entity); });
    // OnDespawned does not follow for what was in view.
    Client.OnMoved.Listeners.push_back([&] { Actors.clear(); });
    Client.OnRenewed.Listeners.push_back([&] { Actors.clear(); });
    Client.OnPutOut.Listeners.push_back([&](int32) { Actors.clear(); });
    Client.OnAnswered.Listeners.push_back([&](int32, const TArray<uint8>& Answer) { Answers += Answer.Num() > 0 ? 1 : 0; });
    Client.OnUnanswered.Listeners.push_back([&](int32, int32) { Unanswered++; });
    Client.OnClosed.Listeners.push_back([&](const FString& Why) {
        std::fprintf(stderr, "closed: %s\n", TCHAR_TO_UTF8(*Why));
        Closed++;
    });
    Client.OnWrongSchema.Listeners.push_back([&](int32) { Failures++; });
    Client.OnEvent.Listeners.push_back([&](const TArray<uint8>& Event) {
        const bool bSaid = Event.Num() > 4 && Event[0] == DEMO_EVENT_SAID;
        Heard += bSaid && static_cast<int32>(demo_entity(Event.GetData() + 1)) == Client.Body() ? 1 : 0;
    });
    if (!Client.Connect(Server, Key, {}))
    {
        return 1;
    }

    FTransform First, Last;
    bool bBegun = false;
    TArray<int32> Others;
    const int Frames = std::atoi(Words[3]) * 60;
    for (int Frame = 0; Frame < Frames && !Closed; Frame++)
    {
        Rules->Wanted.yaw = 0;
        Rules->Wanted.forward = 127;
        Rules->Wanted.keys = RS_KEY_RUN;
        Rules->Wanted.actions = Frame % 40 == 0 ? DEMO_SHOOT : 0;
        Client.Tick(1.0f / 60);
        if (Client.IsInWorld() && Frame % 60 == 30)
        {
            uint8 Say[3 + DEMO_TEXT_BYTES_MAX];
            const size_t Bytes = demo_say(Say, "Hello from the subsystem");
            const uint8 Drink = DEMO_ASK_DRINK;
            Failures += Client.Tell(RS_CHANNEL_RELIABLE_ORDERED, Message(Say, Bytes)) ? 0 : 1;
            Failures += Client.Ask(Message(&Drink, 1)) < 0 ? 1 : 0;
        }
        Client.Others(Others);
        OthersMost = Others.Num() > OthersMost ? Others.Num() : OthersMost;
        for (int32 At = 0; At < Others.Num(); At++)
        {
            FTransform Transform;
            demo_shown Shown;
            const bool bKnown = Client.EntityTransform(Others[At], Transform) && Client.Shown(Others[At], Shown);
            Failures += bKnown && Actors.count(Others[At]) == 1 ? 0 : 1;
        }
        if (Client.OwnTransform(Last) && !bBegun)
        {
            First = Last;
            bBegun = true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(16));
    }
    rs_stats Stats = {};
    Stats.size = sizeof Stats;
    rs_client_stats(Client.Handle(), &Stats);
    demo_own Own = {};
    Failures += Client.Own(Own) ? 0 : 1;
    // It faces where it walks, along x.
    const double Walked = Last.GetLocation().X - First.GetLocation().X;
    Failures += std::fabs(Last.Rotator().Yaw) > 0.01 ? 1 : 0;
    Client.Deinitialize();
    Failures += Client.IsTickable() ? 1 : 0;
    std::printf("entered %d, walked %.0f units, others at most %d, spawned %d, answers %d, unanswered %d, heard %d, "
                "predicted %llu, mispredicted %llu, failures %d\n",
                Entered, Walked, OthersMost, Spawned, Answers, Unanswered, Heard,
                static_cast<unsigned long long>(Stats.predicted), static_cast<unsigned long long>(Stats.mispredicted), Failures);
    const bool bGood = Entered == 1 && !Closed && Walked > 100 && OthersMost > 0 && Answers > 0 && !Unanswered && Heard > 0
        && !Failures && Stats.predicted > 0 && Stats.mispredicted * 10 <= Stats.predicted;
    std::printf("%s\n", bGood ? "passed" : "FAILED");
    return bGood ? 0 : 1;
}
