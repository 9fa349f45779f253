namespace Runtime.Engines.Interpreter;

/// <summary>What a task-state segment holds of a task (SDM vol. 3, figures 8-2 and 8-10).</summary>
internal struct TaskState
{
    public uint Cr3;
    public uint Eip;
    public uint Eflags;
    public GeneralRegisters Gpr;
    public TaskSelectors Selectors;
    public ushort Ldt;
    public bool Trap;

    /// <summary>ES CS SS DS FS GS.</summary>
    [System.Runtime.CompilerServices.InlineArray(6)]
    public struct TaskSelectors
    {
        private ushort _first;
    }
}
