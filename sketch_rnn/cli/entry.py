"""The entry points of the commands.

Until a command has read its flags, there is nothing to clean up, so a signal ends the process at
once, even while Python still imports modules.
"""

from importlib import import_module

from sketch_rnn.signals import quit_from_now_on


def _run(module: str) -> int:
    quit_from_now_on()
    return import_module(f"sketch_rnn.cli.{module}").main()


def sketch_rnn() -> int:
    """Run the command that the first argument names; return the exit status, as all below do."""
    return _run("main")


def sketch_rnn_train() -> int:
    """Train."""
    return _run("train")


def sketch_rnn_sample() -> int:
    """Draw."""
    return _run("sample")


def sketch_rnn_dataset() -> int:
    """Make data sets."""
    return _run("dataset")


def sketch_rnn_export() -> int:
    """Export models."""
    return _run("export")


def sketch_rnn_eval() -> int:
    """Evaluate."""
    return _run("eval")
