"""Commands that the documentation shows are the same words in sh, PowerShell and cmd."""

import re
import shlex

import pytest
from helpers import ROOT

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("configs/*.md"))]
OF_UNIX = ("./scripts/", "TF_CONFIG=")  # the pages also show these for other shells
NAMES = r"(?:pip|py|python|tensorboard|sketch_rnn\w*) "


def commands():
    """Return commands in code blocks and in the text, without placeholders."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
            found += [line for line in block.splitlines() if line.strip()]
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        found += re.findall(rf"`({NAMES}[^`]+)`", prose)
        found += re.findall(r"`([\"']?--\w[^`]+)`", prose)
    lines = dict.fromkeys(" ".join(line.split()) for line in found)  # text is wrapped
    return [line for line in lines if "..." not in line]


def words_in_cmd(line):
    """Return the words that a program gets from cmd, by the rules of Microsoft's C library."""
    words, word, quoted, begun = [], "", False, False
    for sign in line:
        if sign == '"':
            quoted, begun = not quoted, True
        elif sign in "%\\" or (sign in "&|<>^()" and not quoted):
            raise ValueError(f"{sign} means something to cmd")
        elif sign == " " and not quoted:
            words += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + sign, True
    assert not quoted
    return words + ([word] if begun else [])


def words_in_powershell(line):
    """Return the words that a program gets from Windows PowerShell 5.1 and from later versions."""
    words, word, quote, begun = [], "", "", False
    for sign in line:
        if quote:
            if sign == quote:
                quote = ""
            elif sign in '"$`':  # 5.1 loses double quotes within an argument
                raise ValueError(f"{sign} means something to PowerShell")
            else:
                word += sign
        elif sign in "\"'":
            quote, begun = sign, True
        elif sign in "$`;&|<>(){}" or (sign in "@#" and not begun):
            raise ValueError(f"{sign} means something to PowerShell")
        elif sign == " ":
            words += [word] if begun else []
            word, begun = "", False
        else:
            word, begun = word + sign, True
    assert not quote
    return words + ([word] if begun else [])


@pytest.mark.parametrize("line", [c for c in commands() if not c.startswith(OF_UNIX)])
def test_every_shell_splits_a_command_into_the_same_words(line):
    words = shlex.split(line)
    assert words_in_cmd(line) == words
    assert words_in_powershell(line) == words
    assert not any(word.startswith(("~", "!")) for word in words)


def test_commands_are_found_in_the_documentation():
    assert len(commands()) > 60
    assert sum(line.startswith(OF_UNIX) for line in commands()) < 8


@pytest.mark.parametrize(
    "line", ["pip install 'a[gpu]'", "a \\", "a > b", "a '--x=[b]'", "a %b%", 'a "$b"', "a; b"]
)
def test_differences_between_shells_are_detected(line):
    def words(of):
        try:
            return of(line)
        except ValueError as error:
            return error

    assert words(words_in_cmd) != words(shlex.split) or words(words_in_powershell) != words(
        shlex.split
    )


def test_a_quoted_list_is_one_word_in_every_shell():
    line = 'sketch_rnn_train "--hparams=data_set=[a.npz,b c.npz]" --x=1,2'
    for words in (words_in_cmd, words_in_powershell, shlex.split):
        assert words(line)[1:] == ["--hparams=data_set=[a.npz,b c.npz]", "--x=1,2"]


@pytest.mark.parametrize("shell", ["sh", "cmd", "powershell"])
def test_the_script_of_each_shell_has_the_commands_in_the_readme(shell, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import readme_script

    text = readme_script.script(shell)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme_script.commands()) > 8
    assert all(line in readme and line in text for line in readme_script.commands())
    assert text.count("num_steps=20") == 2 and "pip install" not in text


def test_messages_quote_extras_in_a_way_that_cmd_accepts():
    found = [
        path.name
        for path in (ROOT / "sketch_rnn").rglob("*.py")
        if re.search(r"install '", path.read_text(encoding="utf-8"))
    ]
    assert found == []
