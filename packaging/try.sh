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
    <GuestImage Include="kernel.elf" Mode="$(Mode)" />
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
dotnet clean --verbosity quiet -nologo -p:Mode=full >/dev/null
[ ! -f bin/Debug/net10.0/kernel-full.elf ] || fail "clean left the image"
echo 'no kernel' >kernel.elf
if build -p:Mode=para; then fail "a bad image did not fail the build"; fi
grep -q 'error GUEST002: .*not a kernel image' build.log || { cat build.log; fail "the build does not say what is wrong"; }
echo "all packages work"
