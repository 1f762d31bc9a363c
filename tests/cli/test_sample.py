"""Tests of `sketch_rnn_sample`: its modes, inputs, outputs and errors."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from golden_models import original_run
from helpers import DOODLES, FIXTURES, read_npz
from PIL import Image, ImageDraw

from sketch_rnn.cli.sample import main
from sketch_rnn.data import npz
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.formats.run_folder import RunConfig, RunFolder
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training.state import TrainState

DRAWINGS = FIXTURES
SVGS = [str(DRAWINGS / name) for name in ("curves.svg", "polylines.svg", "shapes.svg")]
SIZES = {"enc_rnn_size": 6, "dec_rnn_size": 8, "z_size": 4, "num_mixture": 2, "max_seq_len": 40}


def make_run(folder, **changes):
    hparams = HParams(**(SIZES | {"data_set": ("some.npz",)} | changes))
    config = RunConfig(hparams, scale_factor=30.0, seed=3, data_dir="", full_size=255.0)
    run = RunFolder(folder)
    run.path.mkdir()
    model = SketchRNN(hparams, 30.0, seed=3)
    bias = model.decoder.output_layer.bias  # of the pen's states: lines and ends now and then
    bias.assign(np.concatenate([[1.0, -0.5, -4.0], bias.numpy()[3:]]))
    checkpoint = TrainState(model).checkpoint
    run.create(config, checkpoint, step=0)
    run.save(checkpoint, 0, "best")
    return str(folder)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "conditional")


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "unconditional", conditional=False)


@pytest.fixture
def own(conditional, data, tmp_path):
    """Make a run whose configuration names its data folder."""
    run = Path(shutil.copytree(conditional, tmp_path / "own"))
    config = json.loads((run / "model_config.json").read_text())
    config |= {"data_dir": str(Path(data).parent)}
    (run / "model_config.json").write_text(json.dumps(config))
    return str(run)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Write a data set with ten drawings in each split."""
    path = tmp_path_factory.mktemp("data") / "some.npz"
    rng = np.random.default_rng(1)
    sketches = np.empty(10, object)
    for i in range(10):
        sketches[i] = np.concatenate([rng.normal(0, 30, (5 + i, 2)), np.eye(5 + i)[:, -1:]], 1)
    np.savez(path, train=sketches, valid=sketches, test=sketches)
    return str(path)


def sample(model, output, *flags):
    """Run the command with a seed, which `flags` may override."""
    return main([f"--model_dir={model}", f"--output={output}", "--seed=1", *flags])


def refused(capsys, output, model, *flags):
    """Return the one-line error, and check that no output was written."""
    capsys.readouterr()
    assert sample(model, output, *flags) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1 and shown.out == ""
    assert not output.exists() and not list(output.parent.glob("*.part"))
    return shown.err


def groups(path, kind="sketch"):
    """Return the paths of each sketch in a picture."""
    found = ET.parse(path).getroot().iter("{http://www.w3.org/2000/svg}g")
    return [list(g) for g in found if g.get("class") == kind]


