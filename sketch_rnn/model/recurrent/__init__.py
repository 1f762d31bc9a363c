"""The three recurrent layers of the paper's model, under the names that `--hparams` uses."""

from sketch_rnn.model.recurrent.base import Recurrent
from sketch_rnn.model.recurrent.hyper import HyperLSTM
from sketch_rnn.model.recurrent.layer_norm import LayerNormLSTM
from sketch_rnn.model.recurrent.lstm import LSTM

LAYERS: dict[str, type[Recurrent]] = {
    "lstm": LSTM,
    "layer_norm": LayerNormLSTM,
    "hyper": HyperLSTM,
}

__all__ = ["LAYERS", "LSTM", "HyperLSTM", "LayerNormLSTM", "Recurrent"]
