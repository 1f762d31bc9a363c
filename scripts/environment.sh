# Sourced by the other scripts: makes .venv in the repository, once, with the project in it.
# Set EXTRAS, such as "[dev]", before. PYTHON names another interpreter. Installs with uv where
# there is one (half of pip's time), or else with pip, which knows other indexes. Both compile
# TensorFlow's Python once: a process that may not write bytecode takes ten seconds more without.

set -eu
cd "$(dirname "$0")/.."

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}; do
        if "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null
        then
            echo "$name"
            return
        fi
    done
    echo "expected Python 3.10 to 3.13; found none (set PYTHON to name one)" >&2
    return 1
}

# Whether there is what is needed, or more.
is_installed() {
    for marker in "$installed"*; do
        if [ -f "$marker" ] && [ ! pyproject.toml -nt "$marker" ]; then
            return
        fi
    done
    return 1
}

environment=.venv
installed="$environment/installed${EXTRAS:-}"
if ! is_installed; then
    python=$(find_python)
    echo "Installing into $PWD/$environment (TensorFlow is large: a minute or more) ..."
    "$python" -m venv "$environment" || {
        echo "could not make a virtual environment; on Debian: apt-get install python3-venv" >&2
        exit 1
    }
    { command -v uv > /dev/null &&
        uv pip install --quiet --compile-bytecode --python "$environment/bin/python" \
            --editable ".${EXTRAS:-}"
    } || "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable ".${EXTRAS:-}"
    touch "$installed"
fi
PATH="$PWD/$environment/bin:$PATH"
export PATH
