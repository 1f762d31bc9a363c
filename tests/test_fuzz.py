"""Readers of untrusted files get mutated inputs; the script does this for longer."""

import os
import subprocess
import sys

import pytest
from helpers import ROOT

SCRIPT = ROOT / "scripts" / "fuzz.py"


@pytest.mark.parametrize(
    "targets",
    ["npz,hparams,config,svg,bin,ink,csv", "ndjson,json,npy,parquet", "model_config,gen,vae"],
)
def test_mutated_files_are_read_or_refused(targets):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), f"--target={targets}", "--count=300", "--seed=5"],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("findings 0 of 0 kinds") == targets.count(",") + 1
