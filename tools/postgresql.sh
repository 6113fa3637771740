#!/usr/bin/env bash
# See that a PostgreSQL server can be started by the tests: they make one of their own, in a folder of their own.
set -euo pipefail

has_server() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_server && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing PostgreSQL, which the tests start for themselves"
  apt-get update -qq
  # The package would start a server on the usual port; nobody asked for that one.
  mkdir -p /etc/postgresql-common
  test -e /etc/postgresql-common/createcluster.conf || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
fi
has_server || {
  echo "error: the tests need a PostgreSQL server's programs (initdb); run: sudo apt-get install postgresql" >&2
  exit 1
}
