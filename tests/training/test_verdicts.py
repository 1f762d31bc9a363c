"""Each verdict is tested with a run to which it applies and one to which it does not."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sketch_rnn.formats.step_lines import StepLines
from sketch_rnn.hparams import ARCHITECTURE, HParams
from sketch_rnn.training import signs
from sketch_rnn.training.history import History, Validation
from sketch_rnn.training.verdicts import RULES, RULES_AT_THE_END, Facts, verdicts, worth_saying

FACTS = Facts(HParams(num_steps=10_000, z_size=16), parameters=1_000_000, points=900_000)


def facts(parameters=FACTS.parameters, points=FACTS.points, init_from="", **changes):
    return Facts(FACTS.hparams.replace(**changes), parameters, points, init_from)


def run(*reconstructions, train=None, **signs_of_all):
    """Return a run validated every 100 steps; training costs are slightly higher unless given."""
    train = train or [cost + 0.1 for cost in reconstructions]
    return [
        Validation(100 * (i + 1), valid, valid, trained, **signs_of_all)
        for i, (valid, trained) in enumerate(zip(reconstructions, train, strict=True))
    ]


HEALTHY = run(1.0, 0.6, 0.4, 0.395, 0.39, kl_sum=20.0, unused=1, recovered=0.9, clipped=0.01)
FIRING = {
    "updates left out": (run(1.0, 0.9, left_out=2), FACTS, "learning_rate=0.0005"),
    "diverging": (run(1.0, 0.2, 0.9, train=[1.1, 0.3, 1.5]), FACTS, "0.90, although 0.20"),
    "overfitting": (
        run(1.0, 0.5, 0.53, 0.56, train=[1.1, 0.5, 0.4, 0.3]),
        FACTS,
        "rose by 0.06 since step 201",
    ),
    "z not used": (run(1.0, 0.9, kl_sum=0.3), facts(kl_tolerance=0.0), "kl_tolerance=0.25"),
    "random z": (run(1.0, 0.9, kl_sum=60.0, recovered=0.1), facts(), "kl_decay_rate=0.998"),
    "dimensions unused": (run(1.0, 0.9, kl_sum=9.0, unused=13), FACTS, "z_size=8"),
    "gradients clipped": (run(1.0, clipped=0.7), facts(grad_clip=0.001), "grad_clip=0.01"),
    "few drawings": (run(1.0), facts(points=10_000), "100 parameters for each"),
    "rate at its floor": (run(1.0, 0.9), facts(decay_rate=0.9), "1e-05"),
    "still falling": (run(1.0, 0.9, 0.8), facts(num_steps=301), "num_steps=602"),
}
ALMOST = {
    "updates left out": (run(1.0, 0.9), FACTS),
    "diverging": (run(1.0, 0.2, 0.3, train=[1.1, 0.3, 0.4]), FACTS),
    "overfitting": (run(1.0, 0.5, 0.53, 0.51, train=[1.1, 0.5, 0.4, 0.3]), FACTS),
    "z not used": (run(1.0, 0.9, kl_sum=6.4), facts(kl_tolerance=0.4)),
    "random z": (run(1.0, 0.9, kl_sum=6.4, recovered=0.7), FACTS),
    "dimensions unused": (run(1.0, 0.9, kl_sum=9.0, unused=8), FACTS),
    "gradients clipped": (run(1.0, clipped=0.3), FACTS),
    "few drawings": (run(1.0), facts(points=60_000), ),
    "rate at its floor": (run(1.0, 0.9), facts(decay_rate=0.9, num_steps=210)),
    "still falling": (run(1.0, 0.9, 0.89, 0.885), FACTS),
}  # fmt: skip
ALL = {**RULES, **RULES_AT_THE_END}


def test_every_rule_has_a_test_case():
    assert set(FIRING) == set(ALMOST) == set(ALL)


def test_the_advice_for_a_stopped_run_keeps_its_number_of_steps():
    (text,) = (v.text for v in verdicts(run(1.0, 0.9, 0.8), FACTS, True) if "falling" in v.text)
    assert text.endswith("go on with `resume`")


@pytest.mark.parametrize("kind", ALL)
def test_a_verdict_is_given_where_it_applies(kind):
    found, known, words = FIRING[kind]
    texts = dict(verdicts(found, known, at_the_end=True))
    assert words in texts[kind] and "\n" not in texts[kind]


@pytest.mark.parametrize("kind", ALL)
def test_a_verdict_is_not_given_where_it_does_not_apply(kind):
    found, known = ALMOST[kind]
    assert kind not in dict(verdicts(found, known, at_the_end=True))


def test_a_healthy_run_gets_no_verdict_at_any_validation():
    for count in range(len(HEALTHY) + 1):
        assert verdicts(HEALTHY[:count], FACTS) == []
    assert verdicts(HEALTHY, FACTS, at_the_end=True) == []


def test_a_validation_without_signs_is_judged_by_its_costs():
    """Runs from an earlier version, or without an encoder, have no such signs."""
    assert verdicts(run(0.9, 0.895, 0.893, train=[math.nan] * 3), FACTS, at_the_end=True) == []


def test_an_unused_z_is_not_blamed_on_the_kl_floor():
    texts = dict(verdicts(run(1.0, 0.9, kl_sum=0.3), facts(kl_tolerance=0.4)))
    assert "use_input_dropout=true" in texts["z not used"]


@pytest.mark.parametrize("kl_sum", [5.95, 6.41])
def test_random_z_are_not_blamed_on_kl_weight_if_the_kl_is_at_its_floor(kl_sum):
    """Metrics are from runs on kanji and icons: at the floor, the weight has little effect."""
    found, known = run(1.0, 0.9, kl_sum=kl_sum, recovered=0.28), facts(z_size=32)
    text = dict(verdicts(found, known))["random z"]
    assert f"{kl_sum:g} nats" in text and text.endswith("more steps, or try kl_tolerance=0.1")


def test_few_validation_drawings_say_nothing_about_random_z():
    """Metrics are from a run on 20 faces, for which 16 of 20 random drawings were recognizable."""
    found = run(1.0, 1.1, kl_sum=5.6, recovered=0.28)
    few = replace(facts(kl_tolerance=0.4), validating=4)
    assert "random z" in dict(verdicts(found, facts(kl_tolerance=0.4)))
    assert "random z" not in dict(verdicts(found, few))


def test_a_hardly_used_z_gets_only_one_verdict():
    """Metrics are from a run on kanji: the advice lowers kl_weight, and never also raises it."""
    known = facts(kl_tolerance=0.0, z_size=64)
    assert list(dict(verdicts(run(1.0, 0.9, kl_sum=1.93, recovered=0.0), known))) == ["z not used"]


def test_a_run_that_overfits_from_the_first_validation_is_not_called_diverging():
    """Costs are from a run on ten drawings."""
    found = run(2.0, 3.2, 4.1, 5.4, train=[0.9, -0.8, -1.5, -1.7])
    assert list(dict(verdicts(found, FACTS))) == ["overfitting"]


def test_a_run_whose_cost_never_falls_is_called_diverging():
    """Costs are from a run with a learning rate of 3."""
    found = run(12.48, 11.35, 11.76, train=[11.4, 10.6, 11.1])
    assert list(dict(verdicts(found, FACTS))) == ["diverging"]


def test_advice_skips_settings_that_are_already_set():
    found, _, _ = FIRING["overfitting"]
    for known, words in (
        (facts(use_recurrent_dropout=False), "use_recurrent_dropout=true"),
        (facts(), "recurrent_dropout_prob=0.8"),
        (facts(recurrent_dropout_prob=0.8), "random_scale_factor=0.3"),
        (facts(recurrent_dropout_prob=0.8, random_scale_factor=0.3), "dec_rnn_size=256"),
    ):
        assert words in dict(verdicts(found, known))["overfitting"]


def test_with_a_fast_growing_kl_weight_the_advice_is_to_wait():
    found, known, _ = FIRING["random z"]
    fast = Facts(known.hparams.replace(kl_decay_rate=0.998), known.parameters, known.points)
    assert dict(verdicts(found, fast))["random z"].endswith("still grows to 0.5; keep training")


def test_the_latest_checkpoint_is_named_if_few_drawings_chose_the_best():
    found, known, _ = FIRING["overfitting"]
    few = Facts(known.hparams, known.parameters, known.points, validating=11)
    text = dict(verdicts(found, few))["overfitting"]
    assert "is the best on only 11 validation drawings" in text and "`checkpoint=latest`" in text
    assert "latest" not in dict(verdicts(found, known))["overfitting"]


def test_a_run_on_few_drawings_is_told_about_the_packaged_model():
    assert "`init_from=doodles`" in dict(verdicts(run(1.0), facts(points=10_000)))["few drawings"]


@pytest.mark.parametrize("kind", ALL)
def test_a_run_that_started_from_a_model_gets_no_advice_on_layer_sizes(kind):
    found, known, _ = FIRING[kind]
    most = {"recurrent_dropout_prob": 0.8, "random_scale_factor": 0.3, "kl_decay_rate": 0.1}
    known = Facts(known.hparams.replace(**most), known.parameters, known.points, "doodles")
    texts = " ".join(v.text for v in verdicts(found, known, at_the_end=True))
    assert not any(name in texts for name in (*ARCHITECTURE, "init_from"))


def test_after_the_best_step_no_advice_asks_for_more_steps():
    most = {"recurrent_dropout_prob": 0.8, "random_scale_factor": 0.3, "kl_tolerance": 0.4}
    known = facts(points=10_000, decay_rate=0.9, **most)
    train = [1.1, 0.5, 0.4, 0.3]
    for signs_of_all in ({"kl_sum": 0.3}, {"kl_sum": 5.0, "recovered": 0.1}):
        found = run(1.0, 0.5, 0.53, 0.56, train=train, **signs_of_all)
        texts = dict(verdicts(found, known, at_the_end=True))
        assert "overfitting" in texts and len(texts) == 3
        assert not any("more steps" in text or "go on" in text for text in texts.values())
        sizes = {size for text in texts.values() for size in re.findall(r"dec_rnn_size=\d+", text)}
        assert len(sizes) == 1


def test_a_verdict_is_given_when_it_is_new_and_again_at_the_end():
    found = run(1.0, 0.5, 0.53, 0.56, 0.58, train=[1.1, 0.5, 0.4, 0.3, 0.2])
    said = [[v.kind for v in worth_saying(found[:n], FACTS)] for n in range(1, 6)]
    assert said == [[], [], [], ["overfitting"], []]
    assert [v.kind for v in worth_saying(found, FACTS, at_the_end=True)] == ["overfitting"]
    assert worth_saying(found[:4], FACTS, at_the_end=True) == []  # it was given just before


def test_the_history_is_read_from_valid_lines_of_metrics(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 0, "Num_Trainable_Params": 9}\n'
        '{"step": 20, "Train_Cost": 3.1, "Train_Reconstr_Cost": 3.0}\n'
        "damaged\n[1]\n"
        '{"step": 30, "Valid_Cost": "low", "Valid_Reconstr_Cost": []}\n'
        '{"step": 30, "Valid_Cost": ' + "9" * 999 + ', "Valid_Reconstr_Cost": 1}\n'
        '{"step": 1e999, "Valid_Cost": 1, "Valid_Reconstr_Cost": 1}\n'
        '{"step": 40, "Train_Cost": 1.1, "Train_Reconstr_Cost": 1.0}\n'
        '{"step": 50, "Valid_Cost": 1.5, "Valid_Reconstr_Cost": 1.4, "Valid_KL_Sum": 7.0, '
        '"Updates_Left_Out": 1.0}\n'
        '{"step": 100, "Valid_Cost": 1.6, "Valid_Reconstr_Cost": 1.3}\n'
    )
    history = History.read(StepLines(path))
    first, second = history.validations
    assert (first.step, first.cost, first.reconstruction, first.train) == (50, 1.5, 1.4, 2.0)
    assert (first.left_out, first.kl_sum, second.left_out) == (1, 7.0, 0)
    assert math.isnan(first.recovered) and math.isnan(second.train)
    assert history.since_best() == 1
    assert History.read(StepLines(tmp_path / "none")).validations == []


def test_recovery_of_random_z_is_measured_relative_to_the_kl():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1, (4000, 3))
    variance = 0.25  # of the posterior, at which a dimension has a KL of -log(0.25) / 2
    kl = np.array([0.0, *[-np.log(variance) / 2] * 2])
    kept = (1 - variance) * z + rng.normal(0, np.sqrt(variance * (1 - variance)), z.shape)
    assert signs.recovered(z, kept, kl) == pytest.approx(1, abs=0.05)
    assert signs.recovered(z, rng.permutation(kept), kl) < 0
    assert signs.recovered(z, kept, np.zeros(3)) is None
    assert signs.unused_dimensions(kl) == 1


def test_gradients_that_are_always_clipped_are_counted():
    """Adam's second moments come from several updates with the elements 1, 0.1 and -1."""
    moment = np.zeros(3)
    for _ in range(7):
        moment = 0.999 * moment + 0.001 * np.square([1, 0.1, -1])
    assert signs.clipped([moment[:1], moment[1:]], 7, 1.0) == pytest.approx(2 / 3)
    assert signs.clipped([moment], 7, 10.0) == 0
