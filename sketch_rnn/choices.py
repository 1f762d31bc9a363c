"""Words and numbers that the commands and the library share. No TensorFlow is needed here."""

SPLITS = ("train", "valid", "test")
CHECKPOINTS = ("best", "latest")  # of a run
LARGEST_SEED = 2**31 - 1

# The name of a file that holds a model ends with one of these.
BROWSER_SUFFIX, CONDITIONAL_BROWSER_SUFFIX = ".gen.json", ".vae.json"
KERAS_SUFFIX, PAGE_SUFFIX = ".keras", ".html"
CLASSIC_SUFFIX, PACKAGE_SUFFIX = ".classic.js", ".tgz"
MODULE_SUFFIXES = (".js", ".mjs")
TYPES_SUFFIXES = {".js": ".d.ts", ".mjs": ".d.mts"}  # of the file beside a module
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
)  # as a page or module stores them; the first by default

# What the rows of drawings that others stored as stroke-3 mean; see `data.layout`.
COORDINATES = ("auto", "offsets", "absolute")
PENS = ("auto", "lifted", "down", "moved", "drawn")
INKS = ("auto", "dark", "light")  # of a picture of pixels
TABLES = ("text", "json", "csv")  # of costs
