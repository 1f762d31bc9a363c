"""Share a model on the Hugging Face Hub, so that others can load it by name: `sketch_rnn.push`."""

import tempfile
from pathlib import Path

from sketch_rnn.data import hub
from sketch_rnn.errors import UserError
from sketch_rnn.model.network import SketchRNN


def push(model: SketchRNN, name: str, *, private: bool = False) -> str:
    """Share a model on the Hugging Face Hub, with its model card as the page.

    `load_model("hf://user/name")` can then read the model anywhere. A single commit holds the
    model, the card and its picture, so nobody can load half of them. Each push rewrites the card;
    earlier cards stay in the history of the repository. This needs
    `pip install "sketch-rnn[hub]"` and `hf auth login`.

    Args:
      model: the model to share; set `model.license` first, for example to "cc-by-4.0", to state
        the license on the card.
      name: the name of the repository, as in `user/name` or `hf://user/name`; the repository is
        created if it does not exist.
      private: whether only the owner can see a new repository.

    Returns:
      The address of the model's page.

    Raises:
      UserError: the argument is not a model, huggingface_hub is not installed, nobody is logged
        in, or the Hub cannot be reached or refuses the model.
    """
    if not isinstance(model, SketchRNN):
        raise UserError(f"push: expected a SketchRNN such as run.model, got {type(model).__name__}")
    address = hub.PREFIX + name.removeprefix(hub.PREFIX)
    hub.check_repository(address)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / hub.MODEL_FILE)
        for file, content in model.card_files(address).items():
            (Path(folder) / file).write_bytes(content)
        return hub.push(address, Path(folder), private)
