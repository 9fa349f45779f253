namespace Runtime.Abi.Xen;

/// <summary>The console's page (public/io/console.h): two byte rings whose indices count up without bounds.</summary>
public static class ConsoleLayout
{
    public const int Input = 0, InputLength = 1024;
    public const int Output = 1024, OutputLength = 2048;
    public const int InputConsumer = 3072, InputProducer = 3076, OutputConsumer = 3080, OutputProducer = 3084;
}
