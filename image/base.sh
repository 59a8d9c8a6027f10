#!/bin/sh
# Makes a stand-in for the base image of the Dockerfile from Debian packages and this machine's own Python, where no
# image can be pulled. Usage: base.sh IMAGE FOLDER; root, mmdebstrap and buildah are needed.
set -eu
IMAGE=$1
FOLDER=$2
rm -rf "$FOLDER"
mkdir -p "$FOLDER/python/bin" "$FOLDER/python/lib"
trap 'rm -rf "$FOLDER"' EXIT

mmdebstrap --quiet --variant=minbase --include=ca-certificates,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0,libssl3,libuuid1,netbase,tzdata,zlib1g \
    bookworm "$FOLDER/root.tar"

# As the official image has it: Python and pip under /usr/local, no tests, no bytecode.
PREFIX=$(python3 -c 'import sys; print(sys.base_prefix)')
NAME=$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
tar -C "$PREFIX" --exclude="lib/$NAME/site-packages/*" --exclude="lib/$NAME/test" --exclude='*/__pycache__' \
    --exclude="lib/$NAME/config-*" --exclude='*.a' -c "bin/$NAME" lib include | tar -C "$FOLDER/python" -x
ln -s "$NAME" "$FOLDER/python/bin/python3"
ln -s "$NAME" "$FOLDER/python/bin/python"
PIP=$(echo "$FOLDER/python/lib/$NAME"/ensurepip/_bundled/pip-*.whl)
python3 -m zipfile -e "$PIP" "$FOLDER/python/lib/$NAME/site-packages"
printf '#!/usr/local/bin/%s\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n' "$NAME" \
    >"$FOLDER/python/bin/pip"
chmod +x "$FOLDER/python/bin/pip"

base=$(buildah from scratch)
buildah add --quiet "$base" "$FOLDER/root.tar" / >/dev/null
buildah add --quiet "$base" "$FOLDER/python" /usr/local >/dev/null
buildah run --isolation chroot "$base" -- /sbin/ldconfig
buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 --cmd python3 "$base"
buildah commit --quiet --rm "$base" "$IMAGE" >/dev/null
