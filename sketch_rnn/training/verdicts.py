"""Is it learning? Say in one line what is wrong with a run, and what setting to try next.

Each rule is a function of the validations so far, newest last, and the facts about the run. A rule
returns a message, or "" if it finds nothing wrong. Its docstring states its condition.
`docs/verdicts.md` describes the rules. Losses are in nats.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sketch_rnn.data.quality import FEW_TO_CHOOSE_BY
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.training.history import Validation

MARGIN = 0.02  # smaller differences between costs are noise
JUMP = 0.5  # larger differences between costs are not noise
# The cost of a point to a model that knows only that offsets have standard deviation 1.
KNOWS_NOTHING = math.log(2 * math.pi * math.e) + math.log(3)
NATS_FOR_KINDS = 2.0  # information in z about a drawing: enough to tell a few kinds apart
LEAST_RECOVERED = 0.3  # how much of random z is recovered; see `signs.recovered`
MOSTLY = 0.5
PARAMETERS_A_POINT = 20
NEAR_FLOOR = 1.05  # times `min_learning_rate`, or the KL's floor


@dataclass(frozen=True)
class Facts:
    """Facts about a run that its validations do not show.

    Attributes:
      hparams: the run's hyperparameters.
      parameters: the number of parameters in the model.
      points: the number of points in all training drawings.
      init_from: the model that the run began with, which has the same size; "" for none.
      validating: the number of validation drawings.
    """

    hparams: HParams
    parameters: int
    points: int
    init_from: str = ""
    validating: int = FEW_TO_CHOOSE_BY

    @property
    def free_nats(self) -> float:
        """How many nats of information z can carry at no cost: the KL's floor, summed over z."""
        return self.hparams.kl_tolerance * self.hparams.z_size


class Verdict(NamedTuple):
    """A problem in a run: its kind, and a line that describes it and says what to try."""

    kind: str
    text: str


Rule = Callable[[Sequence[Validation], Facts], str]  # returns "" if nothing is wrong


