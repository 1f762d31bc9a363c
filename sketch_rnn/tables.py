"""Tables of pandas, which is an extra."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sketch_rnn.errors import UserError

if TYPE_CHECKING:
    import pandas


def table(columns: Mapping[str, Any], index_name: str) -> "pandas.DataFrame":
    """Return a table of pandas, with the rows in the order of their index.

    Args:
      columns: values by their index, as dicts or `pandas.Series`, by names.
      index_name: what the index is.

    Raises:
      UserError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise UserError(
            'a table needs pandas, which is not installed; pip install "sketch-rnn[pandas]"'
        ) from None
    series = {name: pandas.Series(values) for name, values in columns.items()}
    return pandas.DataFrame(series).rename_axis(index_name).sort_index()
