#!/bin/sh
# Starts Redis for docker-compose.yml as hotlead wants it: it evicts nothing, writes an append-only file, and lets in the
# users of deploy/redis/users.acl alone, the service's with a password that is drawn at the first start.
set -eu
umask 077
password=/secrets/redis.password
if [ ! -s "$password" ]; then
  head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$password.new"
  chown 65532:65532 "$password.new" # who hotlead runs as in its image
  mv "$password.new" "$password"
fi
sed "s/^user hotlead off resetpass/user hotlead on resetpass >$(cat "$password")/" /etc/redis/users.acl > /data/users.acl
chown redis:redis /data/users.acl # as whom the image's own start goes on
exec docker-entrypoint.sh redis-server --aclfile /data/users.acl --appendonly yes --maxmemory-policy noeviction \
  --maxmemory "${MAXMEMORY:-1gb}" --save ''
