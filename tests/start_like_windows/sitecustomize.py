"""Python runs this before anything else, in the processes that tests start like on Windows."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
import like_windows

sys.path.pop()
like_windows.install()
