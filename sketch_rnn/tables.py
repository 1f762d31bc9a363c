"""Tables as pandas data frames; pandas is an optional dependency."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sketch_rnn.errors import not_installed

if TYPE_CHECKING:
    import pandas


def table(columns: Mapping[str, Any], index_name: str) -> "pandas.DataFrame":
    """Return a pandas data frame, with its rows sorted by their index.

    Args:
      columns: the columns by name; each maps indices to values, as a dict or a `pandas.Series`.
      index_name: the name of the index.

    Raises:
      UserError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise not_installed("a table", ["pandas"], "pandas") from None
    series = {name: pandas.Series(values) for name, values in columns.items()}
    return pandas.DataFrame(series).rename_axis(index_name).sort_index()
