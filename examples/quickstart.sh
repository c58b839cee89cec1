#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# One clone, no downloads but packages: installs what is missing, builds the examples for this machine, composes a
# captioner from two towers, trains it for about a minute and lets it describe pictures it has never seen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash cmake/install_dependencies.sh --quick
echo "Building ..."
cmake --preset quickstart > build-quickstart.log 2>&1 && cmake --build --preset quickstart >> build-quickstart.log 2>&1 || {
  tail -n 40 build-quickstart.log >&2
  echo "The build failed; the whole log is in build-quickstart.log" >&2
  exit 1
}
rm -f build-quickstart.log
echo
OMP_WAIT_POLICY=passive build/quickstart/examples/01_compose_a_captioner
