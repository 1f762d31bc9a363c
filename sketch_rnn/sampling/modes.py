"""What a model can be asked to draw: one record a mode. Nothing here needs TensorFlow."""

from dataclasses import dataclass

from sketch_rnn.errors import UserError

TEMPERATURES, LADDER = (0.5,), (0.2, 0.4, 0.6, 0.8, 1.0)  # the second for mode "temperatures"


@dataclass(frozen=True)
class Mode:
    """What is drawn, and what from.

    Attributes:
      name: of the mode; `Sampler` draws it with the method of this name.
      text: what it draws, as `sketch_rnn_sample --help` says.
      takes_input: it can be given drawings.
      needs_input: it cannot do without.
      takes_z: it can be given z.
      conditional: it needs a model with an encoder.
      temperatures: of the drawings, if none are asked for.
      drawings: of an input of several, how many are taken at random; None is all.
      counted: how many are taken can be asked for.
      together: how many drawings it takes, of all inputs together; 0 is any number.
    """

    name: str
    text: str
    takes_input: bool = False
    needs_input: bool = False
    takes_z: bool = False
    conditional: bool = False
    temperatures: tuple[float, ...] = TEMPERATURES
    drawings: int | None = 1
    counted: bool = False
    together: int = 0

    def check_sources(self, has_input: bool, has_z: bool) -> None:
        """Refuses what the mode would ignore, or misses.

        Raises:
          UserError: saying what it takes.
        """
        if self.needs_input and not has_input:
            raise UserError(f"`mode={self.name}`: expected `input`, an SVG, .npz or other drawings")
        if has_input and not self.takes_input:
            raise UserError(f"`mode={self.name}` takes no `input`; `mode=reconstruct` does")
        if has_z and not self.takes_z:
            raise UserError(f"`mode={self.name}` takes no `z_file`")
        if has_z and has_input and self.name != "complete":
            raise UserError("expected `input` or `z_file`, got both")

    def check_model(self, conditional: bool, has_input: bool, has_z: bool) -> None:
        """Refuses what an unconditional model cannot draw.

        Raises:
          UserError: saying why.
        """
        if conditional:
            return
        if self.conditional:
            raise UserError(f"`mode={self.name}`: this model is unconditional, it has no encoder")
        if has_z:
            raise UserError("`z_file`: this model is unconditional, it draws without z")
        if has_input and self.name != "complete":
            raise UserError(
                "`input`: this model is unconditional, only `mode=complete` takes inputs"
            )

    def takes_own(self, has_z: bool, is_packaged: bool) -> bool:
        """Whether, without inputs, it takes drawings of the model's own data set.

        The model in the package takes them also where random z would do.
        """
        return self.needs_input or (is_packaged and self.conditional and not has_z)

    def drawings_of_each(self, inputs: int, count: int | None) -> int | None:
        """How many drawings of each of so many inputs are taken at random; None is all."""
        if self.together:
            return max(1, self.together // max(1, inputs))
        return count if self.counted and count else self.drawings


# fmt: off
ENCODE = Mode("encode", "input drawings to the .npz that --z_file takes: mu and logvar",
    takes_input=True, needs_input=True, conditional=True, drawings=None, counted=True)
MODES = {mode.name: mode for mode in (
    Mode("generate", "new drawings (default)", takes_z=True),
    ENCODE,
    Mode("reconstruct", "input drawings beside what the model makes of them",
        takes_input=True, needs_input=True, conditional=True, drawings=10, counted=True),
    Mode("interpolate", "from each input, or random z, to the next",
        takes_input=True, takes_z=True, conditional=True, drawings=2, counted=True),
    Mode("complete", "an unfinished drawing, finished in several ways",
        takes_input=True, needs_input=True, takes_z=True),
    Mode("temperatures", "one z or input at several temperatures",
        takes_input=True, takes_z=True, temperatures=LADDER),
    Mode("analogy", "of three inputs the first - the second + the third",
        takes_input=True, needs_input=True, conditional=True, together=3),
    Mode("grid", "a square between four inputs, which are its corners",
        takes_input=True, takes_z=True, conditional=True, together=4),
)}
# fmt: on
