"""scikit-learn's bundled digits, as images."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from skcnn._sklearn_private import validates_arguments
from skcnn.datasets._bunch import make_image_bunch

_LARGEST_VALUE = 16

_DESCR = """Handwritten digits of 8 x 8 pixels, as uint8 images

scikit-learn's copy of the test set of the UCI "Optical Recognition of Handwritten
Digits" data: 1,797 images. The gray levels 0 to 16 are scaled to 0 to 255, and 255 is
ink. The original description follows.

"""


@validates_arguments({"return_X_y": ["boolean"], "as_frame": ["boolean"]})
def load_digit_images(
    *, return_X_y: bool = False, as_frame: bool = False
) -> Bunch | tuple:
    """Load the digits that come with scikit-learn as uint8 images (classification).

    Nothing is downloaded: the images are part of scikit-learn. The values are integers
    from 0 to 255, while :func:`sklearn.datasets.load_digits` returns floats from 0 to
    16.

    =================   ================
    Classes                           10
    Samples total                   1797
    Dimensionality            64 (8 x 8)
    Features            integers 0 - 255
    =================   ================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch, with flat images as
        in scikit-learn's own loaders.
    as_frame : bool, default=False
        If True, `data` is a DataFrame with the columns ``pixel0`` to ``pixel63`` and
        `target` is a Series.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (1797, 64), dtype uint8
            Flat images. As an array, it shares its memory with `images`.
        images : ndarray of shape (1797, 8, 8), dtype uint8
            The images.
        target : {ndarray, Series} of shape (1797,), dtype int64
            The digit on each image.
        frame : DataFrame of shape (1797, 65)
            `data` and `target`; None unless `as_frame=True`.
        feature_names : list of str
            Names of the columns of `data`.
        target_names : ndarray of shape (10,)
            The digits 0 to 9.
        DESCR : str
            Description of the data set.
    (data, target) : tuple if `return_X_y=True`
        As described above.

    See Also
    --------
    fetch_mnist : More and larger digits.

    References
    ----------
    .. [1] E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI
       Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49.

    Examples
    --------
    >>> from skcnn.datasets import load_digit_images
    >>> digits = load_digit_images()
    >>> digits.images.shape, digits.images.dtype
    ((1797, 8, 8), dtype('uint8'))
    >>> X, y = load_digit_images(return_X_y=True)
    >>> X.shape, y.shape
    ((1797, 64), (1797,))
    """
    digits = load_digits()
    return make_image_bunch(
        np.rint(digits.images * (255 / _LARGEST_VALUE)).astype(np.uint8),
        digits.target.astype(np.int64),
        target_names=digits.target_names,
        descr=_DESCR + digits.DESCR,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )
