"""Tests of the JavaScript for exported models, and of the content of pages."""

import json
import os
import re
import shutil
import subprocess
import tarfile

import numpy as np
import pytest
import shapely
import tensorflow as tf
from golden.cases import case_of
from golden_models import model_of, published_model
from helpers import DOODLES, ROOT, costs_of, node, public

from sketch_rnn import strokes
from sketch_rnn.cli import export
from sketch_rnn.data import npz
from sketch_rnn.data.split import to_stroke5
from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser, load_model, module, page
from sketch_rnn.hparams import HParams
from sketch_rnn.model import sampling
from sketch_rnn.model.losses import split_output
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
    """Return a model with weights as large as after training."""
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
    """Return a model of the original trainer, whose files contain no scale factor."""
    model = model_of(case_of(name))
    model.scale_factor = 20.0
    return model


def in_javascript(model, tmp_path, *calls, weights="float32", plain=False):
    """Return the exported module's results for calls; `plain` means without WebAssembly."""
    module.save_module(model, tmp_path / "model.mjs", weights)
    done = subprocess.run(
        [node(), str(RUNNER), str(tmp_path / "model.mjs"), str(ASSETS)],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | ({"PLAIN": "1"} if plain else {}),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def distributions(model, sketch, z):
    """Return pi, mu_x, mu_y, sigma_x, sigma_y, rho and pen of all steps, `[n + 1, 6 M + 3]`."""
    points = to_stroke5(model.to_model_units([sketch]), len(sketch))[0]
    output, _ = model.decoder(tf.constant(points[:, None]), None if z is None else z[None])
    m = split_output(output[:, 0])
    parts = [tf.nn.softmax(m.pi_logits), m.mu_x, m.mu_y, tf.exp(m.log_sigma_x)]
    parts += [tf.exp(m.log_sigma_y), tf.tanh(m.rho_logit), tf.nn.softmax(m.pen_logits)]
    return np.concatenate(parts, axis=-1)


def flat(found):
    return np.array([[x for values in step.values() for x in values] for step in found])


def assert_same_model(model, tmp_path, plain=False):
    """Compare distributions, latent vectors and greedy drawings."""
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
    found, drawn, completed, *encoded = in_javascript(model, tmp_path, *calls, plain=plain)
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
def test_a_model_from_the_original_is_the_same_in_javascript(name, tmp_path):
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


@pytest.mark.parametrize("cell", CELLS)
def test_a_model_is_the_same_without_webassembly(cell, tmp_path):
    assert_same_model(random_model(cell), tmp_path, plain=True)


def test_a_model_exported_for_one_z_is_the_same_in_javascript(tmp_path):
    model = random_model(num_mixture=20)
    browser.save(model, tmp_path / "x.gen.json", np.ones(5, np.float32))
    assert_same_model(load_model(tmp_path / "x.gen.json"), tmp_path)


def test_one_byte_weights_change_costs_by_less_than_one_percent():
    """The packaged model is evaluated on test drawings from all its categories."""
    model = load_model()
    files = [npz.read_split(DOODLES / name, "test") for name in model.hparams.data_set]
    sketches = [s for points, n in files for s in np.split(points, np.cumsum(n)[:-1])[:20]]
    points = to_stroke5(model.to_model_units(sketches), model.hparams.max_seq_len)
    lengths, eps = [len(s) for s in sketches], np.zeros([len(sketches), model.hparams.z_size])
    exact = costs_of(model, points, lengths, eps.astype(np.float32))
    for variable in model.weights:
        kind, scales, data = module._packed(np.asarray(variable), "int8")
        values = np.frombuffer(data, kind).astype(np.float32).reshape(variable.shape)
        variable.assign(values * scales if len(scales) else values)
    rounded = costs_of(model, points, lengths, eps.astype(np.float32))
    np.testing.assert_allclose(rounded, exact, atol=0.01, rtol=0)
    assert rounded != exact


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
        module.save_module(model, tmp_path / "x.mjs", "float16")
    assert not list(tmp_path.iterdir())


def test_points_are_sampled_from_the_distribution_at_a_temperature(tmp_path):
    """Check means, deviations, correlation and pen states of many first points."""
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


def test_a_seed_repeats_the_drawings_and_each_is_independent(tmp_path):
    model = random_model()
    options = [{"count": 3, "seed": 1}, {"count": 2, "seed": 1}, {"count": 2, "seed": 2}]
    three, two, others = in_javascript(
        model, tmp_path, *(["decode", "MODEL", option] for option in options)
    )
    assert three[:2] == two != others
    assert three[0] != three[1]


def test_stepping_gives_a_drawing_row_by_row(tmp_path):
    model, sketch = random_model(max_seq_len=12), a_sketch(4).tolist()
    options = {"seed": 3, "leastPoints": 2}
    found = in_javascript(
        model,
        tmp_path,
        ["decode", "MODEL", options],
        ["decodeSteps", "MODEL", options],
        ["complete", "MODEL", sketch, options],
        ["completeSteps", "MODEL", sketch, options],
    )
    assert found[1] == found[0][0] and len(found[1]) >= 2
    assert sketch + found[3] == found[2][0]


def test_each_z_in_a_list_is_decoded_into_its_own_drawings(tmp_path):
    first, second = np.random.default_rng(1).normal(size=[2, 5]).tolist()
    options = {"greedy": True, "maxPoints": 5, "leastPoints": 5}
    both, one, other = in_javascript(
        random_model(),
        tmp_path,
        *(
            ["decode", "MODEL", options | changes]
            for changes in ({"z": [first, second], "count": 2}, {"z": first}, {"z": second})
        ),
    )
    assert both == one * 2 + other * 2


def test_grids_and_analogies_are_the_same_in_javascript(tmp_path):
    corners = np.random.default_rng(1).normal(size=[4, 5]).astype(np.float32)
    square, third = in_javascript(
        random_model(),
        tmp_path,
        ["grid", corners.tolist(), 3],
        ["analogy", *corners[:3].tolist()],
    )
    np.testing.assert_allclose(square, sampling.grid(corners, 3).reshape(9, 5), atol=1e-6)
    np.testing.assert_allclose(third, sampling.analogy(*corners[:3]), atol=1e-6)


ROW = [1.0, 2.0, 0]
REFUSED = {
    "cont": ("decode", "MODEL", {"cont": 2}),
    "expected options such as {count: 3}, got 3": ("decode", "MODEL", 3),
    "count: expected a whole number from 1 to 10000, got 0": ("decode", "MODEL", {"count": 0}),
    "temperature: expected a number above 0, got 0": ("decode", "MODEL", {"temperature": 0}),
    'greedy: expected true or false, got "yes"': ("decode", "MODEL", {"greedy": "yes"}),
    "seed: expected a whole number": ("decode", "MODEL", {"seed": -1}),
    "maxPoints: expected a whole number": ("decode", "MODEL", {"maxPoints": 1.5}),
    "expected a z of 5 numbers, got 2": ("decode", "MODEL", {"z": [1, 2]}),
    "expected the model that load() gives, got {}": ("decode", {}, {}),
    "leave it out": ("decodeSteps", "MODEL", {"count": 2}),
    "expected one z to finish": ("complete", "MODEL", [ROW], {"z": [[0] * 5] * 2}),
    "got row 1: [1,2]": ("complete", "MODEL", [ROW, [1, 2]]),
    "got row 0: [1,2,0.5]": ("encode", "MODEL", [[1, 2, 0.5]]),
    "list of rows [dx, dy, pen lifted], got none": ("encode", "MODEL", []),
    "expected a drawing of 1 to 24 points, got 25": ("complete", "MODEL", [ROW] * 25),
    "t: expected a number from 0 to 1, got 2": ("interpolate", [1], [2], 2),
    "z of the same length, 1 numbers, got 2": ("interpolate", [1], [2, 3], 0.5),
    "expected four corners": ("grid", [[1]], 3),
    "steps: expected a whole number from 2 to 1000, got 1": ("grid", [[1]] * 4, 1),
}


def test_a_bad_argument_to_a_module_throws_a_line_with_what_was_expected(tmp_path):
    found = in_javascript(random_model(), tmp_path, *map(list, REFUSED.values()))
    for expected, given in zip(REFUSED, found, strict=True):
        assert expected in given["error"] and "\n" not in given["error"]


def test_a_model_without_an_encoder_takes_no_z(tmp_path):
    model = random_model(conditional=False)
    calls = ["decode", "MODEL", {"z": [1] * 5}], ["encode", "MODEL", [ROW]]
    refused, encoded = in_javascript(model, tmp_path, *calls)
    assert "draws without z" in refused["error"] and "no encoder" in encoded["error"]


def test_a_module_a_script_and_a_package_give_the_same_results(tmp_path):
    """Node runs the module, a script without modules, and an installed package."""
    model, options = random_model(), {"seed": 2}
    (expected,) = in_javascript(model, tmp_path, ["decode", "MODEL", options])
    module.save_classic(model, tmp_path / "x.classic.js")
    module.save_package(model, tmp_path / "My cats.tgz")
    package = tmp_path / "node_modules" / "my-cats"
    with tarfile.open(tmp_path / "My cats.tgz") as tar:
        tar.extractall(tmp_path, filter="data")
    package.parent.mkdir()
    (tmp_path / "package").rename(package)
    program = f"""
import {{readFileSync}} from 'node:fs';
import vm from 'node:vm';
import {{decode, load}} from 'my-cats';
vm.runInThisContext(readFileSync('x.classic.js', 'utf8'));
const {{sketchRNN}} = globalThis;
console.log(JSON.stringify([
  decode(load(), {json.dumps(options)}), sketchRNN.decode(sketchRNN.load(), {json.dumps(options)}),
]));"""
    (tmp_path / "main.mjs").write_text(program)
    done = subprocess.run(
        [node(), "main.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert json.loads(done.stdout or "null") == [expected, expected], done.stderr
    types = (tmp_path / "model.d.mts").read_text()
    assert types == (package / "index.d.ts").read_text()
    exported = set(
        re.findall(r"export \{(.*)\};", (tmp_path / "model.mjs").read_text())[0].split(", ")
    )
    assert exported == set(re.findall(r"^export function (\w+)", types, re.M))


def test_the_types_file_of_a_module_does_not_overwrite_a_file(tmp_path, capfd):
    (tmp_path / "x.d.ts").write_text("mine")
    arguments = ["--model_dir=doodles", f"--output={tmp_path / 'x.js'}"]
    assert export.main(arguments) == 2
    assert "x.d.ts exists" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["x.d.ts"]


def test_interpolation_between_two_z_is_the_same_in_javascript(tmp_path):
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


def test_lines_are_simplified_like_those_in_data_sets(tmp_path):
    turns = np.cumsum(np.random.default_rng(1).normal(0, 0.5, 80))
    line = np.cumsum(8 * np.column_stack([np.cos(turns), np.sin(turns)]), axis=0)
    (found,) = in_javascript(random_model(), tmp_path, ["simplify", line.tolist(), 2])
    expected = shapely.simplify(shapely.linestrings(line), 2.0, preserve_topology=False)
    np.testing.assert_allclose(found, shapely.get_coordinates(expected))
    assert 5 < len(found) < 70


def test_a_drawing_in_a_url_is_read_back(tmp_path):
    random = np.random.default_rng(1)
    lines = [random.uniform(-50, 400, [n, 2]).tolist() for n in (1, 2, 40)]
    long = [np.cumsum(random.normal(0, 9, [4000, 2]), axis=0).tolist()]
    texts = in_javascript(
        random_model(), tmp_path, ["toFragment", lines, 306], ["toFragment", long, 306]
    )
    assert all(re.fullmatch(r"[\w-]+", text) for text in texts) and len(texts[1]) <= 1600
    found, short, *refused = in_javascript(
        random_model(),
        tmp_path,
        *(["fromFragment", text, 306] for text in (*texts, texts[0][:-3], "", "!", "_____w", "AA")),
    )
    for line, again in zip(lines, found, strict=True):
        np.testing.assert_allclose(again, line, atol=0.5 * 306 / 1000 + 1e-6)
    np.testing.assert_allclose(short[0][-1], long[0][-1], atol=0.2)
    assert all("does not contain a complete drawing" in error["error"] for error in refused)


HOSTILE = "</title></script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"


def test_a_name_in_an_untrusted_model_is_shown_as_text(tmp_path):
    model = random_model(data_set=[f"{HOSTILE}.npz", '"`${alert(1)}.npz'])
    page.save_page(model, tmp_path / "x.html", HOSTILE)
    text = (tmp_path / "x.html").read_text()
    assert text.count("<script") == text.count("</script") == 4
    assert "<img" not in text and "<!--" not in text
    (found,) = in_javascript(model, tmp_path, ["decode", "MODEL", {"seed": 1}])
    assert "<script" not in (tmp_path / "model.mjs").read_text()
    assert found


def test_scripts_of_the_page_contain_no_script_end_tag():
    for path in ASSETS.glob("*.mjs"):
        assert not re.search(r"</?script|<!--|-->", path.read_text()), path


def test_a_page_allows_only_its_own_script_and_style(tmp_path):
    page.save_page(random_model(), tmp_path / "x.html")
    (policy,) = re.findall(
        r'Content-Security-Policy" content="(.*?)"', (tmp_path / "x.html").read_text()
    )
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules.pop("default-src") == "'none'"
    assert re.fullmatch("'sha256-[^']+' 'wasm-unsafe-eval'", rules.pop("script-src"))
    assert re.fullmatch("'sha256-[^']+'", rules.pop("style-src"))
    assert rules == {
        "worker-src": "blob:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_model_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "LARGEST_FILE", 5000)
    for save, name in ((page.save_page, "x.html"), (module.save_module, "x.mjs")):
        with pytest.raises(UserError, match="--weights=float16"):
            save(random_model(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_model_without_a_scale_factor_is_refused(tmp_path):
    with pytest.raises(UserError, match="--scale_factor"):
        page.save_page(random_model(scale_factor=None), tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def drawings_of(path):
    """Return the drawings that the page contains."""
    return json.loads(re.findall(r'id="drawings">(.*?)<', path.read_text())[0])


def export_page(tmp_path, capfd, *flags):
    """Export a published model that states its full size; return its drawings and the stderr."""
    model, output = published_model(tmp_path, full_size=930), tmp_path / "x.html"
    status = export.main([f"--model_dir={model}", f"--output={output}", "--overwrite", *flags])
    err = capfd.readouterr().err
    assert status == 0, err
    return drawings_of(output), err


def test_the_examples_of_a_page_are_twelve_input_drawings(tmp_path, capfd):
    found, _ = export_page(tmp_path, capfd, f"--input={DOODLES / 'cat.npz'}")
    assert len(found["examples"]) == page.MOST_EXAMPLES
    assert found["side"] == 930  # that of the model, not of the drawings in a box of 255
    again, _ = export_page(tmp_path, capfd, f"--input={DOODLES / 'cat.npz'}")
    assert again == found


def test_the_examples_of_a_page_come_from_the_data_set_if_it_is_known(tmp_path, capfd):
    """The published model's data set is cat.npz."""
    shutil.copy(DOODLES / "cat.npz", tmp_path / "cat.npz")
    found, _ = export_page(tmp_path, capfd, f"--data_dir={tmp_path}")
    assert len(found["examples"]) == page.MOST_EXAMPLES


@pytest.mark.parametrize("split", ["test", "train"])
def test_the_page_of_the_packaged_model_has_examples_of_every_kind(split, tmp_path):
    output = tmp_path / "x.html"
    arguments = ["--model_dir=doodles", f"--output={output}", f"--split={split}"]
    assert export.main(arguments) == 0
    found = drawings_of(output)
    assert len(found["examples"]) == page.MOST_EXAMPLES and 250 < found["side"] <= 255
    for number, name in enumerate(load_model().hparams.data_set):
        points, lengths = npz.read_split(DOODLES / name, split)
        known = [sketch.tolist() for sketch in np.split(points, np.cumsum(lengths)[:-1])]
        assert all(sketch in known for sketch in found["examples"][2 * number : 2 * number + 2])


def test_a_page_has_the_title_and_colors_that_its_owner_chose(tmp_path):
    words = {"title": "Ours & theirs", "subtitle": "By <us>"}
    page.save_page(random_model(), tmp_path / "x.html", **words, color="#0a5", background="navy")
    text = (tmp_path / "x.html").read_text()
    assert "<h1>Ours &amp; theirs</h1>" in text and "<p>By &lt;us&gt;</p>" in text
    assert "--accent:#00aa55;" in text and "--ground:#000080;" in text
    with pytest.raises(UserError, match="expected a color"):
        page.save_page(random_model(), tmp_path / "y.html", color="nothing")


def test_a_page_can_be_made_without_examples(tmp_path, capfd):
    for flag in ("--noexamples", f"--data_dir={tmp_path}"):
        found, err = export_page(tmp_path, capfd, flag)
        assert found["examples"] == [] and found["side"] == 930
    assert "warning: the page has no drawings" in err
    found, _ = export_page(tmp_path, capfd, "--noexamples", "--full_size=300")
    assert found["side"] == 300
