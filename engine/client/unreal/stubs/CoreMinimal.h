// NOT UNREAL. Just enough of a few types of Unreal that the plugin compiles without it, for scripts/bindings.sh. They are
// written from what the plugin uses, so they prove that the plugin is C++ and that its logic works, not that Unreal accepts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using int32 = std::int32_t;
using uint8 = std::uint8_t;
using uint32 = std::uint32_t;
using TCHAR = char16_t;
#define TEXT(Literal) u##Literal

namespace Stub
{
// Texts of the Basic Multilingual Plane.
inline std::u16string Wide(const char* Text)
{
    std::u16string Wide;
    for (const auto* At = reinterpret_cast<const unsigned char*>(Text); *At;)
    {
        const unsigned First = *At++;
        const int More = First < 0x80 ? 0 : First < 0xE0 ? 1 : 2;
        unsigned Character = First < 0x80 ? First : First & (More == 1 ? 0x1Fu : 0x0Fu);
        for (int Byte = 0; Byte < More && *At; Byte++) Character = Character << 6 | (*At++ & 0x3Fu);
        Wide += static_cast<char16_t>(Character);
    }
    return Wide;
}

inline std::string Narrow(const char16_t* Text)
{
    std::string Narrow;
    for (; *Text; Text++)
    {
        const unsigned Character = *Text;
        if (Character < 0x80) { Narrow += static_cast<char>(Character); continue; }
        if (Character < 0x800) Narrow += static_cast<char>(0xC0 | Character >> 6);
        else
        {
            Narrow += static_cast<char>(0xE0 | Character >> 12);
            Narrow += static_cast<char>(0x80 | (Character >> 6 & 0x3F));
        }
        Narrow += static_cast<char>(0x80 | (Character & 0x3F));
    }
    return Narrow;
}

// Prints the texts among the arguments, without the format.
inline void Log(const char16_t* Text) { std::fprintf(stderr, "log: %s\n", Narrow(Text).c_str()); }
inline void Log(const char16_t*, const char16_t* What, const char16_t* Text)
{
    std::fprintf(stderr, "log: %s: %s\n", Narrow(What).c_str(), Narrow(Text).c_str());
}
} // namespace Stub

#define UTF8_TO_TCHAR(Text) (Stub::Wide(Text).c_str())
#define TCHAR_TO_UTF8(Text) (Stub::Narrow(Text).c_str())
#define DEFINE_LOG_CATEGORY_STATIC(Name, Level, Most) static const int Name = 0
#define UE_LOG(Category, Level, ...) ((void)Category, Stub::Log(__VA_ARGS__))

class FString
{
public:
    FString() = default;
    explicit FString(const TCHAR* Text) : Characters(Text) {}
    const TCHAR* operator*() const { return Characters.c_str(); }

private:
    std::u16string Characters;
};

template <class T> class TArray
{
public:
    TArray() = default;
    TArray(const T* From, int32 Count) : Items(From, From + Count) {}
    T* GetData() { return Items.data(); }
    const T* GetData() const { return Items.data(); }
    int32 Num() const { return static_cast<int32>(Items.size()); }
    void Reset() { Items.clear(); }
    void SetNum(int32 Count) { Items.resize(static_cast<size_t>(Count)); }
    int32 Add(const T& Item) { Items.push_back(Item); return Num() - 1; }
    T& operator[](int32 At) { return Items[static_cast<size_t>(At)]; }
    const T& operator[](int32 At) const { return Items[static_cast<size_t>(At)]; }

private:
    std::vector<T> Items;
};

template <class T> class TSharedRef
{
public:
    template <class Other> TSharedRef(const TSharedRef<Other>& From) : Pointer(From.Pointer) {}
    explicit TSharedRef(std::shared_ptr<T> From) : Pointer(std::move(From)) {}
    T* operator->() const { return Pointer.get(); }
    std::shared_ptr<T> Pointer;
};
template <class T> TSharedRef<T> MakeShared() { return TSharedRef<T>(std::make_shared<T>()); }

template <class T> class TSharedPtr
{
public:
    TSharedPtr() = default;
    TSharedPtr& operator=(const TSharedRef<T>& From) { Pointer = From.Pointer; return *this; }
    bool IsValid() const { return Pointer != nullptr; }
    T* Get() const { return Pointer.get(); }
    T* operator->() const { return Pointer.get(); }

private:
    std::shared_ptr<T> Pointer;
};

struct FVector { double X = 0, Y = 0, Z = 0; FVector() = default; FVector(double X, double Y, double Z) : X(X), Y(Y), Z(Z) {} };
struct FRotator
{
    double Pitch = 0, Yaw = 0, Roll = 0;
    FRotator() = default;
    FRotator(double Pitch, double Yaw, double Roll) : Pitch(Pitch), Yaw(Yaw), Roll(Roll) {}
};
class FTransform
{
public:
    FTransform() = default;
    FTransform(const FRotator& Turn, const FVector& At) : Turn(Turn), At(At) {}
    FVector GetLocation() const { return At; }
    FRotator Rotator() const { return Turn; }

private:
    FRotator Turn;
    FVector At;
};

// What Unreal's header tool reads.
#define UCLASS(...)
#define UFUNCTION(...)
#define UPROPERTY(...)
#define RINGSHARDCLIENT_API

namespace Stub
{
template <class... Of> class Delegate
{
public:
    void Broadcast(Of... Values) const { for (const auto& Listener : Listeners) Listener(Values...); }
    // Unreal has AddDynamic, for functions that its header tool knows.
    std::vector<std::function<void(Of...)>> Listeners;
};
} // namespace Stub
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE(Name) using Name = Stub::Delegate<>
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, Type, Argument) using Name = Stub::Delegate<Type>
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(Name, One, OneName, Two, TwoName) using Name = Stub::Delegate<One, Two>

struct TStatId {};
#define RETURN_QUICK_DECLARE_CYCLE_STAT(Name, Group) return TStatId()
