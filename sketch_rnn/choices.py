"""Words and numbers that the commands and the library share. This module needs no TensorFlow."""

SPLITS = ("train", "valid", "test")
CHECKPOINTS = ("best", "latest")  # the checkpoints in a run
LARGEST_SEED = 2**31 - 1

# The name of a file that holds a model ends with one of these.
BROWSER_SUFFIX, CONDITIONAL_BROWSER_SUFFIX = ".gen.json", ".vae.json"
KERAS_SUFFIX, PAGE_SUFFIX = ".keras", ".html"
CLASSIC_SUFFIX, PACKAGE_SUFFIX = ".classic.js", ".tgz"
MODULE_SUFFIXES = (".js", ".mjs")
TYPES_SUFFIXES = {".js": ".d.ts", ".mjs": ".d.mts"}  # for the types file next to a module
MODEL_SUFFIXES = (
    BROWSER_SUFFIX,
    CONDITIONAL_BROWSER_SUFFIX,
    KERAS_SUFFIX,
    PAGE_SUFFIX,
    CLASSIC_SUFFIX,
    PACKAGE_SUFFIX,
    *MODULE_SUFFIXES,
)
WEIGHTS = (
    "float32",
    "float16",
    "int16",
    "int8",
)  # the number types in which a page or module stores weights; the first is the default

# The possible meanings of rows in other people's stroke-3 files; see `data.layout`.
COORDINATES = ("auto", "offsets", "absolute")
PENS = ("auto", "lifted", "down", "moved", "drawn")
INKS = ("auto", "dark", "light")  # the ink in a pixel image, compared to its background
TABLES = ("text", "json", "csv")  # the formats of a table of costs
