// The stub's system-call filter: what a stub process may ask of the host kernel, whoever runs in it. Guest code that escapes into
// 64-bit mode meets the same filter.
using System.Buffers.Binary;

namespace Runtime.Engines.Direct;

/// <summary>Builds the classic-BPF program for seccomp(2) (include/uapi/linux/seccomp.h).</summary>
internal static class SeccompFilter
{
    // BPF opcodes (include/uapi/linux/bpf_common.h): LD|W|ABS, JMP|JEQ|K, JMP|JSET|K, RET|K.
    private const ushort LoadWord = 0x20, JumpEqual = 0x15, JumpAnySet = 0x45, Return = 0x06;

    // struct seccomp_data: nr 0, arch 4, instruction_pointer 8, args 16.
    private const uint OffsetNumber = 0, OffsetArch = 4, OffsetIpHigh = 12;
    private const uint ArchX8664 = 0xC000_003E;
    private const uint Allow = 0x7FFF_0000, Trap = 0x0003_0000;

    private const int SysMmap = 9, SysMprotect = 10, SysMunmap = 11, SysRtSigreturn = 15, SysSchedYield = 24, SysMadvise = 28, SysModifyLdt = 154, SysFutex = 202;
    private const int SysExitGroup = 231, SysPkeyMprotect = 329;

    // Only shared mappings at a fixed place, populated or not: MAP_SHARED|MAP_FIXED (0x11), MAP_POPULATE (0x8000).
    private const uint MapForbidden = ~(0x11u | 0x8000u);

    private enum Test
    {
        /// <summary>The high half of the argument is zero: an address or a length inside the guest's 4 GiB.</summary>
        HighZero,

        /// <summary>None of the bits is set in the low half.</summary>
        NoneOf,

        /// <summary>The low half is at most 1: one of our two files.</summary>
        AtMostOne,
    }

    private static readonly (int Number, (int Argument, Test Test, uint Value)[] Tests)[] Rules =
    [
        (SysFutex, []),
        (SysSchedYield, []),
        (SysMmap, [(0, Test.HighZero, 0), (1, Test.HighZero, 0), (3, Test.NoneOf, MapForbidden), (4, Test.AtMostOne, 0)]),
        (SysMunmap, [(0, Test.HighZero, 0), (1, Test.NoneOf, 0)]),
        (SysMprotect, [(0, Test.HighZero, 0), (1, Test.HighZero, 0)]),
        (SysPkeyMprotect, [(0, Test.HighZero, 0), (1, Test.HighZero, 0)]),
        (SysMadvise, [(0, Test.HighZero, 0), (1, Test.HighZero, 0)]),
        (SysModifyLdt, []),
        (SysRtSigreturn, []),
        (SysExitGroup, []),
    ];

    /// <summary>The program as an array of struct sock_filter, 8 bytes each. Everything not listed, and every system call made from
    /// outside the stub's own code or through a 32-bit entry, raises SIGSYS.</summary>
    public static byte[] Build()
    {
        var program = new List<(ushort Code, byte True, byte False, uint Value)>
        {
            (LoadWord, 0, 0, OffsetArch),
            (JumpEqual, 1, 0, ArchX8664),
            (Return, 0, 0, Trap),
            (LoadWord, 0, 0, OffsetIpHigh),
            (JumpEqual, 1, 0, (uint)(StubLayout.CodeAddress >> 32)),
            (Return, 0, 0, Trap),
        };
        foreach ((int number, (int Argument, Test Test, uint Value)[] tests) in Rules)
        {
            // Each test is a load and a jump over the rule's "trap"; the rule ends with allow, trap.
            int length = (tests.Length * 2) + 2;
            program.Add((LoadWord, 0, 0, OffsetNumber));
            program.Add((JumpEqual, 0, (byte)length, (uint)number));
            for (int i = 0; i < tests.Length; i++)
            {
                (int argument, Test test, uint value) = tests[i];
                byte toTrap = (byte)(((tests.Length - 1 - i) * 2) + 1);
                uint low = 16 + ((uint)argument * 8);
                switch (test)
                {
                    case Test.HighZero:
                        program.Add((LoadWord, 0, 0, low + 4));
                        program.Add((JumpEqual, 0, toTrap, 0));
                        break;
                    case Test.NoneOf:
                        program.Add((LoadWord, 0, 0, low));
                        program.Add((JumpAnySet, toTrap, 0, value));
                        break;
                    case Test.AtMostOne:
                        program.Add((LoadWord, 0, 0, low));
                        program.Add((JumpAnySet, toTrap, 0, ~1u));
                        break;
                }
            }

            program.Add((Return, 0, 0, Allow));
            program.Add((Return, 0, 0, Trap));
        }

        program.Add((Return, 0, 0, Trap));
        byte[] bytes = new byte[program.Count * 8];
        for (int i = 0; i < program.Count; i++)
        {
            Span<byte> entry = bytes.AsSpan(i * 8, 8);
            BinaryPrimitives.WriteUInt16LittleEndian(entry, program[i].Code);
            entry[2] = program[i].True;
            entry[3] = program[i].False;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], program[i].Value);
        }

        return bytes;
    }
}
