"""Run commands as a reader types them, in one process; stdin has one JSON list of words per line.

  README_SERVER=http://127.0.0.1:8000 readme_commands.py < lines

The server offers the files of the public addresses.

Runs are shortened, and only the first run of each kind trains. Later runs do everything up to the
first step, and then copy the folder of the first run.
"""

import dataclasses
import glob
import json
import os
import shutil
import subprocess
import sys

if __name__ == "__main__":  # not in the worker processes that a build starts
    from sketch_rnn.cli import main as program
    from sketch_rnn.data import catalog
    from sketch_rnn.formats.run_folder import RunFolder
    from sketch_rnn.training import run

    train = run.train

SMALL = "enc_rnn_size=8,dec_rnn_size=16,z_size=4,batch_size=8"
trained = {}


def train_once(options, new_reporter):
    """Call `train`, or copy an earlier run of the same kind if there is one."""
    run.check_log_root(options)
    asked = run.begin(options).config
    conditional = asked.hparams.conditional
    if options.resume:
        return 0
    if conditional in trained:
        shutil.copytree(trained[conditional], options.log_root)
        copied = RunFolder(options.log_root)
        config = copied.read_config()
        hparams = config.hparams.replace(data_set=asked.hparams.data_set)
        copied.write_config(
            dataclasses.replace(config, hparams=hparams, data_dir=asked.data_dir, held_out=0)
        )
        return 0
    trained[conditional] = options.log_root
    return train(options, new_reporter)


def take_from(address):
    """Take the public data sets and models from a server."""
    for name, public in catalog.MODELS.items():
        url = f"{address}/{public.url.rpartition('/')[2]}"
        catalog.MODELS[name] = dataclasses.replace(public, url=url)
    for name, public in catalog.SETS.items():
        folder = f"{address}/{public.folder.rpartition('/')[2]}"
        catalog.SETS[name] = dataclasses.replace(public, folder=folder)


def shortened(words):
    """Return the words of a command; if it trains, with a small model and few steps."""
    if words[0] not in ("sketch_rnn_train", "sketch_rnn train"):
        return words
    if "--resume_training" in words:
        return [*words, "--hparams=num_steps=4"]
    begins = any(word.startswith(("--init_from", "--config=few")) for word in words)
    size = "" if begins else "," + SMALL
    return [*words, f"--hparams=num_steps=2{size}"]


def execute(words):
    """Run one command; return its status."""
    words = [found for word in words for found in glob.glob(word) or [word]]
    if words[0] == "pip":
        return subprocess.run([sys.executable, "-m", *words], stdout=sys.stderr).returncode
    if words[0] == "tensorboard":
        command = [sys.executable, "-m", "tensorboard.main", *words[1:], "--inspect"]
        done = subprocess.run(command, capture_output=True, text=True)
        print(done.stdout + done.stderr, file=sys.stderr)
        return 0 if "Valid_Cost" in done.stdout else 1
    name = words[0].removeprefix("sketch_rnn_")
    return program.main([name, *shortened(words)[1:]])


if __name__ == "__main__":
    take_from(os.environ["README_SERVER"])
    run.train = train_once
    for line in sys.stdin:
        words = json.loads(line)
        if status := execute(words):
            sys.exit(f"status {status}: {words}")
