"""The JavaScript that runs exported models, beside the models; and what goes into a page."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import shapely
import tensorflow as tf
from golden.cases import case_of
from golden_models import model_of, published_model
from helpers import DOODLES, ROOT, node, public

from sketch_rnn import strokes
from sketch_rnn.cli import export
from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser, load_model, page
from sketch_rnn.hparams import HParams
from sketch_rnn.model import sampling
from sketch_rnn.model.mixture import split_output
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.web import assembly

ASSETS = ROOT / "sketch_rnn" / "web" / "assets"
RUNNER = ROOT / "tests" / "node" / "model.mjs"
CELLS = ["lstm", "layer_norm", "hyper"]
SIZES = {"dec_rnn_size": 12, "enc_rnn_size": 7, "z_size": 5, "max_seq_len": 25, "num_mixture": 3}
GOLDEN = ["lstm", "lstm_uncond", "layer_norm", "hyper"]
GREEDY = {"greedy": True}


@pytest.fixture(autouse=True)
def _drawn_without_compiling(monkeypatch):
    monkeypatch.setattr(sampling, "compiled_decode_strokes", sampling.decode_strokes)


def random_model(cell="lstm", seed=3, scale_factor=20.0, **changes):
    """A model with weights as large as training makes them."""
    hparams = HParams(**(SIZES | {"enc_model": cell, "dec_model": cell} | changes))
    model = SketchRNN(hparams, scale_factor=scale_factor, seed=seed, full_size=255.0)
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.2, variable.shape))
    return model


def a_sketch(points=9, seed=1):
    random = np.random.default_rng(seed)
    lifted = random.random(points) < 0.3
    return np.column_stack([random.normal(0, 20, [points, 2]), lifted]).astype(np.float32)


def golden(name):
    """A model of the original trainer's, whose files hold no scale factor."""
    model = model_of(case_of(name))
    model.scale_factor = 20.0
    return model


