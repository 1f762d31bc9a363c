"""Tests of scripts/paper_table: the table of trained models beside the paper's results."""

from argparse import Namespace

from helpers import DOODLES

from sketch_rnn.cli import paper_table as script
from sketch_rnn.cli.main import main as program

SMALL = "dec_rnn_size=6,num_mixture=2,batch_size=8,num_steps=1"


def test_the_table_shows_results_beside_those_of_the_paper(tmp_path, monkeypatch, capsys):
    asked = []

    def trained(folder, names, hparams, _):
        asked.append((folder.relative_to(tmp_path).as_posix(), names, hparams))
        return [len(asked) / 10] * (2 if "kl_weight" in hparams else 1)

    monkeypatch.setattr(script, "trained", trained)
    monkeypatch.setattr(script, "has_paper_size", lambda folder, names: names != ["cat.npz"])
    sets = ["pig.npz+cat.npz", "mine.npz", "cat.npz"]
    assert program(["paper_table", "--data_dir=a", f"--log_root={tmp_path}", *sets]) == 0
    assert asked[1] == ("cat+pig/w_KL=0.50", ["pig.npz", "cat.npz"], {"kl_weight": 0.5})
    assert asked[3] == ("cat+pig/decoderonly", ["pig.npz", "cat.npz"], {"conditional": False})
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[0] for row in rows] == ["data set", "---", "cat, pig", "*the paper*", "mine", "cat"]
    assert rows[2][1:] == ["0.10", "0.10", "0.20", "0.20", "0.30", "0.30", "0.40"]
    assert rows[3][1:] == ["-1.02", "0.22", "-1.24", "0.49", "-1.50", "0.98", "-0.75"]


def test_a_trained_model_is_not_trained_again(tmp_path, capsys):
    arguments = Namespace(hparams=[SMALL], data_dir=str(DOODLES))
    first, again = (
        script.trained(tmp_path / "run", ["cat.npz"], {"conditional": False}, arguments)
        for _ in range(2)
    )
    assert first == again and len(first) == 1
    assert not script.has_paper_size(
        tmp_path / "run", ["cat.npz"]
    )  # the package has but some of them
    assert "nothing to do: 1 of 1 steps" in capsys.readouterr().out


def test_a_mistake_gives_a_one_line_error(tmp_path, capsys):
    arguments = [f"--data_dir={tmp_path}", f"--log_root={tmp_path}/a", "none.npz"]
    assert script.main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1 and "none.npz" in shown.err
