"""Groups of images that belong together, and a hold-out of complete groups."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from skcnn._images.container_kinds import is_missing
from skcnn._images.containers import labels_in
from skcnn._messages.wording import counted


def encode_groups(groups: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct groups, and the index into them of each of `n` images.

    Groups are in the order of their first images, so that other names for the same
    groups give the same indices. A ValueError is raised if `groups` does not have one
    label for each image, or if a label is missing. A TypeError is raised if `groups` is
    not a collection of labels.
    """
    groups = labels_in(groups, "groups")
    if isinstance(groups, (list, tuple)):
        # NumPy would turn 1 and "1" into the same group.
        labels = np.fromiter(groups, object, len(groups))
    else:
        labels = np.asarray(groups)
    if labels.shape == (n, 1):
        labels = labels[:, 0]
    if labels.shape != (n,):
        raise ValueError(
            f"Got groups of shape {labels.shape}, but expected the group of each of "
            f"the {counted(n, 'image')} in X."
        )
    _refuse_missing(labels)
    if labels.dtype.kind == "O":
        known: dict[Any, int] = {}
        try:
            places = [known.setdefault(label, len(known)) for label in labels]
        except TypeError as error:
            raise TypeError(
                f"groups holds labels that cannot be keys of a dictionary ({error}), "
                "but expected numbers, strings or the like."
            ) from error
        return np.fromiter(known, object, len(known)), np.array(places)
    distinct, first, indices = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return distinct[order], np.argsort(order)[indices]


def _refuse_missing(labels: np.ndarray) -> None:
    """Refuse None, NaN, NA and NaT among the groups of images."""
    if labels.dtype.kind in "fc":
        missing = np.isnan(labels)
    elif labels.dtype.kind in "mM":
        missing = np.isnat(labels)
    elif labels.dtype.kind in "OT":
        missing = np.fromiter(map(is_missing, labels), bool, len(labels))
    else:
        return
    places = np.flatnonzero(missing)
    if len(places):
        more = len(places) - 1
        others = (
            f", and so {'is' if more == 1 else 'are'} {more:,} more" if more else ""
        )
        raise ValueError(
            f"groups[{places[0]}] is {labels[places[0]]}{others}, but each image needs "
            "a group. Give an image that belongs to no other a group of its own."
        )


def hold_out_groups(
    group_indices: np.ndarray, class_indices: np.ndarray, fraction: float, seed: int
) -> np.ndarray:
    """Return a boolean for each image: whether its group is held out.

    The groups are visited in random order. A group is held out if this brings the
    held-out shares of the classes nearer to `fraction`, by the sum of their squared
    differences. In a second round over all groups, a group that is held out is returned
    if this brings the shares nearer. No class loses all its images, so each class has
    to be in at least two groups.

    scikit-learn's `StratifiedGroupKFold` stratifies too, but it can hold out all images
    of a class, and only fractions such as a third or a fourth. It compares each group
    with each fold, which takes 20 times as long (3,000 groups in ten folds, one core of
    an AMD EPYC, 5 runs): 20 seconds if each of 50,000 images is a group.
    """
    # Groups whose images all have weight 0 are not among them.
    _, group_indices = np.unique(group_indices, return_inverse=True)
    n_groups, n_classes = group_indices.max() + 1, class_indices.max() + 1
    ones, places = np.ones(len(group_indices)), (group_indices, class_indices)
    table = csr_array((ones, places), (n_groups, n_classes))
    n_images = np.bincount(class_indices, minlength=n_classes)
    n_held = np.zeros(n_classes)
    is_held = np.zeros(n_groups, bool)
    least_harm, harmless = np.inf, -1
    order = np.random.RandomState(seed).permutation(n_groups)
    for group in np.tile(order, 2):
        row = slice(table.indptr[group], table.indptr[group + 1])
        classes = table.indices[row]
        of_class, before = n_images[classes], n_held[classes]
        after = before + (-1 if is_held[group] else 1) * table.data[row]
        if (after == of_class).any():
            continue
        change = ((after / of_class - fraction) ** 2).sum()
        change -= ((before / of_class - fraction) ** 2).sum()
        if change < 0:
            n_held[classes] = after
            is_held[group] ^= True
        elif change < least_harm:
            least_harm, harmless = change, group
    if not is_held.any():
        # Holding out any group makes the shares worse, so take the least harmful one.
        is_held[harmless] = True
    return is_held[group_indices]
