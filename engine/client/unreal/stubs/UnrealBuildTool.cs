// NOT UNREAL: the few members that the Build.cs uses, so that it compiles without Unreal. See CoreMinimal.h.
using System.Collections.Generic;

namespace UnrealBuildTool
{
    public enum UnrealTargetPlatform { Win64, Linux, Mac }

    public class ReadOnlyTargetRules
    {
        public UnrealTargetPlatform Platform = UnrealTargetPlatform.Linux;
    }

    public class ModuleRules
    {
        public enum PCHUsageMode { UseExplicitOrSharedPCHs }

        public PCHUsageMode PCHUsage;
        public string ModuleDirectory = ".";
        public readonly List<string> PublicDependencyModuleNames = new List<string>();
        public readonly List<string> PublicSystemIncludePaths = new List<string>();
        public readonly List<string> PublicAdditionalLibraries = new List<string>();
        public readonly List<string> PublicSystemLibraries = new List<string>();
        protected readonly ReadOnlyTargetRules Target;

        public ModuleRules(ReadOnlyTargetRules target) { Target = target; }
    }
}
