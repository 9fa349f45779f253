// Carries the guest's registers between VcpuState and the control block of a stub process. What comes back is validated here.
using System.Buffers.Binary;

namespace Runtime.Engines.Direct;

/// <summary>One virtual CPU's way into and out of stub processes.</summary>
internal sealed class StubContext(VcpuState state, HostSegments segments)
{
    /// <summary>Bits of EFLAGS that ring-3 code changes by itself. The others are virtual.</summary>
    public const uint NativeFlags = FlagBits.Arithmetic | FlagBits.Df | FlagBits.Ac | FlagBits.Id | FlagBits.Nt;

    // PKRU: two bits a key, access disable and write disable (SDM vol. 3, 4.6.2). Key 0 is always open.
    private const uint PkruAllClosed = 0x5555_5554;

    private bool _fxIsCurrent = true;
    private SystemRegisters _loaded;
    private StubProcess? _loadedInto;

    /// <summary>Bits of MXCSR that the host's processor has, once the guest's FPU was stored: a native FXSAVE shows them to the guest.</summary>
    public uint MxcsrMask { get; private set; } = 0xFFFF;

    /// <summary>Whether the guest can run natively in its present state: flat 32-bit protected mode, nothing that needs single steps.</summary>
    public bool CanRunNatively
    {
        get
        {
            ref SegmentRegister code = ref state.Segments[(int)SegmentIndex.Cs];
            ref SegmentRegister stack = ref state.Segments[(int)SegmentIndex.Ss];
            return state.ProtectedMode
                && (state.Eflags & (FlagBits.Vm | FlagBits.Tf)) == 0
                && (state.Dr7 & 0xFF) == 0
                && !state.InterruptShadow
                && code.IsFlat && code.Is32Bit
                && stack.IsFlat && stack.Is32Bit;
        }
    }

    /// <summary>Protection-key rights of guest code at a privilege level.</summary>
    public static uint Pkru(StubFeatures features, byte cpl) => PkruAllClosed & ~(cpl == 3 ? 0 : 3u << (2 * features.KernelKey));

    /// <summary>Whether a process has the guest's system registers as they are now: then <see cref="Load"/> is all that it needs.</summary>
    public bool HasSystem(StubProcess stub) => ReferenceEquals(_loadedInto, stub) && SystemRegisters.AreSame(in state.SystemRegisters, in _loaded);

    /// <summary>Puts what the processor keeps behind segment registers and CPL into the control block.</summary>
    public void LoadSystem(StubProcess stub)
    {
        stub.Word(StubLayout.Ds) = segments.Selector(state.Segments[(int)SegmentIndex.Ds], stub);
        stub.Word(StubLayout.Es) = segments.Selector(state.Segments[(int)SegmentIndex.Es], stub);
        stub.Word(StubLayout.Fs) = segments.Selector(state.Segments[(int)SegmentIndex.Fs], stub);
        stub.Word(StubLayout.Gs) = segments.Selector(state.Segments[(int)SegmentIndex.Gs], stub);
        stub.Word(StubLayout.Ss) = segments.Selector(state.Segments[(int)SegmentIndex.Ss], stub);
        LoadRights(stub);
        LoadTables(stub);
        _loaded = state.SystemRegisters;
        _loadedInto = stub;
    }

    /// <summary>Puts the rights of the guest's CPL alone into the control block: the switcher changes both without the monitor.</summary>
    public void LoadRights(StubProcess stub) => stub.Word(StubLayout.Pkru) = Pkru(stub.Features, state.Cpl);

    private void LoadTables(StubProcess stub)
    {
        bool isPae = (state.Cr4 & ControlRegisters.Cr4Pae) != 0;
        stub.Word(StubLayout.PagingFormat) = !state.PagingEnabled || !stub.Features.HasProtectionKeys ? StubLayout.NoTables
            : isPae ? (uint)StubLayout.TablesPae : StubLayout.Tables32;
        stub.Word(StubLayout.PagingRoot) = state.Cr3 & (isPae ? 0xFFFF_FFE0 : 0xFFFF_F000);
    }

    /// <summary>What the process has may not be what was loaded: it wrote its segment registers there, or its place is somebody else's.</summary>
    public void ForgetSystem() => _loadedInto = null;

    /// <summary><see cref="VcpuState.Fx"/> was changed by others: it counts, not what a process has.</summary>
    public void ForgetFpu() => _fxIsCurrent = true;

    /// <summary>Puts the guest's registers into the control block.</summary>
    /// <param name="eip">Where to execute: the guest's EIP, or its place in a trampoline.</param>
    public void Load(StubProcess stub, uint eip)
    {
        // RF ends with the next instruction; without breakpoints that is all there is to it.
        state.Eflags &= ~FlagBits.Rf;
        ref HandOverLine line = ref stub.Line;
        line.Gpr = state.Gpr;
        line.Eip = eip;
        line.Cs = HostSegments.FlatCode;
        line.Eflags = (state.Eflags & NativeFlags) | FlagBits.If | 2;
        if (_fxIsCurrent)
        {
            LoadFpu(stub);
            _fxIsCurrent = false;
        }
    }

    /// <summary>Takes the guest's registers out of the control block, all but EIP and the FPU.</summary>
    /// <returns>False when the code selector is not the one that was loaded: the guest escaped into another mode.</returns>
    public bool Store(StubProcess stub)
    {
        ref HandOverLine line = ref stub.Line;
        state.Gpr = line.Gpr;
        state.Eflags = (line.Eflags & NativeFlags) | (state.Eflags & ~NativeFlags) | 2;
        return line.Cs == HostSegments.FlatCode;
    }

    /// <summary>Makes <see cref="VcpuState.Fx"/> current, for the interpreter; it stays so until the guest runs again.</summary>
    public void StoreFpu(StubProcess stub)
    {
        if (!_fxIsCurrent)
        {
            stub.SaveFpu();
            stub.Bytes(StubLayout.Xsave, 512).CopyTo(state.Fx);
            // Components in their initial state are not stored by XSAVE's reader: XSTATE_BV says which are (SDM vol. 1, 13.4.2).
            uint present = stub.Word(StubLayout.Xsave + 512);
            if ((present & 1) == 0)
            {
                InitialX87(state.Fx);
            }

            if ((present & 2) == 0)
            {
                state.Fx.AsSpan(160, 128).Clear();
            }

            // Zero stands for the default mask (SDM vol. 1, 11.6.6).
            uint mask = BinaryPrimitives.ReadUInt32LittleEndian(state.Fx.AsSpan(28));
            MxcsrMask = mask == 0 ? 0xFFBF : mask;
            _fxIsCurrent = true;
        }
    }

    private void LoadFpu(StubProcess stub)
    {
        Span<byte> xsave = stub.Bytes(StubLayout.Xsave, StubLayout.XsaveSize);
        xsave[512..].Clear();
        state.Fx.CopyTo(xsave);
        // Reserved MXCSR bits would fault (SDM vol. 1, 10.2.3).
        uint control = BinaryPrimitives.ReadUInt32LittleEndian(xsave[24..]);
        BinaryPrimitives.WriteUInt32LittleEndian(xsave[24..], control & MxcsrMask);
        stub.Word(StubLayout.Xsave + 512) = 3;
        stub.Word(StubLayout.FpuInMemory) = 1;
    }

    private static void InitialX87(Span<byte> fx)
    {
        fx[..24].Clear();
        fx.Slice(32, 128).Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(fx, 0x37F);
    }
}
