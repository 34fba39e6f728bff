"""What is computed: the layers, the optimizers, one training step, the backends.

Nothing here knows of data sets, epochs or scikit-learn's estimators.
"""
