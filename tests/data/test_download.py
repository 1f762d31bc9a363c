import hashlib
import os
import subprocess
import sys
import time

import filelock
import numpy as np
import pytest

from sketch_rnn.data import dataset, download
from sketch_rnn.errors import UserError

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def server(server):
    server.files["/d/a.npz"] = (CONTENT, len(CONTENT))
    return server


def cached(tmp_path):
    found = (tmp_path / "cache").rglob("*")
    return [path for path in found if path.is_file() and path.suffix != ".lock"]


def test_a_file_is_fetched_once(server, tmp_path):
    (path,) = download.resolve(server.address, ["a.npz"])
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(tmp_path / "cache")
    assert download.resolve(server.address + "/", ["a.npz"]) == [path]
    assert server.asked == ["/d/a.npz"]


def test_a_data_set_at_a_url_is_loaded(server, tmp_path):
    sketches = np.empty(3, object)
    sketches[:] = [np.array([[i, 2, 0], [3, 4, 1]]) for i in range(3)]
    np.savez(tmp_path / "b.npz", train=sketches, valid=sketches, test=sketches)
    content = (tmp_path / "b.npz").read_bytes()
    server.files["/d/b%20c.npz"] = (content, len(content))
    assert len(dataset.load_dataset(["b c.npz"], server.address).train) == 3


