"""How a network is trained: states, epochs, schedules, checkpoints, Keras callbacks.

A state is a value: :func:`skcnn._training.loop.train` takes one and returns another.
"""
