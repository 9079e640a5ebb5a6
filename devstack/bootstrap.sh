#!/bin/sh
# Makes the virtual environment that everything runs in. Needs a python3 of 3.11 or newer, and no
# more: a Debian or Ubuntu python3 without venv gets its python3-venv package.
#
#   sh devstack/bootstrap.sh PYTHON VENV REQUIREMENTS MEMBER...
#
# uv comes from PyPI into that environment; the locked requirements are checked by hash; members are
# installed editable. Quick when nothing changed: a stamp holds the digest of all inputs.
set -eu

uv=uv==0.13.8

fail() {
    echo "$*" >&2
    exit 1
}

[ $# -ge 3 ] || fail "usage: bootstrap.sh PYTHON VENV REQUIREMENTS MEMBER..."
python=$1
venv=$2
requirements=$3
shift 3
stamp=$venv/.bootstrap

command -v "$python" >/dev/null || fail "$python was not found; install Python 3.11 or newer."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; install Python 3.11 or newer and name it: make PYTHON=python3.11"

digest() {
    "$python" - "$0" "$uv" "$requirements" "$@" <<'PYTHON'
import hashlib, pathlib, sys
script, uv, requirements, *members = sys.argv[1:]
digest = hashlib.sha256(f"{uv} {members} {sys.version} {pathlib.Path.cwd()}".encode())
for path in [script, requirements, *(f"{member}/pyproject.toml" for member in members)]:
    digest.update(pathlib.Path(path).read_bytes())
print(digest.hexdigest())
PYTHON
}

can_make_venv() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null
}

# Debian splits venv and ensurepip from python3.
install_venv_package() {
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    command -v apt-get >/dev/null ||
        fail "$python cannot make virtual environments; install its venv and ensurepip modules."
    elevate=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "$package is missing; install it as root: apt-get install $package"
        elevate=sudo
    fi
    echo "Installing $package"
    $elevate apt-get -q update >/dev/null || true
    $elevate env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends "$package" >/dev/null ||
        fail "$package could not be installed; install it by hand and start again."
}

wanted=$(digest "$@") || fail "$requirements or a member's pyproject.toml cannot be read; run this from the repository's root."
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] &&
    "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exit 0
fi

rm -f "$stamp"
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    can_make_venv || install_venv_package
    echo "Making $venv"
    "$python" -m venv --clear "$venv" || fail "$venv could not be made; see the lines above."
fi
echo "Installing the Python packages into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$uv" ||
    fail "$uv could not be installed from the package index; check the network and start again."
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$requirements" ||
    fail "$requirements could not be installed; see the lines above."
for member; do
    set -- "$@" -e "$member"
    shift
done
[ $# -eq 0 ] || "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation "$@" ||
    fail "The members could not be installed; see the lines above."
echo "$wanted" >"$stamp"
