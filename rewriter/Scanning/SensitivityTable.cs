// The sensitive instructions of the IA-32 and Intel 64 architectures, as a table. Scanner and run-time scanner share it.
// Sources: J. S. Robin and C. E. Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor", USENIX
// Security 2000 (the silent ones); SDM vol. 3 5.9 "Privileged Instructions" (the trapping ones); design.md section 3 for what Linux adds.
using Iced.Intel;

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
        Silent("stores the host's descriptor-table register or what UMIP emulates", Mnemonic.Sgdt, Mnemonic.Sidt, Mnemonic.Sldt, Mnemonic.Str),
        Silent("stores the host's CR0", Mnemonic.Smsw),
        Silent("IF and IOPL are the host's", Mnemonic.Pushf, Mnemonic.Pushfd, Mnemonic.Pushfq),
        Silent("a change of IF and IOPL is ignored", Mnemonic.Popf, Mnemonic.Popfd, Mnemonic.Popfq),
        Silent("looks into the host's descriptor tables with the host's CPL", Mnemonic.Lar, Mnemonic.Lsl, Mnemonic.Verr, Mnemonic.Verw),
        Silent("loads a host descriptor", Mnemonic.Lds, Mnemonic.Les, Mnemonic.Lfs, Mnemonic.Lgs, Mnemonic.Lss),
        Silent("returns to the same privilege level without restoring IF and IOPL", Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq),
        Silent("loads CS from the host's descriptor tables", Mnemonic.Retf),
        SilentCodes(
            "loads CS from the host's descriptor tables",
            Code.Call_ptr1616, Code.Call_ptr1632, Code.Call_m1616, Code.Call_m1632, Code.Call_m1664,
            Code.Jmp_ptr1616, Code.Jmp_ptr1632, Code.Jmp_m1616, Code.Jmp_m1632, Code.Jmp_m1664),
        SilentCodes(
            "shows the host's selector",
            Code.Pushw_ES, Code.Pushw_CS, Code.Pushw_SS, Code.Pushw_DS, Code.Pushw_FS, Code.Pushw_GS,
            Code.Pushd_ES, Code.Pushd_CS, Code.Pushd_SS, Code.Pushd_DS, Code.Pushd_FS, Code.Pushd_GS,
            Code.Pushq_FS, Code.Pushq_GS,
            Code.Mov_rm16_Sreg, Code.Mov_r32m16_Sreg, Code.Mov_r64m16_Sreg),
        SilentCodes(
            "loads a host descriptor",
            Code.Popw_ES, Code.Popw_CS, Code.Popw_SS, Code.Popw_DS, Code.Popw_FS, Code.Popw_GS,
            Code.Popd_ES, Code.Popd_SS, Code.Popd_DS, Code.Popd_FS, Code.Popd_GS,
            Code.Popq_FS, Code.Popq_GS,
            Code.Mov_Sreg_rm16, Code.Mov_Sreg_r32m16, Code.Mov_Sreg_r64m16),
        Silent("enters the host's kernel (int 0x80 too: see TryClassify)", Mnemonic.Sysenter, Mnemonic.Syscall),
        Silent("changes what the monitor's own protection keys permit", Mnemonic.Wrpkru),

        // --- Leaking: works, and shows the host ---
        Leaking("identifies the host's processor", Mnemonic.Cpuid),
        Leaking("reads the host's clock", Mnemonic.Rdtsc, Mnemonic.Rdtscp),
        Leaking("cannot be replayed", Mnemonic.Rdrand, Mnemonic.Rdseed),
        Leaking("shows the host's extended control registers", Mnemonic.Xgetbv, Mnemonic.Rdpkru, Mnemonic.Rdpid),

        // --- Trapping: #GP or #UD in ring 3, by themselves ---
        Trapping("IOPL", Mnemonic.Cli, Mnemonic.Sti),
        Trapping(
            "port I/O",
            Mnemonic.In, Mnemonic.Out, Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd),
        Trapping("halts the processor", Mnemonic.Hlt),
        Trapping("descriptor-table registers", Mnemonic.Lgdt, Mnemonic.Lidt, Mnemonic.Lldt, Mnemonic.Ltr),
        Trapping("machine status word", Mnemonic.Lmsw, Mnemonic.Clts),
        TrappingCodes(
            "control, debug and test registers",
            Code.Mov_r32_cr, Code.Mov_r64_cr, Code.Mov_cr_r32, Code.Mov_cr_r64,
            Code.Mov_r32_dr, Code.Mov_r64_dr, Code.Mov_dr_r32, Code.Mov_dr_r64,
            Code.Mov_r32_tr, Code.Mov_tr_r32),
        Trapping("translations and caches", Mnemonic.Invlpg, Mnemonic.Invpcid, Mnemonic.Invlpgb, Mnemonic.Tlbsync,
            Mnemonic.Wbinvd, Mnemonic.Wbnoinvd, Mnemonic.Invd),
        Trapping("model-specific registers and counters", Mnemonic.Rdmsr, Mnemonic.Wrmsr, Mnemonic.Wrmsrns, Mnemonic.Wrmsrlist, Mnemonic.Rdmsrlist,
            Mnemonic.Rdpmc, Mnemonic.Xsetbv, Mnemonic.Xsaves, Mnemonic.Xsaves64, Mnemonic.Xrstors, Mnemonic.Xrstors64),
        Trapping("leaves the kernel", Mnemonic.Sysexit, Mnemonic.Sysexitq, Mnemonic.Sysret, Mnemonic.Sysretq, Mnemonic.Erets, Mnemonic.Eretu, Mnemonic.Rsm),
        Trapping("waits with a monitor", Mnemonic.Monitor, Mnemonic.Mwait),
        Trapping("swaps a segment base", Mnemonic.Swapgs, Mnemonic.Lkgs),
        Trapping("supervisor access override", Mnemonic.Clac, Mnemonic.Stac),
        Trapping("software interrupt through a gate of DPL 0", Mnemonic.Int, Mnemonic.Into, Mnemonic.Int1),
        Trapping("VMX and SVM", Mnemonic.Vmcall, Mnemonic.Vmlaunch, Mnemonic.Vmresume, Mnemonic.Vmxoff, Mnemonic.Vmxon, Mnemonic.Vmclear, Mnemonic.Vmptrld,
            Mnemonic.Vmptrst, Mnemonic.Vmread, Mnemonic.Vmwrite, Mnemonic.Invept, Mnemonic.Invvpid, Mnemonic.Vmrun, Mnemonic.Vmload, Mnemonic.Vmsave,
            Mnemonic.Stgi, Mnemonic.Clgi, Mnemonic.Skinit, Mnemonic.Invlpga),
        Trapping("SGX, PCONFIG and other ring-0 extensions", Mnemonic.Encls, Mnemonic.Enclv, Mnemonic.Pconfig, Mnemonic.Hreset, Mnemonic.Enqcmds,
            Mnemonic.Setssbsy, Mnemonic.Clrssbsy, Mnemonic.Wrussd, Mnemonic.Wrussq, Mnemonic.Psmash, Mnemonic.Pvalidate, Mnemonic.Rmpadjust,
            Mnemonic.Rmpupdate, Mnemonic.Rmpquery, Mnemonic.Seamcall, Mnemonic.Seamops, Mnemonic.Seamret, Mnemonic.Tdcall, Mnemonic.Loadiwkey, Mnemonic.Pbndkb),
    ];

    // Row number plus one, by Iced code; 0 for what is not sensitive.
    static readonly byte[] _rowByCode = MakeIndex();

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
