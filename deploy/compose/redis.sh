#!/bin/sh
# Starts Redis for docker-compose.yml as hotlead wants it: it evicts nothing, writes an append-only file, and lets in the
# users of deploy/redis/users.acl alone, the service's with a password that is drawn at the first start, and for people a
# user admin with another.
set -eu
umask 077
draw() { # FILE OWNER
  [ ! -s "$1" ] || return 0
  head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$1.new"
  chown "$2" "$1.new"
  mv "$1.new" "$1"
}
draw /secrets/redis.password 65532:65532 # who hotlead runs as in its image
draw /secrets/admin.password 0:0
sed "s/^user hotlead off resetpass/user hotlead on resetpass >$(cat /secrets/redis.password)/" /etc/redis/users.acl > /data/users.acl
echo "user admin on resetpass >$(cat /secrets/admin.password) ~* &* +@all" >> /data/users.acl
chown redis:redis /data/users.acl # as whom the image's own start goes on
exec docker-entrypoint.sh redis-server --aclfile /data/users.acl --appendonly yes --maxmemory-policy noeviction \
  --maxmemory "$MAXMEMORY" --save ''
