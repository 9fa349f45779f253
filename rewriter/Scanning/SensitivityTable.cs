// The sensitive instructions of the IA-32 and Intel 64 architectures, as a table. Scanner and run-time scanner share it.
// Sources: J. S. Robin and C. E. Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor", USENIX
// Security 2000 (the silent ones); SDM vol. 3 5.9 "Privileged Instructions" (the trapping ones); design.md section 3 for what Linux adds.
using Iced.Intel;

// Short names, so that a row of the table fits a line.
using C = Iced.Intel.Code;
using M = Iced.Intel.Mnemonic;

namespace Rewriter.Scanning;

/// <summary>Says which instructions a monitor must take over, and why.</summary>
public static class SensitivityTable
{
    /// <summary>One row: instructions that are sensitive for the same reason.</summary>
    /// <param name="Mnemonics">Every encoding of these is meant.</param>
    /// <param name="Codes">Or only these encodings.</param>
    public sealed record Row(SensitivityClass Class, string Reason, Mnemonic[] Mnemonics, Code[] Codes);

    /// <summary>The interrupt vector by which a 32-bit program calls a Linux host.</summary>
    const byte LinuxSystemCall = 0x80;

    public static IReadOnlyList<Row> Rows { get; } =
    [
        // --- Silent: no exception in ring 3, but another effect or another result than in ring 0 ---
        Silent("stores the host's descriptor-table register or what UMIP emulates", M.Sgdt, M.Sidt, M.Sldt, M.Str),
        Silent("stores the host's CR0", M.Smsw),
        Silent("IF and IOPL are the host's", M.Pushf, M.Pushfd, M.Pushfq),
        Silent("a change of IF and IOPL is ignored", M.Popf, M.Popfd, M.Popfq),
        Silent("looks into the host's descriptor tables with the host's CPL", M.Lar, M.Lsl, M.Verr, M.Verw),
        Silent("loads a host descriptor", M.Lds, M.Les, M.Lfs, M.Lgs, M.Lss),
        Silent("returns to the same privilege level without restoring IF and IOPL", M.Iret, M.Iretd, M.Iretq),
        Silent("loads CS from the host's descriptor tables", M.Retf),
        SilentCodes(
            "loads CS from the host's descriptor tables",
            C.Call_ptr1616, C.Call_ptr1632, C.Call_m1616, C.Call_m1632, C.Call_m1664, C.Jmp_ptr1616, C.Jmp_ptr1632, C.Jmp_m1616,
            C.Jmp_m1632, C.Jmp_m1664),
        SilentCodes(
            "shows the host's selector",
            C.Pushw_ES, C.Pushw_CS, C.Pushw_SS, C.Pushw_DS, C.Pushw_FS, C.Pushw_GS, C.Pushd_ES, C.Pushd_CS, C.Pushd_SS, C.Pushd_DS,
            C.Pushd_FS, C.Pushd_GS, C.Pushq_FS, C.Pushq_GS, C.Mov_rm16_Sreg, C.Mov_r32m16_Sreg, C.Mov_r64m16_Sreg),
        SilentCodes(
            "loads a host descriptor",
            C.Popw_ES, C.Popw_CS, C.Popw_SS, C.Popw_DS, C.Popw_FS, C.Popw_GS, C.Popd_ES, C.Popd_SS, C.Popd_DS, C.Popd_FS, C.Popd_GS,
            C.Popq_FS, C.Popq_GS, C.Mov_Sreg_rm16, C.Mov_Sreg_r32m16, C.Mov_Sreg_r64m16),
        Silent("enters the host's kernel (int 0x80 too: see TryClassify)", M.Sysenter, M.Syscall),
        Silent("changes what the monitor's own protection keys permit", M.Wrpkru, M.Xrstor, M.Xrstor64),
        Silent("reads or writes a segment base that the host's kernel holds (CR4.FSGSBASE)", M.Rdfsbase, M.Rdgsbase, M.Wrfsbase, M.Wrgsbase),

        // --- Leaking: works, and shows the host ---
        Leaking("identifies the host's processor", M.Cpuid),
        Leaking("reads the host's clock", M.Rdtsc, M.Rdtscp),
        Leaking("cannot be replayed", M.Rdrand, M.Rdseed),
        Leaking("shows the host's extended control registers", M.Xgetbv, M.Rdpkru, M.Rdpid),
        Leaking("saves what the host has enabled in XCR0", M.Xsave, M.Xsave64, M.Xsaveopt, M.Xsaveopt64, M.Xsavec, M.Xsavec64),
        Leaking("reads the host's counters", M.Rdpru),

        // --- Trapping: #GP or #UD in ring 3, by themselves ---
        Trapping("IOPL", M.Cli, M.Sti),
        Trapping("port I/O", M.In, M.Out, M.Insb, M.Insw, M.Insd, M.Outsb, M.Outsw, M.Outsd),
        Trapping("halts the processor", M.Hlt),
        Trapping("descriptor-table registers", M.Lgdt, M.Lidt, M.Lldt, M.Ltr),
        Trapping("machine status word", M.Lmsw, M.Clts),
        TrappingCodes(
            "control, debug and test registers",
            C.Mov_r32_cr, C.Mov_r64_cr, C.Mov_cr_r32, C.Mov_cr_r64, C.Mov_r32_dr, C.Mov_r64_dr, C.Mov_dr_r32, C.Mov_dr_r64,
            C.Mov_r32_tr, C.Mov_tr_r32),
        Trapping("translations and caches", M.Invlpg, M.Invpcid, M.Invlpgb, M.Tlbsync, M.Wbinvd, M.Wbnoinvd, M.Invd),
        Trapping(
            "model-specific registers and counters",
            M.Rdmsr, M.Wrmsr, M.Wrmsrns, M.Wrmsrlist, M.Rdmsrlist, M.Rdpmc, M.Xsetbv, M.Xsaves, M.Xsaves64, M.Xrstors, M.Xrstors64),
        Trapping("leaves the kernel", M.Sysexit, M.Sysexitq, M.Sysret, M.Sysretq, M.Erets, M.Eretu, M.Rsm),
        Trapping("waits with a monitor", M.Monitor, M.Mwait),
        Trapping("swaps a segment base", M.Swapgs, M.Lkgs),
        Trapping("supervisor access override", M.Clac, M.Stac),
        Trapping("software interrupt through a gate of DPL 0", M.Int, M.Into, M.Int1),
        Trapping(
            "VMX and SVM",
            M.Vmcall, M.Vmlaunch, M.Vmresume, M.Vmxoff, M.Vmxon, M.Vmclear, M.Vmptrld, M.Vmptrst, M.Vmread, M.Vmwrite, M.Invept,
            M.Invvpid, M.Vmrun, M.Vmload, M.Vmsave, M.Stgi, M.Clgi, M.Skinit, M.Invlpga),
        Trapping(
            "SGX, PCONFIG and other ring-0 extensions",
            M.Encls, M.Enclv, M.Pconfig, M.Hreset, M.Enqcmds, M.Setssbsy, M.Clrssbsy, M.Wrussd, M.Wrussq, M.Psmash, M.Pvalidate,
            M.Rmpadjust, M.Rmpupdate, M.Rmpquery, M.Seamcall, M.Seamops, M.Seamret, M.Tdcall, M.Loadiwkey, M.Pbndkb),
    ];

