"""`sketch_rnn.push`: a model on the Hugging Face Hub, for others to load by its name."""

import tempfile
from pathlib import Path

from sketch_rnn.data import hub
from sketch_rnn.errors import UserError
from sketch_rnn.model.network import SketchRNN


def push(model: SketchRNN, name: str, *, private: bool = False) -> str:
    """Share a model on the Hugging Face Hub, with its card as the page.

    `load_model("hf://user/name")` then reads it anywhere. One commit holds the model, the card and
    its picture, so nobody loads half of it. Each push writes the card anew; earlier ones stay in
    the history of the repository. This needs `pip install "sketch-rnn[hub]"` and `hf auth login`.

    Args:
      model: to share; set `model.license` first, as in "cc-by-4.0", for the card.
      name: of the repository, as in `user/name` or `hf://user/name`; it is created if need be.
      private: whether a new repository is seen by its owner alone.

    Returns:
      The address of the model's page.

    Raises:
      UserError: huggingface_hub is not installed, nobody is logged in, the Hub cannot be reached or
        does not take it, or it is no model.
    """
    if not isinstance(model, SketchRNN):
        raise UserError(f"push: expected a SketchRNN, as run.model, got {type(model).__name__}")
    address = hub.PREFIX + name.removeprefix(hub.PREFIX)
    hub.check(address)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / hub.MODEL_FILE)
        for file, content in model.card_files(address).items():
            (Path(folder) / file).write_bytes(content)
        return hub.push(address, Path(folder), private)
