#!/usr/bin/env bash
# `make lock`: resolve pyproject.toml again; versions already in the lock are kept where they fit.
set -euo pipefail
cd "$(dirname "$0")"
uv=../${1:-.venv}/bin/uv
[[ ${1:-} == /* ]] && uv=$1/bin/uv
options=(--quiet --python-version 3.11 --generate-hashes --no-annotate --no-header)
"$uv" pip compile ../pyproject.toml --all-extras "${options[@]}" -o py311.txt
echo "uv==$("$uv" --version | cut -d' ' -f2)" | "$uv" pip compile - "${options[@]}" -o uv.txt
sed -i '1i # Every Python package of NetSurf, exact and hashed, for Python 3.11 on Linux. Made by `make lock`.' py311.txt
sed -i '1i # The installer itself. Made by `make lock`.' uv.txt
