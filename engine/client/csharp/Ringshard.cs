// Ringshard's client for C#: Unity (Mono and IL2CPP), Mono and .NET. README.md shows a frame.
//
// A client belongs to one thread at a time, and starts none. Its methods do not block, except Wait and, for a server's name
// that must be resolved, the constructor. Once in the world, it does not allocate, except where a member says so.
using System;
using System.Runtime.InteropServices;

namespace Ringshard
{
    /// A client of a game, over a UDP socket of its own.
    public sealed class Client<TInput, TOwn, TShown> : IDisposable, ICalls
        where TInput : struct where TOwn : struct where TShown : struct
    {
        private readonly Rules<TInput, TOwn, TShown> rules;
        private readonly Pinned<TInput> input = new Pinned<TInput>(1), replayed = new Pinned<TInput>(1);
        private readonly Pinned<TOwn> own = new Pinned<TOwn>(1), stepped = new Pinned<TOwn>(1), compared = new Pinned<TOwn>(1);
        private readonly Pinned<TShown> shown = new Pinned<TShown>(1);
        private readonly Reader message = new Reader();
        private Pinned<RawOther> others = new Pinned<RawOther>(64);
        private IntPtr handle;
        private GCHandle self;
        /// What a rule threw. It must not pass through the library, so the next return to C# throws it.
        private Exception thrown;

        /// Begins to connect to `server`, HOST:PORT, and to enter the world. `key` is the server's public key, 64 hexadecimal
        /// digits. With `reconnect`, it connects again by itself when the connection is lost.
        public unsafe Client(Rules<TInput, TOwn, TShown> rules, string server, string key, byte[] ticket = null,
                             bool reconnect = true)
        {
            if (Native.rs_abi() != Native.Abi)
                throw new RingshardException(0, "the library has interface " + Native.rs_abi() + ", and this code is for "
                    + Native.Abi + ": take both from the same release");
            this.rules = rules;
            self = GCHandle.Alloc(this);
            try
            {
                using (Arena arena = new Arena())
                {
                    RawConfig config = Configure(arena, ticket ?? new byte[0]);
                    config.Reconnect = (byte)(reconnect ? 1 : 0);
                    Check.Result(Native.rs_key((byte*)arena.Copy(Utf8.Write(key)), config.ServerKey));
                    Check.Result(Native.rs_udp_connect(ref config, (byte*)arena.Copy(Utf8.Write(server)), out handle));
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        /// Disconnects, and frees the client. A client that is not disposed of stays.
        public void Dispose()
        {
            if (handle != IntPtr.Zero) Native.rs_client_free(handle);
            handle = IntPtr.Zero;
            if (self.IsAllocated) self.Free();
            input.Dispose();
            replayed.Dispose();
            own.Dispose();
            stepped.Dispose();
            compared.Dispose();
            shown.Dispose();
            others.Dispose();
        }

        /// Receives what has arrived, and lets time pass. Gives for how many ticks an input is due: call Input that often, and
        /// then Flush. Call it once per frame.
        public int Poll() { return Result(Native.rs_udp_poll(Handle)); }

        /// Takes the input of the next tick that is due.
        public void Input(ref TInput next)
        {
            input.Items[0] = next;
            Result(Native.rs_client_input(Handle, input.Address));
        }

        /// Sends what is due.
        public void Flush() { Result(Native.rs_udp_flush(Handle)); }

        /// Waits until something has arrived or an input is due. For programs without frames.
        public void Wait(int milliseconds) { Result(Native.rs_udp_wait(Handle, (ulong)milliseconds * 1000000)); }

        /// Takes the oldest news; false if there is none. Take all in each frame: while 1024 wait, nothing is received.
        public bool Next(out News news)
        {
            RawNews raw = new RawNews { Size = (uint)Marshal.SizeOf(typeof(RawNews)) };
            bool any = Result(Native.rs_client_news(Handle, ref raw)) == 1;
            message.Take(raw.Bytes, raw.BytesCount);
            news = new News
            {
                Kind = raw.Kind, Entity = raw.Entity, Ask = raw.Ask, Reason = raw.Reason, By = raw.By, Message = message,
                TextAt = raw.Text,
            };
            return any;
        }

        /// The own state, predicted, and its pose; false before the first snapshot.
        public bool Own(out TOwn state, out Pose pose)
        {
            bool any = Result(Native.rs_client_own(Handle, own.Address, out pose)) == 1;
            state = any ? own.Items[0] : default(TOwn);
            return any;
        }

        /// Fills `room` with the entities in view but the own body, as far as it has room, and gives how many there are.
        public int Others(Other<TShown>[] room)
        {
            // Native memory grows with `room`, which a game keeps.
            if (others.Items.Length < room.Length)
            {
                others.Dispose();
                others = new Pinned<RawOther>(room.Length);
            }
            int count = Result(Native.rs_client_others(Handle, others.Address, (UIntPtr)(uint)room.Length));
            for (int at = 0; at < count && at < room.Length; at++)
            {
                room[at].Entity = others.Items[at].Entity;
                room[at].Pose = others.Items[at].Pose;
                shown.Read(others.Items[at].Shown);
                room[at].Shown = shown.Items[0];
            }
            return count;
        }

        /// Where an entity is; of the own body, the own pose. False if it is not in view.
        public bool PoseOf(uint entity, out Pose pose) { return Result(Native.rs_client_pose(Handle, entity, out pose)) == 1; }

        /// What an entity shows. False if it is not in view.
        public bool ShownOf(uint entity, out TShown state)
        {
            bool any = Result(Native.rs_client_shown(Handle, entity, shown.Address)) == 1;
            state = any ? shown.Items[0] : default(TShown);
            return any;
        }

        /// The entity that the player controls; 0 for none.
        public uint Body
        {
            get
            {
                uint body;
                Result(Native.rs_client_body(Handle, out body));
                return body;
            }
        }

        /// Asks the server; NewsKind.Answer or Unanswered follows, once. False, and nothing is sent, if the client is not in the
        /// world, or too much waits.
        public unsafe bool Ask(Writer ask, out uint id)
        {
            Demand(ask);
            fixed (byte* bytes = ask.Bytes)
                return Sent(Native.rs_client_ask(Handle, bytes, (UIntPtr)(uint)ask.Count, out id));
        }

        /// Tells the server an event. False, and nothing is sent, if the client is not in the world, or too much waits.
        public unsafe bool Tell(Channel channel, Writer message)
        {
            Demand(message);
            fixed (byte* bytes = message.Bytes)
                return Sent(Native.rs_client_tell(Handle, (byte)channel, bytes, (UIntPtr)(uint)message.Count));
        }

        /// Asks to enter again, after Refused or PutOut. False if the client is in the world, on its way, or closed.
        public unsafe bool Enter(byte[] ticket)
        {
            fixed (byte* bytes = ticket)
            {
                int result = Native.rs_client_enter(Handle, bytes, (uint)ticket.Length);
                return result != Native.NotOutside && Result(result) >= 0;
            }
        }

        /// Leaves the world, and disconnects. NewsKind.Closed follows.
        public void Close() { Result(Native.rs_client_close(Handle)); }

        /// The network of this host has changed: the connection goes on from a new socket at once.
        public void Rebind() { Result(Native.rs_udp_rebind(Handle)); }

        /// Whether the server has let the client into the world.
        public bool IsInWorld { get { return Result(Native.rs_client_is_in_world(Handle)) == 1; } }

        /// Whether there is no connection and will be none.
        public bool IsClosed { get { return Result(Native.rs_client_is_closed(Handle)) == 1; } }

        /// The clocks. All 0 before the first snapshot.
        public Clock Clock
        {
            get
            {
                Clock clock = new Clock { Size = (uint)Marshal.SizeOf(typeof(Clock)) };
                Result(Native.rs_client_clock(Handle, ref clock));
                return clock;
            }
        }

        /// What the client did so far.
        public Stats Stats
        {
            get
            {
                Stats stats = new Stats { Size = (uint)Marshal.SizeOf(typeof(Stats)) };
                Result(Native.rs_client_stats(Handle, ref stats));
                return stats;
            }
        }

        void ICalls.Step(IntPtr state, IntPtr next)
        {
            stepped.Read(state);
            replayed.Read(next);
            rules.Step(ref stepped.Items[0], ref replayed.Items[0]);
            stepped.Write(state);
        }

        unsafe void ICalls.Place(IntPtr state, IntPtr pose)
        {
            stepped.Read(state);
            rules.Place(ref stepped.Items[0], ref *(Pose*)pose);
        }

        bool ICalls.Agrees(IntPtr predicted, IntPtr authoritative)
        {
            stepped.Read(predicted);
            compared.Read(authoritative);
            return rules.Agrees(ref stepped.Items[0], ref compared.Items[0]);
        }

        void ICalls.Throws(Exception exception) { thrown = thrown ?? exception; }

        private IntPtr Handle
        {
            get
            {
                if (handle == IntPtr.Zero) throw new ObjectDisposedException("Ringshard.Client");
                return handle;
            }
        }

        private unsafe RawConfig Configure(Arena arena, byte[] ticket)
        {
            RawConfig config = new RawConfig
            {
                Size = (uint)sizeof(RawConfig), Ticket = arena.Copy(ticket), TicketBytes = (uint)ticket.Length,
                Input = rules.InputLayout.Raw(arena), Own = rules.OwnLayout.Raw(arena), Shown = rules.ShownLayout.Raw(arena),
                Step = Callbacks.StepPointer, Place = Callbacks.PlacePointer,
                Agrees = rules.ComparesStates ? Callbacks.AgreesPointer : IntPtr.Zero, User = GCHandle.ToIntPtr(self),
            };
            config.Schema[0] = rules.AskSchema;
            config.Schema[1] = rules.AnswerSchema;
            config.Schema[2] = rules.EventSchema;
            config.Level = rules.Level;
            input.Items[0] = rules.NeutralInput;
            own.Items[0] = rules.BlankOwn;
            shown.Items[0] = rules.BlankShown;
            config.NeutralInput = input.Address;
            config.BlankOwn = own.Address;
            config.BlankShown = shown.Address;
            return config;
        }

        /// Throws what a rule threw, or what the library says.
        private int Result(int result)
        {
            if (thrown != null)
            {
                Exception exception = thrown;
                thrown = null;
                throw new RingshardException(0, "a rule of the game threw: " + exception);
            }
            return result < 0 ? Check.Result(result) : result;
        }

        private bool Sent(int result)
        {
            return result != Native.Full && result != Native.NotInWorld && Result(result) >= 0;
        }

        private static void Demand(Writer message)
        {
            if (message.Failed) throw new RingshardException(0, "the message is too long: see Writer.Failed");
        }
    }

    /// What C calls, of any client.
    internal interface ICalls
    {
        void Step(IntPtr own, IntPtr input);
        void Place(IntPtr own, IntPtr pose);
        bool Agrees(IntPtr predicted, IntPtr authoritative);
        void Throws(Exception exception);
    }

    /// The entries from C. They are static and not generic, as IL2CPP demands, and let no exception out.
    internal static class Callbacks
    {
        private static readonly StepCallback step = Step;
        private static readonly PlaceCallback place = Place;
        private static readonly AgreesCallback agrees = Agrees;

        public static readonly IntPtr StepPointer = Marshal.GetFunctionPointerForDelegate(step);
        public static readonly IntPtr PlacePointer = Marshal.GetFunctionPointerForDelegate(place);
        public static readonly IntPtr AgreesPointer = Marshal.GetFunctionPointerForDelegate(agrees);

        [MonoPInvokeCallback(typeof(StepCallback))]
        private static void Step(IntPtr own, IntPtr input, IntPtr user)
        {
            ICalls client = Of(user);
            try { client.Step(own, input); }
            catch (Exception exception) { client.Throws(exception); }
        }

        [MonoPInvokeCallback(typeof(PlaceCallback))]
        private static void Place(IntPtr own, IntPtr pose, IntPtr user)
        {
            ICalls client = Of(user);
            try { client.Place(own, pose); }
            catch (Exception exception) { client.Throws(exception); }
        }

        [MonoPInvokeCallback(typeof(AgreesCallback))]
        private static int Agrees(IntPtr predicted, IntPtr authoritative, IntPtr user)
        {
            ICalls client = Of(user);
            try { return client.Agrees(predicted, authoritative) ? 1 : 0; }
            catch (Exception exception) { client.Throws(exception); }
            return 1;
        }

        private static ICalls Of(IntPtr user) { return (ICalls)GCHandle.FromIntPtr(user).Target; }
    }

    /// Structs that C can read and write where they lie.
    internal sealed class Pinned<T> : IDisposable where T : struct
    {
        public readonly T[] Items;
        private readonly int bytes = Marshal.SizeOf(typeof(T));
        private GCHandle pin;

        public Pinned(int count)
        {
            Items = new T[Math.Max(1, count)];
            pin = GCHandle.Alloc(Items, GCHandleType.Pinned);
            Address = pin.AddrOfPinnedObject();
        }

        /// Where the first item lies.
        public IntPtr Address { get; private set; }

        public unsafe void Read(IntPtr from) { Buffer.MemoryCopy((void*)from, (void*)Address, bytes, bytes); }

        public unsafe void Write(IntPtr to) { Buffer.MemoryCopy((void*)Address, (void*)to, bytes, bytes); }

        public void Dispose()
        {
            if (pin.IsAllocated) pin.Free();
        }
    }
}
