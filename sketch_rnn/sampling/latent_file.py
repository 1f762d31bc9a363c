"""z in a file: the .npz with `mu` and `logvar`, each `[B, Z]`, that encoding writes."""

from pathlib import Path

import numpy as np

from sketch_rnn import files
from sketch_rnn.errors import UserError

LARGEST = 256 << 20  # bytes of its `mu`


def read_z(path: str | Path, z_size: int) -> np.ndarray:
    """z `[B, Z]` float32 from a file: its `mu`.

    Raises:
      UserError: the file is absent, damaged, too large, or of another Z.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if file.zip.getinfo("mu.npy").file_size > LARGEST:
                raise ValueError("it becomes too large")
            z = np.atleast_2d(np.asarray(file["mu"], np.float32))
    except FileNotFoundError:
        raise UserError(f"`z_file`: there is no file {path}") from None
    except Exception:  # whatever a damaged file makes zipfile and NumPy raise
        raise UserError(
            f"`z_file`: expected a file that `mode=encode` wrote, with mu in it; {path} is none"
        ) from None
    if z.ndim != 2 or z.shape[1] != z_size or not len(z) or not np.isfinite(z).all():
        raise UserError(f"`z_file`: expected finite mu [B, {z_size}], got shape {list(z.shape)}")
    return z


def write_latent(path: Path, mu: np.ndarray, logvar: np.ndarray) -> None:
    """Writes `mu` and `logvar`, each `[B, Z]`."""
    with files.replacing(path) as file:
        np.savez(file, mu=mu, logvar=logvar)
