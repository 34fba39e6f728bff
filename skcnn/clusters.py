"""Data that joblib's workers on Dask and Ray share, instead of a copy for each task."""

import functools

import numpy as np

__all__ = ["in_object_store", "on_every_worker"]


def on_every_worker(client):
    """Let the data of searches lie on every worker of a Dask cluster.

    joblib sends arrays to one worker, from which the others copy them. If that worker
    dies before they have, the array is lost and with it the search. With this, each
    array is sent to all workers at once and stays there, so that a worker that dies
    costs its task only.

    Parameters
    ----------
    client : dask.distributed.Client
        A connected client. Its method `scatter` changes, and the active memory
        manager of its cluster, which removes copies, is stopped.

    Returns
    -------
    client : dask.distributed.Client
        The same object.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.
    TypeError
        If `client` is something else.

    See Also
    --------
    in_object_store : What to do on Ray.

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


def in_object_store(X):
    """Put an array into Ray's object store.

    Ray's joblib backend pickles all arguments for each task, images included. What this
    returns is pickled by Ray as a reference; each machine fetches the array once, and
    its workers read it from shared memory.

    Parameters
    ----------
    X : array-like
        Images, or anything else of which NumPy makes an array of numbers.

    Returns
    -------
    ndarray
        The same numbers, of the same dtype, in shared memory and read-only. They stay
        there as long as this array does. Parts of it are arrays like any other.

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
    on_every_worker : What to do on Dask.

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
    # What is in the store, so that both can not differ and X need not be kept.
    stored = ray.get(reference).view(_StoredArray)
    stored.reference = reference
    return stored


class _StoredArray(np.ndarray):
    """An array of Ray's object store that knows its reference; its parts do not."""

    reference = None


def _sent(array):
    return np.asarray(array) if array.reference is None else array.reference


def _received(sent):
    import ray

    return ray.get(sent) if isinstance(sent, ray.ObjectRef) else sent
