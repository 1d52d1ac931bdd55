// Links the C library. RINGSHARD_CLIENT names the folder with include/ and lib/ that scripts/install-client.sh made; without
// it, that is ThirdParty/Ringshard in this plugin.
using System;
using System.IO;
using UnrealBuildTool;

public class RingshardClient : ModuleRules
{
    public RingshardClient(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        PublicDependencyModuleNames.AddRange(new[] { "Core", "CoreUObject", "Engine" });

        string folder = Environment.GetEnvironmentVariable("RINGSHARD_CLIENT")
            ?? Path.Combine(ModuleDirectory, "..", "..", "ThirdParty", "Ringshard");
        PublicSystemIncludePaths.Add(Path.Combine(folder, "include"));
        bool isWindows = Target.Platform == UnrealTargetPlatform.Win64;
        PublicAdditionalLibraries.Add(Path.Combine(folder, "lib", isWindows ? "ringshard_client.lib" : "libringshard_client.a"));
        if (isWindows)
        {
            PublicSystemLibraries.AddRange(new[] { "ws2_32.lib", "ntdll.lib", "userenv.lib", "bcrypt.lib" });
        }
    }
}
