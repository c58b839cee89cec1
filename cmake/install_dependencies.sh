#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the build and its tests need; --quick: those of the quickstart and a quick test run.
# Without root it prints the line to run and exits 2. Does nothing when all are there.
set -euo pipefail
packages=(g++ cmake ninja-build pkg-config ccache git libeigen3-dev libdnnl-dev librange-v3-dev libsimdjson-dev zlib1g-dev
          libutf8proc-dev libjpeg62-turbo-dev libpng-dev libarchive-dev libcli11-dev catch2 libbenchmark-dev)
[ "${1:-}" = --quick ] || packages+=(clang libomp-dev libclang-rt-14-dev python3)

command -v dpkg-query > /dev/null || { echo "Not a Debian system: install the equivalents of: ${packages[*]}" >&2; exit 2; }
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2> /dev/null | grep -q '^ii' || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0

line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
  echo "Packages are missing. Run:" >&2
  echo "  sudo sh -c '$line'" >&2
  exit 2
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
