// NOT UNREAL: see CoreMinimal.h.
#pragma once

class FDefaultModuleImpl {};
#define IMPLEMENT_MODULE(Class, Name) using Name##Module = Class;
