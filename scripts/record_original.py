"""Run the original Sketch-RNN, and record its results in tests/golden.

  scripts/record_original                    record, and print what differs from the earlier record
  scripts/record_original --check            only print what differs; fail above 1e-6
  scripts/record_original --source=FOLDER    take the original's source from a checkout

The original's source is fetched from its public repository at a fixed commit. It needs the cells of
TensorFlow 1, which tf_keras still contains.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
HPARAMS = GOLDEN / "hparams.json"
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402
import original  # noqa: E402
from golden import cases  # noqa: E402
from golden.cases import Case  # noqa: E402

tf = original.tensorflow()

TOLERANCE = 1e-6
TEXTS = (  # texts of hyperparameters; how the original's parser reads them is recorded
    "", "data_set=[a.npz]", "data_set=[a.npz,b.npz],dec_model=hyper,enc_rnn_size=512",
    "conditional=false,num_steps=200", "conditional=False", "conditional=0", "conditional=1",
    "conditional=2", "use_recurrent_dropout=True", "learning_rate=1e-4,decay_rate=.5",
    "learning_rate=2", "kl_weight=1", "dec_model=hyper,enc_model=layer_norm", "dec_model=",
    "z_size=32.0", "z_size=3.5", "batch_size=ten", "nosuch=1", "data_set=a.npz", " z_size = 64 ",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--source", type=Path, help="a checkout of the original's repository")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = original.checked(options.source or original.fetch(Path(folder)))
        modules = original.load(source)
        recorded, hparams = dict(record(modules)), hyperparameters(modules)
    worst = max(compare(name, arrays) for name, arrays in recorded.items())
    if not HPARAMS.exists() or json.loads(HPARAMS.read_text(encoding="utf-8")) != hparams:
        print("the hyperparameters differ")
        worst = np.inf
    print(f"{len(recorded)} records; the largest difference from the record is {worst:.2g}")
    if options.check:
        return int(worst > TOLERANCE)
    for name, arrays in recorded.items():
        np.savez_compressed(GOLDEN / f"{name}.npz", **arrays)
    HPARAMS.write_text(json.dumps(hparams, indent=1) + "\n", encoding="utf-8")
    return 0


def record(modules: SimpleNamespace) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield the name and the arrays of each file in the record."""
    for case in (*cases.CASES, *cases.RANDOM_CASES):
        print(case.name, flush=True)
        whole = case in cases.CASES
        yield case.name, Run(modules, case).results(whole)
    yield "data", data_loader(modules)


class Run:
    """A case in a separate graph, with the case's weights, noise and masks."""

    def __init__(self, modules: SimpleNamespace, case: Case):
        self.modules, self.case = modules, case
        self.calls: Counter[str] = Counter()
        self.masks = cases.masks(case)
        self.graph = tf.Graph()

    def results(self, whole: bool) -> dict[str, np.ndarray]:
        """Return costs, latents and gradients; if `whole`, also mixtures, updates and a drawing."""
        with self.graph.as_default(), self.patched():
            hparams = self.modules.model.get_default_hparams()
            hparams.override_from_dict(dict(self.case.hparams))
            model = self.modules.model.Model(hparams)
            with tf.Session(config=unoptimized()) as session:
                session.run(tf.global_variables_initializer())
                self.assign(session)
                found = self.forward(session, model, whole)
                if whole:
                    found |= self.updates(session, model)
                    self.assign(session)
                    found |= self.drawing(session, hparams)
        return found

    def assign(self, session: tf.Session) -> None:
        for variable in tf.trainable_variables():
            shape = variable.shape.as_list()
            if variable.name.startswith("vector_rnn/Variable"):
                continue
            variable.load(cases.weight(self.case, variable.op.name, shape), session)

    def weights(self) -> list[tf.Variable]:
        return [v for v in tf.trainable_variables() if "/Variable" not in v.name]

    def run(self, session: tf.Session, model: Any, fetches: Any) -> Any:
        self.calls.clear()
        feed = {
            model.input_data: cases.strokes5(self.case),
            model.sequence_lengths: self.case.lengths,
        }
        return session.run(fetches, feed)

    def forward(self, session: tf.Session, model: Any, whole: bool) -> dict[str, np.ndarray]:
        wanted = {name: getattr(model, name) for name in ("r_cost", "kl_cost", "cost")}
        if self.case.hparams["conditional"]:
            wanted |= {"mean": model.mean, "presig": model.presig, "z": model.batch_z}
            wanted |= {"initial_state": model.initial_state}
        if whole:
            wanted |= {"final_state": model.final_state}
            names = ("pi", "mu1", "mu2", "sigma1", "sigma2", "corr", "pen_logits")
            wanted |= {name: getattr(model, name) for name in names}
        weights = self.weights()
        gradients = dict(
            zip([w.op.name for w in weights], tf.gradients(model.cost, weights), strict=True)
        )
        found = self.run(session, model, {"values": wanted, "gradients": gradients})
        digests = {f"grad/{n}": cases.digest(n, g) for n, g in found["gradients"].items()}
        return {k: np.asarray(v, np.float32) for k, v in found["values"].items()} | digests

    def updates(self, session: tf.Session, model: Any) -> dict[str, np.ndarray]:
        """Do several updates on the same batch, with the learning rate and KL weight of step 0."""
        costs = []
        for _ in range(cases.UPDATES):
            costs.append(self.run(session, model, [model.cost, model.train_op])[0])
        after = session.run({w.op.name: w for w in self.weights()})
        digests = {f"after/{name}": cases.digest(name, value) for name, value in after.items()}
        return {"costs": np.array(costs, np.float32)} | digests

    def drawing(self, session: tf.Session, hparams: Any) -> dict[str, np.ndarray]:
        """Draw with the case's weights, taking the most probable point each time."""
        one = type(hparams)(**hparams.values())
        one.override_from_dict({
            "batch_size": 1, "max_seq_len": 1, "is_training": False, "use_recurrent_dropout": False,
            "use_input_dropout": False, "use_output_dropout": False,
        })  # fmt: skip
        model = self.modules.model.Model(one, reuse=True)
        points, mixtures = self.modules.model.sample(
            session, model, cases.GREEDY_POINTS, 0.5, True, cases.greedy_z(self.case)
        )
        pen = np.stack([mixture[-1] for mixture in mixtures])
        return {"greedy": points, "greedy_pen": pen.astype(np.float32)}

    def patched(self) -> "Patches":
        """Return patches that make the original take all random numbers from the case."""
        from tf_keras.src.layers.rnn import legacy_cell_wrappers

        dynamic_rnn = tf.nn.dynamic_rnn
        wrapper = legacy_cell_wrappers.DropoutWrapper
        eps = cases.eps(self.case)
        return Patches(
            (tf, "random_normal", lambda shape, *_, **__: tf.constant(eps[: shape[0]])),
            (tf.nn, "dropout", self.recurrent_dropout),
            (tf.nn, "dynamic_rnn",
             lambda *a, **k: dynamic_rnn(*a, **k, parallel_iterations=1)),
            (wrapper, "_dropout",
             lambda _, values, prefix, noise, keep, *rest: self.masked(values, prefix, keep)),
        )  # fmt: skip

    def recurrent_dropout(self, values: tf.Tensor, keep_prob: float) -> tf.Tensor:
        scope = tf.get_variable_scope().name
        name = "forward" if "/fw/" in scope else "backward" if "/bw/" in scope else "decoder"
        return self.masked(values, name, keep_prob)

    def masked(self, values: tf.Tensor, name: str, keep_prob: float) -> tf.Tensor:
        """Apply the next step's mask to the values, and scale up the values that are kept."""

        def next_mask(_: np.ndarray) -> np.ndarray:
            step = self.calls[name]
            self.calls[name] += 1
            return self.masks[name][step].astype(np.float32)

        mask = tf.numpy_function(next_mask, [tf.stop_gradient(values)], tf.float32)
        mask.set_shape(values.shape)
        return values * mask / keep_prob


