// The bytes of asks, answers and events, as the server's wire! types write them: little endian; an enum begins with the
// number of its variant, one byte; a text with its length.
using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Ringshard
{
    /// Reads a message. Past its end, values are 0 and Failed is true: check it once, after the last value.
    public sealed class Reader
    {
        private readonly byte[] bytes = new byte[Writer.BytesMax];
        private int count, at;

        /// Bytes of the message.
        public int Count { get { return count; } }

        /// A value was read that is not there.
        public bool Failed { get; private set; }

        public byte U8() { return (byte)Number(1); }
        public sbyte I8() { return (sbyte)Number(1); }
        public ushort U16() { return (ushort)Number(2); }
        public short I16() { return (short)Number(2); }
        public uint U32() { return (uint)Number(4); }
        public int I32() { return (int)Number(4); }
        public ulong U64() { return Number(8); }
        public long I64() { return (long)Number(8); }
        public bool Bool() { return Number(1) != 0; }

        public unsafe float F32()
        {
            uint bits = U32();
            return *(float*)&bits;
        }

        /// An EntityId, as the number that it has everywhere in this interface.
        public uint Entity()
        {
            uint index = U16();
            return ((uint)U8() << 16 | index) + 1u;
        }

        /// A Text. It allocates.
        public string Text()
        {
            int length = U8();
            if (length >= 0x80) length = length & 0x7F | U8() << 7;
            if (Failed || length > count - at)
            {
                Failed = true;
                return "";
            }
            at += length;
            return Encoding.UTF8.GetString(bytes, at - length, length);
        }

        internal void Take(IntPtr message, uint bytesCount)
        {
            count = (int)Math.Min(bytesCount, (uint)bytes.Length);
            at = 0;
            Failed = false;
            if (count > 0) Marshal.Copy(message, bytes, 0, count);
        }

        private ulong Number(int size)
        {
            if (size > count - at)
            {
                Failed = true;
                at = count;
                return 0;
            }
            ulong number = 0;
            for (int byteAt = size - 1; byteAt >= 0; byteAt--) number = number << 8 | bytes[at + byteAt];
            at += size;
            return number;
        }
    }

    /// Writes a message. Keep one, and Clear it: it does not allocate. What has no room makes it Failed, and it is not sent.
    public sealed class Writer
    {
        /// Bytes of the longest message.
        public const int BytesMax = 1024;

        internal readonly byte[] Bytes = new byte[BytesMax];

        public int Count { get; private set; }
        public bool Failed { get; private set; }

        public Writer Clear()
        {
            Count = 0;
            Failed = false;
            return this;
        }

        public Writer U8(byte value) { return Number(value, 1); }
        public Writer I8(sbyte value) { return Number((ulong)value, 1); }
        public Writer U16(ushort value) { return Number(value, 2); }
        public Writer I16(short value) { return Number((ulong)value, 2); }
        public Writer U32(uint value) { return Number(value, 4); }
        public Writer I32(int value) { return Number((ulong)value, 4); }
        public Writer U64(ulong value) { return Number(value, 8); }
        public Writer I64(long value) { return Number((ulong)value, 8); }
        public Writer Bool(bool value) { return Number(value ? 1u : 0u, 1); }
        public unsafe Writer F32(float value) { return Number(*(uint*)&value, 4); }

        /// An EntityId, from its number.
        public Writer Entity(uint number)
        {
            return U16((ushort)(number - 1)).U8((byte)((number - 1) >> 16));
        }

        /// A Text: UTF-8. The server refuses one that is longer than its type.
        public Writer Text(string text)
        {
            int length = Encoding.UTF8.GetByteCount(text);
            if (length >= 0x4000) Failed = true;
            if (length >= 0x80) U8((byte)(length | 0x80)).U8((byte)(length >> 7));
            else U8((byte)length);
            if (Failed || length > BytesMax - Count)
            {
                Failed = true;
                return this;
            }
            Count += Encoding.UTF8.GetBytes(text, 0, text.Length, Bytes, Count);
            return this;
        }

        private Writer Number(ulong value, int size)
        {
            if (size > BytesMax - Count)
            {
                Failed = true;
                return this;
            }
            for (int byteAt = 0; byteAt < size; byteAt++) Bytes[Count++] = (byte)(value >> 8 * byteAt);
            return this;
        }
    }

    internal static class Utf8
    {
        public static unsafe string Read(IntPtr text)
        {
            int length = 0;
            while (((byte*)text)[length] != 0) length++;
            byte[] bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        /// The bytes of a text, and a 0.
        public static byte[] Write(string text)
        {
            return Encoding.UTF8.GetBytes(text + "\0");
        }
    }
}