def texts(path):
    return [t.text for t in ET.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("kind", ["conditional", "unconditional"])
def test_generate_draws_the_number_asked_for_and_repeats_a_seed(request, tmp_path, kind):
    model = request.getfixturevalue(kind)
    assert sample(model, tmp_path / "a.svg", "--num_samples=7") == 0
    assert len(groups(tmp_path / "a.svg")) == 7
    assert sample(model, tmp_path / "b.svg", "--num_samples=7", "--seed=2") == 0
    assert sample(model, tmp_path / "c.svg", "--num_samples=7", "--seed=2") == 0
    drawn = [(tmp_path / f"{name}.svg").read_bytes() for name in "abc"]
    assert drawn[0] != drawn[1] and drawn[1] == drawn[2]


def test_all_output_formats_hold_the_same_drawings(conditional, tmp_path):
    flags = ("--num_samples=4", "--temperature=0.7", "--seed=5")
    for suffix in ("svg", "png", "npz", "json"):
        assert sample(conditional, tmp_path / f"a.{suffix}", *flags) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    data = read_npz(tmp_path / "a.npz")
    assert [len(data[split]) for split in npz.SPLITS] == [4, 4, 4]
    listed = json.loads((tmp_path / "a.json").read_text())["sketches"]
    for ours, theirs in zip(listed, data["train"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert len(groups(tmp_path / "a.svg")) == 4
    dataset = load_dataset("a.npz", tmp_path)
    assert len(dataset.train) == 4


def test_drawings_of_equal_length_are_written_as_a_data_set(unconditional, tmp_path):
    assert sample(unconditional, tmp_path / "a.npz", "--num_samples=5", "--max_len=1") == 0
    with np.load(tmp_path / "a.npz", allow_pickle=True) as file:
        assert file["train"].shape == (5,)


def test_temperatures_make_a_grid(unconditional, tmp_path):
    output = tmp_path / "a.svg"
    assert sample(unconditional, output, "--num_samples=3", "--temperature=0.2,1") == 0
    assert len(groups(output)) == 6
    assert texts(output) == ["t = 0.2", "t = 1"]


def test_encode_and_z_file(conditional, data, tmp_path):
    z_file = tmp_path / "z.npz"
    assert sample(conditional, z_file, "--mode=encode", f"--input={data}", "--index=0,3") == 0
    with np.load(z_file) as file:
        assert file["mu"].shape == file["logvar"].shape == (2, 4)
    assert sample(conditional, z_file, "--mode=encode", f"--input={data}", "--overwrite") == 0
    with np.load(z_file) as file:
        assert file["mu"].shape == (10, 4)
    output = tmp_path / "a.svg"
    assert sample(conditional, output, f"--z_file={z_file}", "--greedy") == 0
    assert len(groups(output)) == 10


@pytest.mark.parametrize("given", [SVGS, None])
def test_reconstruct(conditional, data, tmp_path, given):
    output = tmp_path / "a.svg"
    inputs = [f"--input={path}" for path in given or [data]]
    flags = [] if given else ["--index=1,2,9"]
    assert sample(conditional, output, "--mode=reconstruct", *inputs, *flags) == 0
    assert len(groups(output)) == 6
    assert texts(output) == ["input", "reconstruction"]
    assert sample(conditional, tmp_path / "a.json", "--mode=reconstruct", *inputs, *flags) == 0
    assert len(json.loads((tmp_path / "a.json").read_text())["sketches"]) == 3


def test_a_folder_as_input_means_the_data_set_in_that_folder(conditional, data, tmp_path):
    flags = ("--mode=reconstruct", f"--input={Path(data).parent}", "--num_samples=4")
    assert sample(conditional, tmp_path / "a.svg", *flags) == 0
    assert len(groups(tmp_path / "a.svg")) == 8


def test_interpolate(conditional, tmp_path):
    output = tmp_path / "a.svg"
    inputs = [f"--input={path}" for path in SVGS]
    assert sample(conditional, output, "--mode=interpolate", *inputs, "--steps=4") == 0
    assert len(groups(output)) == 2 * 4
    assert sample(conditional, output, "--mode=interpolate", "--steps=3", "--nospherical") == 0
    assert len(groups(output)) == 3


def drawn(path):
    return json.loads(path.read_text())["sketches"]


def test_an_analogy_with_equal_first_inputs_draws_the_third(conditional, tmp_path):
    """a - a + c draws what the reconstruction of c draws."""
    inputs = [f"--input={SVGS[i]}" for i in (0, 0, 2)]
    assert sample(conditional, tmp_path / "a.json", "--mode=analogy", "--seed=1", *inputs) == 0
    assert (
        sample(conditional, tmp_path / "c.json", "--mode=reconstruct", "--seed=1", inputs[2]) == 0
    )
    (result,), (expected,) = drawn(tmp_path / "a.json"), drawn(tmp_path / "c.json")
    np.testing.assert_allclose(result, expected, atol=1e-3)
    others = [f"--input={path}" for path in SVGS]
    assert sample(conditional, tmp_path / "b.json", "--mode=analogy", "--seed=1", *others) == 0
    (other,) = drawn(tmp_path / "b.json")
    assert len(other) != len(expected) or not np.allclose(other, expected, atol=1e-3)


def test_an_analogy_shows_its_inputs(conditional, data, tmp_path):
    output, flags = tmp_path / "a.svg", ("--mode=analogy", f"--input={data}", "--index=0,4,9")
    assert sample(conditional, output, *flags, "--num_samples=2") == 0
    assert texts(output) == ["input", "- input", "+ input", "=", "="]
    assert len(groups(output)) == 5
    assert sample(conditional, output, *flags, "--temperature=0.2,0.9") == 0
    assert len(groups(output)) == 8


def test_the_corners_of_a_grid_are_reconstructions(conditional, data, tmp_path):
    flags = (f"--input={data}", "--index=0,4,7,9", "--greedy", "--max_len=20")
    assert sample(conditional, tmp_path / "a.json", "--mode=grid", "--steps=3", *flags) == 0
    assert sample(conditional, tmp_path / "b.json", "--mode=reconstruct", *flags) == 0
    square, corners = drawn(tmp_path / "a.json"), drawn(tmp_path / "b.json")
    assert len(square) == 9
    for place, corner in zip((0, 2, 6, 8), corners, strict=True):
        np.testing.assert_allclose(square[place], corner, atol=1e-3)
    assert sample(conditional, tmp_path / "a.svg", "--mode=grid", "--steps=3") == 0
    assert len(groups(tmp_path / "a.svg")) == 9


@pytest.mark.parametrize("kind", ["conditional", "unconditional"])
def test_complete(request, tmp_path, kind):
    model = request.getfixturevalue(kind)
    inputs = [f"--input={path}" for path in SVGS]
    flags = ("--mode=complete", "--num_samples=2", "--seed=4")
    assert sample(model, tmp_path / "a.svg", *inputs, *flags) == 0
    given, drawn = (groups(tmp_path / "a.svg", kind) for kind in ("given", "sketch"))
    assert len(given) == len(drawn) == 6 and all(given) and all(drawn)


@pytest.mark.parametrize("kind", ["conditional", "unconditional"])
def test_temperatures(request, tmp_path, kind):
    model, output = request.getfixturevalue(kind), tmp_path / "a.svg"
    assert sample(model, output, "--mode=temperatures", "--temperature=0.1,0.5,1") == 0
    assert texts(output) == ["t = 0.1", "t = 0.5", "t = 1"]
    assert len(groups(output)) == 3


@pytest.mark.parametrize("flags", [["--input_size=0.1"], ["--page"]])
def test_a_part_of_a_drawing_keeps_its_small_size(unconditional, tmp_path, flags):
    """The given part is a tenth of the full size, according to the flag or the page."""
    path = tmp_path / "ear.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300">'
        '<path stroke="black" fill="none" d="M100 90l20-40 20 30"/></svg>'
    )
    given = ("--mode=complete", "--num_samples=1", f"--input={path}", *flags)
    assert sample(unconditional, tmp_path / "a.json", *given) == 0
    ((sketch, *_),) = [json.loads((tmp_path / "a.json").read_text())["sketches"]]
    np.testing.assert_allclose(np.abs(sketch[0][:2]), [12.75, 25.5], atol=1)


def test_drawings_that_are_not_svg_are_completed(unconditional, tmp_path):
    lines = [
        {"drawing": [[[*range(0, 240, 20), 255 + i], [j * j for j in range(13)]]]} for i in range(3)
    ]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    flags = ("--mode=complete", "--num_samples=2", f"--input={path}", "--index=0,2")
    assert sample(unconditional, tmp_path / "a.svg", *flags) == 0
    assert len(groups(tmp_path / "a.svg")) == 4


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """Write a photograph of two horizontal lines, of which the lower spans the whole drawing."""
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    image = Image.new("RGB", (300, 160), (200, 195, 185))
    pen = ImageDraw.Draw(image)
    pen.line([(50, 40), (150, 40)], fill=(40, 40, 50), width=5)
    pen.line([(50, 120), (250, 120)], fill=(40, 40, 50), width=5)
    image.save(path)
    return path


def test_a_photograph_is_reconstructed(conditional, photo, tmp_path):
    flags = ("--mode=reconstruct", f"--input={photo}")
    assert sample(conditional, tmp_path / "a.svg", *flags) == 0
    assert len(groups(tmp_path / "a.svg")) == 2
    assert texts(tmp_path / "a.svg") == ["input", "reconstruction"]


def test_a_photograph_is_completed(unconditional, photo, tmp_path):
    flags = ("--mode=complete", "--num_samples=1", f"--input={photo}")
    assert sample(unconditional, tmp_path / "a.json", *flags) == 0
    (sketch,) = drawn(tmp_path / "a.json")
    given = np.array(sketch[:3], float)
    np.testing.assert_array_equal(given[:, 2], [1, 0, 1])
    np.testing.assert_allclose(np.abs(given[0, :2]), [127.5, 0], atol=5)
    np.testing.assert_allclose(np.abs(given[2, :2]), [255, 0], atol=5)


def test_animate(unconditional, tmp_path):
    assert sample(unconditional, tmp_path / "a.svg", "--num_samples=1", "--animate") == 0
    assert "animation" in (tmp_path / "a.svg").read_text()


def test_a_missing_latest_checkpoint_is_an_error(unconditional, tmp_path, capsys):
    run = shutil.copytree(unconditional, tmp_path / "run")
    for path in (run / "checkpoints").glob("latest-*"):
        path.unlink()
    assert "checkpoint" in refused(capsys, tmp_path / "a.svg", run, "--checkpoint=latest")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--temperature=0"], "--temperature"),
        (["--temperature=0.5,-1"], "--temperature"),
        (["--temperature=warm"], "--temperature"),
        (["--temperature=nan"], "--temperature"),
        (["--temperature="], "--temperature"),
        (["--num_samples=0"], "num_samples"),
        (["--num_samples=100000000"], "num_samples"),
        (["--max_len=2000000000"], "max_len"),
        (["--steps=1"], "steps"),
        (["--mode=reconstruct"], "--input"),
        (["--mode=generate", f"--input={SVGS[0]}"], "--input"),
        (["--mode=encode", f"--input={SVGS[0]}"], ".npz"),
        (["--mode=reconstruct", "--input=DATA", "--index=10"], "0 to 9"),
        (["--mode=reconstruct", "--input=DATA", "--index=-1"], "0 to 9"),
        (["--mode=reconstruct", "--input=DATA", "--index=one"], "--index"),
        (["--mode=reconstruct", f"--input={SVGS[0]}", "--index=0"], "--index"),
        (["--mode=reconstruct", "--input=none.svg"], "none.svg"),
        (["--mode=reconstruct", "--input=none.npz"], "none.npz"),
        (["--mode=complete", f"--input={SVGS[0]}", "--input_size=0"], "input_size"),
        (["--mode=complete", f"--input={SVGS[0]}", "--input_size=0.5", "--page"], "got both"),
        (["--mode=complete", "--input=DATA", "--page"], "is not an SVG file and has no page"),
        (["--page"], "expected an --input"),
        (["--mode=interpolate", f"--input={SVGS[0]}"], "two or more"),
        (["--mode=analogy"], "--input"),
        (["--mode=analogy", f"--input={SVGS[0]}"], "three inputs, got 1"),
        (["--mode=grid", "--input=DATA", "--index=1,2,3"], "four inputs, got 3"),
        (["--mode=grid", "--temperature=0.1,1"], "one temperature"),
        (["--z_file=none.npz"], "none.npz"),
        (["--z_file=DATA"], "written by --mode=encode"),
        (["--scale_factor=0"], "--scale_factor"),
        (["--mode=dance"], "mode"),
        (["--modee=generate"], "--mode"),
    ],
)
def test_bad_flags(conditional, data, tmp_path, capsys, flags, expected):
    flags = [flag.replace("DATA", data) for flag in flags]
    assert expected in refused(capsys, tmp_path / "a.svg", conditional, *flags)


