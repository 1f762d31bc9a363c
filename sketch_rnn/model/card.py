"""The card of a model: what users want to know about the model before they use it.

The model's `.keras` file contains the card, and the Hub shows it as the model's page.
"""

import math
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sketch_rnn import files
from sketch_rnn.choices import KERAS_SUFFIX
from sketch_rnn.drawing import draw
from sketch_rnn.errors import UserError, one_line
from sketch_rnn.pictures import png

TEXT_FILE, PICTURE_FILE = "README.md", "drawings.png"
_SHOWN, _COLUMNS, _TEMPERATURE = 8, 4, 0.3
_LONGEST = 500  # the most points in a drawing shown on the card
_NOT_SAID = "not stated; ask whoever trained it"
_HUB_LICENSES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")


@dataclass(frozen=True)
class Trained:
    """What is known about a model's training; None means unknown.

    Attributes:
      steps: the number of updates.
      sketches: the number of sketches in the training split.
      reconstruction: the reconstruction cost of the validation split with these weights.
      kl: the KL cost of the validation split with these weights, raised to its floor.
    """

    steps: int | None = None
    sketches: int | None = None
    reconstruction: float | None = None
    kl: float | None = None

    def known(self) -> dict[str, Any]:
        """Return the fields that are known and finite, by name."""
        fields = asdict(self).items()
        return {name: v for name, v in fields if v is not None and math.isfinite(v)}


class WithCard:
    """The part of a `SketchRNN` that describes the model to its users."""

    def save(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write a `.keras` file that includes the model's card.

        `load_model` and `keras.saving.load_model` read it. The file is a zip archive: `README.md`
        in it is the card, and `drawings.png` shows drawings by the model.

        Args:
          filepath: the path of the file, ending in `.keras`; `save_model` writes other formats.
          overwrite: replace an existing file.

        Raises:
          UserError: the name does not end in .keras, or the file exists and `overwrite` is off.
          OSError: the file cannot be written; an existing file stays as it was.
        """
        path = Path(filepath)
        if path.suffix != KERAS_SUFFIX:
            raise UserError(
                f"save: expected a name that ends in {KERAS_SUFFIX}, got {path.name}; "
                "`save_model` writes other formats"
            )
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists; set `overwrite` to replace it, or choose another file")
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            part = Path(folder) / "model.keras"
            keras.saving.save_model(self, part)
            with zipfile.ZipFile(part, "a") as archive:
                for name, content in self.card_files(path.name).items():
                    archive.writestr(name, content)
            files.replace(part, path)

    def card(self, name: str = "model.keras") -> str:
        """Return the model's card: what is known about the model, in Markdown.

        Args:
          name: the name to pass to `load_model` to read the model.

        Returns:
          A text that states the model's data, training steps, costs, license and architecture.
        """
        return text(self, name)

    def card_files(self, name: str) -> dict[str, bytes]:
        """Return the contents of the card's text and picture, keyed by file name; see `card`."""
        shown = picture(self)
        pictures = {} if shown is None else {PICTURE_FILE: shown}
        return {TEXT_FILE: self.card(name).encode(), **pictures}


def text(model: Any, file: str) -> str:
    """Return the card in Markdown, preceded by the metadata that the Hub reads.

    Args:
      model: a `SketchRNN`.
      file: the name to pass to `load_model` to read the model.
    """
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in _facts(model).items())
    return f"""---
library_name: sketch_rnn
{_license_line(model.license)}tags: [sketch-rnn, keras, drawing]
---
# A model that draws

A [Sketch-RNN](https://arxiv.org/abs/1704.03477) for TensorFlow 2 and Keras 3: it draws stroke by
stroke.

![Drawings by this model]({PICTURE_FILE})

| | |
|---|---|
{rows}

```python
import sketch_rnn

model = sketch_rnn.load_model("{file}")
sketch_rnn.draw(model.decode(num_samples=8), "drawings.svg")
```
"""


def picture(model: Any) -> bytes | None:
    """Return drawings by the model as a PNG; None if its weights are not all finite."""
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        return None
    longest = min(model.hparams.max_seq_len, _LONGEST)
    drawn = model.decode(num_samples=_SHOWN, temperature=_TEMPERATURE, max_len=longest, seed=1)
    return png(draw(drawn, columns=_COLUMNS))


def _facts(model: Any) -> dict[str, str]:
    """Return the properties of a model as text, keyed by the names that the card shows."""
    hparams, trained = model.hparams, model.trained
    names = ", ".join(f"`{name}`" for name in hparams.data_set)
    facts = {
        "data": names + (f", {trained.sketches:,} training drawings" if trained.sketches else ""),
        "training steps": _steps(model),
        "costs of the validation drawings": _costs(model),
        "license": model.license or _NOT_SAID,
    }
    decoder = f"decoder: {hparams.dec_model}, {hparams.dec_rnn_size} units"
    if hparams.conditional:
        encoder = f"encoder: {hparams.enc_model}, {hparams.enc_rnn_size} units per direction"
        decoder = f"{encoder}; z of {hparams.z_size}; {decoder}"
    facts["architecture"] = f"{decoder}; {hparams.num_mixture} mixtures"
    facts["parameters"] = f"{model.count_params():,}"
    facts["longest drawing"] = f"{hparams.max_seq_len} points"
    return facts


def _steps(model: Any) -> str:
    steps = model.trained.steps
    if steps is None and model.compiled:
        steps = int(model.optimizer.iterations)
    return f"{steps:,}" if steps else "not known"


def _costs(model: Any) -> str:
    trained = model.trained
    if trained.reconstruction is None:
        return "not known"
    kl = "" if trained.kl is None else f", KL {trained.kl:.4f}"
    return f"reconstruction {trained.reconstruction:.4f}{kl}"


def _cell(value: str) -> str:
    """Return a string in the form of a cell in a Markdown table."""
    return one_line(value).replace("|", "\\|")


def _license_line(license: str) -> str:
    """Return the line with the Hub's name for the license, or `other`; "" if none is stated."""
    name = license.lower().replace(" ", "-")
    return f"license: {name if name in _HUB_LICENSES else 'other'}\n" if license else ""