def unoptimized() -> tf.ConfigProto:
    """Return settings that run graphs unoptimized; optimizing takes longer than running once."""
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


class Patches:
    """A context manager that gives attributes other values within a block."""

    def __init__(self, *patches: tuple[Any, str, Any]):
        self.patches = patches
        self.before = [getattr(owner, name) for owner, name, _ in patches]

    def __enter__(self) -> None:
        for owner, name, value in self.patches:
            setattr(owner, name, value)

    def __exit__(self, *_: object) -> None:
        for (owner, name, _), value in zip(self.patches, self.before, strict=True):
            setattr(owner, name, value)


def data_loader(modules: SimpleNamespace) -> dict[str, np.ndarray]:
    """Record the scale factor, order, batches and augmentation of made-up drawings."""
    loader = modules.utils.DataLoader(
        cases.drawings(1), batch_size=8, max_seq_length=30, random_scale_factor=0.0
    )
    factor = loader.calculate_normalizing_scale_factor()
    loader.normalize(factor)
    _, first, lengths = loader.get_batch(0)
    np.random.seed(7)  # the generator that `cases.uniforms` draws from
    augmented = [
        modules.utils.augment_strokes(sketch.astype(np.float64), cases.DROP_PROBABILITY)
        for sketch in cases.drawings(2)
    ]
    z0, z1 = cases.ends_of_a_way()
    return {
        "scale_factor": np.float64(factor),
        "order": np.array([len(sketch) for sketch in loader.strokes]),
        "first_batch": first.astype(np.float32),
        "first_lengths": lengths,
        "augmented": np.concatenate(augmented).astype(np.float32),
        "augmented_lengths": np.array([len(sketch) for sketch in augmented]),
        "slerp": np.stack([modules.utils.slerp(z0, z1, t) for t in np.linspace(0, 1, 7)]),
    }


def hyperparameters(modules: SimpleNamespace) -> dict[str, Any]:
    """Return the defaults, and the changes that each text makes; None if the parser refuses it."""
    defaults = modules.model.get_default_hparams().values()
    parsed: dict[str, Any] = {}
    for text in TEXTS:
        try:
            values = modules.model.get_default_hparams().parse(text).values()
        except (ValueError, KeyError, RuntimeError, TypeError):
            parsed[text] = None
        else:
            parsed[text] = {name: v for name, v in values.items() if v != defaults[name]}
    return {"defaults": defaults, "parsed": parsed}


def compare(name: str, arrays: Mapping[str, np.ndarray]) -> float:
    """Print what differs from the record; return the largest difference."""
    path = GOLDEN / f"{name}.npz"
    if not path.exists():
        print(f"{name}: new")
        return np.inf
    with np.load(path) as file:
        before = dict(file)
    worst = 0.0
    for key in sorted(set(before) | set(arrays)):
        difference = _difference(before.get(key), arrays.get(key))
        worst = max(worst, difference)
        if difference > TOLERANCE:
            print(f"{name}: {key} differs by {difference:.2g}")
    return worst


def _difference(before: np.ndarray | None, now: np.ndarray | None) -> float:
    """Return the largest difference, divided by the largest element if that is above 1."""
    if before is None or now is None or before.shape != now.shape:
        return np.inf
    scale = max(1.0, float(np.abs(before).max(initial=0)))
    return float(np.abs(before - now).max(initial=0)) / scale


if __name__ == "__main__":
    sys.exit(main())
