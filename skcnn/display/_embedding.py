"""Images as points in a plane, by what a network knows of them."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skcnn.display._images import names_of_labels

# Classes that are told apart by a legend. If there are more, names stand beside their
# points instead, as far as there is room.
MOST_IN_LEGEND = 20

# Rows of the legend; more names make further columns.
LEGEND_ROWS = 10

# The points together cover this part of the axes, unless the diameter of each would be
# outside of these limits, in 1/72 inch.
COVERED, SMALLEST_POINT, LARGEST_POINT = 0.15, 1.5, 7.0


class EmbeddingDisplay:
    """Images as points in a plane: images with similar features are close together.

    It is recommended to use :meth:`from_estimator` to create an `EmbeddingDisplay`. All
    parameters are stored as attributes.

    A group of points apart from the others is a kind of image that the network tells
    from the rest. Where two classes overlap, the network confuses them, or the plane
    hides what separates them. A point among those of another class may be an image with
    a wrong label.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        The place of each image.
    class_indices : ndarray of shape (n,) of int, default=None
        The class of each image, as an index into `class_names`. None draws all points
        in one color.
    class_names : list of str, default=()
        Names of the classes.
    caption : str, default=""
        What is written below the points.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    skcnn.MNISTCNNClassifier.transform : The features.
    LabelIssuesDisplay : Images whose label is more likely wrong than the prediction.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.display import EmbeddingDisplay
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = MNISTCNNClassifier(epochs=2, random_state=0).fit(X[:900], y[:900])
    >>> EmbeddingDisplay.from_estimator(clf, X[900:], y[900:])
    <...>
    >>> plt.show()
    """

    def __init__(
        self,
        points: Any,
        *,
        class_indices: Any = None,
        class_names: Sequence[str] = (),
        caption: str = "",
    ):
        self.points = points
        self.class_indices = class_indices
        self.class_names = class_names
        self.caption = caption

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        projection: Any = None,
        display_labels: Any = None,
        ax: Any = None,
    ) -> Self:
        """Draw the features of images.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier of skcnn, a pipeline that ends in one, or any other
            estimator with `transform`.
        X : array-like
            Images in the form in which the estimator takes images. Images on which it
            was trained look better separated than others.
        y : array-like of shape (n,), default=None
            Labels, which give the points their colors.
        projection : transformer, default=None
            What places the features in a plane, by its `fit_transform`: for example
            :class:`sklearn.manifold.TSNE`, or `UMAP` of umap-learn. By default a
            :class:`sklearn.decomposition.PCA`, which is fast and preserves distances,
            but often shows several classes at one place.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of the sorted labels. By default the
            labels themselves are written.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure is created.

        Returns
        -------
        display : EmbeddingDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no `transform`, or the projection no `fit_transform`.
        ValueError
            If `y` has another length than `X`, or if the projection does not return two
            numbers for each image.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        >>> from sklearn.manifold import Isomap
        >>> from skcnn.display import EmbeddingDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> lda = LinearDiscriminantAnalysis().fit(X[200:], y[200:])
        >>> EmbeddingDisplay.from_estimator(
        ...     lda, X[:200], y[:200], projection=Isomap(n_components=2)
        ... )
        <...>
        >>> plt.show()
        """
        from sklearn.base import clone
        from sklearn.decomposition import PCA

        check_is_fitted(estimator)
        if not hasattr(estimator, "transform"):
            raise TypeError(
                f"Got {type(estimator).__name__}, which has no transform, but a "
                "picture of features needs an estimator that has one, such as a "
                "classifier of skcnn."
            )
        if projection is None:
            projection = PCA(n_components=2)
        elif not hasattr(projection, "fit_transform"):
            raise TypeError(
                f"Got {projection!r} as projection, but expected a transformer with "
                "fit_transform, such as sklearn.manifold.TSNE()."
            )
        features = np.asarray(estimator.transform(X))
        class_indices, class_names = None, []
        if y is not None:
            check_consistent_length(features, y)
            labels, class_indices = np.unique(np.asarray(y), return_inverse=True)
            names = names_of_labels(labels, display_labels)
            class_names = [names[label] for label in labels]
        points = np.asarray(clone(projection, safe=False).fit_transform(features))
        if points.shape != (len(features), 2):
            raise ValueError(
                f"The projection returned an array of shape {points.shape} for "
                f"{len(features)} images, but expected two numbers for each image. Set "
                "n_components=2."
            )
        return cls(
            points,
            class_indices=class_indices,
            class_names=class_names,
            caption=f"{type(projection).__name__} of {features.shape[1]} features",
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure is created.

        Returns
        -------
        display : EmbeddingDisplay
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
        points = np.asarray(self.points)
        classes = self.class_indices
        if classes is None:
            classes = np.zeros(len(points), int)
        names = self.class_names
        colors = _colors(len(names))
        box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
        area = box.width * box.height * 72**2
        diameter = np.clip(
            np.sqrt(COVERED * area / max(len(points), 1)), SMALLEST_POINT, LARGEST_POINT
        )
        # In random order, so that no class hides the others.
        order = np.random.default_rng(0).permutation(len(points))
        ax.scatter(
            *points[order].T,
            s=diameter**2,
            c=colors[classes[order]],
            alpha=0.7,
            linewidths=0,
        )
        ax.set(xticks=[], yticks=[])
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_xlabel(self.caption, fontsize="small")
        if 0 < len(names) <= MOST_IN_LEGEND and _has_room_beside(ax, names):
            _add_legend(ax, names, colors)
        elif len(names):
            _write_where_there_is_room(ax, points, classes, names)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self


def _colors(n_classes: int) -> np.ndarray:
    """Return a color for each class, as rows of red, green and blue."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgb

    if n_classes <= 10:
        return np.array([to_rgb(c) for c in mpl.color_sequences["tab10"]])
    if n_classes <= 20:
        return np.array([to_rgb(c) for c in mpl.color_sequences["tab20"]])
    return mpl.colormaps["turbo"](np.linspace(0, 1, n_classes))[:, :3]


