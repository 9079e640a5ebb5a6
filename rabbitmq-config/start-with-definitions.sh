#!/bin/sh
# Entry of the RabbitMQ container: gives the broker a user beside the topology, then starts it.
#
# With load_definitions RabbitMQ makes no default user, and RABBITMQ_DEFAULT_USER is not read. The
# topology in the repository holds no user, so the definitions become a folder of two files, read in
# the order of their names: who may do what, from BROKER_USER and BROKER_PASSWORD, and the topology.
# They are loaded at every start, so a changed password holds after the next one.
set -eu

fail() {
    echo "$*" >&2
    exit 78
}

for name in BROKER_USER BROKER_PASSWORD; do
    eval "value=\${$name:-}"
    case $value in
        '') fail "$name is not set; it is RABBITMQ_${name#BROKER_} of .env." ;;
        *[!A-Za-z0-9_-]*) fail "RABBITMQ_${name#BROKER_} may hold letters, digits, - and _ only; change it in .env." ;;
    esac
done

definitions=/etc/rabbitmq/definitions
mkdir -p "$definitions"
cp /etc/rabbitmq/definitions.json "$definitions/20-topology.json"
# configure "^$": the definitions own the topology, services declare nothing.
umask 077
cat >"$definitions/10-access.json" <<JSON
{
  "vhosts": [{"name": "/"}],
  "users": [{"name": "$BROKER_USER", "password": "$BROKER_PASSWORD", "tags": []}],
  "permissions": [
    {"user": "$BROKER_USER", "vhost": "/", "configure": "^\$", "write": ".*", "read": ".*"}
  ]
}
JSON
umask 022
# A file of conf.d overrides the same key in rabbitmq.conf.
echo "load_definitions = $definitions" >/etc/rabbitmq/conf.d/90-definitions.conf
chown -R rabbitmq:rabbitmq "$definitions"
unset BROKER_USER BROKER_PASSWORD name value

exec docker-entrypoint.sh "$@"
