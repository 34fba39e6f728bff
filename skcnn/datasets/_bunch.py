"""The Bunch in which every data set is returned."""

from typing import Any

import numpy as np
from sklearn.utils import Bunch

# If an image has more values, the columns of `data` get no names: the names would take
# more memory than the images, 60 bytes each.
MOST_NAMES = 2**20


def make_image_bunch(
    images: np.ndarray,
    target: np.ndarray | None,
    *,
    target_names: np.ndarray | None,
    descr: str,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Return images and labels as a Bunch or a tuple, as scikit-learn's loaders do.

    `images` is C-contiguous and has 3 or 4 dimensions; the rows of `data` are views of
    `images`. `target` holds integer labels, or is None if the data set has no labels.
    """
    data = images.reshape(len(images), -1)
    feature_names = None
    if data.shape[1] <= MOST_NAMES:
        feature_names = [f"pixel{i}" for i in range(data.shape[1])]
    frame = None
    if as_frame:
        import pandas as pd

        data = pd.DataFrame(data, columns=feature_names, copy=False)
        target = pd.Series(target, name="target", copy=False)
        frame = pd.concat([data, target], axis=1)
    if return_X_y:
        return data, target
    labels = {} if target is None else {"target": target}
    return Bunch(
        data=data,
        images=images,
        **labels,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        DESCR=descr,
    )
