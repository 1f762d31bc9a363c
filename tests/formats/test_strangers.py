"""Files from other programs are refused as models."""

import pytest

from sketch_rnn.errors import UserError
from sketch_rnn.formats import load_model


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.pth", "holds only weights from PyTorch"),
        ("X.PT", "holds only weights from PyTorch"),
        ("x.ckpt", "for a run of the original trainer, use its folder"),
        ("vector-100.index", "use the folder that it is in"),
        ("x.h5", "model.save, to a .keras file"),
        ("x.weights.h5", "model.save, to a .keras file"),
        ("x.onnx", "use the model that it was made from"),
        ("x.txt", "is not a model: expected the folder of a run, or X.gen.json"),
    ],
)
def test_a_model_from_another_program_gives_an_error_that_names_the_program(tmp_path, name, said):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=said) as refusal:
        load_model(tmp_path / name)
    assert str(refusal.value).startswith(str(tmp_path / name))
