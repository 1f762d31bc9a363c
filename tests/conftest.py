"""What all tests share: how programs are compiled, which tests are long, and which begin.

Long are programs that take minutes to compile, and runs of many processes: `.ci/run` leaves them
out; `./scripts/test` and `./scripts/test -m long` do not.
"""

import gc
import os
import re
from importlib import metadata

import pytest

# Compiling takes a test more time than running what was compiled: half as long without these
# optimizations. (Without the second flag, what is then used loses NaN in a minimum or maximum.)
# `XLA_FLAGS= ./scripts/test` compiles as for users.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_enable_fast_min_max=false"]
if not metadata.version("tensorflow").startswith(("2.18.", "2.19.")):  # which do not know it
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

# Files of long tests, so that none of them is begun when all others have ended.
FIRST = (
    "test_golden.py",
    "test_readme.py",
    "test_run.py",
    "test_faults.py",
    "test_step.py",
    "test_recurrent.py",
    "test_sample.py",
    "test_devices.py",
    "test_export.py",
    "test_npz.py",
)

LONG = (
    r"test_common\.py::test_tensorflow_speaks_when_asked",
    r"test_conditional_browser\.py::test_training_goes_on",
    r"test_devices\.py::test_two_halves_of_a_batch_train_as_one\[multi_worker",
    r"test_devices\.py::test_a_lost_worker",
    r"test_evaluate\.py::test_the_rows_sum_up_to_the_validation_figures\[model of hyper",
    r"test_export\.py::test_keras_finds_the_classes.*\[import (keras|sketch_rnn.model)",
    r"test_faults\.py::test_(killed_runs|a_run_whose_first_save)",
    r"test_faults\.py::test_(half_a_line|a_folder_that_is_removed|a_disk_that_fills)",
    r"test_faults\.py::test_(a_run_goes_on_with_drawings|an_address_in_a_configuration)",
    r"test_faults\.py::test_an_events_file_that_is_none_does_not_stop_a_run",
    r"test_faults\.py::test_a_line_of_figures_that_is_none_does_not_stop_a_run",
    r"test_golden\.py::test_(gradients|three_updates)\[(lstm_uncond|layer_norm|hyper)-GPU-True",
    r"test_golden\.py::test_three_updates\[(layer_norm|hyper)-CPU",
    r"test_golden\.py::test_gradients\[(lstm|layer_norm|hyper)-CPU-True",
    r"test_golden\.py::test_three_updates\[lstm-CPU-False",
    r"test_npz\.py::test_(refusing_takes_less|a_hostile_pickle.*\[(lists|nested tuples))",
    r"test_readme\.py::test_the_test_configuration",
    r"test_recurrent\.py.*\bxla-.*(layer_norm|hyper)",
    r"test_recurrent\.py.*-(gpu|both)-xla-(layer_norm|hyper)",
    r"test_recurrent\.py::test_gradients_numerically.*-graph-.*hyper",
    r"test_recurrent\.py::test_gradients_numerically.*dropout_mask.*-eager-cpu-hyper",
    r"test_run\.py::test_signal_saves_and_says_how_to_go_on\[15",
    r"test_run\.py::test_resumed_equals_uninterrupted\[(layer_norm|hyper)",
    r"test_run\.py::test_(the_second_signal|log_root_defaults)",
    r"test_run\.py::test_(another_seed|rates_can_change|a_data_set_of_few_drawings_trains\[30)",
    r"test_step\.py::test_(a_trained_step_stops|a_step_that_is_not_finite.*CPU)",
    r"test_step\.py::test_(bfloat16_is_near|on_a_gpu_a_step_in_bfloat16).*\[(layer_norm|hyper)",
    r"test_step\.py::test_every_execution_trains_the_same\[(?!all-lstm)",
    r"test_step\.py::test_sketches_in_shared_rows.*((True-\{\}-True|dropout.*)-layer_norm|-hyper)",
    r"test_written_before\.py::test_a_run_goes_on\[layer_norm",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if any(re.search(pattern, item.nodeid) for pattern in LONG):
            item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else 99)


def pytest_collection_finish():
    """Nothing looks for garbage in what was imported, TensorFlow above all."""
    gc.freeze()
