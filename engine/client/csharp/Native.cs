// The functions and structs of ringshard.h, as they are. Only the other files here use them.
using System;
using System.Runtime.InteropServices;

namespace Ringshard
{
    /// Unity's IL2CPP compiles an entry from C for a static method that has an attribute of this name.
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        public MonoPInvokeCallbackAttribute(Type type) { }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void StepCallback(IntPtr own, IntPtr input, IntPtr user);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void PlaceCallback(IntPtr own, IntPtr pose, IntPtr user);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int AgreesCallback(IntPtr predicted, IntPtr authoritative, IntPtr user);

    [StructLayout(LayoutKind.Sequential)]
    internal struct RawField
    {
        public IntPtr Name;
        public ushort Offset;
        public byte Kind;
        public byte Count;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct RawLayout
    {
        public IntPtr Fields;
        public uint Count;
        public uint Bytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct RawConfig
    {
        public uint Size;
        public byte Reconnect;
        public fixed byte ServerKey[32];
        public fixed byte Reserved[3];
        public IntPtr PreSharedKey;
        public IntPtr Ticket;
        public uint TicketBytes;
        public fixed uint Schema[3];
        public uint Level;
        public RawLayout Input;
        public RawLayout Own;
        public RawLayout Shown;
        public IntPtr NeutralInput;
        public IntPtr BlankOwn;
        public IntPtr BlankShown;
        public IntPtr Step;
        public IntPtr Place;
        public IntPtr Agrees;
        public IntPtr User;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct RawOther
    {
        public IntPtr Shown;
        public uint Entity;
        public Pose Pose;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct RawNews
    {
        public uint Size;
        public NewsKind Kind;
        public uint Entity;
        public uint Ask;
        public int Reason;
        public float By;
        public IntPtr Bytes;
        public IntPtr Text;
        public uint BytesCount;
        public uint Reserved;
    }

    internal static class Native
    {
        public const uint Abi = 1;
        public const int NotInWorld = -8;
        public const int Full = -9;
        public const int NotOutside = -10;

#if UNITY_IOS && !UNITY_EDITOR
        private const string Library = "__Internal";
#else
        private const string Library = "ringshard_client";
#endif
        private const CallingConvention C = CallingConvention.Cdecl;

        [DllImport(Library, CallingConvention = C)] public static extern uint rs_abi();
        [DllImport(Library, CallingConvention = C)] public static extern IntPtr rs_text(int result);
        [DllImport(Library, CallingConvention = C)] public static extern IntPtr rs_last_error();
        [DllImport(Library, CallingConvention = C)] public static extern unsafe int rs_key(byte* text, byte* key);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_schema(ref RawLayout layout, out uint number);
        [DllImport(Library, CallingConvention = C)]
        public static extern unsafe int rs_udp_connect(ref RawConfig config, byte* server, out IntPtr client);
        [DllImport(Library, CallingConvention = C)] public static extern void rs_client_free(IntPtr client);
        [DllImport(Library, CallingConvention = C)]
        public static extern unsafe int rs_client_enter(IntPtr client, byte* ticket, uint bytes);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_close(IntPtr client);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_is_in_world(IntPtr client);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_is_closed(IntPtr client);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_input(IntPtr client, IntPtr input);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_own(IntPtr client, IntPtr own, out Pose pose);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_body(IntPtr client, out uint body);
        [DllImport(Library, CallingConvention = C)]
        public static extern int rs_client_others(IntPtr client, IntPtr others, UIntPtr room);
        [DllImport(Library, CallingConvention = C)]
        public static extern int rs_client_pose(IntPtr client, uint entity, out Pose pose);
        [DllImport(Library, CallingConvention = C)]
        public static extern int rs_client_shown(IntPtr client, uint entity, IntPtr shown);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_clock(IntPtr client, ref Clock clock);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_stats(IntPtr client, ref Stats stats);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_client_news(IntPtr client, ref RawNews news);
        [DllImport(Library, CallingConvention = C)]
        public static extern unsafe int rs_client_ask(IntPtr client, byte* ask, UIntPtr bytes, out uint id);
        [DllImport(Library, CallingConvention = C)]
        public static extern unsafe int rs_client_tell(IntPtr client, byte channel, byte* message, UIntPtr bytes);
        [DllImport(Library, CallingConvention = C)]
        public static extern unsafe int rs_terrain_read(byte* bytes, UIntPtr count, out IntPtr terrain);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_terrain_flat(out IntPtr terrain);
        [DllImport(Library, CallingConvention = C)] public static extern void rs_terrain_free(IntPtr terrain);
        [DllImport(Library, CallingConvention = C)] public static extern uint rs_terrain_digest(IntPtr terrain);
        [DllImport(Library, CallingConvention = C)]
        public static extern int rs_terrain_height(IntPtr terrain, float x, float y, out float height);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_tuning_default(ref Tuning tuning);
        [DllImport(Library, CallingConvention = C)]
        public static extern int rs_walk(IntPtr terrain, ref Tuning tuning, ref Walker walker, ref Steering steering);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_udp_poll(IntPtr client);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_udp_flush(IntPtr client);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_udp_wait(IntPtr client, ulong timeout_ns);
        [DllImport(Library, CallingConvention = C)] public static extern int rs_udp_rebind(IntPtr client);
    }
}
