// The demonstration in C#: its structs, and the step that the server runs. The numbers are those of
// `cargo run -p ringshard-demo-rules --example schema`: a server with other types refuses this client.
using System.Runtime.InteropServices;
using Ringshard;

[StructLayout(LayoutKind.Sequential)]
public struct DemoInput
{
    public sbyte Forward, Left;
    public ushort Yaw;
    public byte Keys;
    public byte Actions;

    public const byte Shoot = 1;
}

[StructLayout(LayoutKind.Sequential)]
public struct DemoOwn
{
    public float X, Y;
    public float VelocityX, VelocityY;
    public ushort Yaw;
    public float Height, Rise;
    public ushort Shot;
    public byte Gait, Leap;
    public byte Potions;
    public byte Stunned, Frozen, Slowed;
}

[StructLayout(LayoutKind.Sequential)]
public struct DemoShown
{
    public byte Kind, Faction, States, Buffs, Health, Mana;
    public ushort Animation;
    public uint Score;
}

public static class DemoAsk
{
    public const byte Drink = 0, Hide = 1, Restart = 2;
}

public static class DemoAnswer
{
    /// Drunk: u8 health, u8 potions. Hidden: u16 ticks, u8 mana. Refused: u8 why; 4 is "too early", with u16 ticks.
    public const byte Drunk = 0, Hidden = 1, Restarted = 2, Refused = 3;
}

public static class DemoEvent
{
    /// Say: text. Said: entity by, text. Hit: entity by, u8 damage. Scored: entity on. Beaten: entity by, entity who.
    public const byte Say = 0, Said = 1, Hit = 2, Scored = 3, Beaten = 4;
}

public sealed class DemoRules : Rules<DemoInput, DemoOwn, DemoShown>
{
    private const ushort ShotCooldown = 30;

    private readonly Terrain terrain;
    /// What a player can do, and what a slowed one can.
    private Tuning tuning = Tuning.Default, slow = Tuning.Default;

    private readonly Layout<DemoInput> input = new Layout<DemoInput>()
        .Add("forward", "Forward", Kind.I8)
        .Add("left", "Left", Kind.I8)
        .Add("yaw", "Yaw", Kind.U16)
        .Add("keys", "Keys", Kind.U8)
        .Add("actions", "Actions", Kind.U8);

    private readonly Layout<DemoOwn> own = new Layout<DemoOwn>()
        .Add("point", "X", Kind.F32, 2)
        .Add("velocity", "VelocityX", Kind.F32, 2)
        .Add("yaw", "Yaw", Kind.U16)
        .Add("height", "Height", Kind.F32)
        .Add("rise", "Rise", Kind.F32)
        .Add("shot", "Shot", Kind.Cooldown)
        .Add("gait", "Gait", Kind.U8)
        .Add("leap", "Leap", Kind.U8)
        .Add("potions", "Potions", Kind.U8)
        .Add("stunned", "Stunned", Kind.Bool)
        .Add("frozen", "Frozen", Kind.Bool)
        .Add("slowed", "Slowed", Kind.Bool);

    private readonly Layout<DemoShown> shown = new Layout<DemoShown>()
        .Add("kind", "Kind", Kind.U8)
        .Add("faction", "Faction", Kind.U8)
        .Add("states", "States", Kind.U8)
        .Add("buffs", "Buffs", Kind.U8)
        .Add("health", "Health", Kind.U8)
        .Add("mana", "Mana", Kind.U8)
        .Add("animation", "Animation", Kind.U16)
        .Add("score", "Score", Kind.U32);

    /// The terrain must be the server's. Dispose it after the client.
    public DemoRules(Terrain terrain)
    {
        this.terrain = terrain;
        slow.WalkSpeed /= 2f;
        slow.RunSpeed /= 2f;
        slow.SwimSpeed /= 2f;
    }

    public override Layout<DemoInput> InputLayout { get { return input; } }
    public override Layout<DemoOwn> OwnLayout { get { return own; } }
    public override Layout<DemoShown> ShownLayout { get { return shown; } }
    public override uint AskSchema { get { return 0x9168F689; } }
    public override uint AnswerSchema { get { return 0xE849F239; } }
    public override uint EventSchema { get { return 0xD145FB13; } }

    public override uint Level { get { return terrain.Digest; } }

    public override void Step(ref DemoOwn own, ref DemoInput input)
    {
        if (own.Shot > 0) own.Shot--;
        Walker walker = WalkerOf(ref own);
        Steering steering = SteeringOf(ref own, ref input);
        if (own.Slowed != 0) terrain.Walk(ref slow, ref walker, ref steering);
        else terrain.Walk(ref tuning, ref walker, ref steering);
        own.X = walker.X;
        own.Y = walker.Y;
        own.Height = walker.Z;
        own.VelocityX = walker.VelocityX;
        own.VelocityY = walker.VelocityY;
        own.Rise = walker.VelocityZ;
        own.Yaw = walker.Yaw;
        own.Gait = walker.Gait;
        own.Leap = walker.Leap;
        if ((input.Actions & DemoInput.Shoot) != 0 && own.Stunned == 0 && own.Shot == 0) own.Shot = ShotCooldown;
    }

    public override void Place(ref DemoOwn own, ref Pose pose)
    {
        pose.X = own.X;
        pose.Y = own.Y;
        pose.Z = own.Height;
        pose.VelocityX = own.VelocityX;
        pose.VelocityY = own.VelocityY;
        pose.VelocityZ = own.Rise;
        pose.Yaw = own.Yaw;
        pose.Leap = own.Leap;
    }

    private static Walker WalkerOf(ref DemoOwn own)
    {
        return new Walker
        {
            X = own.X, Y = own.Y, Z = own.Height, VelocityX = own.VelocityX, VelocityY = own.VelocityY, VelocityZ = own.Rise,
            Yaw = own.Yaw, Gait = own.Gait, Leap = own.Leap,
        };
    }

    /// What a player can do of what it wants.
    private static Steering SteeringOf(ref DemoOwn own, ref DemoInput input)
    {
        bool isNeutral = input.Forward == 0 && input.Left == 0 && input.Yaw == 0 && input.Keys == 0 && input.Actions == 0;
        if (own.Stunned != 0 || own.Frozen != 0 || isNeutral) return new Steering { Yaw = own.Yaw };
        return new Steering { Yaw = input.Yaw, Forward = input.Forward, Left = input.Left, Keys = input.Keys };
    }
}
