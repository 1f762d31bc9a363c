"""Tests of fetching models from a fake Hub, and of the errors when that fails."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

import hub as stand_in

from sketch_rnn.data import catalog, hub
from sketch_rnn.errors import UserError

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def server(monkeypatch, tmp_path):
    with stand_in.used(monkeypatch, tmp_path / "cache") as server:
        server.repositories["user/cats"] = {"model.keras": CONTENT, "old/cat.gen.json": b"{}"}
        yield server


def downloads(server):
    return [asked for method, _, asked in server.asked if method == "GET"]


def test_a_model_is_fetched_once(server):
    path = hub.fetch("hf://user/cats")
    assert path.name == "model.keras" and path.read_bytes() == CONTENT
    assert hub.fetch("hf://user/cats") == path
    assert len(downloads(server)) == 1
    assert hub.fetch("hf://user/cats", anew=True).read_bytes() == CONTENT
    assert len(downloads(server)) == 2


def test_a_model_on_the_hub_is_found_by_its_name(server):
    assert catalog.model_path("hf://user/cats").read_bytes() == CONTENT


def test_the_name_can_include_a_file_and_a_revision(server):
    assert hub.fetch("hf://user/cats/old/cat.gen.json").read_bytes() == b"{}"
    assert hub.fetch(f"hf://user/cats@{'0' * 40}").read_bytes() == CONTENT


def test_an_interrupted_download_from_the_hub_resumes(server, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    server.breaks_at = 300_000
    assert hub.fetch("hf://user/cats").read_bytes() == CONTENT
    assert downloads(server) == [None, "bytes=300000-"]


def test_a_file_gets_its_name_only_when_it_is_complete(server, tmp_path, monkeypatch):
    from huggingface_hub import file_download

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    monkeypatch.setattr(file_download.time, "sleep", killed)
    server.breaks_at = 300_000
    with pytest.raises(Killed):
        hub.fetch("hf://user/cats")
    assert [path for path in (tmp_path / "cache").rglob("model.keras")] == []
    monkeypatch.undo()


def test_a_fetched_model_is_available_without_a_network(server, monkeypatch):
    path = hub.fetch("hf://user/cats")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert hub.fetch("hf://user/cats") == path


def test_an_enormous_file_is_refused_before_it_is_fetched(server):
    server.claimed = hub.LARGEST + 1
    with pytest.raises(UserError, match="expected a model of at most"):
        hub.fetch("hf://user/cats")
    assert downloads(server) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "hf://user/dogs",
            "no such repository, or it is private; for a private one, log in with `hf auth login`",
        ),
        (
            "hf://user/secret",
            "no such repository, or it is private; for a private one, log in with `hf auth login`",
        ),
        ("hf://user/cats@2024", "no such revision"),
        ("hf://user/cats/dog.keras", "holds no dog.keras"),
        ("hf://cats", "expected a model on the Hub, such as hf://user/name"),
        ("hf://user/cats/../../x", "expected a model on the Hub"),
        ("hf://user/-cats--", "hf://user/-cats--"),
    ],
)
def test_a_failed_fetch_gives_a_one_line_error(server, monkeypatch, name, reason):
    server.repositories["user/secret"] = {"model.keras": CONTENT}
    server.private.add("user/secret")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match=reason) as caught:
        hub.fetch(name)
    assert name in str(caught.value)


def test_an_unreachable_hub_gives_a_one_line_error(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="hf://user/cats: the Hub cannot be reached"):
        hub.fetch("hf://user/cats")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    with pytest.raises(UserError, match=r'pip install "sketch-rnn\[hub\]"'):
        hub.fetch("hf://user/cats")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pushed"
    folder.mkdir()
    (folder / "model.keras").write_bytes(CONTENT)
    (folder / "README.md").write_text("---\nlibrary_name: sketch_rnn\n---\n")
    return folder


def test_a_folder_is_pushed_in_one_commit(server, folder):
    page = hub.push("hf://user/dogs", folder, private=True)
    assert page == f"{server.address}/user/dogs"
    assert server.repositories["user/dogs"]["model.keras"] == CONTENT
    assert server.private == {"user/dogs"}
    hub.push("hf://user/dogs", folder, private=False)  # once more
    assert sum("/commit/" in path for _, path, _ in server.asked) == 2
    assert Path(hub.fetch("hf://user/dogs")).read_bytes() == CONTENT


def test_pushing_without_a_login_says_how_to_log_in(server, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(UserError, match="log in with `hf auth login`"):
        hub.push("hf://user/dogs", folder, private=False)
    assert "user/dogs" not in server.repositories


@pytest.mark.parametrize("name", ["hf://user/dogs@main", "hf://user/dogs/dog.keras"])
def test_push_accepts_only_a_repository(server, folder, name):
    with pytest.raises(UserError, match="expected the repository to push to"):
        hub.push(name, folder, private=False)
    assert server.asked == []
