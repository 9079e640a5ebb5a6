#!/bin/sh
# Hands a bounce, read from standard input as a mail server pipes it, to email-service.
#
#   BOUNCE_URL         http://127.0.0.1:8003/api/v1/providers/smtp/bounces
#   BOUNCE_TOKEN_FILE  holds one line: X-Service-Token: mta:<token>   (see SERVICE_TOKENS)
#
# Needs curl. Exit codes are those of sysexits.h, as Postfix and Exim read them: 0, done, or nothing
# of ours (an out-of-office reply is not worth a bounce of its own); 75, keep it and try again, also
# where this is set up wrongly, so that nothing is lost until that is corrected.
set -u
: "${BOUNCE_URL:=http://127.0.0.1:8003/api/v1/providers/smtp/bounces}"
: "${BOUNCE_TOKEN_FILE:=/etc/notification/bounce-token}"

say() { printf 'pipe_bounce: %s\n' "$1" >&2; }

if ! [ -r "$BOUNCE_TOKEN_FILE" ]; then
    say "cannot read $BOUNCE_TOKEN_FILE: set BOUNCE_TOKEN_FILE, and let $(id -un) read it"
    exit 75
fi

# What a report says stands before the mail that it returns; 250 kB are far more than that.
answer=$({ head -c 250000; cat >/dev/null; } | curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' \
    --header "@$BOUNCE_TOKEN_FILE" --header 'Content-Type: message/rfc822' \
    --data-binary @- "$BOUNCE_URL")

case "$answer" in
    200 | 202) exit 0 ;;
    413 | 422) say "not a report about a mail of ours (HTTP $answer): dropped" && exit 0 ;;
    401 | 403) say "HTTP $answer: the token in $BOUNCE_TOKEN_FILE is not in SERVICE_TOKENS" && exit 75 ;;
    *) say "no answer to rely on from $BOUNCE_URL (HTTP $answer): to be tried again" && exit 75 ;;
esac
