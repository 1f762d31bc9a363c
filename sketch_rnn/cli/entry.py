"""Where the process of a command begins.

Until a command has read its flags there is nothing to end in good order, so a signal ends its
process, even while Python still imports it.
"""

from importlib import import_module

from sketch_rnn.signals import quit_from_now_on


def _run(module: str) -> int:
    quit_from_now_on()
    return import_module(f"sketch_rnn.cli.{module}").main()


def sketch_rnn() -> int:
    """All commands behind one name; returns the exit status, as do the others."""
    return _run("main")


def sketch_rnn_train() -> int:
    """Trains."""
    return _run("train")


def sketch_rnn_sample() -> int:
    """Draws."""
    return _run("sample")


def sketch_rnn_dataset() -> int:
    """Makes data sets."""
    return _run("dataset")


def sketch_rnn_export() -> int:
    """Writes models for others."""
    return _run("export")


def sketch_rnn_eval() -> int:
    """Evaluates."""
    return _run("eval")
