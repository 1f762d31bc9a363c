# Sourced by the other scripts: runs environment.py to make .venv, and puts its programs first on PATH.
# Set EXTRAS first, such as "[dev]". PYTHON can name another interpreter.

set -eu
cd "$(dirname "$0")/.."

find_python() {
    for name in ${PYTHON:-.venv/bin/python python3 python3.13 python3.12 python3.11 python3.10 python}; do
        if "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null
        then
            echo "$name"
            return
        fi
    done
    echo "expected Python 3.10 to 3.13; found none (set PYTHON to name one)" >&2
    return 1
}

python=$(find_python)
"$python" scripts/environment.py "${EXTRAS:-}"
PATH="$PWD/.venv/bin:$PATH"
export PATH
