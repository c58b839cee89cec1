#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# One clone, no downloads but packages: installs what is missing, builds the tool `blip` for this machine, and does the
# main job on a generated world: train on the web's captions, of which 42 % are false, filter and rewrite them, train
# again, measure. The last line is the path of a report to look at. Stopped or killed, the same line goes on.
#
#   quickstart.sh [FOLDER]    where the run goes; default: quickstart-run
set -euo pipefail
run=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../quickstart-run}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash cmake/install_dependencies.sh --quick
echo "Building ..."
cmake --preset quickstart > build-quickstart.log 2>&1 && cmake --build --preset quickstart --target blip_tool -j "$(nproc)" >> build-quickstart.log 2>&1 || {
  tail -n 40 build-quickstart.log >&2
  echo "The build failed; the whole log is in build-quickstart.log" >&2
  exit 1
}
rm -f build-quickstart.log
echo
build/quickstart/examples/blip bootstrap --data scenes:nano --out "$run" --resume
