"""The state of training: everything that changes from step to step."""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.data.dataset import Dataset
from sketch_rnn.formats.run_folder import RunConfig
from sketch_rnn.model.fitting import ADAM_EPSILON
from sketch_rnn.model.network import SketchRNN


class TrainState:
    """The state of training: weights, Adam's moments, the step, and the best cost so far."""

    def __init__(self, model: SketchRNN):
        hparams = model.hparams
        self.model = model
        self.optimizer = keras.optimizers.Adam(hparams.learning_rate, epsilon=ADAM_EPSILON)
        self.optimizer.build(model.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)  # the next step to run
        self.best_valid_cost = tf.Variable(math.inf, dtype=tf.float64, trainable=False)
        self.checkpoint = tf.train.Checkpoint(
            model=self.model,
            optimizer=self.optimizer,
            step=self.step,
            best_valid_cost=self.best_valid_cost,
        )


class Start(NamedTuple):
    """The state, the configuration and the data set that training starts from."""

    state: TrainState
    config: RunConfig
    dataset: Dataset
