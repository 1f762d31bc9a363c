"""Parse XML from untrusted sources into a tree of elements, within limits."""

import codecs
import gzip
import html.entities
import io
import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sketch_rnn.errors import UserError

MAX_BYTES = 8 << 20
MAX_ELEMENTS = 20_000
MAX_DEPTH = 100
MAX_BYTES_WITH_ENTITIES = 512 << 10
MAX_ENTITY = 200  # characters
MAX_MENDED = 100_000  # places in a file; later ones are left unrepaired

_UNDEFINED = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]
_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?\s(encoding)=[\"']([\w.-]+)")
_MULTI_BYTE = re.compile(
    rb"(?:x-)?s(?:hift)?_?jis|cp932|windows-31j|euc-?(?:jp|kr)|gb(?:2312|k|18030)|big5", re.I
)
_DECLARED = re.compile(r"<!ENTITY\s+([\w.:-]+)")
_NOT_CHARACTERS = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# comments, CDATA, instructions and doctypes, up to their end or the end of the file; `&` references
_PARTS = re.compile(
    r"<!--(?:.*?-->|.*)|<!\[CDATA\[(?:.*?\]\]>|.*)|<\?(?:.*?\?>|.*)"
    r"|<!doctype[^\[>]*(?:\[(?:.*?\]\s*>|.*))?"
    r"|&(?:#(?P<number>\d{1,7}|[xX][0-9a-fA-F]{1,6});|(?P<name>[A-Za-z_][\w.:-]*);)?",
    re.DOTALL | re.IGNORECASE,
)
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
# including common misspellings (https for http)
_NAMESPACES = ("", SVG, XLINK, SVG.replace("http", "https"), XLINK.replace("http", "https"))
# prefixes that files often use without declaring them; names with a prefix in `_OTHERS` are skipped
_WELL_KNOWN = {"svg": SVG, "xlink": XLINK}
_OTHERS = re.compile(
    "a|ai|aapt|android|bx|c|cc|d|dc|dcterms|draw|ev|fig|figma|freehep|graph|gwd|html|i|inkscape|"
    "krita|kvg|lucid|math|mermaid|ns[0-9]*|office|ooo|osb|pgf|presentation|rdf|rdfs|serif|sfw|"
    "sketch|slic3r|sodipodi|svgjs|v|vectornator|x|xhtml|xmp|xmpMM|xodm|xsi"
)


def parse(
    content: bytes, *, any_namespace: bool = False, max_elements: int = MAX_ELEMENTS
) -> Element:
    """Return a file's elements as a tree, without namespaces; read nothing outside the file.

    Some mistakes that browsers refuse are tolerated: well-known prefixes that are not declared,
    HTML's names for characters, a bare `&`, and undeclared Latin-1.

    Args:
      content: the bytes of the file, plain or gzipped.
      any_namespace: whether to keep element names from all namespaces, not only from SVG.
      max_elements: the most elements that are read.

    Raises:
      UserError: the content is not XML, exceeds a limit, or has entities that are long or external.
    """
    content = _from_declaration(_unpacked(content))
    try:
        return _Reader(content, any_namespace, max_elements).read()
    except expat.ExpatError as error:
        found = error
    mended = _repaired(content)
    if mended != content:
        try:
            return _Reader(mended, any_namespace, max_elements).read()
        except expat.ExpatError as error:
            content, found = mended, error
    cause = expat.ErrorString(found.code)
    if found.code == _UNDEFINED and (name := _entity_at(content, found)):
        cause = f"the entity {name} is not declared"
    raise _not_well_formed(found.lineno, found.offset, cause)


class _Reader:
    """A parser that turns one file's content into a tree."""

    def __init__(self, content: bytes, any_namespace: bool, max_elements: int):
        self._content = content
        self._any_namespace, self._max_elements = any_namespace, max_elements
        self._builder, self._parser = TreeBuilder(), expat.ParserCreate()
        self._spaces: list[dict[str, str]] = [{"": "", "xml": "other"}]  # keyed by prefix
        self._count = self._size = 0
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._builder.data
        self._parser.EntityDeclHandler = self._entity

    def read(self) -> Element:
        """Return the root; raise ExpatError, or UserError if a limit is exceeded."""
        try:
            self._parser.Parse(self._content, True)
        except (LookupError, ValueError) as error:  # an encoding that Python or expat lacks
            if isinstance(error, UserError):
                raise
            raise UserError(f"not readable as XML ({error})") from None
        return self._builder.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        self._size += attribute_size(attributes)
        if self._count > self._max_elements:
            raise UserError(f"it has more than {self._max_elements} elements")
        check_depth(len(self._spaces))
        if self._size > MAX_BYTES:  # a DTD's entities and attributes can multiply its size
            raise UserError(f"its attributes take more than {MAX_BYTES >> 20} MB")
        declared = {k[6:]: v for k, v in attributes.items() if k == "xmlns" or k[:6] == "xmlns:"}
        self._spaces.append({**self._spaces[-1], **declared} if declared else self._spaces[-1])
        plain = {k: v for k, v in attributes.items() if ":" not in k and k != "xmlns"}
        prefixed = {
            self._local(k): v for k, v in attributes.items() if ":" in k and k[:6] != "xmlns:"
        }
        prefixed.pop("", None)
        self._builder.start(self._local(name), {**prefixed, **plain})

    def _end(self, name: str) -> None:
        self._builder.end(self._local(name))
        self._spaces.pop()

    def _local(self, name: str) -> str:
        """Return the name without its prefix if the prefix stands for SVG or XLink; else ""."""
        prefix, _, local = name.rpartition(":")
        if self._any_namespace:
            return local
        space = self._spaces[-1].get(prefix) or _WELL_KNOWN.get(prefix, "")
        if prefix and not space and not _OTHERS.fullmatch(prefix):
            parser = self._parser
            raise _not_well_formed(
                parser.CurrentLineNumber,
                parser.CurrentColumnNumber,
                f"the prefix {prefix[:40]}: is not declared",
            )
        return local if space in _NAMESPACES and (space or not prefix) else ""

    def _entity(self, name: str, is_parameter: bool, value: str | None, *where: str | None) -> None:
        if value is None or is_parameter or "&" in value or len(value) > MAX_ENTITY:
            raise UserError(
                f"expected its entity {name[:40]!r} to be a short text in the file itself"
            )
        if len(self._content) > MAX_BYTES_WITH_ENTITIES:
            raise UserError(
                f"it is larger than {MAX_BYTES_WITH_ENTITIES >> 10} kB, the limit for a file with "
                "entities"
            )


