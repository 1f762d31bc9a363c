"""The commands.

Until a command has read its flags there is nothing to end in good order, so a signal ends its
process, even while Python still imports it.
"""

import os
import signal
import sys
from multiprocessing import parent_process

from sketch_rnn.training.signals import ENDING, quit_at_once

# Not where it is a library, nor in a process that a command starts.
if os.path.basename(sys.argv[0]).startswith(("-m", "sketch_rnn")) and parent_process() is None:
    for number in ENDING:
        signal.signal(number, quit_at_once)
