"""The form in which every data set is returned."""

from sklearn.utils import Bunch

# Images of more values get no names for them, which would take more memory than the
# images: 60 bytes each.
MOST_NAMES = 2**20


def make_image_bunch(
    images, target, *, target_names, descr, return_X_y=False, as_frame=False
):
    """Pack images and labels as scikit-learn's own loaders do.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, channels)
        C-contiguous images; the rows of `data` are views of them.
    target : ndarray of shape (n,) or None
        Integer labels, or None if the data set has none.
    target_names : ndarray of shape (n_classes,)
        Name of each class.
    descr : str
        Description of the data set.
    return_X_y : bool, default=False
        Return ``(data, target)`` alone.
    as_frame : bool, default=False
        `data`, `target` and `frame` are pandas objects.

    Returns
    -------
    Bunch or tuple
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
    labelled = {} if target is None else {"target": target}
    return Bunch(
        data=data,
        images=images,
        **labelled,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        DESCR=descr,
    )