def _not_well_formed(line: int, column: int, cause: str) -> UserError:
    return UserError(f"not well-formed XML: line {line}, column {column + 1}: {cause}")


def _entity_at(content: bytes, error: expat.ExpatError) -> str:
    lines = content.decode("utf-8", "replace").split("\n", error.lineno)
    match = re.compile(r"&[\w.:-]{1,40};").match(lines[error.lineno - 1], error.offset)
    return match[0] if match else ""


def _repaired(content: bytes) -> bytes:
    """Return the content with invalid XML references repaired, or unchanged if that fails."""
    text = _decoded(content)
    if text is None:
        return content
    text = _NOT_CHARACTERS.sub("", text)
    known = set(_DECLARED.findall(text)) | {"amp", "apos", "gt", "lt", "quot"}
    mended = _PARTS.sub(lambda match: _repaired_part(match, known), text, MAX_MENDED).encode()
    return mended if len(mended) <= MAX_BYTES else content


def _repaired_part(match: re.Match[str], known: set[str]) -> str:
    """Return the replacement for a match of `_PARTS`: comments stay, references are repaired."""
    text, name = match[0], match["name"]
    if text[:2].lower() == "<!":
        return text[:9].upper() + text[9:] if text[:9].lower() == "<!doctype" else text
    if text[0] == "<" or name in known:
        return text
    if match["number"]:
        return "" if _NOT_CHARACTERS.fullmatch(_character(match["number"])) else text
    if name is None:
        return "&amp;"
    if name[:3] == "ns_":  # from Illustrator; other programs remove the declarations
        return {"ns_svg": SVG, "ns_xlink": XLINK}.get(name, "other")
    characters = html.entities.html5.get(f"{name};")
    return "".join(f"&#{ord(one)};" for one in characters) if characters else text


def _character(number: str) -> str:
    """Return the character with this number in an XML reference; NUL if there is none."""
    value = int(number[1:], 16) if number[0] in "xX" else int(number)
    return chr(value) if value < 0x110000 else "\0"


def _decoded(content: bytes) -> str:
    """Return the content as text, with the encoding removed from its XML declaration."""
    said = _ENCODING.match(content)
    try:
        if said and said[2].lower() not in (b"utf-8", b"utf8"):
            text = content.decode(said[2].decode())
        else:
            text = content.decode("utf-8")
    except (LookupError, UnicodeError):
        text = content.decode("cp1252", "replace")
    return _without_encoding(text)


def _without_encoding(text: str) -> str:
    """Return the text without the encoding in its XML declaration."""
    return re.sub(r"^(<\?xml[^>]{0,100}?)\sencoding=[^\s?>]*", r"\1", text)


def check_depth(depth: int) -> None:
    """Refuse elements that are nested deeper than the limit."""
    if depth > MAX_DEPTH:
        raise UserError(f"its elements are nested more than {MAX_DEPTH} levels deep")


def attribute_size(attributes: Mapping[str, str]) -> int:
    """Return approximately how many characters an element's attributes take in a file."""
    return sum(len(name) + len(value) + 4 for name, value in attributes.items())


def _unpacked(content: bytes) -> bytes:
    """Return the content, unpacked if it is gzip; its unpacked size is limited."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, EOFError, ValueError) as error:
            raise UserError(f"its gzip compression is damaged ({error})") from None
        except Exception as error:  # zlib.error has no public base
            raise UserError(f"its gzip compression is damaged ({type(error).__name__})") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"larger than the limit of {MAX_BYTES >> 20} MB")
    return content


def _from_declaration(content: bytes) -> bytes:
    """Return the content without anything before its declaration (byte order mark, blank lines).

    UTF-16, whatever the declaration says, and East Asian encodings, which expat lacks, become
    UTF-8.
    """
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return _without_encoding(content.decode("utf-16", "replace").lstrip()).encode()
    content = content.lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    if (said := _ENCODING.match(content)) and _MULTI_BYTE.fullmatch(said[2]):
        try:
            return _without_encoding(content.decode(said[2].decode())).encode()
        except (LookupError, UnicodeError):
            return content
    return content
