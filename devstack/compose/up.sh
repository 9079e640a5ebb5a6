#!/bin/sh
# `make up`: writes .env where there is none, builds, starts everything, waits until it is ready.
set -eu
. devstack/compose/engine.sh

if sentence=$(engine_is_missing); then
    echo "$sentence" >&2
    exit 1
fi
if [ ! -e .env ]; then
    sh devstack/compose/new_env.sh .env
    echo "Wrote .env with random secrets; keep it: the data volumes know them."
fi
docker compose up --detach --build --wait

address() {
    docker compose port "$1" "$2" 2>/dev/null | sed 's/^0\.0\.0\.0:/127.0.0.1:/; s/^\[::\]:/127.0.0.1:/; s#^#http://#'
}
cat <<TEXT

  gateway            $(address api-gateway 8000)   (its API: /docs)
  user-service       $(address user-service 8001)
  template-service   $(address template-service 8002)
  inbox              $(address sandbox 8025)
  administrator      ADMIN_EMAIL and ADMIN_PASSWORD in .env

  docker compose logs -f                             what happens
  docker compose up -d --scale email-service=3       more workers
  make down                                          stop; the data stay
TEXT
