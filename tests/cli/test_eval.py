"""Tests of `sketch_rnn_eval`: tables of models and files, single drawings, and errors."""

import csv
import io
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from helpers import DOODLES, FIXTURES

from sketch_rnn.cli.eval import main
from sketch_rnn.formats import save_model
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training import compare

CATS, SVG = str(DOODLES / "cat.npz"), str(FIXTURES / "curves.svg")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return the paths of two small models."""
    folder = tmp_path_factory.mktemp("models")
    for seed in (1, 2):
        hparams = HParams(
            conditional=False, dec_rnn_size=6, num_mixture=2, max_seq_len=64, data_set=["cat.npz"]
        )
        save_model(SketchRNN(hparams, 40.0, seed), folder / f"{seed}.keras")
    return [str(folder / f"{seed}.keras") for seed in (1, 2)]


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    """Write a data set whose third test drawing has random large jumps."""
    with np.load(CATS, allow_pickle=True) as file:
        splits = {name: file[name][:8] for name in file.files}
    broken = splits["test"][2].copy()
    broken[::2, 0] = 900
    splits["test"][2] = broken
    path = tmp_path_factory.mktemp("data") / "some.npz"
    np.savez(path, **splits)
    return str(path)


def test_the_table_has_a_row_for_each_model_and_file(models, drawings, capsys):
    flags = [f"--log_root={models[0]}", f"--model_dir={models[1]}", f"--input={drawings}"]
    flags += [f"--input={SVG}"]
    assert main([*flags, "--format=json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [(row["model"], row["file"], row["sketches"]) for row in rows]
    expected = [(drawings, 8), (SVG, 1), ("all", 9)]
    assert found == [(model, *row) for model in models for row in expected]
    assert rows[0]["reconstruction"] != rows[3]["reconstruction"]


def test_a_table_is_written_in_each_format():
    rows = [
        compare.Row(
            "a, b", name, "test", 8, 300, 64, -0.5, 0.1, -0.4, -0.68, -1.5, 0.3, 0.31, -0.39
        )
        for name in ("cat.npz", "all")
    ]
    texts = {}
    for form, write in compare.FORMATS.items():
        file = io.StringIO()
        write(rows, file)
        texts[form] = file.getvalue()
    of_json = [json.loads(line) for line in texts["json"].splitlines()]
    assert [compare.Row(**row) for row in of_json] == rows
    of_csv = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert of_csv == [{name: str(value) for name, value in row.items()} for row in of_json]
    lines = texts["text"].splitlines()
    assert lines[0].split()[:3] == ["model", "file", "split"]
    losses = ["-0.5000", "0.1000", "-0.4000", "-0.6800", "-1.5000", "0.3000", "-0.3900"]
    assert lines[1].split()[-7:] == losses
    assert any("as in the paper" in line for line in lines)


def test_the_comparable_cost_is_that_of_drawings_scaled_to_a_longer_side_of_1(models):
    found = compare.evaluate_inputs(models[0], [SVG], full_size=510.0)
    (row,) = found.rows()
    assert row.per_point_of_1 - row.per_point == pytest.approx(2 * np.log(40 / 510), abs=0.02)
    assert found.to_side_of_1[0] == pytest.approx(2 * np.log(40 / 510), abs=0.02)


def test_costs_are_listed_per_drawing_with_the_most_surprising_first(
    models, drawings, tmp_path, capsys
):
    output, table = tmp_path / "odd.svg", tmp_path / "costs.csv"
    flags = [f"--log_root={models[0]}", f"--input={drawings}", f"--input={SVG}"]
    flags += ["--extremes=3", f"--output={output}", f"--per_drawing={table}"]
    assert main(flags) == 0
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 9
    order = sorted(rows, key=lambda row: -float(row["surprise"]))
    assert order[0]["drawing"] == "2" and order[0]["file"] == drawings
    texts = [t.text for t in ET.parse(output).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["oddest", "plainest"]
    chosen = [*order[:3], *order[:-4:-1]]
    for row, text in zip(chosen, texts[2:], strict=True):
        assert text.startswith(f"{float(row['surprise']):.2f}: ")
    assert texts[2].endswith(": some 2")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], "--log_root"),
        (["--log_root=a", "--extremes=3"], "--output"),
        (["--log_root=a", "--output=a.svg"], "--extremes"),
        (["--log_root=a", "--extremes=0", "--output=a.svg"], "extremes"),
        (["--log_root=a", "--log_root=b", "--extremes=3", "--output=a.svg"], "one model"),
        (["--log_root=a", "--extremes=3", "--output=a.gif"], ".svg or .png"),
        (["--log_root=a", "--per_drawing=none/a.csv"], "no folder none"),
        (["--log_root=a", "--per_drawing=a.txt"], ".csv"),
        (["--log_root=a", "--input=a.npz", "--data_dir=b"], "got both"),
        (["--log_root=a", "--pen=down"], "--pen: expected an --input"),
        (["--log_root=none.keras", f"--input={CATS}"], "none.keras"),
        (["--log_root=MODEL", "--input=none.npz", "--full_size=255"], "none.npz"),
        (["--log_root=MODEL", f"--input={CATS}", "--split=all"], "split"),
    ],
)
def test_a_mistake_gives_a_one_line_error(models, tmp_path, monkeypatch, capsys, flags, expected):
    monkeypatch.chdir(tmp_path)
    assert main([flag.replace("MODEL", models[0]) for flag in flags]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert expected in shown.err
    assert not list(tmp_path.iterdir())


def test_the_copies_flag_compares_drawings_with_the_training_data(
    models, drawings, tmp_path, capsys
):
    output = tmp_path / "pairs.svg"
    data = f"--data_dir={DOODLES}"
    assert main([f"--log_root={models[0]}", data, "--copies", f"--output={output}"]) == 0
    head, drawn, real, verdict = capsys.readouterr().out.splitlines()
    assert head.startswith("distance to the nearest") and "drawn by the model (" in drawn
    assert "real drawings (" in real and "closer to a training drawing" in verdict
    assert "in training" in output.read_text()
    for flags, message in (
        ([f"--log_root={models[1]}"], "expected one model, got 2"),
        (["--extremes=3"], "--copies or --extremes"),
        ([f"--input={SVG}"], "--copies or --input"),
    ):
        assert main([f"--log_root={models[0]}", "--copies", *flags]) == 2
        assert message in capsys.readouterr().err
