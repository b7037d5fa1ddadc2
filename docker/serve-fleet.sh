#!/bin/sh
# Makes the site on the first start, whose log then has the admin's token, and serves it.
# Addresses with passwords come by the environment, which is not in the list of processes:
# DATABASE_URL on the first start, BELTMARK_FLEET__BROKER__ADDRESS on each.
set -eu
site="${SITE:-/data/site}"
if [ ! -e "$site/fleet.toml" ]; then
    beltmark-fleet init "$site" ${DATABASE_URL:+--database "$DATABASE_URL"}
fi
exec beltmark-fleet serve "$site" --host 0.0.0.0 --port "${PORT:-8000}" "$@"
