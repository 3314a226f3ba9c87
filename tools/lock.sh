#!/usr/bin/env bash
# Writes requirements/*.txt: exact versions with the hashes of every platform's files, no index address, no path.
# Versions already pinned stay; `tools/lock.sh --upgrade` takes the newest that pyproject.toml and the .in files allow.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
unset PIP_FIND_LINKS
compile() {
  "${LOCK_TOOL:-pip-compile}" --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host "$@"
}
compile "$@" --output-file runtime.txt ../pyproject.toml
compile "$@" --output-file dev.txt dev.in
compile "$@" --output-file bench.txt bench.in
compile "$@" --output-file lock.txt lock.in
