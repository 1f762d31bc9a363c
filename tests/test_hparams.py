import dataclasses
import json
import random
import re
import subprocess
import sys

import pytest
from helpers import ROOT, unix_only

from sketch_rnn.advice import ADVICE
from sketch_rnn.cli import train
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.hparams_text import load_config, parse_overrides

SMALL = 'sketch_rnn_train --log_root=checkpoint_path --data_dir=dataset_path --hparams={"data_set"="dataset_filename.npz"}'  # noqa: E501
BIG = 'sketch_rnn_train --log_root=models/big_model --data_dir=datasets/big_dataset --hparams={"data_set"="big_dataset_filename.npz","dec_model":"hyper","dec_rnn_size":2048,"enc_model":"layer_norm","enc_rnn_size":512,"save_every":5000,"grad_clip":1.0,"use_recurrent_dropout":0}'  # noqa: E501
BIG_VALUES = {
    "data_set": ("big_dataset_filename.npz",),
    "dec_model": "hyper",
    "dec_rnn_size": 2048,
    "enc_model": "layer_norm",
    "enc_rnn_size": 512,
    "save_every": 5000,
    "grad_clip": 1.0,
    "use_recurrent_dropout": False,
}
# What the original refuses and this reads: one data set without a list, spaces.
READ_HERE = {"data_set=a.npz": {"data_set": ["a.npz"]}, " z_size = 64 ": {"z_size": 64}}
RECORDED = ROOT / "tests" / "golden" / "hparams.json"
OURS = {"pad_steps": "all"}  # what the original does not have


def test_defaults_equal_those_of_the_original():
    golden = json.loads(RECORDED.read_text())["defaults"] | OURS
    ours = HParams().to_dict()
    assert ours == golden
    assert {k: type(v) for k, v in ours.items()} == {k: type(v) for k, v in golden.items()}


def test_texts_are_parsed_as_the_original_parses_them():
    golden = json.loads(RECORDED.read_text())
    for text, expected in golden["parsed"].items():
        expected = READ_HERE.get(text, expected)
        if expected is None or text == "dec_model=":
            with pytest.raises(UserError):
                parse_overrides([text])
        else:
            ours = HParams(**parse_overrides([text])).to_dict()
            assert ours == {**golden["defaults"], **OURS, **expected}, text


def test_every_field_has_a_line_of_documentation():
    documented = [line.strip().split(":")[0] for line in HParams.__doc__.splitlines()]
    for field in dataclasses.fields(HParams):
        assert documented.count(field.name) == 1, field.name


