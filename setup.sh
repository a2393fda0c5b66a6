#!/usr/bin/env bash
# Set-up, called by `make setup`: system packages that are missing, then .venv from the lock.
#
# Exits 3 with the one line to type when something is missing that it may not install itself.
# Usage: setup.sh VENV
set -euo pipefail
cd "$(dirname "$0")"
venv=${1:-.venv}

stop() {
  echo "netsurf: $1; type: $2" >&2
  exit 3
}

# --- what apt must bring -----------------------------------------------------------------------
declare -A package_of=([g++]=g++ [make]=make [perl]=perl [iverilog]=iverilog [npm]=npm)
wanted=()
for tool in g++ make perl iverilog npm; do
  command -v "$tool" >/dev/null || wanted+=("${package_of[$tool]}")
done

python=""
for candidate in python3.11 python3; do
  # A pyenv shim is there even when its Python is not: run it.
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[[ -n $python ]] || stop "TensorFlow 2.14 needs Python 3.11 and there is none" \
  "apt-get install -y python3.11 python3.11-venv   (or: pyenv install 3.11 && pyenv local 3.11)"
"$python" -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
# cocotb loads Python into the simulator as a shared library, which Debian's python3 comes without.
"$python" -c 'import ctypes, sysconfig; ctypes.CDLL(sysconfig.get_config_var("INSTSONAME"))' 2>/dev/null ||
  wanted+=(libpython3.11)
# Only worth a package manager's time when it runs anyway: Verilated models build faster with it.
if ((${#wanted[@]})) && ! command -v ccache >/dev/null; then wanted+=(ccache); fi

if ((${#wanted[@]})); then
  line="apt-get update && apt-get install -y --no-install-recommends ${wanted[*]}"
  command -v apt-get >/dev/null || stop "missing: ${wanted[*]}, and there is no apt-get" \
    "your system's command that installs ${wanted[*]}"
  if ((EUID == 0)); then
    sudo=()
  elif sudo -n true 2>/dev/null; then
    sudo=(sudo -n)
  else
    stop "missing: ${wanted[*]}" "sudo sh -c '$line'"
  fi
  echo "setup: installing ${wanted[*]} with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  "${sudo[@]}" apt-get update -qq || echo "setup: apt-get update failed; trying with the lists that are here" >&2
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null ||
    stop "apt-get could not install ${wanted[*]}" "$line"
fi

# --- the virtual environment -------------------------------------------------------------------
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  echo "setup: making $venv with $("$python" --version)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r locks/uv.txt
export VIRTUAL_ENV=$PWD/$venv
[[ $venv == /* ]] && VIRTUAL_ENV=$venv
echo "setup: installing $(grep -c '^[a-z].*==' locks/py311.txt) Python packages from locks/py311.txt"
"$venv/bin/uv" pip install --quiet --require-hashes --no-deps --build-constraints locks/py311.txt -r locks/py311.txt
"$venv/bin/uv" pip install --quiet --no-deps --no-build-isolation -e .
echo "setup: done; '$venv/bin/netsurf doctor' says what is there"