@pytest.mark.parametrize(
    "mode", ["encode", "reconstruct", "interpolate", "temperatures", "analogy", "grid"]
)
def test_conditional_modes_need_a_conditional_model(unconditional, tmp_path, capsys, mode):
    output = tmp_path / ("a.npz" if mode == "encode" else "a.svg")
    flags = (f"--mode={mode}", f"--input={SVGS[0]}")
    assert "unconditional" in refused(capsys, output, unconditional, *flags)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<svg xmlns='http://www.w3.org/2000/svg'><text y='9'>hello</text></svg>",
    ],
)
def test_an_svg_without_a_drawing_is_refused(conditional, tmp_path, capsys, content):
    path = tmp_path / "mine.svg"
    path.write_text(content)
    line = refused(capsys, tmp_path / "a.svg", conditional, "--mode=complete", f"--input={path}")
    assert "mine.svg" in line


def test_a_filled_svg_is_read_by_its_outlines(conditional, tmp_path):
    path = tmp_path / "mine.svg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>")
    flags = ("--mode=reconstruct", f"--input={path}")
    assert sample(conditional, tmp_path / "a.svg", *flags) == 0


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    output = tmp_path / "a.svg"
    assert "no folder" in refused(capsys, output, tmp_path / "none")
    (tmp_path / "foreign").mkdir()
    assert "no checkpoint" in refused(capsys, output, tmp_path / "foreign")


