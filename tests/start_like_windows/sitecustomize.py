"""Code that Python runs first in the processes that tests start under the rules of Windows."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
import like_windows

sys.path.pop()
like_windows.install()
