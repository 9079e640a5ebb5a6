#!/bin/sh
# Writes an environment file for docker compose: .env.example with a random secret in the place of
# every change-me, readable by its owner only.
#
#   sh devstack/compose/new_env.sh FILE        (from the repository's root)
#
# Needs no more than openssl; without it the signing key comes from .venv, or from the image of
# user-service.
set -eu
file=$1

random_secret() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

key_by_python='
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
print(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode())
'

signing_key() {
    if command -v openssl >/dev/null; then
        openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt
    elif [ -x .venv/bin/python ]; then
        .venv/bin/python -c "$key_by_python"
    else
        docker run --rm "$(docker build --quiet --file user-service/Dockerfile .)" \
            python -c "$key_by_python"
    fi
}

pem=$(signing_key)
case $pem in
    *'BEGIN PRIVATE KEY'*) ;;
    *)
        echo "A signing key could not be made; install openssl and start again." >&2
        exit 1
        ;;
esac
one_line=$(printf '%s\n' "$pem" | awk 'NF {printf "%s\\n", $0}')

umask 077
rm -f "$file.new"
while IFS= read -r line; do
    case $line in
        'JWT_PRIVATE_KEY=change-me') printf '%s\n' "JWT_PRIVATE_KEY='$one_line'" ;;
        *=change-me) printf '%s\n' "${line%change-me}$(random_secret)" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <.env.example >"$file.new"
mv "$file.new" "$file"