@pytest.mark.parametrize("name", ["none/a.svg", "a.gif", "a"])
def test_an_impossible_output_is_refused(conditional, tmp_path, capsys, name):
    assert "--output" in refused(capsys, tmp_path / name, conditional)


@pytest.mark.parametrize("suffix", ["svg", "npz", "json"])
def test_an_output_that_cannot_be_written_is_an_error(
    unconditional, tmp_path, capsys, monkeypatch, suffix
):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    line = refused(capsys, tmp_path / f"a.{suffix}", unconditional)
    assert f"a.{suffix}: " in line and "No space left" in line


def test_a_model_without_a_scale_factor_is_refused(tmp_path, capsys, data):
    model, output = original_run("lstm", tmp_path / "run"), tmp_path / "a.svg"
    flags = ("--mode=reconstruct", f"--input={SVGS[1]}")
    assert "--scale_factor" in refused(capsys, output, model, *flags)
    assert sample(model, output, *flags, "--scale_factor=30") == 0
    assert sample(model, output) == 0


def test_the_scale_factor_is_computed_from_the_data_set(tmp_path):
    model = original_run("lstm", tmp_path / "run")
    flags = ("--mode=encode", f"--input={SVGS[1]}", "--full_size=255")
    assert sample(model, tmp_path / "a.npz", *flags, f"--data_dir={DOODLES}") == 0
    factor = load_dataset("cat.npz", DOODLES).scale_factor
    assert sample(model, tmp_path / "b.npz", *flags, f"--scale_factor={factor}") == 0
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        np.testing.assert_allclose(a["mu"], b["mu"], atol=1e-5)


