#!/bin/sh
# Runs once, when PostgreSQL's data volume is new: a role and a database for each service that has
# one. Nobody but its owner may connect to a database.
set -e

for name in users templates notifications; do
    variable=$(echo "${name}_DATABASE_PASSWORD" | tr '[:lower:]' '[:upper:]')
    eval "password=\${$variable:?is not set; see .env.example}"
    psql --no-psqlrc --quiet --username "${POSTGRES_USER:-postgres}" --dbname postgres \
        --set ON_ERROR_STOP=1 --set name="$name" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT, TEMPORARY ON DATABASE :"name" FROM PUBLIC;
SQL
done
