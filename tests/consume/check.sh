#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check.sh HOW SOURCE BUILD VERSION COMPILER [MODEL|NVCC]: uses the library the way a stranger would, and runs what came
# out; MODEL is a folder whose config.json becomes a compiled size, NVCC compiles kernels.
set -euo pipefail
how=$1 source=$2 build=$3 version=$4 compiler=$5 model=${6:-} nvcc=
[ "$how" != cuda ] || { nvcc=$model; model=; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$build/consume/$how
rm -rf "$work" && mkdir -p "$work"

installed() {  # an installation that was moved after it was made
  cmake -S "$source" -B "$work/blip" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DBLIP_TESTS=OFF -DBLIP_EXAMPLES=OFF \
    -DBLIP_INSTANCES=OFF -DCMAKE_INSTALL_PREFIX="$work/first" > /dev/null
  cmake --install "$work/blip" > /dev/null
  mv "$work/first" "$work/moved"
}
project() {  # DIRECTORY [OPTION ...]
  local directory=$1; shift
  cmake -S "$here/$directory" -B "$work/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DBLIP_SOURCE="$source" "$@"
  cmake --build "$work/build" -j 1
}
by_hand() { "$compiler" -std=c++20 "$here/program/main.cpp" "$here/program/second.cpp" "$@" -o "$work/stranger"; }

case $how in
  find_package)
    installed
    project find_package -DCMAKE_PREFIX_PATH="$work/moved" -DEXPECTED_VERSION="$version"
    run=$work/build/stranger ;;
  add_subdirectory)
    project add_subdirectory
    [ "$(ctest --test-dir "$work/build" -N | sed -n 's/^Total Tests: //p')" = 0 ]
    cmake --install "$work/build" --prefix "$work/nothing" > /dev/null
    [ ! -e "$work/nothing" ] || { echo "nested use installed something"; exit 1; }
    run=$work/build/stranger ;;
  fetch_content) project fetch_content; run=$work/build/stranger ;;
  pkg_config)
    installed
    export PKG_CONFIG_PATH=$work/moved/share/pkgconfig
    [ "$(pkg-config --modversion blip)" = "$version" ]
    # shellcheck disable=SC2046
    by_hand $(pkg-config --cflags --libs blip)
    run=$work/stranger ;;
  preset)
    installed
    project preset -DCMAKE_PREFIX_PATH="$work/moved" -DEXPECTED_VERSION="$version" -DMODEL="$model"
    run=$work/build/stranger ;;
  cuda)
    installed
    project cuda -DCMAKE_PREFIX_PATH="$work/moved" -DEXPECTED_VERSION="$version" -DCMAKE_CUDA_COMPILER="$nvcc"
    run=$work/build/stranger ;;
  plain_include) by_hand -I "$source/include" -I /usr/include/eigen3 -pthread; run=$work/stranger ;;
esac
"$run" ${model:+"$model"} | tee "$work/output"
grep -q "^blip $version: " "$work/output"
