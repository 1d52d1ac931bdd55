// The map, and the step of a character on it: the server's, with the same bits.
using System;
using System.Runtime.InteropServices;

namespace Ringshard
{
    /// What a player steers with in one tick.
    [StructLayout(LayoutKind.Sequential)]
    public struct Steering
    {
        /// Where it looks, in 65,536ths of a turn from the x axis towards the y axis.
        public ushort Yaw;
        /// How fast it goes where it looks, and to its left: 127 is full speed, -127 full speed the other way.
        public sbyte Forward, Left;
        /// The sum of what it does.
        public byte Keys;
        private byte reserved;

        public const byte Run = 1, Jump = 2, Dive = 4;
    }

    /// The state of a character that moves.
    [StructLayout(LayoutKind.Sequential)]
    public struct Walker
    {
        /// Where its feet are, in units, and how it moves, in units per second.
        public float X, Y, Z;
        public float VelocityX, VelocityY, VelocityZ;
        public ushort Yaw;
        /// 0: it stands or goes; 1: it jumps or falls; 2: it slides; 3: it swims.
        public byte Gait;
        /// Counts teleports.
        public byte Leap;
    }

    /// How fast, high and steep a character can go. Tuning.Default has the server's defaults; ringshard.h describes each.
    [StructLayout(LayoutKind.Sequential)]
    public struct Tuning
    {
        internal uint Size;
        public float Radius, Height, StepHeight, SlopeLimit;
        public float WalkSpeed, RunSpeed, SwimSpeed, JumpSpeed, FallSpeedMax;
        public float Acceleration, AirAcceleration, Gravity, SwimDepth;

        public static unsafe Tuning Default
        {
            get
            {
                Tuning tuning = new Tuning { Size = (uint)sizeof(Tuning) };
                Check.Result(Native.rs_tuning_default(ref tuning));
                return tuning;
            }
        }
    }

    /// A map. It does not change: any number of threads and clients can use one. Dispose it after the last client.
    public sealed class Terrain : IDisposable
    {
        private IntPtr handle;

        private Terrain(IntPtr handle) { this.handle = handle; }

        /// Level ground on the default map: that of a server without a map file.
        public static Terrain Flat()
        {
            IntPtr made;
            Check.Result(Native.rs_terrain_flat(out made));
            return new Terrain(made);
        }

        /// The content of a map file, such as that of a Unity TextAsset.
        public static unsafe Terrain Read(byte[] bytes)
        {
            IntPtr made;
            fixed (byte* content = bytes) Check.Result(Native.rs_terrain_read(content, (UIntPtr)bytes.Length, out made));
            return new Terrain(made);
        }

        /// For Rules.Level.
        public uint Digest { get { return Native.rs_terrain_digest(handle); } }

        /// The height of the ground, in units.
        public float Height(float x, float y)
        {
            float height;
            Check.Result(Native.rs_terrain_height(handle, x, y, out height));
            return height;
        }

        /// Advances a character by one tick.
        public void Walk(ref Tuning tuning, ref Walker walker, ref Steering steering)
        {
            Check.Result(Native.rs_walk(handle, ref tuning, ref walker, ref steering));
        }

        public void Dispose()
        {
            Native.rs_terrain_free(handle);
            handle = IntPtr.Zero;
        }
    }
}
