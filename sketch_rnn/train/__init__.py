"""Training runs: the loop, the compiled update, what is recorded; `sketch_rnn.train` trains."""

import sys
from types import ModuleType


class _Callable(ModuleType):
    """This package, which is also the function `sketch_rnn.train`: the name is one."""

    def __call__(self, *arguments, **options) -> int:
        """See `sketch_rnn.train.run.train`."""
        from sketch_rnn.train.run import train

        return train(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
