#!/bin/bash
# Uses every package as a stranger would, from a scratch folder and a local feed. The network is needed at most for what the packages depend
# on. Exit status: 0 all of it works.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
image=$here/guest-kernels/bin/quirks.elf
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$here/packaging/pack.sh" "$scratch/feed" >"$scratch/pack.log" 2>&1 || { cat "$scratch/pack.log"; exit 1; }

# Packages of this version may be in the user's cache already: they go to a folder of their own, and the cache only helps out.
export NUGET_FALLBACK_PACKAGES=${NUGET_PACKAGES:-$HOME/.nuget/packages} NUGET_PACKAGES=$scratch/packages
fail() { echo "try.sh: $1" >&2; exit 1; }
cd "$scratch"
cat >nuget.config <<CONFIG
<configuration>
  <packageSources><add key="scratch" value="$scratch/feed" /></packageSources>
</configuration>
CONFIG

echo "-- tools"
dotnet tool install GuestRewriter.Tool --tool-path tools --configfile nuget.config --verbosity quiet
dotnet tool install GuestRuntime.Tool --tool-path tools --configfile nuget.config --verbosity quiet
tools/rewriter scan "$image" | tail -n 1
tools/rewriter rewrite "$image" --mode para -o para.elf
tools/rewriter audit para.elf | tail -n 1
tools/rewriter restore para.elf -o back.elf
cmp "$image" back.elf
status=0
tools/runtime run para.elf --engine interpreter >quirks.txt || status=$?
[ $status -eq 33 ] || fail "the installed runtime ended quirks.elf with status $status"
tail -n 1 quirks.txt

echo "-- library"
mkdir library
cat >library/library.csproj <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <RestoreFallbackFolders>$(NUGET_FALLBACK_PACKAGES)</RestoreFallbackFolders>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="GuestRewriter" Version="0.1.0" /></ItemGroup>
</Project>
PROJECT
# The program is the readme's own example.
sed -n '/^```csharp$/,/^```$/p' "$here/packaging/README.md" | sed '/^```/d' >library/Program.cs
cp "$image" library/kernel.elf
(cd library && dotnet run --verbosity quiet) | tee library.txt
jumps=$(tools/rewriter audit para.elf | sed -n 's/.*by a jump: \(.*\) %$/\1/p')
grep -q " sites, $jumps % by a jump" library.txt || fail "the library does not count as the program does"
cmp para.elf library/kernel-para.elf || fail "library and program differ"
[ -f packages/guestrewriter/0.1.0/lib/net10.0/rewriter.xml ] || fail "the library's documentation is missing"

echo "-- build"
mkdir build
cp "$image" build/kernel.elf
cat >build/build.csproj <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup>
    <PackageReference Include="GuestRewriter.Build" Version="0.1.0" PrivateAssets="all" />
    <GuestImage Include="kernel.elf" Mode="$(Mode)" Policy="$(Policy)" Shims="$(Shims)" FailOn="$(FailOn)" Audit="$(Audit)" />
    <Compile Remove="shims/**" />
  </ItemGroup>
</Project>
PROJECT
cd build
build() { dotnet build --verbosity minimal -nologo "$@" >build.log 2>&1; }
built() { grep -c 'kernel.elf ->' build.log || true; }
build -p:Mode=para || { cat build.log; fail "the build fails"; }
result=bin/Debug/net10.0/kernel-para.elf
cmp "$result" ../para.elf || fail "build and program differ"
build -p:Mode=para
[ "$(built)" = 0 ] || fail "nothing changed, and yet the image was rewritten"
touch kernel.elf
build -p:Mode=para
[ "$(built)" = 1 ] || fail "the kernel changed, and the image was not rewritten"
build -p:Mode=full
[ -f bin/Debug/net10.0/kernel-full.elf ] || fail "another mode, and no image"

# All that it is made from is looked at, and what is wrong has its place.
mkdir shims
printf 'rules:\n  - silent: leave\n' >policy.yaml
cat >shims/Start.cs <<'SHIM'
using Runtime.Abi.Shims;
public static class Start
{
    [ReplacesFunction("_start")]
    public static void Main(IShimContext vcpu) => System.Console.Beep();
}
SHIM
with=(-p:Mode=para -p:Policy=policy.yaml -p:Shims=shims -p:Audit=audit.html)
if build "${with[@]}"; then fail "a shim that may not be did not fail the build"; fi
grep -q '^shims/Start.cs(5,51): error SHIM001: .*a shim has no console' build.log || { cat build.log; fail "the shim's error has no place"; }
sed -i 's/System.Console.Beep()/vcpu.Halt()/' shims/Start.cs
build "${with[@]}" || { cat build.log; fail "the build with policy and shims fails"; }
grep -q '^<!doctype html>' bin/Debug/net10.0/audit.html || fail "no audit"
build "${with[@]}"
[ "$(built)" = 0 ] || fail "nothing changed, and yet the image with policy and shims was rewritten"
touch shims/Start.cs
build "${with[@]}"
[ "$(built)" = 1 ] || fail "a shim changed, and the image was not rewritten"
touch policy.yaml
build "${with[@]}"
[ "$(built)" = 1 ] || fail "the policy changed, and the image was not rewritten"
if build "${with[@]}" -p:FailOn=silent-unpatched; then fail "a finding did not fail the build"; fi
if build "${with[@]}" -p:FailOn=silent-unpatched; then fail "a finding did not fail the second build"; fi
grep -q '^kernel.elf : error GUEST002: findings: silent-unpatched ' build.log || { cat build.log; fail "the finding is not named"; }
printf 'rules:\n  - silent: leeve\n' >policy.yaml
if build "${with[@]}"; then fail "a bad policy did not fail the build"; fi
grep -q '^policy.yaml(2,13): error GUEST002: .*leeve.* is no action' build.log || { cat build.log; fail "the policy's error has no place"; }

dotnet clean --verbosity quiet -nologo -p:Mode=full >/dev/null
[ ! -f bin/Debug/net10.0/kernel-full.elf ] || fail "clean left the image"
echo 'no kernel' >kernel.elf
if build -p:Mode=para; then fail "a bad image did not fail the build"; fi
grep -q 'error GUEST002: .*not a kernel image' build.log || { cat build.log; fail "the build does not say what is wrong"; }

echo "-- analyzer"
cd ..
mkdir analyzer
cat >analyzer/analyzer.csproj <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup>
    <PackageReference Include="GuestRewriter.Abi" Version="0.1.0" />
    <PackageReference Include="GuestRewriter.ShimAnalyzer" Version="0.1.0" PrivateAssets="all" />
  </ItemGroup>
</Project>
PROJECT
printf 'public static class Shims\n{\n    public static void Beep(Runtime.Abi.Shims.IShimContext vcpu) => System.Console.Beep();\n}\n' >analyzer/Shims.cs
cd analyzer
if build; then fail "the analyzer lets a shim use the console"; fi
grep -q 'Shims.cs(3,69): error SHIM001: .*a shim has no console: write to the guest' build.log || { cat build.log; fail "the analyzer's error has no place"; }
sed -i 's/System.Console.Beep()/vcpu.Halt()/' Shims.cs
build || { cat build.log; fail "the analyzer refuses a shim that is good"; }
echo "all packages work"
