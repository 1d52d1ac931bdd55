// What a game says about itself: the layouts of its structs, its step, and where a player is.
using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Ringshard
{
    /// The kind of a field. The comments say what it is in C#, and in a wire! struct of the server.
    public enum Kind : byte
    {
        /// byte; u8.
        U8 = 1,
        /// ushort; u16.
        U16,
        /// uint; u32.
        U32,
        /// ulong; u64.
        U64,
        /// sbyte; i8.
        I8,
        /// short; i16.
        I16,
        /// int; i32.
        I32,
        /// long; i64.
        I64,
        /// float; f32.
        F32,
        /// byte, 0 or 1; bool. C#'s own bool has another size in C.
        Bool,
        /// uint, of which 0 is none; Option<EntityId>.
        Entity,
        /// ushort, in ticks; Cooldown.
        Cooldown,
    }

    /// The fields of a struct, in the order of the server's struct. The struct has numbers only, and StructLayout Sequential.
    /// Let [Preserve] or link.xml keep its fields if the build strips code.
    public sealed class Layout<T> where T : struct
    {
        private struct Field
        {
            public string Name;
            public ushort Offset;
            public Kind Kind;
            public byte Count;
        }

        private readonly List<Field> fields = new List<Field>();

        /// The bytes of the struct.
        public static readonly int Bytes = Marshal.SizeOf(typeof(T));

        public Layout()
        {
            foreach (FieldInfo field in typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            {
                Type type = field.FieldType;
                if (!type.IsPrimitive || type == typeof(bool) || type == typeof(char))
                    throw new RingshardException(0, typeof(T).Name + "." + field.Name + " is a " + type.Name
                        + ": use numbers; a byte for a bool; and for an array, one field per item");
            }
        }

        /// Adds the next field. `name` is its name in the server's struct, `member` the one in T: for an array, the first of
        /// `count` members that follow each other.
        public Layout<T> Add(string name, string member, Kind kind, int count = 0)
        {
            int offset;
            try { offset = (int)Marshal.OffsetOf(typeof(T), member); }
            catch (ArgumentException) { throw new RingshardException(0, typeof(T).Name + " has no field " + member); }
            fields.Add(new Field { Name = name, Offset = checked((ushort)offset), Kind = kind, Count = checked((byte)count) });
            return this;
        }

        /// The schema number of the struct: that of a server's struct with the same fields.
        public uint Schema()
        {
            using (Arena arena = new Arena())
            {
                RawLayout raw = Raw(arena);
                uint number;
                Check.Result(Native.rs_schema(ref raw, out number));
                return number;
            }
        }

        internal unsafe RawLayout Raw(Arena arena)
        {
            RawField* raw = (RawField*)arena.Bytes(Math.Max(1, fields.Count) * sizeof(RawField));
            for (int at = 0; at < fields.Count; at++)
            {
                Field field = fields[at];
                raw[at].Name = arena.Copy(Utf8.Write(field.Name));
                raw[at].Offset = field.Offset;
                raw[at].Kind = (byte)field.Kind;
                raw[at].Count = field.Count;
            }
            return new RawLayout { Fields = (IntPtr)raw, Count = (uint)fields.Count, Bytes = (uint)Bytes };
        }
    }

    /// The rules of a game. They run on the thread that calls the client, and must not call it.
    public abstract class Rules<TInput, TOwn, TShown> where TInput : struct where TOwn : struct where TShown : struct
    {
        public abstract Layout<TInput> InputLayout { get; }
        public abstract Layout<TOwn> OwnLayout { get; }
        public abstract Layout<TShown> ShownLayout { get; }

        /// Advances the own state by one tick, as the server does. The result depends on the arguments alone.
        /// Runtimes may calculate floats with more digits: a cast to float after each operation gives the server's results.
        public abstract void Step(ref TOwn own, ref TInput input);

        /// Says where a player is. `pose` is all 0.
        public abstract void Place(ref TOwn own, ref Pose pose);

        /// Whether a predicted state is as good as the server's. It is called only if ComparesStates.
        public virtual bool Agrees(ref TOwn predicted, ref TOwn authoritative) { return true; }

        /// Whether Agrees decides. Otherwise states agree if all their fields are equal.
        public virtual bool ComparesStates { get { return false; } }

        /// The schema numbers of the server's Ask, Answer and Event; 0 is not compared.
        public virtual uint AskSchema { get { return 0; } }
        public virtual uint AnswerSchema { get { return 0; } }
        public virtual uint EventSchema { get { return 0; } }

        /// Stands for what both ends must have alike beside the types: the digest of a map. 0 is not compared.
        public virtual uint Level { get { return 0; } }

        /// The values that differences begin from, if the server's rules change them.
        public virtual TInput NeutralInput { get { return default(TInput); } }
        public virtual TOwn BlankOwn { get { return default(TOwn); } }
        public virtual TShown BlankShown { get { return default(TShown); } }
    }

    /// Memory for the arguments of one call.
    internal sealed class Arena : IDisposable
    {
        private readonly List<IntPtr> blocks = new List<IntPtr>();

        public IntPtr Bytes(int count)
        {
            IntPtr block = Marshal.AllocHGlobal(count);
            blocks.Add(block);
            return block;
        }

        public IntPtr Copy(byte[] bytes)
        {
            IntPtr block = Bytes(Math.Max(1, bytes.Length));
            Marshal.Copy(bytes, 0, block, bytes.Length);
            return block;
        }

        public void Dispose()
        {
            foreach (IntPtr block in blocks) Marshal.FreeHGlobal(block);
            blocks.Clear();
        }
    }

    internal static class Check
    {
        public static int Result(int result)
        {
            if (result < 0) throw new RingshardException(result, Utf8.Read(Native.rs_last_error()));
            return result;
        }
    }
}
