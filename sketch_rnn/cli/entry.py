"""The entry points of the commands.

Until a command has read its flags, there is nothing to clean up, so a signal ends the process
immediately, even while Python still imports modules.
"""

from importlib import import_module

from sketch_rnn.signals import quit_from_now_on


def _run(module: str) -> int:
    quit_from_now_on()
    return import_module(f"sketch_rnn.cli.{module}").main()


def sketch_rnn() -> int:
    """Run the command that the first argument names, and return its exit status."""
    return _run("main")


def sketch_rnn_train() -> int:
    """Run `sketch_rnn_train`, and return its exit status."""
    return _run("train")


def sketch_rnn_sample() -> int:
    """Run `sketch_rnn_sample`, and return its exit status."""
    return _run("sample")


def sketch_rnn_dataset() -> int:
    """Run `sketch_rnn_dataset`, and return its exit status."""
    return _run("dataset")


def sketch_rnn_export() -> int:
    """Run `sketch_rnn_export`, and return its exit status."""
    return _run("export")


def sketch_rnn_eval() -> int:
    """Run `sketch_rnn_eval`, and return its exit status."""
    return _run("eval")
