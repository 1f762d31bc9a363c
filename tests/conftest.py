"""Which tests are long: programs that take minutes to compile, and runs of many processes.

`.ci/run` leaves them out; `./scripts/test` and `./scripts/test -m long` do not.
"""

import re

import pytest

LONG = (
    r"test_recurrent\.py.*\bxla-.*(layer_norm|hyper)",
    r"test_recurrent\.py.*-(gpu|both)-xla-(layer_norm|hyper)",
    r"test_golden\.py::test_(gradients|three_updates)\[(lstm_uncond|layer_norm|hyper)-GPU-True",
    r"test_recurrent\.py::test_gradients_numerically.*-graph-.*hyper",
    r"test_golden\.py::test_three_updates\[(layer_norm|hyper)-CPU",
    r"test_step\.py::test_every_execution_trains_the_same\[(?!all-lstm)",
    r"test_step\.py::test_sketches_in_shared_rows.*True-\{\}-True-(layer_norm|hyper)",
    r"test_run\.py::test_resumed_equals_uninterrupted\[(layer_norm|hyper)",
    r"test_devices\.py::test_two_halves_of_a_batch_train_as_one.*(layer_norm|hyper)",
    r"test_faults\.py::test_killed_runs",
    r"test_faults\.py::test_an_events_file_that_is_none_does_not_stop_a_run\[(?!false length)",
    r"test_faults\.py::test_a_line_of_figures_that_is_none_does_not_stop_a_run\[(?!line0)",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if any(re.search(pattern, item.nodeid) for pattern in LONG):
            item.add_marker(pytest.mark.long)