def in_javascript(model, tmp_path, *calls, weights="float32"):
    """What the exported module gives for `[function, ...arguments]` each."""
    page.save_module(model, tmp_path / "model.mjs", weights)
    done = subprocess.run(
        [node(), str(RUNNER), str(tmp_path / "model.mjs"), str(ASSETS)],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def distributions(model, sketch, z):
    """Every step's pi, mu_x, mu_y, sigma_x, sigma_y, rho and pen, `[n + 1, 6 M + 3]`."""
    points = strokes.to_stroke5(model.to_model_units([sketch]), len(sketch))[0]
    output, _ = model.decoder(tf.constant(points[:, None]), None if z is None else z[None])
    m = split_output(output[:, 0])
    parts = [tf.nn.softmax(m.pi_logits), m.mu_x, m.mu_y, tf.exp(m.log_sigma_x)]
    parts += [tf.exp(m.log_sigma_y), tf.tanh(m.rho_logit), tf.nn.softmax(m.pen_logits)]
    return np.concatenate(parts, axis=-1)


def flat(found):
    return np.array([[x for values in step.values() for x in values] for step in found])


def assert_same_model(model, tmp_path):
    """Distributions, latent vectors and greedy drawings."""
    conditional = model.hparams.conditional
    z, sketch = None, a_sketch()
    if conditional:
        z = np.random.default_rng(2).normal(size=model.hparams.z_size).astype(np.float32)
    given = {} if z is None else {"z": z.tolist()}
    longest = min(model.hparams.max_seq_len, 40)
    calls = [
        ["distributions", "MODEL", sketch.tolist(), given.get("z")],
        ["decode", "MODEL", given | GREEDY | {"maxPoints": longest}],
        ["complete", "MODEL", sketch.tolist(), GREEDY | {"maxPoints": longest}],
    ]
    if conditional:
        calls.append(["encode", "MODEL", sketch.tolist()])
    found, drawn, completed, *encoded = in_javascript(model, tmp_path, *calls)
    np.testing.assert_allclose(flat(found), distributions(model, sketch, z), atol=1e-5, rtol=1e-5)
    (expected,) = model.decode(z, num_samples=1, greedy=True, max_len=longest)
    found = np.reshape(drawn[0], [-1, 3])
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-4)
    (expected,) = sampling.complete(model, sketch, num_samples=1, greedy=True, max_len=longest)
    np.testing.assert_allclose(completed[0], expected, atol=1e-3, rtol=1e-4)
    if conditional:
        mu, logvar = model.encode([sketch])
        np.testing.assert_allclose(encoded[0]["mu"], mu[0], atol=1e-5, rtol=0)
        np.testing.assert_allclose(encoded[0]["logvar"], logvar[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_model_of_the_original_is_the_same_in_javascript(name, tmp_path):
    assert_same_model(golden(name), tmp_path)


@pytest.mark.parametrize("name", ["made up", "bird"])
def test_a_published_model_is_the_same_in_javascript(name, tmp_path):
    made_up = name == "made up"
    path = published_model(tmp_path) if made_up else public(f"models/{name}.gen.json")
    assert_same_model(load_model(path), tmp_path)


@pytest.mark.parametrize("conditional", [True, False], ids=["conditional", "unconditional"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_model_is_the_same_in_javascript(cell, conditional, tmp_path):
    assert_same_model(random_model(cell, conditional=conditional), tmp_path)


def test_a_model_that_starts_from_a_state_is_the_same_in_javascript(tmp_path):
    model = random_model(num_mixture=20)
    browser.save(model, tmp_path / "x.gen.json", np.ones(5, np.float32))
    assert_same_model(load_model(tmp_path / "x.gen.json"), tmp_path)


@pytest.mark.parametrize("weights", ["float16", "int16"])
def test_rounded_weights_halve_the_file_and_change_little(weights, tmp_path):
    model, sketch = random_model("hyper", conditional=False), a_sketch(20)
    call = ["distributions", "MODEL", sketch.tolist(), None]
    (exact,) = in_javascript(model, tmp_path, call)
    full = (tmp_path / "model.mjs").stat().st_size
    (rounded,) = in_javascript(model, tmp_path, call, weights=weights)
    assert (tmp_path / "model.mjs").stat().st_size < 0.6 * full
    np.testing.assert_allclose(flat(rounded), flat(exact), atol=0.01, rtol=0.01)
    assert (flat(rounded) != flat(exact)).all(axis=1).any()


def test_float16_refuses_weights_that_it_cannot_hold(tmp_path):
    model = random_model()
    model.decoder.output_layer.bias.assign_add(np.full(21, 1e5, np.float32))
    with pytest.raises(UserError, match="too large for float16"):
        page.save_module(model, tmp_path / "x.mjs", "float16")
    assert not list(tmp_path.iterdir())


def test_points_are_drawn_from_the_distribution_at_a_temperature(tmp_path):
    """First points of many drawings: their means, deviations, correlation and pen states."""
    model, count, t = random_model(conditional=False, num_mixture=1, scale_factor=1.0), 4000, 0.5
    options = {"count": count, "maxPoints": 1, "leastPoints": 1, "temperature": t, "seed": 4}
    (drawn,) = in_javascript(model, tmp_path, ["decode", "MODEL", options])
    points = np.array(drawn)[:, 0]
    _, mu_x, mu_y, sigma_x, sigma_y, rho, *pen = distributions(model, a_sketch(1), None)[0]
    deviations = t * np.array([sigma_x, sigma_y])
    error = 4 / np.sqrt(count)
    np.testing.assert_allclose(points[:, 0], mu_x, atol=6 * deviations[0])
    np.testing.assert_allclose(
        (points[:, :2].mean(axis=0) - [mu_x, mu_y]) / deviations, 0, atol=error
    )
    np.testing.assert_allclose(points[:, :2].std(axis=0) / deviations, 1, atol=error)
    np.testing.assert_allclose(np.corrcoef(points[:, 0], points[:, 1])[0, 1], rho, atol=error)
    lifted = pen[1] ** (1 / t) / (pen[0] ** (1 / t) + pen[1] ** (1 / t))  # none may end
    np.testing.assert_allclose(points[:, 2].mean(), lifted, atol=error)


def test_a_seed_draws_the_same_again_and_each_drawing_by_itself(tmp_path):
    model = random_model()
    options = [{"count": 3, "seed": 1}, {"count": 2, "seed": 1}, {"count": 2, "seed": 2}]
    three, two, others = in_javascript(
        model, tmp_path, *(["decode", "MODEL", option] for option in options)
    )
    assert three[:2] == two != others
    assert three[0] != three[1]


def test_the_way_between_two_z_is_the_same_in_javascript(tmp_path):
    random = np.random.default_rng(1)
    first, second = random.normal(size=[2, 5])
    pairs = [(first, second), (first, first), (np.zeros(5), second)]
    found = in_javascript(
        random_model(),
        tmp_path,
        *(["interpolate", a.tolist(), b.tolist(), 0.25] for a, b in pairs),
    )
    expected = [sampling.interpolate(a, b, 5)[1] for a, b in pairs]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_lines_are_the_same_in_javascript(tmp_path):
    sketch = a_sketch(20)
    lines = [line.tolist() for line in strokes.to_polylines(sketch)]
    dot_first = [[[3.0, 4.0]], [[5.0, 5.0], [6.0, 7.0]], [[1.0, 1.0]]]
    found = in_javascript(
        random_model(),
        tmp_path,
        ["toLines", sketch.tolist()],
        ["fromLines", lines],
        ["fromLines", dot_first],
        ["toLines", []],
    )
    assert [len(line) for line in found[0]] == [len(line) for line in lines]
    np.testing.assert_allclose(np.concatenate(found[0]), np.concatenate(lines), atol=1e-4)
    expected = sketch.copy()
    expected[-1, 2] = 1
    np.testing.assert_allclose(found[1], expected, atol=1e-4)
    np.testing.assert_allclose(found[2], strokes.from_polylines(map(np.array, dot_first)))
    assert found[3] == []


def test_lines_are_simplified_as_the_data_sets_are(tmp_path):
    turns = np.cumsum(np.random.default_rng(1).normal(0, 0.5, 80))
    line = np.cumsum(8 * np.column_stack([np.cos(turns), np.sin(turns)]), axis=0)
    (found,) = in_javascript(random_model(), tmp_path, ["simplify", line.tolist(), 2])
    expected = shapely.simplify(shapely.linestrings(line), 2.0, preserve_topology=False)
    np.testing.assert_allclose(found, shapely.get_coordinates(expected))
    assert 5 < len(found) < 70


HOSTILE = "</title></script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"


def test_a_stranger_s_name_is_text(tmp_path):
    model = random_model(data_set=[f"{HOSTILE}.npz", '"`${alert(1)}.npz'])
    page.save_page(model, tmp_path / "x.html", HOSTILE)
    text = (tmp_path / "x.html").read_text()
    assert text.count("<script") == text.count("</script") == 4
    assert "<img" not in text and "<!--" not in text
    (found,) = in_javascript(model, tmp_path, ["decode", "MODEL", {"seed": 1}])
    assert "<script" not in (tmp_path / "model.mjs").read_text()
    assert found


def test_the_page_s_own_script_cannot_end_early():
    for path in ASSETS.glob("*.mjs"):
        assert not re.search(r"</?script|<!--|-->", path.read_text()), path


def test_a_page_allows_its_own_script_and_style_alone(tmp_path):
    page.save_page(random_model(), tmp_path / "x.html")
    (policy,) = re.findall(
        r'Content-Security-Policy" content="(.*?)"', (tmp_path / "x.html").read_text()
    )
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules.pop("default-src") == "'none'"
    assert re.fullmatch("'sha256-[^']+'", rules.pop("script-src"))
    assert re.fullmatch("'sha256-[^']+'", rules.pop("style-src"))
    assert rules == {
        "worker-src": "blob:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_model_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "LARGEST_FILE", 5000)
    for save, name in ((page.save_page, "x.html"), (page.save_module, "x.mjs")):
        with pytest.raises(UserError, match="--weights=float16"):
            save(random_model(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_model_without_a_scale_factor_is_refused(tmp_path):
    with pytest.raises(UserError, match="--scale_factor"):
        page.save_page(random_model(scale_factor=None), tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def drawings_of(path):
    """What the page knows of drawings."""
    return json.loads(re.findall(r'id="drawings">(.*?)<', path.read_text())[0])


def export_page(tmp_path, capfd, *flags):
    """Exports a published model that says its full size; its drawings, and what came on stderr."""
    model, output = published_model(tmp_path, full_size=930), tmp_path / "x.html"
    status = export.main([f"--model_dir={model}", f"--output={output}", "--overwrite", *flags])
    err = capfd.readouterr().err
    assert status == 0, err
    return drawings_of(output), err


def test_the_examples_of_a_page_are_a_dozen_of_the_input(tmp_path, capfd):
    found, _ = export_page(tmp_path, capfd, f"--input={DOODLES / 'cat.npz'}")
    assert len(found["examples"]) == page.MOST_EXAMPLES
    assert found["side"] == 930  # that of the model, not of the drawings in a box of 255
    again, _ = export_page(tmp_path, capfd, f"--input={DOODLES / 'cat.npz'}")
    assert again == found


def test_the_examples_of_a_page_are_of_the_data_set_where_it_is_known(tmp_path, capfd):
    """The published model's data set is cat.npz."""
    shutil.copy(DOODLES / "cat.npz", tmp_path / "cat.npz")
    found, _ = export_page(tmp_path, capfd, f"--data_dir={tmp_path}")
    assert len(found["examples"]) == page.MOST_EXAMPLES


def test_the_page_of_the_model_in_the_package_begins_with_the_drawings_beside_it(tmp_path):
    output = tmp_path / "x.html"
    assert export.main(["--model_dir=doodles", f"--output={output}"]) == 0
    found = drawings_of(output)
    assert len(found["examples"]) == page.MOST_EXAMPLES and 250 < found["side"] <= 255


def test_a_page_without_examples(tmp_path, capfd):
    for flag in ("--noexamples", f"--data_dir={tmp_path}"):
        found, err = export_page(tmp_path, capfd, flag)
        assert found["examples"] == [] and found["side"] == 930
    assert "warning: the page has no drawings" in err
    found, _ = export_page(tmp_path, capfd, "--noexamples", "--full_size=300")
    assert found["side"] == 300
