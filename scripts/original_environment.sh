# Sourced by the scripts that run the original: makes an environment for it in the cache, if there is
# none, and sets ORIGINAL_PYTHON to its interpreter. tf_keras provides TensorFlow 1's cells.

original="${XDG_CACHE_HOME:-$HOME/.cache}/sketch_rnn/original"
if [ ! -f "$original/installed" ]; then
    echo "Installing into $original (TensorFlow is large: a minute or more) ..." >&2
    "${PYTHON:-python3}" -m venv "$original"
    "$original/bin/python" -m pip install --quiet --disable-pip-version-check \
        'tensorflow>=2.18,<2.22' 'tf_keras>=2.18,<2.22' six
    touch "$original/installed"
fi
ORIGINAL_PYTHON="$original/bin/python"
