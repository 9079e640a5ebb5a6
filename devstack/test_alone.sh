#!/bin/sh
# One service as its own repository would see it: a new virtual environment with its hashed
# requirements, the libs that it names and the service itself, nothing else; then its own tests.
#
#   sh devstack/test_alone.sh PYTHON SERVICE        (from the repository's root)
#
# The servers for integration tests are named by TEST_POSTGRES_URL, TEST_REDIS_URL and TEST_AMQP_URL
# (`make test-alone SERVICE=…` starts them). First every module of the service is imported before any
# test tool is there, which finds a dependency that it uses and does not declare.
set -eu

fail() {
    echo "$*" >&2
    exit 2
}

[ $# -eq 2 ] && [ -n "$2" ] || fail "Name the service: make test-alone SERVICE=user-service"
python=$1
service=$2
[ -f "$service/requirements.txt" ] && [ -d "$service/src" ] || fail "$service is not a service of this repository."
root=$(pwd)
package=$(echo "$service" | tr - _)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Builds wheels and installs into the other one, which has no pip and no build backend.
"$python" -m venv "$folder/build"
"$python" -m venv --without-pip "$folder/alone"
pip() {
    "$folder/build/bin/python" -m pip --disable-pip-version-check "$@"
}
install() {
    pip --python "$folder/alone/bin/python" install --quiet "$@"
}

echo "== $service: installing"
pip install --quiet --require-hashes -r libs/requirements-build.txt
install --require-hashes -r "$service/requirements.txt"
members=$service
for lib in $(sed -n 's/.*path = "\.\.\/\(libs\/[a-z]*\)".*/\1/p' "$service/pyproject.toml"); do
    members="$members $lib"
done
for member in $members; do
    # Copied, because a build writes beside the sources.
    mkdir -p "$folder/sources/$member"
    cp -R "$member/pyproject.toml" "$member/src" "$folder/sources/$member/"
    pip wheel --quiet --no-deps --no-build-isolation --no-index \
        --wheel-dir "$folder/wheels" "$folder/sources/$member"
done
install --no-deps --no-index "$folder"/wheels/*.whl
pip --python "$folder/alone/bin/python" check

echo "== $service: every module without the test tools"
"$folder/alone/bin/python" - "$package" <<'PYTHON'
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
for name in names:
    importlib.import_module(name)
print(f"{len(names)} modules")
PYTHON

# Beyond pytest only what this service's tests import.
tools="pytest pytest-asyncio pytest-timeout"
for tool in hypothesis httpx trustme; do
    if grep -rqE "^(import|from) $tool\b" --include='*.py' "$service/tests"; then
        tools="$tools $tool"
    fi
done
if grep -rqE "^(import|from) dkim\b" --include='*.py' "$service/tests"; then
    tools="$tools dkimpy[ed25519]"
fi
# Versions without hashes: pip takes hashed constraints only together with hashed requirements.
sed -n 's/^\([a-z0-9][^ ]*==[^\\]*\).*/\1/p' requirements-dev.txt >"$folder/versions.txt"
# shellcheck disable=SC2086 # one argument per tool
install --constraint "$folder/versions.txt" $tools

echo "== $service: tests"
cd "$service"
"$folder/alone/bin/python" -m pytest -c "$root/pyproject.toml" --rootdir=. -p no:cacheprovider tests
