using System.CommandLine;
using System.Globalization;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Policies;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Commands;

/// <summary>rewriter rewrite IMAGE --mode full|para -o OUT</summary>
static class RewriteCommand
{
    public static Command Create()
    {
        var image = new Argument<FileInfo>("IMAGE") { Description = "ELF32, PE32, bzImage or multiboot kernel, or a kernel module" };
        Option<ExecutionMode> mode = ModeOption.Create(required: true);
        var window = new Option<uint>("--window")
        {
            Description = $"Linked address of the monitor window, {MonitorWindow.Size >> 20} MiB, aligned to its size",
            DefaultValueFactory = _ => MonitorWindow.DefaultBase,
            CustomParser = ParseAddress,
            HelpName = "ADDRESS",
        };
        var module = new Option<bool>("--module")
        {
            Description = "IMAGE is a loadable module of Linux: OUT can be loaded where IMAGE could. Any other file is refused",
            Arity = ArgumentArity.Zero,
        };
        var isBuild = new Option<bool>("--msbuild") { Description = "Say what is wrong as MSBuild reads it", Hidden = true };
        var output = new Option<FileInfo>("-o", "--output") { Description = "The rewritten image", Required = true, HelpName = "OUT" };
        var shims = new Option<DirectoryInfo?>("--shims")
        {
            Description = "A shim pack: C# that stands in for functions of the guest",
            HelpName = "DIR",
        };
        var audit = new Option<FileInfo[]>("--audit")
        {
            Description = "Write what 'rewriter audit OUT' would say to FILE as well; its extension says the form: .json, .sarif, .html, else text. "
                + "Repeatable",
            HelpName = "FILE",
        };
        Option<FileInfo?> policy = PolicyOptions.Policy();
        Option<FindingKinds> failOn = PolicyOptions.FailOn();
        var command = new ExampleCommand(
            "rewrite",
            "Patch a kernel image so that it runs deprivileged. OUT carries its manifest: it can be audited, run and restored.",
            "rewriter rewrite kernel.elf --mode para -o kernel-para.elf",
            "rewriter rewrite vmlinuz-6.1.0-50-686 --mode para --audit audit.html --audit audit.sarif -o vmlinuz-para",
            "rewriter rewrite vmlinuz-6.1.0-50-686 --mode full --window 0xfe400000 -o vmlinuz-full",
            "rewriter rewrite kernel.elf --mode para --policy policy.yaml --fail-on silent-unpatched -o kernel-para.elf",
            "rewriter rewrite kernel.elf --mode para --shims my-shims/ -o kernel-para.elf",
            "rewriter rewrite --module pcspkr.ko --mode para -o para/pcspkr.ko")
        {
            image,
            mode,
            window,
            policy,
            shims,
            failOn,
            module,
            audit,
            isBuild,
            output,
        };
        command.SetAction(parsed => FailureLine.Guard(parsed.GetRequiredValue(image), () =>
        {
            FileInfo input = parsed.GetRequiredValue(image);
            FailureLine.BuildItem = parsed.GetValue(isBuild) ? input.ToString() : null;
            byte[] bytes = RewrittenOrPlain.ReadFile(input);
            if (RewrittenImage.IsRewritten(bytes))
            {
                throw new BadImageException("already rewritten: restore it first");
            }

            var wishes = new RewriteWishes(PolicyOptions.Read(parsed.GetValue(policy)),
                parsed.GetValue(shims) is { } pack ? ShimPack.Read(pack.ToString()) : null);
            Rewriting rewriting = Progress.Run("reading", step =>
                RewritePipeline.Rewrite(Load(input.Name, bytes, parsed.GetValue(module)), parsed.GetValue(mode), parsed.GetValue(window), step,
                    wishes));
            FileInfo result = parsed.GetRequiredValue(output);
            AtomicFile.Write(result.FullName, rewriting.File);
            WriteAudits(parsed.GetValue(audit) ?? [], result.Name, rewriting);
            return PolicyOptions.StatusOf(rewriting.Plan, parsed.GetValue(failOn) | (wishes.Policy?.FailOn ?? FindingKinds.None));
        }));
        return command;
    }

    /// <summary>The same bytes as "audit OUT" writes.</summary>
    static void WriteAudits(FileInfo[] files, string name, Rewriting rewriting)
    {
        if (files.Length == 0)
        {
            return;
        }

        AuditReport report = AuditReport.Of(rewriting.Scan.Image, rewriting.Plan, rewriting.Manifest);
        report = report with { Image = report.Image with { Name = name } };
        foreach (FileInfo file in files)
        {
            new Output(file).Write(ReportOptions.FormatOf(file), report);
        }
    }

    static KernelImage Load(string name, byte[] bytes, bool isModule)
    {
        KernelImage image = KernelImage.Load(name, bytes);
        return !isModule || LinuxTables.IsModule(image) ? image
            : throw new BadImageException("not a loadable module of Linux: leave --module out");
    }

    static uint ParseAddress(System.CommandLine.Parsing.ArgumentResult result)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool isNumber = uint.TryParse(isHex ? text[2..] : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None,
            CultureInfo.InvariantCulture, out uint address);
        if (!isNumber || address == 0 || address % MonitorWindow.Alignment != 0)
        {
            result.AddError($"--window needs an address that is a multiple of 0x{MonitorWindow.Alignment:x}, not '{text}'");
        }

        return address;
    }
}
