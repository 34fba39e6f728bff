"""The classifiers: scikit-learn's interface, one fit from top to bottom, files."""
