#!/bin/sh
# Pins every dependency with its hashes; no registry address gets into the files. Usage: lock.sh UV
set -eu
cd "$(dirname "$0")/.."
lock() { "$1" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $3 -o "$2"; }
lock "$1" requirements/base.txt "pyproject.toml"
lock "$1" requirements/stack.txt "pyproject.toml --extra stack"
lock "$1" requirements/dev.txt "pyproject.toml --extra stack --extra dev"
lock "$1" requirements/build.txt "--group build"
lock "$1" requirements/fuzz.txt "--group fuzz"