    // Row number plus one, by Iced code; 0 for what is not sensitive.
    static readonly byte[] _rowByCode = MakeIndex();

    // A mnemonic that stands in two rows (MOV: selectors, control registers) is sensitive for both reasons.
    static readonly Dictionary<Mnemonic, string> _reasons = Rows
        .SelectMany(row => row.Mnemonics.Concat(row.Codes.Select(code => code.Mnemonic())).Distinct().Select(mnemonic => (mnemonic, row.Reason)))
        .Distinct().GroupBy(pair => pair.mnemonic, pair => pair.Reason)
        .ToDictionary(group => group.Key, group => string.Join("; or ", group));

    /// <summary>Whether an instruction is sensitive, and how.</summary>
    public static bool TryClassify(in Instruction instruction, out SensitivityClass sensitivity)
    {
        int row = _rowByCode[(int)instruction.Code];
        if (row == 0)
        {
            sensitivity = default;
            return false;
        }

        bool entersHost = instruction.Code == Code.Int_imm8 && instruction.Immediate8 == LinuxSystemCall;
        sensitivity = entersHost ? SensitivityClass.Silent : Rows[row - 1].Class;
        return true;
    }

    /// <summary>Whether any instruction with this encoding is sensitive.</summary>
    public static bool IsSensitive(Code code) => _rowByCode[(int)code] != 0;

    /// <summary>The row of an encoding, or null.</summary>
    public static Row? RowOf(Code code) => _rowByCode[(int)code] is byte row and not 0 ? Rows[row - 1] : null;

    /// <summary>Why instructions of a mnemonic, in lower case, are sensitive; null for one that is not.</summary>
    public static string? ReasonOf(string mnemonic) =>
        Enum.TryParse(mnemonic, ignoreCase: true, out Mnemonic found) && _reasons.TryGetValue(found, out string? reason) ? reason : null;

    static Row Silent(string reason, params Mnemonic[] mnemonics) => new(SensitivityClass.Silent, reason, mnemonics, []);
    static Row SilentCodes(string reason, params Code[] codes) => new(SensitivityClass.Silent, reason, [], codes);
    static Row Leaking(string reason, params Mnemonic[] mnemonics) => new(SensitivityClass.Leaking, reason, mnemonics, []);
    static Row Trapping(string reason, params Mnemonic[] mnemonics) => new(SensitivityClass.Trapping, reason, mnemonics, []);
    static Row TrappingCodes(string reason, params Code[] codes) => new(SensitivityClass.Trapping, reason, [], codes);

    static byte[] MakeIndex()
    {
        var byMnemonic = new Dictionary<Mnemonic, byte>();
        Code[] codes = Enum.GetValues<Code>();
        var index = new byte[(int)codes[^1] + 1];
        for (int row = 0; row < Rows.Count; row++)
        {
            foreach (Mnemonic mnemonic in Rows[row].Mnemonics)
            {
                byMnemonic.Add(mnemonic, (byte)(row + 1));
            }
        }

        foreach (Code code in codes)
        {
            index[(int)code] = byMnemonic.GetValueOrDefault(code.Mnemonic());
        }

        for (int row = 0; row < Rows.Count; row++)
        {
            foreach (Code code in Rows[row].Codes)
            {
                index[(int)code] = (byte)(row + 1);
            }
        }

        return index;
    }
}
