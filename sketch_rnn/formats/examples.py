"""Choose the example drawings that visitors to a page can start from."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from sketch_rnn.convert.inputs import Choice, Size, read_inputs
from sketch_rnn.data import catalog, download
from sketch_rnn.errors import UserError, inform, warn
from sketch_rnn.formats.page import MOST_EXAMPLES
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model.network import SketchRNN


def examples_for(
    model: SketchRNN,
    model_dir: str | Path,
    given: str | None = None,
    data_dir: str | None = None,
    split: str = "test",
) -> list[np.ndarray]:
    """Choose `MOST_EXAMPLES` drawings from all files of a model's data set, for a page.

    Args:
      model: the model that the page draws with; without a scale factor there are no examples.
      model_dir: the place the model was loaded from; a run's folder names its data set.
      given: a file or folder of drawings to use instead, read as `sketch_rnn_sample --input` does.
      data_dir: the folder or http(s) address of the data set; None means where the run read it.
      split: the split of the data set to choose from.

    Returns:
      Stroke-3 arrays `[n, 3]` in data units. If the data set cannot be read, the list is empty and
      a warning is logged.

    Raises:
      UserError: `given` cannot be read.
    """
    if model.scale_factor is None:
        return []
    if data_dir is None and catalog.is_packaged(model_dir):
        data_dir = download.EMBEDDED
    names, longest = model.hparams.data_set, model.hparams.max_seq_len
    if given:
        choice = Choice(split, most=MOST_EXAMPLES)
        return read_inputs([given], names, longest, choice, Size(full=model.full_size))
    try:
        paths = _data_set(RunFolder(model_dir), names, data_dir)
        examples = [
            sketch
            for path, count in zip(paths, _counts_per_file(len(paths)), strict=True)
            for sketch in read_inputs([path], names, longest, Choice(split, most=count))
        ]
    except UserError as error:
        warn(f"the page has no drawings to start from: {error}; give drawings with --input")
        return []
    if paths:
        inform(f"drawings to start from: the {split} split of {', '.join(paths)}")
    return examples


def _counts_per_file(count: int) -> list[int]:
    """Return how many examples to take from each of `count` files."""
    ends = [MOST_EXAMPLES * number // max(count, 1) for number in range(count + 1)]
    return [end - begin for begin, end in pairwise(ends)]


def _data_set(run: RunFolder, names: Sequence[str], data_dir: str | None) -> list[str]:
    """Return the files of the data set; none if it is unknown."""
    if data_dir is None and not run.holds_run():
        return []
    folder = data_dir or download.recorded_data_dir(run.read_config().data_dir, names)
    return [str(path) for path in download.resolve(folder, names)]
