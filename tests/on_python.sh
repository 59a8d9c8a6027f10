#!/bin/sh
# The pure tests on another version of Python, or another command there. Usage: on_python.sh VERSION [COMMAND...]
# An installed pythonVERSION is used; otherwise Debian's, in a folder of its own, which takes root and mmdebstrap.
set -eu
VERSION=$1
shift
cd "$(dirname "$0")/.."
ROOT=$PWD
FOLDER=${TAPTRAIL_PYTHONS:-/var/tmp/taptrail-python}/$VERSION # 2 GB, kept for the next run; make clean removes it
PYTHON=python$VERSION
[ $# -gt 0 ] || set -- python -m pytest -m pure -p no:cacheprovider
export PYTHONDONTWRITEBYTECODE=1 # the tree belongs to another Python

skip() {
	echo "SKIPPED: PYTHON $VERSION IS NOT TESTED HERE, $1" >&2
	exit 0
}

# Shells of version managers are there for versions that are not.
is_installed() { "$PYTHON" -c '' 2>/dev/null; }

inside() { if is_installed; then "$@"; else in_root "$@"; fi; }

# Mounts end with the process.
in_root() {
	unshare --mount sh -c 'root=$1; tree=$2; shift 2
		mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc" && mount --rbind "$tree" "$root/tree"
		exec chroot "$root" sh -c '"'"'cd /tree && exec "$@"'"'"' sh "$@"' sh "$FOLDER/root" "$ROOT" "$@"
}

make_root() {
	case $VERSION in
	3.13) suite=trixie packages=python3,python3-venv ;;
	3.14) suite=sid packages=python3.14,python3.14-venv ;;
	*) skip "it is not installed, and Debian has none" ;;
	esac
	[ "$(id -u)" = 0 ] || skip "it is not installed, and a root folder takes root"
	command -v mmdebstrap >/dev/null || skip "it is not installed, and there is no mmdebstrap"
	echo "Putting Debian's Python $VERSION into $FOLDER ..."
	rm -rf "$FOLDER"
	mkdir -p "$FOLDER"
	mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
		--include="$packages,ca-certificates,valgrind" "$suite" "$FOLDER/new" || skip "Debian's could not be had"
	mkdir "$FOLDER/new/tree"
	cp -L /etc/resolv.conf /etc/hosts "$FOLDER/new/etc/"
	cp -L /etc/ssl/certs/ca-certificates.crt "$FOLDER/new/etc/ssl/certs/"
	mv "$FOLDER/new" "$FOLDER/root"
}

VENV=$FOLDER/venv
if ! is_installed; then
	[ -d "$FOLDER/root" ] || make_root
	VENV=/venv
fi
mkdir -p "$FOLDER"
if ! cmp -s requirements/dev.txt "$FOLDER/installed"; then
	echo "Installing the packages for Python $VERSION ..."
	inside "$PYTHON" -m venv --clear "$VENV"
	install="$VENV/bin/python -m pip install -qq --disable-pip-version-check --no-deps"
	inside $install --require-hashes -r requirements/dev.txt -r requirements/build.txt
	inside $install --no-build-isolation -e .
	cp requirements/dev.txt "$FOLDER/installed"
fi
program=$VENV/bin/$1
shift
inside "$program" "$@"
