using Runtime.Abi.Xen;

namespace Runtime.XenStore;

/// <summary>Absolute paths of the store (docs/misc/xenstore.txt): slash-separated names of letters, digits and -/_@.</summary>
public static class StorePath
{
    /// <summary>The home of a domain, which its relative paths start from.</summary>
    public static string Home(ushort domain) => $"/local/domain/{domain}";

    /// <summary>Makes a path that a guest gave absolute; false when it is not one.</summary>
    public static bool TryResolve(string path, ushort domain, out string absolute)
    {
        bool isAbsolute = path.StartsWith('/');
        absolute = isAbsolute ? path : $"{Home(domain)}/{path}";
        bool isShort = path.Length <= (isAbsolute ? StoreLayout.MaximumAbsolutePath : StoreLayout.MaximumRelativePath);
        return path.Length > 0 && isShort && (path == "/" || (!path.EndsWith('/') && !path.Contains("//", StringComparison.Ordinal) && path.All(IsNameCharacter)));
    }

    /// <summary>The names on the way from the root.</summary>
    public static string[] Split(string absolute) => absolute.Split('/', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether a path is another or lies below it.</summary>
    public static bool IsAtOrBelow(string path, string ancestor)
        => ancestor == "/" || path == ancestor || (path.StartsWith(ancestor, StringComparison.Ordinal) && path.Length > ancestor.Length && path[ancestor.Length] == '/');

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '/' or '_' or '@';
}
