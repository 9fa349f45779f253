using System.CommandLine;

namespace Rewriter.Commands;

/// <summary>IMAGE..., for commands that take several files or directories.</summary>
static class ImagesArgument
{
    public static Argument<FileInfo[]> Create(string description)
    {
        var images = new Argument<FileInfo[]>("IMAGE") { Description = description, Arity = ArgumentArity.OneOrMore };
        images.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError("IMAGE is empty");
            }
        });
        return images;
    }
}