def test_many_reconstructions_are_drawn_in_two_pairs_of_columns(conditional, data, tmp_path):
    flags = ("--mode=reconstruct", f"--input={Path(data).parent}", "--num_samples=9")
    assert sample(conditional, tmp_path / "a.svg", *flags) == 0
    assert texts(tmp_path / "a.svg") == ["input", "reconstruction"] * 2
    assert len([group for group in groups(tmp_path / "a.svg") if group]) == 18


def test_a_model_with_too_little_training_gives_a_warning(
    conditional, unconditional, tmp_path, capsys
):
    """It still draws. It has trained for few steps, or for many with a high KL cost."""
    assert sample(unconditional, tmp_path / "a.svg", "--num_samples=1", "--greedy") == 0
    shown = capsys.readouterr()
    assert "this model has trained for 0 steps" in shown.err and "wrote" in shown.out
    assert f"sketch_rnn_train --log_root={unconditional} --resume_training" in shown.err
    run = Path(shutil.copytree(conditional, tmp_path / "run"))
    for path in (run / "checkpoints").iterdir():
        path.rename(path.with_name(re.sub(r"(best|latest)-0", r"\1-700", path.name)))
    row = {"step": 699, "Valid_Reconstr_Cost": 0.1, "Valid_KL_Cost": 1.352}
    (run / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    assert sample(run, tmp_path / "a.svg", "--num_samples=1", "--greedy") == 0
    assert capsys.readouterr().err == (
        "warning: this model draws poorly from random z: its KL is 1.35 nats per dimension; try "
        "--mode=reconstruct, or train with a larger kl_weight\n"
    )
    flags = ("--mode=reconstruct", f"--input={SVGS[0]}", "--greedy")
    assert sample(run, tmp_path / "a.svg", *flags) == 0
    assert capsys.readouterr().err == ""


def test_an_early_best_checkpoint_chosen_on_few_drawings_gives_a_warning(
    unconditional, tmp_path, capsys
):
    """The suggested command works as printed, and counts its steps from the start."""
    run = Path(shutil.copytree(unconditional, tmp_path / "run"))
    for best, latest, began, words in (
        (100, 750, "", "after 100 of 750 steps; with few drawings"),
        (200, 200, "", "for 200 steps; drawings"),
        (200, 200, "doodles", ""),
        (100, 100, "doodles", "for 100 steps since it started from doodles; drawings"),
    ):
        for path in (run / "checkpoints").iterdir():
            kind, _, end = re.fullmatch(r"(\w+)-(\d+)(.*)", path.name).groups()
            path.rename(path.with_name(f"{kind}-{best if kind == 'best' else latest}{end}"))
        config = json.loads((run / "model_config.json").read_text())
        config |= {"init_from": began, "training_size": 54}
        (run / "model_config.json").write_text(json.dumps(config))
        assert sample(run, tmp_path / "a.svg", "--num_samples=1", "--greedy") == 0
        assert words in (shown := capsys.readouterr().err) and bool(words) == bool(shown)
        (tmp_path / "a.svg").unlink()


def test_a_run_reconstructs_its_own_training_data_by_default(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sample(own, tmp_path / "a.svg", "--mode=reconstruct", "--num_samples=3") == 0
    assert texts(tmp_path / "a.svg")[:2] == ["input", "reconstruction"]


def test_like_takes_kinds_by_name(own, tmp_path, capsys):
    assert main(["--list_kinds"]) == 0
    assert capsys.readouterr().out == "cat\nfish\nhouse\nflower\nface\nsailboat\n"
    assert main(["--list_kinds", f"--model_dir={own}"]) == 0
    assert capsys.readouterr().out == "some\n"
    assert sample(own, tmp_path / "a.json", "--like=some", "--num_samples=3") == 0
    assert len(json.loads((tmp_path / "a.json").read_text())["sketches"]) == 3
    flags = ("--like=cat,house", "--mode=interpolate", "--steps=4")
    assert main([f"--output={tmp_path}/b.json", *flags]) == 0
    assert len(json.loads((tmp_path / "b.json").read_text())["sketches"]) == 4
    capsys.readouterr()
    for flags, message in (
        (("--like=dog",), "expected one of some, got 'dog'"),
        (("--like=cat", "--mode=reconstruct"), "--like with a mode that takes z, got reconstruct"),
        (("--like=cat", "--z_file=a.npz"), "expected --like or --z_file, got both"),
    ):
        assert message in refused(capsys, tmp_path / "c.svg", own, *flags)


def test_flags_set_the_columns_size_and_colors_of_a_picture(unconditional, tmp_path, capsys):
    output = tmp_path / "a.svg"
    flags = ("--num_samples=6", "--columns=2", "--size=90mm", "--color=navy", "--smooth")
    assert sample(unconditional, output, *flags, "--background=ivory", "--stroke_width=0.3") == 0
    root = ET.parse(output).getroot()
    assert (root.get("width"), root.get("height")) == ("90mm", "135mm")
    assert root.find("{http://www.w3.org/2000/svg}rect").get("fill") == "ivory"
    assert 'stroke="navy"' in output.read_text() and "C" in groups(output)[0][0].get("d")
    for flag, message in (
        ("--color=nvay", "--color: expected a color"),
        ("--size=far", "--size: expected a width"),
        ("--columns=0", "--columns=0"),
    ):
        assert message in refused(capsys, tmp_path / "b.svg", unconditional, flag)
    flags = ("--temperature=0.2,0.5", "--columns=3")
    assert "rows of 10 drawings" in refused(capsys, tmp_path / "b.svg", unconditional, *flags)


def test_columns_are_filled_with_pairs(conditional, data, tmp_path):
    flags = ("--mode=reconstruct", f"--input={data}", "--num_samples=6", "--columns=4")
    assert sample(conditional, tmp_path / "a.svg", *flags) == 0
    assert texts(tmp_path / "a.svg") == ["input", "reconstruction"] * 2
