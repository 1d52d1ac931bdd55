// What a client gives: structs without references, and enums. They mirror ringshard.h, which describes each field.
using System;
using System.Runtime.InteropServices;

namespace Ringshard
{
    /// Where something is, how it moves (units per second) and where it looks (65,536ths of a turn).
    [StructLayout(LayoutKind.Sequential)]
    public struct Pose
    {
        public float X, Y, Z;
        public float VelocityX, VelocityY, VelocityZ;
        public ushort Yaw, Pitch, Roll;
        /// Counts teleports.
        public byte Leap;
        private byte reserved;
    }

    /// An entity in view, at the shown tick.
    public struct Other<TShown> where TShown : struct
    {
        public uint Entity;
        public Pose Pose;
        public TShown Shown;
    }

    /// The clocks, in ticks of the server.
    [StructLayout(LayoutKind.Sequential)]
    public struct Clock
    {
        internal uint Size;
        public uint OwnTick;
        public double Server, Shown, Ahead, Rate;
        public float JitterMs, RoundTripMs;
    }

    /// What a client did so far.
    [StructLayout(LayoutKind.Sequential)]
    public struct Stats
    {
        internal uint Size;
        public float WorstCorrection;
        public ulong Snapshots, SnapshotsRefused, SnapshotsLate;
        public ulong Predicted, Mispredicted, Corrections;
        public ulong InputsMade, InputsMissed, TicksSkipped;
        public ulong Frames, Starved, Reconnects, Malformed, Ignored;
        public ulong DatagramsIn, BytesIn, DatagramsOut, BytesOut;
    }

    /// What happened.
    public enum NewsKind : uint
    {
        /// The client is in the world. Nothing is in view yet.
        Entered = 1,
        /// The game refuses the client, with a Reason of its own. Enter asks again.
        Refused = 2,
        /// The server's contract differs in a part: Reason is an rs_type, Text says what to do.
        WrongSchema = 3,
        /// The client is no longer in the world; Reason is the game's. Nothing is in view, without a Despawned for each.
        PutOut = 4,
        /// Entity came into view.
        Spawned = 5,
        /// Entity is gone, or too far away.
        Despawned = 6,
        /// The player controls Entity, or none.
        BodyChanged = 7,
        /// An event: Message. It may arrive before Entered.
        Event = 8,
        /// The answer to Ask: Message.
        Answer = 9,
        /// There will be no answer to Ask: Reason is an rs_unanswered.
        Unanswered = 10,
        /// The server's own state differed from the predicted one, by By.
        Corrected = 11,
        /// The connection is lost, and the client connects again. Text says why.
        Reconnecting = 12,
        /// The client is connected again, and goes on in the world.
        Resumed = 13,
        /// The client is connected again, with a new session, and enters again. Nothing is in view, without a Despawned for
        /// each.
        Renewed = 14,
        /// There is no connection, and will be none. It is the last news. Text says why.
        Closed = 15,
        /// The client is in the world of another server. Nothing is in view, without a Despawned for each; entities have other
        /// numbers there. Asks that wait go on.
        Moved = 16,
    }

    /// The channels of events. The numbers go on in steps of 4, up to 15.
    public enum Channel : byte { Unreliable, ReliableOrdered, ReliableUnordered, UnreliableSequenced }

    /// One thing that happened. Which members are set depends on the kind; the others are 0.
    public struct News
    {
        public NewsKind Kind;
        public uint Entity;
        public uint Ask;
        public int Reason;
        /// How far a correction moved the own pose, in units.
        public float By;
        /// The event or the answer. It is overwritten by the next news.
        public Reader Message;
        internal IntPtr TextAt;

        /// What the kind says in words; null if it says none. It allocates. Take it before the next news.
        public string Text { get { return TextAt == IntPtr.Zero ? null : Utf8.Read(TextAt); } }
    }

    /// A call failed. The message says what to do.
    public sealed class RingshardException : Exception
    {
        /// A negative rs_error of ringshard.h, or 0 if this binding refuses the call.
        public readonly int Code;

        public RingshardException(int code, string message) : base(message) { Code = code; }
    }
}
