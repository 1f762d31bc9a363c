"""The library checks what the commands check, with a one-line error before writing anything."""

import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from helpers import DOODLES

import sketch_rnn
from sketch_rnn.errors import UserError
from sketch_rnn.training.devices import set_up_devices
from sketch_rnn.training.options import TrainOptions

DRAWING = np.array([(3, 0, 0), (0, 4, 1)], np.float32)
BROKEN = {
    "it has no points": np.zeros((0, 3)),
    r"expected stroke-3 rows \[n, 3\], got shape \[2, 5\]; `strokes.to_stroke3`": np.eye(5)[:2],
    r"expected stroke-3 rows \[n, 3\], got shape \[2, 2\]$": np.ones((2, 2)),
    r"expected stroke-3 rows \[n, 3\], got shape \[\]": [[1, 2, 3], [4]],
    "expected finite offsets, got NaN": np.array([(np.nan, 1, 0), (1, 1, 1)]),
}


@pytest.fixture(scope="module")
def model():
    return sketch_rnn.load_model()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"precision": "fp16"}, "`precision`: expected float32 or tf32 or bfloat16, got 'fp16'"),
        ({"strategy": "mirorred"}, "got 'mirorred'; did you mean mirrored?"),
        ({"overrides": {"zsize": 3}}, "unknown hyperparameter 'zsize'; the nearest is z_size"),
        ({"overrides": {"z_size": 0}}, "hyperparameter z_size: expected a whole number from 1"),
        ({"overrides": {"lr": 0.1}}, "unknown hyperparameter 'lr'; it is called learning_rate"),
        ({"seed": -1}, "`seed`: expected a whole number, at least 0, got -1"),
        ({"patience": 0}, "`patience`: expected a whole number, at least 1, got 0"),
        ({"patience": 1.5}, "`patience`: expected a whole number, at least 1, got 1.5"),
        ({"max_time": "2h"}, "`max_time`: expected a number of seconds, at least 0, got '2h'"),
        ({"max_time": float("nan")}, "`max_time`: expected a number of seconds"),
        ({"resume": True, "init_from": "a"}, "expected `resume` or `init_from`, got both"),
    ],
)
def test_wrong_training_options_are_refused_before_a_folder_is_made(tmp_path, changes, said):
    with pytest.raises(UserError, match=re.escape(said)) as found:
        sketch_rnn.train(TrainOptions(tmp_path / "run", **{"data_dir": DOODLES} | changes))
    assert "\n" not in str(found.value) and list(tmp_path.iterdir()) == []


def test_options_are_converted_to_their_types_and_can_be_replaced():
    options = TrainOptions("run", {"data_set": "cat.npz", "learning_rate": 1}, max_time=3)
    assert options.overrides == {"data_set": ("cat.npz",), "learning_rate": 1.0}
    assert replace(options, seed=0).seed == 0


def test_an_unknown_hyperparameter_gives_a_one_line_error():
    with pytest.raises(UserError, match="unknown hyperparameter 'z_sise'; the nearest is z_size"):
        sketch_rnn.HParams(z_sise=3)
    hparams = sketch_rnn.HParams(z_size=3)
    assert sketch_rnn.HParams(**asdict(hparams)) == hparams == replace(hparams)


def test_an_unknown_strategy_is_refused_before_waiting_for_workers():
    with pytest.raises(UserError, match="did you mean mirrored"):
        set_up_devices("mirorred")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"split": "tset"},
            "`split`: expected train or valid or test, got 'tset'; did you mean te",
        ),
        ({"checkpoint": "bestt"}, "`checkpoint`: expected best or latest, got 'bestt'; did you"),
    ],
)
def test_wrong_evaluation_options_are_refused_before_the_model_is_read(arguments, said):
    with pytest.raises(UserError, match=re.escape(said)):
        sketch_rnn.evaluate("no such folder", **arguments)


def test_an_unknown_checkpoint_is_refused_for_every_kind_of_model():
    with pytest.raises(UserError, match="did you mean latest"):
        sketch_rnn.load_model(checkpoint="lates")


@pytest.mark.parametrize("said", BROKEN)
def test_an_invalid_sketch_gives_the_same_error_everywhere(model, said, tmp_path):
    sketches = [DRAWING, BROKEN[said]]
    where = f"^sketch 1: {said}"
    with pytest.raises(UserError, match=where):
        model.encode(sketches)
    if len(BROKEN[said]):  # an empty one leaves its cell empty
        with pytest.raises(UserError, match=said):
            model.complete(BROKEN[said])
        with pytest.raises(UserError, match=where):
            sketch_rnn.draw(sketches, tmp_path / "none.svg")
    assert list(tmp_path.iterdir()) == []


def test_building_a_data_set_refuses_invalid_sketches(tmp_path):
    """Stroke-5 is allowed, since files may have it."""
    for number, (said, sketch) in enumerate(BROKEN.items()):
        if "shape" in said:
            continue
        path, output = tmp_path / f"{number}.npz", tmp_path / f"{number}_out.npz"
        sketches = np.empty(1, object)
        sketches[0] = sketch
        np.savez(path, train=sketches, valid=sketches, test=sketches)
        with pytest.raises(UserError, match=said):
            sketch_rnn.build_dataset(path, output)
        assert not output.exists()


@pytest.mark.parametrize(
    ("inputs", "options", "said"),
    [
        ([5], {}, "inputs: expected names of files and folders, or arrays; got int"),
        ([DOODLES], {"first_row": "plac"}, "`first_row`: expected auto or drawn or place"),
    ],
)
def test_wrong_build_arguments_are_refused_before_a_file_is_written(
    tmp_path, inputs, options, said
):
    with pytest.raises(UserError, match=said):
        sketch_rnn.build_dataset(inputs, tmp_path / "made.npz", **options)
    assert list(tmp_path.iterdir()) == []


def test_encoding_an_empty_list_is_refused(model):
    with pytest.raises(UserError, match="expected one sketch or more to encode, got none"):
        model.encode([])
