// One page without outside references: style and script are resources of this assembly, the data is JSON that the script reads. Nothing
// that comes from an image becomes markup: it reaches the document as text only.
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Rewriter.Audit;

/// <summary>Writes reports as self-contained HTML.</summary>
public static class HtmlReport
{
    public static void Write(Stream stream, ScanReport report) => Write(stream, $"scan of {report.Image.Name}", HtmlData.Of(report));

    public static void Write(Stream stream, AuditReport report) => Write(stream, $"audit of {report.Image.Name}", HtmlData.Of(report));

    static void Write(Stream stream, string title, byte[] data)
    {
        string style = Resource("page.css");
        string script = Resource("highlight.js") + Resource("list.js") + Resource("charts.js") + Resource("page.js");
        string page = Resource("page.html");
        // The encoder of the data escapes "<", so that nothing in it can end the element that holds it.
        foreach (string part in page.Split("@@"))
        {
            stream.Write(part switch
            {
                "TITLE" => Utf8(WebUtility.HtmlEncode(title)),
                "STYLE" => Utf8(style),
                "SCRIPT" => Utf8(script),
                "STYLE-HASH" => Utf8(HashOf(style)),
                "SCRIPT-HASH" => Utf8(HashOf(script)),
                "DATA" => data,
                _ => Utf8(part),
            });
        }
    }

    /// <summary>As Content Security Policy names inline text.</summary>
    static string HashOf(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Utf8(text)))}'";

    static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    static string Resource(string name)
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream($"Rewriter.Audit.Page.{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
