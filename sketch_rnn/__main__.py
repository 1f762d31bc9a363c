"""`python -m sketch_rnn`."""

import sys

from sketch_rnn.cli.main import main

sys.exit(main())
