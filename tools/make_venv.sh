#!/usr/bin/env bash
# Make an empty .venv with the Python given. Debian keeps the venv module's pip in a package of its own.
set -euo pipefail
python=${1:-python3}

fail() {
  echo "error: $1" >&2
  exit 1
}

command -v "$python" >/dev/null || fail "there is no '$python'; install Python 3.11, or name one: make PYTHON=/path/to/python3.11"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' ||
  fail "'$python' is $("$python" --version); Trivium needs Python 3.11 to 3.13: make PYTHON=python3.11"

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing python3-venv, which $python lacks"
    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
  else
    fail "'$python' cannot make environments; run: sudo apt-get install python3-venv"
  fi
fi

echo "making .venv with $("$python" --version)"
"$python" -m venv --clear .venv