@pytest.mark.parametrize("damage", ["cut off", "one byte", "another file"])
def test_a_data_set_that_is_damaged_in_the_cache_is_fetched_again(damage, server, tmp_path, caplog):
    sketches = np.zeros((3, 40, 3), np.int16)
    sketches[:, :, 0] = np.random.default_rng(0).integers(1, 99, (3, 40))
    np.savez(tmp_path / "b.npz", train=sketches, valid=sketches, test=sketches)
    content = (tmp_path / "b.npz").read_bytes()
    server.files["/d/b.npz"] = (content, len(content))
    (path,) = download.resolve(server.address, ["b.npz"])
    place = content.index(sketches.tobytes())
    path.write_bytes(
        {
            "cut off": content[: len(content) // 2],
            "one byte": content[:place] + b"\0\0" + content[place + 2 :],
            "another file": b"<html>Sign in</html>",
        }[damage]
    )
    assert len(dataset.load_dataset(["b.npz"], server.address).train) == 3
    assert path.read_bytes() == content and "was damaged; fetching it again" in caplog.text
    (tmp_path / "b.npz").write_bytes(content[:99])
    with pytest.raises(UserError, match="cannot be read"):  # a local file stays as it is
        dataset.load_dataset(["b.npz"], tmp_path)
    assert (tmp_path / "b.npz").stat().st_size == 99 and len(server.asked) == 2


def test_a_file_without_a_length_is_fetched(server):
    server.files["/d/a.npz"] = (CONTENT, None)
    (path,) = download.resolve(server.address, ["a.npz"])
    assert path.read_bytes() == CONTENT


def test_a_truncated_body_leaves_nothing_in_the_cache(server, tmp_path):
    server.files["/d/a.npz"] = (CONTENT[:9999], len(CONTENT))
    with pytest.raises(UserError, match=r"cannot fetch .*/d/a\.npz"):
        download.resolve(server.address, ["a.npz"])
    assert cached(tmp_path) == []
    server.files["/d/a.npz"] = (CONTENT, len(CONTENT))
    assert download.resolve(server.address, ["a.npz"])[0].read_bytes() == CONTENT


def cut_off(server):
    """Interrupt a download after several complete chunks and a part of another."""
    server.tag = '"one"'
    server.files["/d/a.npz"] = (CONTENT[:150_000], len(CONTENT))
    with pytest.raises(UserError):
        download.resolve(server.address, ["a.npz"])
    server.files["/d/a.npz"] = (CONTENT, len(CONTENT))


def test_an_interrupted_download_resumes_where_it_stopped(server, tmp_path):
    cut_off(server)
    (path,) = download.resolve(server.address, ["a.npz"])
    assert path.read_bytes() == CONTENT and server.ranges == [None, f"bytes={(2 << 16) - 1}-"]
    assert cached(tmp_path) == [path]


def test_a_download_resumes_after_a_kill_and_hours_without_a_network(server, tmp_path, monkeypatch):
    server.tag, server.stalls = '"one"', True
    server.files["/d/a.npz"] = (CONTENT[:150_000], len(CONTENT))
    program = (
        f"from sketch_rnn.data import download; download.resolve({server.address!r}, ['a.npz'])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and sum(f.stat().st_size for f in cached(tmp_path)) < 2 << 16:
            time.sleep(0.01)
        process.kill()
    server.stalls = False
    server.files["/d/a.npz"] = (CONTENT, len(CONTENT))
    with monkeypatch.context() as context, pytest.raises(UserError, match="no connection"):
        context.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        context.setenv("NO_PROXY", "")
        download.resolve(server.address, ["a.npz"])
    (path,) = download.resolve(server.address, ["a.npz"])
    assert path.read_bytes() == CONTENT
    assert len(server.ranges) == 2 and int(server.ranges[1][6:-1]) > 1 << 16


def test_a_complete_file_that_could_not_be_renamed_is_not_fetched_again(server, monkeypatch):
    server.tag = '"one"'
    with monkeypatch.context() as context, pytest.raises(UserError, match="No space"):
        context.setattr(download.shutil, "copyfileobj", full_disk)
        download.resolve(server.address, ["a.npz"])
    assert download.resolve(server.address, ["a.npz"])[0].read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={len(CONTENT) - 1}-"]


def full_disk(*_):
    raise OSError(28, os.strerror(28))


def test_a_file_that_changed_on_the_server_is_fetched_from_the_start(server, tmp_path):
    cut_off(server)
    server.tag, other = '"two"', CONTENT[::-1]
    server.files["/d/a.npz"] = (other, len(other))
    (path,) = download.resolve(server.address, ["a.npz"])
    assert path.read_bytes() == other and cached(tmp_path) == [path]


def test_a_server_that_ignores_the_range_sends_the_whole_file(server):
    cut_off(server)
    server.tag = None
    assert download.resolve(server.address, ["a.npz"])[0].read_bytes() == CONTENT


@pytest.mark.parametrize("tag", [None, 'W/"one"'])
def test_a_partial_file_that_cannot_be_verified_is_not_kept(server, tmp_path, tag):
    server.tag = tag
    server.files["/d/a.npz"] = (CONTENT[:150_000], len(CONTENT))
    with pytest.raises(UserError, match="cannot fetch"):
        download.resolve(server.address, ["a.npz"])
    assert cached(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "shift"), [(CONTENT[:99], 0), (CONTENT, 5)], ids=["shorter", "shifted"]
)
def test_after_a_wrong_range_the_whole_file_is_fetched_again(server, tmp_path, content, shift):
    cut_off(server)
    server.shift = shift
    server.files["/d/a.npz"] = (content, len(content))
    with pytest.raises(UserError, match=r"416|expected bytes starting at"):
        download.resolve(server.address, ["a.npz"])
    assert cached(tmp_path) == []
    assert download.resolve(server.address, ["a.npz"])[0].read_bytes() == content


def test_two_processes_do_not_write_to_the_same_partial_file(server, tmp_path):
    cut_off(server)
    (part,) = cached(tmp_path)
    before = part.read_bytes()
    with filelock.FileLock(f"{part}.lock"):
        assert download.resolve(server.address, ["a.npz"])[0].read_bytes() == CONTENT
    assert part.read_bytes() == before and server.ranges == [None, None]


def test_a_missing_file_is_named(server, tmp_path):
    with pytest.raises(UserError, match="404") as error:
        download.resolve(server.address, ["none.npz"])
    assert f"{server.address}/none.npz" in str(error.value) and "\n" not in str(error.value)
    assert cached(tmp_path) == []


def test_a_file_with_a_wrong_checksum_is_refused(server, tmp_path, monkeypatch):
    url = f"{server.address}/a.npz"
    monkeypatch.setitem(download.KNOWN_SHA256, url, hashlib.sha256(b"other").hexdigest())
    with pytest.raises(UserError, match="hash"):
        download.resolve(server.address, ["a.npz"])
    assert cached(tmp_path) == []
    monkeypatch.setitem(download.KNOWN_SHA256, url, hashlib.sha256(CONTENT).hexdigest())
    assert download.resolve(server.address, ["a.npz"])[0].read_bytes() == CONTENT


@pytest.mark.parametrize("length", [len(CONTENT), None])
def test_a_file_that_is_too_large_is_refused(server, tmp_path, monkeypatch, length):
    monkeypatch.setattr(download, "MAX_DOWNLOAD", len(CONTENT) - 1)
    server.files["/d/a.npz"] = (CONTENT, length)
    with pytest.raises(UserError, match="more than"):
        download.resolve(server.address, ["a.npz"])
    assert cached(tmp_path) == []


def test_without_a_network_the_error_says_what_to_do(server, tmp_path):
    address = server.address
    server.shutdown()
    server.server_close()
    with pytest.raises(UserError) as error:
        download.resolve(address, ["a.npz"])
    assert "(no connection)" in str(error.value)
    assert "`data_dir=doodles`" in str(error.value) and "\n" not in str(error.value)


def test_a_folder_that_cannot_hold_the_cache_is_an_error(server, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="cannot fetch"):
        download.resolve(server.address, ["a.npz"])


def test_the_default_is_the_public_data_set_with_its_checksum():
    assert set(download.KNOWN_SHA256) == {f"{download.DEFAULT_DATA_DIR}/aaron_sheep.npz"}


def test_files_in_a_folder_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.npz", "sub/b.npz"):
        (tmp_path / name).write_bytes(b"")
    found = download.resolve(tmp_path, ["a.npz", "sub/b.npz"])
    assert found == [tmp_path / "a.npz", tmp_path / "sub" / "b.npz"]


def test_the_error_for_a_missing_file_names_the_files_in_its_folder(tmp_path):
    (tmp_path / "cat.npz").write_bytes(b"")
    with pytest.raises(UserError, match=r"no file 'dog\.npz' in .*, which holds cat\.npz"):
        download.resolve(tmp_path, ["dog.npz"])
    with pytest.raises(UserError, match="expected a folder or an http"):
        download.resolve(tmp_path / "none", ["dog.npz"])


@pytest.mark.parametrize("data_dir", ["folder", "http://127.0.0.1:9"])
@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../a.npz",
        "x/../../a.npz",
        "/etc/a.npz",
        "..\\a.npz",
        "C:\\a.npz",
        "http://elsewhere/a.npz",
    ],
)
def test_names_outside_the_folder_are_refused(data_dir, name):
    with pytest.raises(UserError, match="the name of a file in data_dir"):
        download.resolve(data_dir, [name])
