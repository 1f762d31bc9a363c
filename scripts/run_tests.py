"""Make the environment and run all tests; arguments go to pytest.

python scripts/run_tests.py -m "not long"
"""

import sys

from environment import call, make

SHARED_OUT = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder"]

if __name__ == "__main__":
    call(make("[dev]"), "-m", "pytest", *SHARED_OUT, *sys.argv[1:])
