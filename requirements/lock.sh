#!/bin/sh
# Pins every dependency with its hashes; no registry address gets into the files. Usage: lock.sh UV
set -eu
cd "$(dirname "$0")/.."
lock() { "$1" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o "$2" $3; }
lock "$1" requirements/base.txt ""
lock "$1" requirements/stack.txt "--extra stack"
lock "$1" requirements/dev.txt "--extra stack --extra dev"