def test_every_field_has_advice_in_the_help_and_in_the_docs(capsys, monkeypatch):
    names = [field.name for field in dataclasses.fields(HParams)]
    assert list(ADVICE) == names
    monkeypatch.setenv("COLUMNS", "100")
    assert train.main(["--help"]) == 0
    shown = capsys.readouterr().out
    defaults = HParams().texts()
    page = (ROOT / "docs" / "hyperparameters.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name, row in zip(names, rows, strict=True):
        assert f"  {name}={defaults[name]}\n        {ADVICE[name]}\n" in shown
        assert row == f"| `{name}` | `{defaults[name]}` | {ADVICE[name]} |"


def test_defaults_written_as_text_are_read_back():
    texts = HParams().texts()
    assert HParams(**parse_overrides([f"{k}={v}" for k, v in texts.items()])) == HParams()


@unix_only
@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize(
    ("line", "expected"), [(SMALL, {"data_set": ("dataset_filename.npz",)}), (BIG, BIG_VALUES)]
)
def test_documented_lines_can_be_pasted_into_a_shell(tmp_path, shell, line, expected):
    command = tmp_path / "sketch_rnn_train"
    command.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    command.chmod(0o755)
    done = subprocess.run(
        [shell, "-c", line],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    arguments = [argument.split("=", 1) for argument in json.loads(done.stdout)]
    assert parse_overrides([v for flag, v in arguments if flag == "--hparams"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "data_set=[a.npz,b.npz],dec_model=hyper,z_size=3,conditional=0,kl_weight=1",
        "data_set:[a.npz,b.npz],dec_model:hyper,z_size:3,conditional:false,kl_weight:1.0",
        "{data_set=[a.npz,b.npz],dec_model=hyper,z_size=3,conditional=False,kl_weight=1e0}",
        '{"data_set":["a.npz","b.npz"],"dec_model":"hyper","z_size":3,"conditional":0,"kl_weight":1}',
        '{"data_set":["a.npz","b.npz"],"dec_model":"hyper","z_size":"3","conditional":false,"kl_weight":1}',
        '{"data_set"=["a.npz", "b.npz"], "dec_model"="hyper", z_size:"3", conditional=0, kl_weight=1}',  # noqa: E501
        "{'data_set': ['a.npz', 'b.npz'], 'dec_model': 'hyper', 'z_size': 3, 'conditional': False, 'kl_weight': 1}",  # noqa: E501
        "  data_set = [ a.npz b.npz ] , dec_model = hyper ,z_size= 3 , conditional =0,kl_weight = 1 ,",  # noqa: E501
        "\n{\n data_set: [a.npz,\n b.npz,],\n dec_model: hyper, z_size: 3, conditional: 0, kl_weight: 1\n}\n",  # noqa: E501
    ],
)
def test_every_spelling_gives_the_same_values(text):
    assert parse_overrides([text]) == {
        "data_set": ("a.npz", "b.npz"),
        "dec_model": "hyper",
        "z_size": 3,
        "conditional": False,
        "kl_weight": 1.0,
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("data_set=a.npz", ["a.npz"]),
        ('{"data_set":"a.npz"}', ["a.npz"]),
        ("data_set=[a.npz b.npz]", ["a.npz", "b.npz"]),
        ("data_set=['my cat.npz',\"a,b].npz\"]", ["my cat.npz", "a,b].npz"]),
        ("data_set=my cat.npz", ["my cat.npz"]),
        ("data_set='a,b.npz'", ["a,b.npz"]),
        ("data_set=[o'hara.npz]", ["o'hara.npz"]),
        (r"data_set=[C:\data\a.npz,D:\b.npz]", [r"C:\data\a.npz", r"D:\b.npz"]),
        (r"data_set=C:\new\a.npz", [r"C:\new\a.npz"]),
        (r'{"data_set":"C:\\new\\a.npz"}', [r"C:\new\a.npz"]),
        ("data_set=[http://host:80/a.npz?x=1]", ["http://host:80/a.npz?x=1"]),
        ("data_set:http://host/a.npz", ["http://host/a.npz"]),
        ("data_set=a{1}.npz", ["a{1}.npz"]),
        ("data_set=猫.npz", ["猫.npz"]),
    ],
)
def test_file_names_are_parsed(text, names):
    assert HParams(**parse_overrides([text])).to_dict()["data_set"] == names


def test_a_later_flag_overrides_an_earlier_one():
    assert parse_overrides(["z_size=3,kl_weight=1", "z_size=4"]) == {"z_size": 4, "kl_weight": 1.0}
    assert parse_overrides([]) == {}


def test_a_list_that_bash_split_into_flags_is_joined_again():
    texts = ["data_set:[a.npz", "b.npz", "c.npz]", "dec_model:hyper"]
    assert parse_overrides(texts) == {
        "data_set": ("a.npz", "b.npz", "c.npz"),
        "dec_model": "hyper",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("true", True), ("True", True), ("1", True), ("2", True), ("-1", True)],
        *[("false", False), ("False", False), ("0", False)],
    ],
)
def test_booleans_are_parsed_as_in_the_original(text, value):
    assert parse_overrides([f"use_input_dropout={text}"]) == {"use_input_dropout": value}


