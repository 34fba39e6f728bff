"""The network in the HTML representation that notebooks show.

scikit-learn offers no public place for it. The hook here is the one that its own
representation calls for each estimator, also inside pipelines and searches; should it
be renamed, the table disappears and the test of this module fails.
"""

import math
from html import escape

TABLE = """
<div class="estimator-table">
  <details>
    <summary>Network: {total:,} parameters, {fixed:,} of them not trained</summary>
    <table class="parameters-table">
      <tbody>
        <tr><th>Layer</th><th>Type</th><th>Output shape</th><th>Parameters</th></tr>
        {rows}
      </tbody>
    </table>
  </details>
</div>
"""

ROW = """
<tr class="default">
  <td class="param">{name}</td><td>{kind}</td><td>{shape}</td><td>{count:,}</td>
</tr>
"""


class AttributesAndNetwork:
    """scikit-learn's table of fitted attributes, and one of layers below it.

    Parameters
    ----------
    attributes : object
        What scikit-learn's `_get_fitted_attr_html` returns.
    model : keras.Sequential
        The network.
    """

    def __init__(self, attributes, model):
        self._attributes = attributes
        self._model = model

    def __len__(self):
        return len(self._attributes) + len(self._model.layers)

    def _repr_html_inner(self):
        model = self._model
        rows = [
            ROW.format(
                name=escape(layer.name),
                kind=escape(type(layer).__name__),
                shape=" x ".join(map(str, layer.output.shape[1:])),
                count=layer.count_params(),
            )
            for layer in model.layers
        ]
        fixed = sum(math.prod(w.shape) for w in model.non_trainable_weights)
        table = TABLE.format(
            total=model.count_params(), fixed=fixed, rows="".join(rows)
        )
        return self._attributes._repr_html_inner() + table
