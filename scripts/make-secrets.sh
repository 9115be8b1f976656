#!/bin/sh
# Writes the secrets of docker-compose.yml to the folder secrets/, each only if it does not exist. Run it as often as you
# like: the volumes of Postgres and Redis, and all tokens, depend on the existing secrets.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."

status=0
problem() {
  echo "$1" >&2
  status=1
}

for program in base64 grep head tail tr; do
  if ! command -v "$program" >/dev/null; then
    problem "The program $program is missing: install it, and run this again."
    exit 1
  fi
done

# The secrets of earlier versions are in .env.
dotenv=
if [ -e .env ] && ! dotenv=$(tr -d '\r' <.env); then
  problem ".env cannot be read, and it may contain secrets that are in use: make it readable, and run this again."
  exit 1
fi

# Other users of this machine cannot open the folder. The files can be read by all, because the users in the containers
# are other users, and see only the files.
mkdir -p secrets
chmod 700 secrets
umask 022

for name in postgres_password redis_password jwt_secret jwt_refresh_secret; do
  file=secrets/$name
  variable=$(echo "$name" | tr '[:lower:]' '[:upper:]')
  # In any spelling that Docker Compose may accept. The last line counts.
  line=$(printf '%s\n' "$dotenv" | grep -E "^[^A-Za-z0-9_#]*(export[[:space:]]+)?$variable([^A-Za-z0-9_]|\$)" | tail -n 1)
  assignment=${line#export }
  value=${assignment#"$variable="}
  if [ -z "$value" ]; then line=; fi

  if [ -d "$file" ]; then
    # Docker makes such a folder if it starts a container before the file exists.
    problem "$file is a folder and must be a file: remove it (rmdir $file), and run this again."
    continue
  elif [ -L "$file" ] && [ ! -e "$file" ]; then
    problem "$file is a link to a file that does not exist: restore that file or remove the link, and run this again."
    continue
  elif [ -s "$file" ]; then
    echo "$file exists and is kept."
  elif [ -n "$line" ]; then
    # Quotes, comments, escapes and $ have a meaning in .env: a copy could differ from the value that is in use.
    case $value in
      "$assignment" | *[!A-Za-z0-9_+/=.,:\;@%^~!?*\&-]*)
        problem "$file: not made, because $variable in .env has quotes, spaces or other special characters. Write its value as it is in use to $file yourself, and remove $variable from .env. Then run this again."
        continue
        ;;
    esac
    printf '%s\n' "$value" >"$file.new"
    mv "$file.new" "$file"
    echo "$file: copied from .env."
  else
    secret=$(head -c 48 /dev/urandom | base64 | tr -d '\n')
    # The shell sees only the failure of the last program.
    if [ "${#secret}" -ne 64 ]; then
      problem "$file: not made, because head or base64 failed to read 48 bytes of /dev/urandom."
      continue
    fi
    printf '%s\n' "$secret" >"$file.new"
    mv "$file.new" "$file"
    echo "$file: made."
  fi
  if [ -n "$line" ]; then echo "Now remove $variable from .env: docker-compose.yml reads it from $file." >&2; fi
done
exit "$status"