REFUSED = [
    ("zsize=3", "z_size"),
    ('{"dec_rnn_sise":3}', "dec_rnn_size"),
    ("data_set[0]=a.npz", "data_set"),
    ("z_size=3,z_size=4", "twice"),
    ('{"z_size":3,"z_size":4}', "twice"),
    ("data_set=a.npz,b.npz", "[a,b]"),
    ("data_set=[]", "data_set"),
    ("data_set=", "data_set"),
    ("data_set=['']", "data_set"),
    ('{"data_set":[3]}', "data_set"),
    ('{"data_set":{"a":"b"}}', "data_set"),
    ("data_set=[a\0.npz]", "data_set"),
    ("data_set=[a.npz", "malformed"),
    ("dec_model=", "lstm, layer_norm, hyper"),
    ("dec_model=LSTM", "lstm, layer_norm, hyper"),
    ("dec_model=[lstm]", "dec_model"),
    ('dec_model="lstm', "malformed"),
    ("learning_rate=nan", "learning_rate"),
    ("learning_rate=0", "learning_rate"),
    ("learning_rate=inf", "learning_rate"),
    ('{"learning_rate":NaN}', "learning_rate"),
    ('{"learning_rate":Infinity}', "learning_rate"),
    ('{"learning_rate":1' + "0" * 400 + "}", "learning_rate"),
    ("kl_weight=-0.1", "kl_weight"),
    ("decay_rate=1.1", "decay_rate"),
    ("kl_decay_rate=-1", "kl_decay_rate"),
    ("recurrent_dropout_prob=0", "recurrent_dropout_prob"),
    ("output_dropout_prob=1.7", "output_dropout_prob"),
    ("augment_stroke_prob=1", "augment_stroke_prob"),
    ("random_scale_factor=1", "random_scale_factor"),
    ("z_size=0", "z_size"),
    ("z_size=-3", "z_size"),
    ("z_size=32.0", "z_size"),
    ('{"z_size":32.0}', "z_size"),
    ('{"z_size":true}', "z_size"),
    ('{"z_size":null}', "z_size"),
    ("z_size=[3]", "z_size"),
    ("z_size=" + "9" * 5000, "z_size"),
    ("batch_size=99999999999", "batch_size"),
    ("conditional=maybe", "conditional"),
    ("conditional=0.0", "conditional"),
    ("conditional=", "conditional"),
    ("z_size", "malformed"),
    ("=3", "malformed"),
    ("z_size=3,,kl_weight=1", "malformed"),
    ('{"z_size":3', "malformed"),
    ("[1, 2]", "malformed"),
    ("{" * 100_000, "malformed"),
    ('{"z_size":' + "[" * 100_000, "malformed"),
]


@pytest.mark.parametrize(("text", "word"), REFUSED, ids=lambda value: value[:40])
def test_a_bad_override_gives_a_one_line_error(text, word):
    with pytest.raises(UserError) as refused:
        parse_overrides([text])
    message = str(refused.value)
    assert word in message
    assert message.isprintable()
    assert len(message) < 300


def test_any_text_gives_values_or_a_user_error():
    rng = random.Random(1)
    pieces = [*"{}[]\"'=:, \n\0\\\u2028\ud800-", "data_set", "z_size", "dec_model", "conditional"]
    pieces += ["kl_weight", "a.npz", "lstm", "3", "0.5", "1e400", "9" * 5000, "NaN", "true", "null"]
    whole = [SMALL.split("=", 3)[3], BIG.split("=", 3)[3], *(text for text, _ in REFUSED[:40])]
    read = 0
    for _ in range(5000):
        if rng.random() < 0.5:
            text = "".join(rng.choices(pieces, k=rng.randrange(12)))
        else:
            text = rng.choice(whole)
            cut = rng.randrange(len(text) + 1)
            text = text[:cut] + rng.choice(pieces) + text[cut + rng.randrange(3) :]
        try:
            HParams(**parse_overrides([text, rng.choice(pieces)] if rng.random() < 0.1 else [text]))
            read += 1
        except UserError as error:
            assert str(error).isprintable(), repr(text)
    assert 100 < read < 4900


