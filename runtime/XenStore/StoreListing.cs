using System.Text;

namespace Runtime.XenStore;

/// <summary>A store as text: a node a line, in the order of paths, with its value and who may do what with it. What a guest has written is
/// shown so that it cannot disturb a terminal.</summary>
internal static class StoreListing
{
    public static string Of(StoreNode root)
    {
        var text = new StringBuilder();
        Append(text, "", root);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string path, StoreNode node)
    {
        foreach ((string name, StoreNode child) in node.Children)
        {
            string own = $"{path}/{name}";
            text.Append(own).Append(" = \"");
            foreach (byte value in child.Value)
            {
                _ = value is >= 0x20 and < 0x7F and not (byte)'"' and not (byte)'\\' ? text.Append((char)value) : text.Append($"\\x{value:x2}");
            }

            text.Append("\"   (").AppendJoin(',', child.Permissions).Append(")\n");
            Append(text, own, child);
        }
    }
}
