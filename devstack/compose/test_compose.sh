#!/bin/sh
# `make test-compose`: docker-compose.yml for real, by the engine of the current docker context or
# DOCKER_HOST. Builds the images, starts everything under a project name, secrets and ports of its
# own, sends an email and a push to `delivered`, scales email-service to 3, sends again, and takes
# everything down with its volumes and images, whatever happened.
set -eu
. devstack/compose/engine.sh

if sentence=$(engine_is_missing); then
    echo "skipped: no Docker engine. $sentence"
    exit 0
fi

project=notification-test-$$
emails=30
folder=$(mktemp -d)
environment=$folder/env

compose() {
    docker compose --project-name "$project" --env-file "$environment" "$@"
}

# shellcheck disable=SC2317 # called by trap
take_down() {
    code=$?
    trap - EXIT
    if [ "$code" -ne 0 ] && [ -s "$folder/started" ]; then
        compose ps --all >&2 || true
        compose logs --no-color --tail 30 >&2 || true
    fi
    compose down --volumes --remove-orphans --timeout 40 >"$folder/down" 2>&1 || {
        cat "$folder/down" >&2
        code=1
    }
    images=$(docker image ls --quiet --filter "reference=notification/*:$project" | sort -u)
    # shellcheck disable=SC2086 # one argument per image
    [ -z "$images" ] || docker image rm --force $images >/dev/null || code=1
    left=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")
    left=$left$(docker volume ls --quiet --filter "label=com.docker.compose.project=$project")
    if [ -n "$left" ]; then
        echo "Something of $project was left behind: $left" >&2
        code=1
    fi
    rm -rf "$folder"
    [ "$code" -ne 0 ] || echo "taken down; nothing is left"
    exit "$code"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

address() {
    echo "http://$(compose port "$1" "$2")"
}

value() {
    sed -n "s/^$1=//p" "$environment"
}

# Runs a step, tells how long it took; its output is shown when it fails.
step() {
    what=$1
    shift
    began=$(date +%s)
    if ! "$@" >"$folder/step" 2>&1; then
        cat "$folder/step" >&2
        echo "failed: $what" >&2
        exit 1
    fi
    echo "$what: $(($(date +%s) - began)) s"
}

# One number per worker: how many mails it sent.
mails_by_worker() {
    for container in $(compose ps --quiet email-service); do
        docker logs "$container" 2>&1 | grep -c '"event":"delivery.sent"' || true
    done | tr '\n' ' '
}

sh devstack/compose/new_env.sh "$environment.new"
# Port 0: the engine takes free ones.
sed -e 's/^GATEWAY_PORT=.*/GATEWAY_PORT=127.0.0.1:0/' \
    -e 's/^\(USER_SERVICE\|TEMPLATE_SERVICE\|INBOX\)_PORT=.*/\1_PORT=0/' \
    -e "s/^IMAGE_TAG=.*/IMAGE_TAG=$project/" "$environment.new" >"$environment"

step "images built" compose build
echo yes >"$folder/started"
step "everything started and ready" compose up --detach --wait

GATEWAY_URL=$(address api-gateway 8000)
USER_SERVICE_URL=$(address user-service 8001)
TEMPLATE_SERVICE_URL=$(address template-service 8002)
INBOX_URL=$(address sandbox 8025)
ADMIN_EMAIL=$(value ADMIN_EMAIL)
ADMIN_PASSWORD=$(value ADMIN_PASSWORD)
export GATEWAY_URL USER_SERVICE_URL TEMPLATE_SERVICE_URL INBOX_URL ADMIN_EMAIL ADMIN_PASSWORD

python3 devstack/compose/send_one_of_each.py
step "email-service scaled to 3" compose up --detach --wait --no-recreate --scale email-service=3
python3 devstack/compose/send_one_of_each.py --emails "$emails"

workers=$(mails_by_worker)
echo "mails by worker: $workers"
case $workers in
    [1-9]*' '[1-9]*' '[1-9]*' ') ;;
    *)
        echo "Not every one of the three workers sent a mail." >&2
        exit 1
        ;;
esac
