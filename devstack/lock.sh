#!/bin/sh
# Compile requirements-dev.txt from all members, then each service's requirements.txt under it.
# Usage: lock.sh UV "LIBS" "SERVICES"
set -eu
uv=$1 libs=$2 services=$3

set -- pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
    --no-emit-package notification-contracts --no-emit-package notification-servicekit \
    --no-emit-package notification-templating --no-emit-package notification-delivery \
    --no-emit-package notification-devstack

inputs=""
for member in $libs devstack $services; do inputs="$inputs $member/pyproject.toml"; done
# shellcheck disable=SC2086
"$uv" "$@" --all-extras --group dev --group build $inputs --output-file requirements-dev.txt
for service in $services devstack; do
    (cd "$service" && "../$uv" "$@" --constraint ../requirements-dev.txt pyproject.toml \
        --output-file requirements.txt)
done
"$uv" "$@" --constraint requirements-dev.txt --group build --output-file libs/requirements-build.txt
"$uv" pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
    benchmarks/requirements.in --output-file benchmarks/requirements.txt
