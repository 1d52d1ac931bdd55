// The demonstration in C#: its structs, and the step that the server runs. The numbers are those of
// `cargo run -p ringshard-demo-rules --example schema`: a server with other types refuses this client.
using System.Runtime.InteropServices;
using Ringshard;

[StructLayout(LayoutKind.Sequential)]
public struct DemoInput
{
    public ushort Direction;
    public byte Pace;
    public byte Actions;

    public const byte Shoot = 1;
}

[StructLayout(LayoutKind.Sequential)]
public struct DemoOwn
{
    public float X, Y;
    public float VelocityX, VelocityY;
    public ushort Direction;
    public byte Leap;
    public ushort Shot;
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
    private const float WalkMax = 600f, Width = 819200f, Depth = 819200f;
    private const ushort ShotCooldown = 30;

    private readonly Layout<DemoInput> input = new Layout<DemoInput>()
        .Add("direction", "Direction", Kind.U16)
        .Add("pace", "Pace", Kind.U8)
        .Add("actions", "Actions", Kind.U8);

    private readonly Layout<DemoOwn> own = new Layout<DemoOwn>()
        .Add("point", "X", Kind.F32, 2)
        .Add("velocity", "VelocityX", Kind.F32, 2)
        .Add("direction", "Direction", Kind.U16)
        .Add("leap", "Leap", Kind.U8)
        .Add("shot", "Shot", Kind.Cooldown)
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

    public override Layout<DemoInput> InputLayout { get { return input; } }
    public override Layout<DemoOwn> OwnLayout { get { return own; } }
    public override Layout<DemoShown> ShownLayout { get { return shown; } }
    public override uint AskSchema { get { return 0x9168F689; } }
    public override uint AnswerSchema { get { return 0xE849F239; } }
    public override uint EventSchema { get { return 0xD145FB13; } }

    public override void Step(ref DemoOwn own, ref DemoInput input)
    {
        if (own.Shot > 0) own.Shot--;
        Walk(ref own, ref input);
        own.X = Clamp((float)(own.X + (float)(own.VelocityX / 60f)), Width);
        own.Y = Clamp((float)(own.Y + (float)(own.VelocityY / 60f)), Depth);
        if ((input.Actions & DemoInput.Shoot) != 0 && own.Stunned == 0 && own.Shot == 0) own.Shot = ShotCooldown;
    }

    public override void Place(ref DemoOwn own, ref Pose pose)
    {
        pose.X = own.X;
        pose.Y = own.Y;
        pose.VelocityX = own.VelocityX;
        pose.VelocityY = own.VelocityY;
        pose.Yaw = own.Direction;
        pose.Leap = own.Leap;
    }

    private static void Walk(ref DemoOwn own, ref DemoInput input)
    {
        float most = own.Stunned != 0 || own.Frozen != 0 ? 0f : own.Slowed != 0 ? WalkMax / 2f : WalkMax;
        float speed = (float)((float)(most * input.Pace) / 255f);
        if (speed == 0f)
        {
            own.VelocityX = own.VelocityY = 0f;
            return;
        }
        float x, y;
        Direction(input.Direction, out x, out y);
        own.Direction = input.Direction;
        own.VelocityX = (float)(x * speed);
        own.VelocityY = (float)(y * speed);
    }

    /// The vector of length 1 in a direction, in 65,536ths of a turn.
    private static void Direction(ushort turn, out float x, out float y)
    {
        int quarter = (ushort)(turn + (1 << 13)) >> 14;
        short rest = (short)(ushort)(turn - (quarter << 14));
        float angle = (float)(rest * (6.28318530717958647692f / 65536f));
        float square = (float)(angle * angle);
        float sine = Term(square, 6f, Term(square, 20f, Term(square, 42f, 1f)));
        sine = (float)(angle * sine);
        float cosine = Term(square, 2f, Term(square, 12f, Term(square, 30f, Term(square, 56f, 1f))));
        x = quarter == 0 ? cosine : quarter == 1 ? -sine : quarter == 2 ? -cosine : sine;
        y = quarter == 0 ? sine : quarter == 1 ? cosine : quarter == 2 ? -sine : -cosine;
    }

    private static float Clamp(float value, float most) { return value < 0f ? 0f : value > most ? most : value; }

    /// 1 - square / divisor * inner, each operation rounded to a float.
    private static float Term(float square, float divisor, float inner)
    {
        return (float)(1f - (float)((float)(square / divisor) * inner));
    }
}