def _has_room_beside(ax: Any, names: Sequence[str]) -> bool:
    """Whether a legend on the right of the axes is inside the figure."""
    if ax.figure.get_layout_engine() is not None:  # it makes room
        return True
    points = (ax.figure.bbox.x1 - ax.bbox.x1) * 72 / ax.figure.dpi
    columns = -(-len(names) // LEGEND_ROWS)
    # A letter of a small font is about 6 points wide, and a mark with its gaps 26.
    return bool(points >= columns * (26 + 6 * max(map(len, names))))


def _add_legend(ax: Any, names: Sequence[str], colors: np.ndarray) -> None:
    """Write the names of the classes beside the axes, each with its color."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=5, color=color)
        for color in colors[: len(names)]
    ]
    legend = ax.legend(
        handles,
        names,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        ncols=-(-len(names) // LEGEND_ROWS),
        frameon=False,
        fontsize="small",
        handletextpad=0.1,
        columnspacing=0.8,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _write_where_there_is_room(
    ax: Any, points: np.ndarray, classes: np.ndarray, names: Sequence[str]
) -> None:
    """Write the name of each class at the median of its points, the closest first.

    A name that would overlap with one that is there already is left out.
    """
    from matplotlib.patheffects import withStroke

    medians, spreads = [], []
    for i in range(len(names)):
        own = points[classes == i]
        medians.append(np.median(own, axis=0))
        spreads.append(np.median(np.linalg.norm(own - medians[-1], axis=1)))
    ax.figure.draw_without_rendering()  # so that the axes have their final size
    taken: list[Any] = []
    for i in np.argsort(spreads, kind="stable"):
        text = ax.text(
            *medians[i],
            names[i],
            ha="center",
            va="center",
            fontsize="small",
            parse_math=False,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            text.remove()
        else:
            taken.append(box)
