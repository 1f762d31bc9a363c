"""Make the environment, train on the embedded drawings and draw. Flags go to sketch_rnn_train.

  python scripts/demo.py

The variable DEMO_RUN names the run's folder; the default is models/doodles.
"""

import os
import sys

from environment import PROGRAMS, ROOT, call, make


def main(flags: list[str]) -> None:
    """Train, or continue training that was interrupted, and then draw."""
    program = [make(), "-m", "sketch_rnn"]
    name = os.environ.get("DEMO_RUN", "models/doodles")
    run = ROOT / name
    resume = ["--resume_training"] if (run / "checkpoints").is_dir() else []
    data = "datasets/doodles"
    call(
        *[*program, "train", "--config=configs/doodles.json", f"--data_dir={data}"],
        *[f"--log_root={run}", *resume, *flags],
    )
    drawings = run / "drawings.svg"
    call(
        *[*program, "sample", f"--model_dir={run}", "--mode=reconstruct", f"--input={data}"],
        *["--num_samples=12", "--temperature=0.2", f"--output={drawings}"],
    )
    activate = PROGRAMS / "activate"
    model = f'"--model_dir={name}"' if " " in name else f"--model_dir={name}"
    print(f"""
Drawings: {drawings} (open it in a browser)
Curves:   {PROGRAMS / "tensorboard"} --logdir {run}

Next, new drawings by this model:
  {activate if os.name == "nt" else f". {activate}"}
  sketch_rnn_sample {model} --output=new.svg""")


if __name__ == "__main__":
    main(sys.argv[1:])
