"""Share data between joblib's workers on Dask and Ray, without a copy for each task."""

import functools
from typing import Any

import numpy as np

__all__ = ["in_object_store", "on_every_worker"]


def on_every_worker(client: Any) -> Any:
    """Keep the data of searches on every worker of a Dask cluster.

    joblib sends each array to one worker, from which the other workers copy it. If the
    first worker dies before the others have copied the array, the search fails. With
    this function, each array is sent to all workers at once and stays there. A worker
    that dies then costs nothing but the task that it was doing.

    Parameters
    ----------
    client : dask.distributed.Client
        A connected client. The function replaces its method `scatter` and stops the
        active memory manager of its cluster, which would remove the copies.

    Returns
    -------
    client : dask.distributed.Client
        The same object.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    TypeError
        If `client` is not a `dask.distributed.Client`.

    See Also
    --------
    in_object_store : The counterpart for Ray.

    Examples
    --------
    >>> from joblib import parallel_config
    >>> from skcnn.clusters import on_every_worker
    >>> client = on_every_worker(Client("tcp://192.0.2.1:8786"))  # doctest: +SKIP
    >>> with parallel_config("dask"):  # doctest: +SKIP
    ...     search.fit(X, y)
    """
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ImportError(
            "on_every_worker needs the package distributed, which is not installed: "
            'pip install "skcnn[dask]"'
        ) from error
    if not isinstance(client, Client):
        raise TypeError(
            f"Got client={client!r}, expected a dask.distributed.Client: write "
            'on_every_worker(Client("tcp://...")).'
        )
    client.amm.stop()
    client.scatter = functools.partial(client.scatter, broadcast=True)
    return client


def in_object_store(X: Any) -> np.ndarray:
    """Put an array into Ray's object store.

    Ray's joblib backend pickles all arguments for each task, images included. Ray
    pickles the array that this function returns as a reference. Each machine fetches
    the array once, and the workers on that machine read it from shared memory.

    Parameters
    ----------
    X : array-like
        Images, or anything else that NumPy can convert to an array of numbers.

    Returns
    -------
    ndarray
        The same values with the same dtype, read-only and in shared memory, where they
        stay as long as this array exists. Slices of it are ordinary arrays.

    Raises
    ------
    ImportError
        If ray is not installed.
    RuntimeError
        If this process is not connected to Ray.
    TypeError
        If the elements are Python objects.

    See Also
    --------
    on_every_worker : The counterpart for Dask.

    Examples
    --------
    >>> from joblib import parallel_config
    >>> from skcnn.clusters import in_object_store
    >>> X = in_object_store(X)  # doctest: +SKIP
    >>> with parallel_config("ray", n_jobs=8):  # doctest: +SKIP
    ...     search.fit(X, y)
    """
    try:
        import ray
        from ray.util import register_serializer
    except ImportError as error:
        raise ImportError(
            "in_object_store needs the package ray, which is not installed: "
            'pip install "skcnn[ray]"'
        ) from error
    if not ray.is_initialized():
        raise RuntimeError(
            "This process is not connected to Ray: call ray.init() first, with the "
            "address of the cluster if there is one."
        )
    X = np.asarray(X)
    if X.dtype.hasobject:
        raise TypeError(
            f"Got X of dtype {X.dtype}, expected numbers: a store in shared memory "
            "cannot hold Python objects."
        )
    register_serializer(_StoredArray, serializer=_sent, deserializer=_received)
    reference = ray.put(X)
    # Return the array in the store instead of X, so that X can be freed and the two
    # cannot differ.
    stored = ray.get(reference).view(_StoredArray)
    stored.reference = reference
    return stored


class _StoredArray(np.ndarray):
    """An array in Ray's object store with its reference; slices have no reference."""

    reference: Any = None


def _sent(array: _StoredArray) -> Any:
    """Return what Ray pickles in place of an array: its reference, if it has one."""
    return np.asarray(array) if array.reference is None else array.reference


def _received(sent: Any) -> np.ndarray:
    """Return the array that `_sent` has replaced."""
    import ray

    return ray.get(sent) if isinstance(sent, ray.ObjectRef) else sent
