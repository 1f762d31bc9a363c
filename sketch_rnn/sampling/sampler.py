"""Draw with a model in every mode (Ha & Eck 2017, section 4).

Legend: B drawings, Z latent.
"""

import functools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from sketch_rnn.errors import UserError, check_choice
from sketch_rnn.model import sampling
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.sampling.modes import ENCODE, MODES
from sketch_rnn.sampling.picture import Picture
from sketch_rnn.sampling.ready import check_scale_factor

DRAWING_MODES = [name for name in MODES if name != ENCODE.name]


def _with_checks(draw: Callable[["Sampler"], Picture]) -> Callable[["Sampler"], Picture]:
    """Make a mode's method, which has the mode's name, check inputs and z before it draws."""

    @functools.wraps(draw)
    def checked(self: "Sampler") -> Picture:
        mode, sources = MODES[draw.__name__], (bool(len(self.inputs)), self.z is not None)
        mode.check_sources(*sources)
        mode.check_model(self.model.hparams.conditional, *sources)
        return draw(self)

    return checked


@dataclass(frozen=True)
class Sampler:
    """A model with sources and settings; each mode is a method that draws a `Picture`.

        sampler = Sampler(load_model("doodles"), [cat, house, fish], temperature=0.2)
        sampler.analogy().write("analogy.svg")

    Attributes:
      model: the model.
      inputs: drawings to start from, stroke-3 arrays in data units; may be empty.
      z: latent vectors `[B, Z]` to draw from instead of inputs; or None.
      temperature: one temperature or several; by default 0.5, or five values from 0.2 to 1 for
        `temperatures`.
      count: the number of drawings; None means the mode's default.
      steps: the number of drawings in an interpolation, or along each side of a grid.
      spherical: whether to interpolate along the sphere, not along a straight line.
      greedy: whether to take the most probable choice at every point.
      max_len: the most points in a drawing; None means N_max.
      seed: the seed for all random choices; by default a new seed each time.
    """

    model: SketchRNN
    inputs: Sequence[np.ndarray] = ()
    z: np.ndarray | None = None
    temperature: float | Sequence[float] | None = None
    count: int | None = None
    steps: int = 10
    spherical: bool = True
    greedy: bool = False
    max_len: int | None = None
    seed: int = field(default_factory=lambda: secrets.randbits(31))

    def __post_init__(self) -> None:
        if len(self.inputs):
            check_scale_factor(self.model)
        if self.temperature is not None and not np.size(self.temperature):
            raise UserError("`temperature`: expected one number or several, got none")
        if self.steps < 2:
            raise UserError(f"`steps`: expected 2 or more, got {self.steps}")
        if self.count is not None and self.count < 1:
            raise UserError(f"`count`: expected 1 or more, got {self.count}")

    @property
    def draws_random_z(self) -> bool:
        """True if the sampler draws from random z, since it has neither z nor inputs."""
        return self.model.hparams.conditional and self.z is None and not len(self.inputs)

    def draw(self, mode: str) -> Picture:
        """Draw in the mode with the given name.

        Raises:
          UserError: the mode does not exist, the inputs or z do not suit it, or the model does not.
        """
        check_choice("mode", mode, DRAWING_MODES)
        return getattr(self, mode)()

    @_with_checks
    def generate(self) -> Picture:
        """Draw new sketches from random z or the given z, with a row for each temperature."""
        z, temperatures = self.z, self._temperatures("generate")
        number = self.count or sampling.NEW_DRAWINGS
        if z is None:
            z = sampling.random_z(self.model, number, self.seed)
        elif self.count:
            z = np.repeat(np.atleast_2d(z), self.count, axis=0)
        rows = [self._decode(z, number, t) for t in temperatures]
        if len(rows) == 1:
            return Picture(rows, is_row=False)
        return Picture(rows, _titles(temperatures))

    @_with_checks
    def reconstruct(self) -> Picture:
        """Draw each input beside its reconstructions, one for each temperature."""
        mu, _ = self.model.encode(self.inputs)
        temperatures = self._temperatures("reconstruct")
        columns = [self._decode(mu, len(mu), t) for t in temperatures]
        rows = [list(row) for row in zip(self.inputs, *columns, strict=True)]
        titles = _titles(temperatures) if len(columns) > 1 else ["reconstruction"]
        return Picture(rows, column_titles=["input", *titles], given=1)

    @_with_checks
    def interpolate(self) -> Picture:
        """Draw a row of interpolated steps from each z to the next (section 4.2)."""
        z = self._z_or_random(self.count or 2)
        if len(z) < 2:
            raise UserError(f"interpolate: expected two or more inputs, got {len(z)}")
        temperatures = self._temperatures("interpolate")
        picture = Picture([])
        for first, last in pairwise(z):
            way = sampling.interpolate(first, last, self.steps, self.spherical)
            for t in temperatures:
                picture.rows.append(self._decode(way, self.steps, t))
        if len(temperatures) > 1:
            picture.titles = _titles(temperatures) * (len(z) - 1)
        return picture

    @_with_checks
    def complete(self) -> Picture:
        """Complete each input in several ways, side by side in a row (section 4.4)."""
        picture, temperatures = Picture([]), self._temperatures("complete")
        all_z = None if self.z is None else np.atleast_2d(self.z)
        for number, sketch in enumerate(self.inputs):
            z = None if all_z is None else all_z[number % len(all_z)]
            for t in temperatures:
                row = self.model.complete(
                    sketch,
                    z,
                    self.count,
                    temperature=t,
                    greedy=self.greedy,
                    max_len=self.max_len,
                    seed=self.seed + number,
                )
                picture.rows.append(row)
                picture.prefixes.append(len(sketch))
        if len(temperatures) > 1:
            picture.titles = _titles(temperatures) * len(self.inputs)
        return picture

    @_with_checks
    def temperatures(self) -> Picture:
        """Draw each z at every temperature, side by side in a row."""
        z, temperatures = None, self._temperatures("temperatures")
        if self.model.hparams.conditional:
            z = self._z_or_random(self.count or 1)
        count = (self.count or 1) if z is None else len(z)
        columns = [self._decode(z, count, t) for t in temperatures]
        rows = [list(row) for row in zip(*columns, strict=True)]
        return Picture(rows, [], _titles(temperatures))

    @_with_checks
    def analogy(self) -> Picture:
        """Draw three inputs a, b and c, and a drawing of z(a) - z(b) + z(c) (section 4.3).

        There is a row for each temperature.
        """
        if len(self.inputs) != 3:
            raise UserError(f"analogy: expected three inputs, got {len(self.inputs)}")
        mu, _ = self.model.encode(self.inputs)
        z = sampling.analogy(*mu)
        count, temperatures = self.count or 1, self._temperatures("analogy")
        rows = [
            [*self.inputs, *self._decode(np.repeat(z[None], count, axis=0), count, t)]
            for t in temperatures
        ]
        titles = ["input", "- input", "+ input", *["="] * count]
        return Picture(rows, _titles(temperatures) if len(rows) > 1 else [], titles, given=3)

    @_with_checks
    def grid(self) -> Picture:
        """Draw a square of z between four corners: two at the top, then two at the bottom."""
        z, temperatures = self._z_or_random(4), self._temperatures("grid")
        if len(z) != 4:
            raise UserError(f"grid: expected four inputs, got {len(z)}")
        if len(temperatures) > 1:
            raise UserError("grid: expected one temperature")
        steps = self.steps
        square = sampling.grid(z, steps, self.spherical).reshape(steps * steps, -1)
        drawn = self._decode(square, steps * steps, temperatures[0])
        return Picture([drawn[row * steps : (row + 1) * steps] for row in range(steps)])

    def _z_or_random(self, count: int) -> np.ndarray:
        """Return the given z, the mu of the inputs, or `count` samples from the prior."""
        if self.z is not None:
            return np.atleast_2d(self.z)
        if len(self.inputs):
            return self.model.encode(self.inputs)[0]
        z = sampling.random_z(self.model, count, self.seed)
        assert z is not None
        return z

    def _decode(self, z: np.ndarray | None, count: int, temperature: float) -> list[np.ndarray]:
        """Draw one sketch for each z, or `count` sketches without z."""
        return self.model.decode(
            z,
            count if z is None else 1,
            temperature=temperature,
            greedy=self.greedy,
            max_len=self.max_len,
            seed=self.seed,
        )

    def _temperatures(self, mode: str) -> list[float]:
        asked = MODES[mode].temperatures if self.temperature is None else self.temperature
        return [float(temperature) for temperature in np.atleast_1d(asked)]


def _titles(temperatures: Sequence[float]) -> list[str]:
    return [f"t = {t:g}" for t in temperatures]