def test_json_gives_back_the_same_hyperparameters():
    hparams = HParams(data_set=["a.npz", "b.npz"], dec_model="hyper", conditional=0, kl_weight=1)
    assert HParams.from_dict(json.loads(json.dumps(hparams.to_dict()))) == hparams
    assert isinstance(hparams.kl_weight, float)
    assert hparams.conditional is False


def test_from_dict_accepts_the_types_of_the_original():
    read = HParams.from_dict({"conditional": 0, "use_input_dropout": 1, "grad_clip": 1})
    assert read == HParams(conditional=False, use_input_dropout=True, grad_clip=1.0)
    for wrong in ({"z_size": "64"}, {"conditional": "0"}, {"kl_weight": True}, {"nosuch": 1}):
        with pytest.raises(UserError):
            HParams.from_dict(wrong)


def test_replace_checks_its_values():
    assert HParams().replace(z_size=3) == HParams(z_size=3)
    for wrong in ({"z_size": 0}, {"nosuch": 1}):
        with pytest.raises(UserError):
            HParams().replace(**wrong)


def test_hparams_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        HParams().z_size = 3


def test_a_config_file_is_read(tmp_path):
    path = tmp_path / "small.json"
    path.write_text('{"data_set": ["a.npz"], "z_size": 3}')
    assert load_config(path) == {"data_set": ("a.npz",), "z_size": 3}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "no such file"),
        (b"", "JSON object"),
        (b"z_size=3", "JSON object"),
        (b'[["z_size", 3]]', "JSON object"),
        (b"\xff\xfe", "JSON object"),
        (b"[" * 100_000, "JSON object"),
        (b'{"zsize": 3}', "z_size"),
        (b'{"z_size": "3"}', "whole number"),
        (b'{"z_size": 3, "z_size": 4}', "twice"),
        (b" " * 1_000_001, "1 MB"),
    ],
)
def test_a_bad_config_file_gives_a_one_line_error(tmp_path, content, word):
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        load_config(path)
    assert word in str(refused.value)
    assert "bad.json" in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["data_set=a.npz+b.npz"], ["a.npz", "b.npz"]),
        (["data_set=a.npz+b.npz", "z_size=3", "data_set=c.npz"], ["a.npz", "b.npz", "c.npz"]),
        (["data_set=a.npz,z_size=3", "data_set=b.npz"], ["a.npz", "b.npz"]),
        (["data_set=a.npz", "data_set=[b.npz]"], ["b.npz"]),
        (["data_set=[a.npz]", "data_set=b.npz"], ["b.npz"]),
        (["data_set=c++.npz"], ["c++.npz"]),
        (["data_set=[a.npz+b.npz]"], ["a.npz+b.npz"]),
    ],
)
def test_a_list_of_file_names_needs_no_brackets(texts, names):
    assert HParams(**parse_overrides(texts)).data_set == tuple(names)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "z_size": 4,\n}', "line 2, column 14: there is a comma after"),
        ('{"data_set": ["a.npz", ]}', "line 1, column 22: there is a comma after"),
        ('{\n  // of z\n  "z_size": 4\n}', "line 2, column 3: JSON allows no comments"),
        ("{\n'z_size': 4}", "line 2, column 1: JSON needs names"),
        ('{"z_size": 4\n "save_every": 5}', "line 2, column 2: "),
        ('{"z_size": }', "line 1, column 12: "),
    ],
)
def test_an_error_in_a_config_file_says_where_it_is(tmp_path, text, place):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(f"config.json': {place}")):
        load_config(path)


def test_a_byte_order_mark_is_ignored(tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(b'\xef\xbb\xbf{"z_size": 3}')
    assert load_config(path) == {"z_size": 3}


@pytest.mark.parametrize(
    ("name", "meant"), [("lr", "learning_rate"), ("epochs", "num_steps"), ("steps", "num_steps")]
)
def test_names_from_other_programs_get_a_hint_with_the_name_used_here(name, meant):
    with pytest.raises(UserError, match=f"'{name}'; it is called {meant} here"):
        parse_overrides([f"{name}=3"])
