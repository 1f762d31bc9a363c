"""Define the modes of drawing, one record per mode, without TensorFlow."""

from dataclasses import dataclass

from sketch_rnn.errors import UserError

TEMPERATURES, LADDER = (0.5,), (0.2, 0.4, 0.6, 0.8, 1.0)  # LADDER is for mode "temperatures"


@dataclass(frozen=True)
class Mode:
    """A mode of drawing, with its inputs and defaults.

    Attributes:
      name: the name of the mode. The method of `Sampler` that draws in this mode has the same name.
      text: the description in `sketch_rnn_sample --help`.
      takes_input: whether the mode can draw from given drawings.
      needs_input: whether the mode needs given drawings.
      takes_z: whether the mode can draw from given z.
      conditional: whether the mode needs a model with an encoder.
      temperatures: the default temperatures.
      drawings: the number of drawings to pick at random from an input file that holds several;
        None means all.
      counted: whether the user may choose another number than `drawings`.
      together: the number of drawings that the mode needs in total, from all inputs; 0 means any
        number.
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
        """Check whether `input` and `z_file` suit the mode.

        Raises:
          UserError: the mode needs an `input` and got none, or got one that it does not use.
        """
        if self.needs_input and not has_input:
            raise UserError(
                f"`mode={self.name}`: expected `input`: an SVG, .npz or other file of drawings"
            )
        if has_input and not self.takes_input:
            raise UserError(f"`mode={self.name}` takes no `input`; `mode=reconstruct` does")
        if has_z and not self.takes_z:
            raise UserError(f"`mode={self.name}` takes no `z_file`")
        if has_z and has_input and self.name != "complete":
            raise UserError("expected `input` or `z_file`, got both")

    def check_model(self, conditional: bool, has_input: bool, has_z: bool) -> None:
        """If the model has no encoder, refuse a mode, inputs or z that need an encoder.

        Raises:
          UserError: the mode, the inputs or z need a model with an encoder.
        """
        if conditional:
            return
        if self.conditional:
            raise UserError(f"`mode={self.name}`: this model is unconditional and has no encoder")
        if has_z:
            raise UserError("`z_file`: this model is unconditional and draws without z")
        if has_input and self.name != "complete":
            raise UserError(
                "`input`: this model is unconditional; only `mode=complete` takes inputs"
            )

    def uses_data_set(self, has_z: bool, is_packaged: bool) -> bool:
        """Return whether the mode uses drawings from the model's data set if no inputs are given.

        With the packaged model, a mode that can use either drawings or random z uses drawings.
        """
        return self.needs_input or (is_packaged and self.conditional and not has_z)

    def drawings_per_input(self, inputs: int, count: int | None) -> int | None:
        """Return how many drawings to pick at random from each input; None means all."""
        if self.together:
            return max(1, self.together // max(1, inputs))
        return count if self.counted and count else self.drawings


# fmt: off
ENCODE = Mode("encode", "latent vectors of the inputs: an .npz with mu and logvar, for --z_file",
    takes_input=True, needs_input=True, conditional=True, drawings=None, counted=True)
MODES = {mode.name: mode for mode in (
    Mode("generate", "new drawings (default)", takes_z=True),
    ENCODE,
    Mode("reconstruct", "input drawings, each beside its reconstruction",
        takes_input=True, needs_input=True, conditional=True, drawings=10, counted=True),
    Mode("interpolate", "steps from each input (or random z) to the next",
        takes_input=True, takes_z=True, conditional=True, drawings=2, counted=True),
    Mode("complete", "an unfinished drawing, completed in several ways",
        takes_input=True, needs_input=True, takes_z=True),
    Mode("temperatures", "one z or input, drawn at several temperatures",
        takes_input=True, takes_z=True, temperatures=LADDER),
    Mode("analogy", "three inputs a, b and c, combined as a - b + c",
        takes_input=True, needs_input=True, conditional=True, together=3),
    Mode("grid", "a square of drawings with four inputs (or random z) at its corners",
        takes_input=True, takes_z=True, conditional=True, together=4),
)}
# fmt: on
