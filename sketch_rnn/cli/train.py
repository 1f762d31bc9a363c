"""`sketch_rnn_train`: train a model."""

import os
import re
import sys
from functools import partial
from pathlib import Path

from sketch_rnn import shipped
from sketch_rnn.advice import ADVICE
from sketch_rnn.choices import LARGEST_SEED
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import Flag, Many, new_flags
from sketch_rnn.data import download
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import CONFIG_FILE, PRECISIONS, STRATEGIES, HParams
from sketch_rnn.hparams_text import load_config, parse_overrides
from sketch_rnn.signals import ended_at_once

USAGE = """
Trains Sketch-RNN on drawings, or continues a run.

  sketch_rnn_train --config=doodles
  sketch_rnn_train --data_dir=doodles --hparams=data_set=cat.npz+fish.npz --log_root=models/two
  sketch_rnn_train --config=few --data_dir=. --hparams=data_set=mine.npz --log_root=models/own
  sketch_rnn_train --log_root=models/two --resume_training
"""

FEW = "few"  # the configuration that depends on the number of drawings
# fmt: off
FLAGS = new_flags(
    Flag("log_root", str, None, "Folder of the run (default: models/ followed by the name of the "
        "configuration or data set).", also="model_dir"),
    Flag("data_dir", str, None, "Folder or http(s) address of the .npz files, or doodles for the "
        "drawings in the package. Default: if data_set holds paths, their folder; else doodles, if "
        "the package has all files in data_set; else the address of the public aaron_sheep data "
        "set. A resumed run reads the folder that it used before."),
    Flag("hparams", Many.REPEATED, [], "Hyperparameters: name=value,name=value or a JSON object. "
        "To train on several files: data_set=cat.npz+fish.npz."),
    Flag("config", str, None, "JSON file of hyperparameters, or the name of one in the package: "
        f"{', '.join(shipped.config_names())}; --hparams overrides it. "
        "--config=few starts from the model in the package and chooses settings that suit the "
        "number of drawings."),
    Flag("resume_training", bool, False, "Continue from the latest checkpoint in --log_root; it "
        "may have been written by the original trainer."),
    Flag("init_from", str, None, "Start from the weights of this model: the folder of a run or of "
        "an original checkpoint, a .gen.json, .vae.json or .keras file, or a name: doodles is "
        "the model in the package, quickdraw/cat.vae is a model by Google. The run adopts the "
        "model's architecture, and also its KL settings unless you set them."),
    Flag("patience", int, None, "End training after this many validations in a row without a new "
        "lowest cost.", least=1),
    Flag("max_time", str, None, "End training after this time, as in 2h30m, 45m or 90s."),
    Flag("seed", int, None, "Seed for all random numbers (default: 1).", least=0,
        most=LARGEST_SEED),
    Flag("precision", PRECISIONS, None, "Precision of matrix products; everything else is float32 "
        "(default: float32; a resumed run keeps its precision)."),
    Flag("strategy", STRATEGIES, STRATEGIES[0], "Devices that share the work: one device (one), "
        "all GPUs of this machine (mirrored), or the machines that TF_CONFIG names (multi_worker); "
        "auto uses all that are available."),
    Flag("connect_timeout", float, 300.0, "With several machines: how many seconds to wait at the "
        "start for the others.", least=0.0),
)
# fmt: on


def main(argv: list[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    return common.run("sketch_rnn_train", _train, FLAGS, USAGE, argv, settings=_settings())


def _settings() -> dict[str, str]:
    """Return advice on each hyperparameter, keyed by `name=default`."""
    texts = HParams().texts()
    return {f"{name}={texts[name]}": text for name, text in ADVICE.items()}


def _train() -> int:
    if FLAGS.resume_training and FLAGS.init_from:
        raise UserError("expected --resume_training or --init_from, got both; leave one out")
    max_time = None if FLAGS.max_time is None else _seconds(FLAGS.max_time)
    is_few = FLAGS.config == FEW and not Path(FEW).exists()
    overrides = load_config(FLAGS.config) if FLAGS.config and not is_few else {}
    overrides |= parse_overrides(FLAGS.hparams)
    hparams = HParams(**overrides)
    log_root = FLAGS.log_root or _default_log_root(None if is_few else FLAGS.config, hparams)
    holds_run = os.path.exists(os.path.join(log_root, CONFIG_FILE))
    if FLAGS.resume_training and not FLAGS.log_root and not holds_run:
        raise UserError(f"expected --log_root, the folder of the run to continue{_runs()}")
    if not FLAGS.resume_training and not holds_run:  # report mistakes before TensorFlow loads
        download.resolve(*download.locate(FLAGS.data_dir or None, hparams.data_set))
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    from sketch_rnn.cli.progress import Progress
    from sketch_rnn.training.options import TrainOptions
    from sketch_rnn.training.run import train

    options = TrainOptions(
        log_root,
        overrides,
        data_dir=FLAGS.data_dir,
        seed=FLAGS.seed,
        resume=FLAGS.resume_training,
        init_from=FLAGS.init_from,
        few=is_few,
        precision=FLAGS.precision,
        strategy=FLAGS.strategy,
        patience=FLAGS.patience,
        max_time=max_time,
        connect_timeout=FLAGS.connect_timeout,
    )
    with ended_at_once():  # except in the loop over steps, which saves the model first
        ended_by = train(options, partial(Progress, max_time=max_time))
    return 128 + ended_by if ended_by else 0


def _seconds(text: str) -> float:
    """Return the seconds in a time such as 2h30m."""
    pattern = r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?"
    found = re.fullmatch(pattern, text)
    days, hours, minutes, rest = (int(part or 0) for part in found.groups()) if found else [0] * 4
    seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    if not seconds:
        raise UserError(f"--max_time: expected a time such as 2h30m, 45m or 90s, got {text!r:.40}")
    return float(seconds)


def _runs() -> str:
    """Return text that names the runs in the default folder; "" if there are none."""
    found = sorted(str(path.parent) for path in Path("models").glob(f"*/{CONFIG_FILE}"))
    return f"; there are {', '.join(found[:8])}" if found else ""


def _default_log_root(config: str | None, hparams: HParams) -> str:
    names = [config] if config else hparams.data_set
    return os.path.join("models", "+".join(Path(name).stem for name in names))


if __name__ == "__main__":
    sys.exit(main())