def updates_left_out(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if updates were skipped since the previous validation."""
    count = int(found[-1].left_out)
    if not count:
        return ""
    rate = facts.hparams.learning_rate / 2
    return (
        f"updates left out because they were not finite: {count}; try learning_rate={rate:g}, "
        "and look for drawings with extreme offsets"
    )


def diverging(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if both costs of the run exceed min(best, `KNOWS_NOTHING`) by more than `JUMP`."""
    known = [validation.train for validation in found if not math.isnan(validation.train)]
    lowest = min([*known, KNOWS_NOTHING])
    best_cost = min(found[_best_index(found)].reconstruction, KNOWS_NOTHING)
    last = found[-1]
    if not (last.reconstruction > best_cost + JUMP and last.train > lowest + JUMP):
        return ""
    return (
        f"diverging: the cost is {last.reconstruction:.2f}, although {best_cost:.2f} was possible; "
        "go back to the best checkpoint, with "
        f"learning_rate={facts.hparams.learning_rate / 2:g}"
    )


def overfitting(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if validation costs exceed the lowest by `MARGIN` twice while training cost fell."""
    best = _best_index(found)
    if len(found) - 1 - best < 2 or not found[-1].train < found[best].train:
        return ""
    before, risen = (later.reconstruction - found[best].reconstruction for later in found[-2:])
    if min(before, risen) < MARGIN:
        return ""
    helps = _against_overfitting(facts)
    if facts.validating < FEW_TO_CHOOSE_BY:
        best_one = (
            f"step {found[best].step + 1} is the best on only {facts.validating} validation "
            "drawings, so also look at what `checkpoint=latest` draws"
        )
    else:
        best_one = "the checkpoint of that step is kept"
    return (
        f"overfitting: validation rose by {risen:.2f} since step {found[best].step + 1} while "
        f"training fell; {best_one}; more drawings or {helps} may help"
    )


def _against_overfitting(facts: Facts) -> str:
    hparams = facts.hparams
    if not hparams.use_recurrent_dropout:
        return "use_recurrent_dropout=true"
    if hparams.recurrent_dropout_prob > 0.8:
        return f"recurrent_dropout_prob={hparams.recurrent_dropout_prob - 0.1:.2g}"
    if hparams.random_scale_factor < 0.3:
        return "random_scale_factor=0.3"
    if facts.init_from:
        return "a smaller learning_rate"
    return f"dec_rnn_size={_smaller_size(facts)}"


def z_not_used(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if z held under `NATS_FOR_KINDS` nats about a drawing at the last two validations."""
    if len(found) < 2 or not max(v.kl_sum for v in found[-2:]) < NATS_FOR_KINDS:
        return ""
    hparams = facts.hparams
    told = f"z is hardly used: it holds {found[-1].kl_sum:.2g} nats about a drawing"
    if facts.free_nats < NATS_FOR_KINDS:
        least = 2 * NATS_FOR_KINDS / hparams.z_size
        return (
            f"{told}, because the KL's floor is low; try kl_tolerance={least:.2g}, or a smaller "
            "kl_weight"
        )
    return (
        f"{told}, although the first {facts.free_nats:.2g} nats add nothing to the cost; "
        f"{_more_steps(found, facts)}try use_input_dropout=true, which makes the decoder rely "
        "on z"
    )


def random_z_have_little_effect(found: Sequence[Validation], facts: Facts) -> str:
    """Although z carries information about drawings, less than `LEAST_RECOVERED` of a random z can
    be recovered from the drawing that the model made from it. The rule needs enough validation
    drawings to measure how much information z carries."""
    if facts.validating < FEW_TO_CHOOSE_BY:
        return ""
    if len(found) < 2 or not found[-1].recovered < LEAST_RECOVERED:
        return ""
    nats, hparams = found[-1].kl_sum, facts.hparams
    if nats < NATS_FOR_KINDS:
        return ""
    share = max(0.0, found[-1].recovered)
    told = (
        "a random z has little effect: drawings made from random z reveal only "
        f"{share:.0%} of what they could reveal about z"
    )
    if nats <= NEAR_FLOOR * facts.free_nats:
        return (
            f"{told}, though the KL is at its floor ({nats:.3g} nats per drawing, of which "
            f"{facts.free_nats:.3g} cost nothing); {_more_steps(found, facts)}try "
            f"kl_tolerance={hparams.kl_tolerance / 2:.2g}"
        )
    told = f"{told}, because the KL is high ({nats:.3g} nats per drawing)"
    weight = losses.kl_weight(hparams, found[-1].step)
    if weight < hparams.kl_weight / 2:
        faster = ", or try kl_decay_rate=0.998, which makes the weight grow faster"
        faster = faster if hparams.kl_decay_rate > 0.998 else ""
        return (
            f"{told}; the weight of the KL is {weight:.2g} now and still grows to "
            f"{hparams.kl_weight:g}; keep training{faster}"
        )
    smaller = "" if facts.init_from else ", or a smaller z_size"
    return f"{told}; try kl_weight={2 * hparams.kl_weight:g}{smaller}"


def _more_steps(found: Sequence[Validation], facts: Facts) -> str:
    """Return the advice to train longer, as the start of a sentence; "" if that would overfit."""
    return "" if overfitting(found, facts) else "give it more steps, or "


def dimensions_unused(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if over half of z's dimensions, but not all, were unused at the last two validations."""
    size = facts.hparams.z_size
    if facts.init_from or len(found) < 2 or not min(v.unused for v in found[-2:]) > MOSTLY * size:
        return ""
    if found[-1].kl_sum < NATS_FOR_KINDS:
        return ""
    used = size - int(found[-1].unused)
    return (
        f"{size - used} of {size} dimensions of z are not used; z_size="
        f"{max(4, 2 ** math.ceil(math.log2(2 * max(used, 1))))} is enough"
    )


def gradients_clipped(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if more than half of the gradient's elements reach or nearly reach `grad_clip`."""
    share = found[-1].clipped
    if not share > MOSTLY:
        return ""
    return (
        f"most gradients are clipped: {share:.0%} of their elements; try grad_clip="
        f"{10 * facts.hparams.grad_clip:g} or learning_rate={facts.hparams.learning_rate / 2:g}"
    )


def too_few_drawings(found: Sequence[Validation], facts: Facts) -> str:
    """Warn if there are over `PARAMETERS_A_POINT` parameters per point in the training drawings."""
    ratio = _parameters_per_point(facts)
    if facts.init_from or ratio <= PARAMETERS_A_POINT:
        return ""
    return (
        f"too few drawings for this model: {ratio:.0f} parameters for each of their "
        f"{facts.points:,} points; begin with the model in the package (`init_from=doodles`), or "
        f"try dec_rnn_size={_smaller_size(facts)}"
    )


def _parameters_per_point(facts: Facts) -> float:
    """Return the number of parameters per training point."""
    return facts.parameters / max(1, facts.points)


def _smaller_size(facts: Facts) -> int:
    """Return a smaller `dec_rnn_size` than the run's, which suits the number of training points.

    It is a power of two, at least 16, unless the run's size is even smaller.
    """
    fitting = facts.hparams.dec_rnn_size / math.sqrt(max(_parameters_per_point(facts) / 10, 4))
    return max(1, min(facts.hparams.dec_rnn_size - 1, max(16, 2 ** int(math.log2(fitting)))))


def rate_at_its_floor(found: Sequence[Validation], facts: Facts) -> str:
    """The learning rate has fallen to `min_learning_rate`, at least a tenth of the steps remain,
    and the run is neither overfitting nor diverging."""
    hparams = facts.hparams
    floor = hparams.min_learning_rate
    rate = losses.learning_rate(hparams, found[-1].step)
    if not rate <= NEAR_FLOOR * floor < hparams.learning_rate / 2:
        return ""
    if found[-1].step > 0.9 * hparams.num_steps:
        return ""
    if overfitting(found, facts) or diverging(found, facts):  # a larger rate does not help
        return ""
    rest = hparams.num_steps - found[-1].step
    return (
        f"the learning rate is at its floor of {floor:g} with {rest:,} steps to go; end here, or "
        "go on with a larger min_learning_rate or decay_rate"
    )


def still_falling(found: Sequence[Validation], facts: Facts) -> str:
    """At the end of a run, the last validation cost is the lowest so far, and it is at least
    `MARGIN` lower than the cost two validations earlier."""
    if len(found) < 3 or _best_index(found) != len(found) - 1:
        return ""
    fallen = found[-3].reconstruction - found[-1].reconstruction
    if fallen < MARGIN:
        return ""
    steps, done = found[-1].step - found[-3].step, found[-1].step + 1
    more = f" and num_steps={2 * done}" if done >= facts.hparams.num_steps else ""
    return (
        f"still falling: the cost fell by {fallen:.2f} in the last {steps} steps; go on with "
        f"`resume`{more}"
    )


RULES: dict[str, Rule] = {  # the worst first
    "updates left out": updates_left_out,
    "diverging": diverging,
    "overfitting": overfitting,
    "z not used": z_not_used,
    "gradients clipped": gradients_clipped,
    "few drawings": too_few_drawings,
    "random z": random_z_have_little_effect,
    "dimensions unused": dimensions_unused,
    "rate at its floor": rate_at_its_floor,
}
RULES_AT_THE_END: dict[str, Rule] = {"still falling": still_falling}


def verdicts(found: Sequence[Validation], facts: Facts, at_the_end: bool = False) -> list[Verdict]:
    """Return the problems of a run, the worst problem first.

    Args:
      found: the run's validations, newest last.
      facts: the facts about the run.
      at_the_end: whether the run is over.
    """
    if not found:
        return []
    rules = RULES | (RULES_AT_THE_END if at_the_end else {})
    texts = {kind: rule(found, facts) for kind, rule in rules.items()}
    return [Verdict(kind, text) for kind, text in texts.items() if text]


def worth_saying(
    found: Sequence[Validation], facts: Facts, at_the_end: bool = False
) -> list[Verdict]:
    """Return the verdicts that are new at this validation; at the end, return all current ones."""
    before = {verdict.kind for verdict in verdicts(found[:-1], facts)}
    now = verdicts(found, facts, at_the_end)
    if at_the_end:
        return [v for v in now if v.kind in before or v.kind in RULES_AT_THE_END]
    return [v for v in now if v.kind not in before]


def _best_index(found: Sequence[Validation]) -> int:
    """Return the index of the validation with the lowest reconstruction cost."""
    costs = [validation.reconstruction for validation in found]
    return costs.index(min(costs))
