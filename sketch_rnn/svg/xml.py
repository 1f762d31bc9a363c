"""XML from strangers: the tree of a file's elements, within limits."""

import codecs
import gzip
import io
from collections.abc import Mapping
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sketch_rnn.errors import UserError

MAX_BYTES = 8 << 20
MAX_ELEMENTS = 20_000
MAX_DEPTH = 100
MAX_BYTES_WITH_ENTITIES = 512 << 10
MAX_ENTITY = 200  # characters

# also as it is written by mistake
_NAMESPACES = (
    "",
    "http://www.w3.org/2000/svg",
    "https://www.w3.org/2000/svg",
    "http://www.w3.org/1999/xlink",
    "https://www.w3.org/1999/xlink",
)


def parse(content: bytes) -> Element:
    """The tree of a file's elements, without namespaces; nothing outside of it is read.

    Args:
      content: of the file, plain or gzip.

    Raises:
      UserError: it is not XML, larger than a limit, or has other than short entities of its own.
    """
    content = _plain(content)
    builder, parser = TreeBuilder(), expat.ParserCreate(namespace_separator=" ")
    count = depth = size = 0

    def start(name, attributes):
        nonlocal count, depth, size
        count, depth, size = count + 1, depth + 1, size + attribute_size(attributes)
        if count > MAX_ELEMENTS:
            raise UserError(f"it has more than {MAX_ELEMENTS} elements")
        check_depth(depth)
        if size > MAX_BYTES:  # entities and the attributes of a DTD make more than the file has
            raise UserError(f"its attributes become more than {MAX_BYTES >> 20} MB")
        builder.start(_local(name), {_local(k): v for k, v in attributes.items()})

    def end(name):
        nonlocal depth
        depth -= 1
        builder.end(_local(name))

    def entity(name, is_parameter, value, base, system_id, public_id, notation):
        if value is None or is_parameter or "&" in value or len(value) > MAX_ENTITY:
            raise UserError(f"its entity {name[:40]!r} is not a short text of the file's own")
        if len(content) > MAX_BYTES_WITH_ENTITIES:
            raise UserError(f"it has entities and more than {MAX_BYTES_WITH_ENTITIES >> 10} kB")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = builder.data, entity
    try:
        parser.Parse(_from_declaration(content), True)
    except expat.ExpatError as error:
        raise UserError(f"not well-formed XML ({error})") from None
    except (LookupError, ValueError) as error:  # an encoding that Python or expat lacks
        if isinstance(error, UserError):
            raise
        raise UserError(f"not readable as XML ({error})") from None
    return builder.close()


def check_depth(depth: int) -> None:
    """Refuses elements that are nested deeper than the limit."""
    if depth > MAX_DEPTH:
        raise UserError(f"its elements are nested more than {MAX_DEPTH} deep")


def attribute_size(attributes: Mapping[str, str]) -> int:
    """What an element's attributes take in a file, about."""
    return sum(len(name) + len(value) + 4 for name, value in attributes.items())


def _plain(content: bytes) -> bytes:
    """The content, unpacked if it is gzip; both within the limit."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(MAX_BYTES + 1)
        except (OSError, EOFError, ValueError) as error:
            raise UserError(f"its gzip is damaged ({error})") from None
        except Exception as error:  # zlib.error has no public base
            raise UserError(f"its gzip is damaged ({type(error).__name__})") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"larger than the limit of {MAX_BYTES >> 20} MB")
    return content


def _from_declaration(content: bytes) -> bytes:
    """The content without a byte order mark and blank lines before its declaration."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        text = content.decode("utf-16", "replace").lstrip()
        return text.encode("utf-16")
    return content.lstrip(codecs.BOM_UTF8 + b" \t\r\n")


def _local(name: str) -> str:
    """The name without its namespace, if that is SVG's or XLink's; "" for another's."""
    namespace, _, local = name.rpartition(" ")
    return local if namespace in _NAMESPACES else ""
