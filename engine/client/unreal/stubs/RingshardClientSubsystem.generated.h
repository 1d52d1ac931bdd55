// NOT UNREAL: see CoreMinimal.h. Unreal's header tool writes this file.
#pragma once

#define GENERATED_BODY()                     \
public:                                      \
    using Super = UGameInstanceSubsystem;    \
                                             \
private:
