#!/bin/sh
# Packs everything into DIR: two programs, the library with its ABI and analyzer, the MSBuild targets. Exit status: 0 all packed, 2 usage.
set -eu

[ $# -eq 1 ] || { echo "usage: pack.sh DIR" >&2; exit 2; }
mkdir -p "$1"
feed=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
program=$(mktemp -d)
trap 'rm -rf "$program"' EXIT

pack() { dotnet pack "$@" -c Release -o "$feed" --verbosity quiet -nologo; }

# Built once; the packages only arrange what is there.
dotnet build runtime -c Release --verbosity quiet -nologo
pack runtime/Abi --no-build
pack analyzer --no-build
pack analyzer --no-build -p:PackAsAnalyzer=true
pack rewriter --no-build
pack rewriter --no-build -p:PackAsTool=true
pack runtime --no-build
dotnet publish rewriter -c Release --no-build -o "$program" --verbosity quiet -nologo
pack packaging/build -p:RewriterProgram="$program"
ls "$feed"
