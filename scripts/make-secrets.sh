#!/bin/sh
# Writes the secrets of docker-compose.yml to the folder secrets/, each only if it does not exist. Run it as often as you
# like: the volumes of Postgres and Redis, and all tokens, depend on the existing secrets.
set -eu
cd "$(dirname "$0")/.."

# Other users of this machine cannot open the folder. The files can be read by all, because the users in the containers
# are other users, and see only the files.
mkdir -p secrets
chmod 700 secrets
umask 022

for name in postgres_password redis_password jwt_secret jwt_refresh_secret; do
  file=secrets/$name
  variable=$(echo "$name" | tr '[:lower:]' '[:upper:]')
  # A value in .env is in use, and Latchkey refuses a setting that is set twice.
  line=$(grep "^$variable=." .env 2>/dev/null | tail -n 1 || true)
  if [ -s "$file" ]; then
    echo "$file exists and is kept."
  elif [ -n "$line" ]; then
    printf '%s\n' "${line#*=}" >"$file.new"
    mv "$file.new" "$file"
    echo "$file: copied from .env."
  else
    head -c 48 /dev/urandom | base64 | tr -d '\n' >"$file.new"
    mv "$file.new" "$file"
    echo "$file: made."
  fi
  if [ -n "$line" ]; then echo "Now remove $variable from .env: docker-compose.yml reads it from $file." >&2; fi
done
