"""Write a callback that records the costs and ends the run."""

from collections.abc import Mapping, Sequence

import numpy as np

import sketch_rnn


class Stop(sketch_rnn.Callback):
    def __init__(self) -> None:
        self.costs: list[float] = []

    def on_step(self, run: sketch_rnn.Run, step: int, figures: Mapping[str, float]) -> None:
        self.costs.append(figures["cost"])
        if len(self.costs) == 2:
            run.stop("enough")

    def on_validation(
        self,
        run: sketch_rnn.Run,
        figures: Mapping[str, float],
        drawings: Sequence[np.ndarray],
    ) -> None:
        sketch_rnn.draw(drawings, f"step{figures['step']:.0f}.svg")


stop = Stop()
more = {"num_steps": 40}
run = sketch_rnn.train("models/cats", resume=True, hparams=more, callbacks=[stop])

assert run.reason == "enough" and len(stop.costs) >= 2
