"""
Search for good parameters
==========================

A grid search over the learning rate and the number of filters of a classifier in a
pipeline. Its results are shown as a table and as a figure.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import SearchResultsDisplay
from skcnn.inspection import search_results
from skcnn.preprocessing import ImageScaler

X, y = load_digit_images(return_X_y=True)

# %%
# Search
# ------
# Two networks, four learning rates and three folds are 24 fits. Each of the networks
# is compiled only once.

pipeline = make_pipeline(ImageScaler(), MNISTCNNClassifier(epochs=3, random_state=0))
grid = {
    "mnistcnnclassifier__filters": [(8, 16), (16, 32)],
    "mnistcnnclassifier__learning_rate": [0.001, 0.003, 0.01, 0.03],
}
search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)

# %%
# Look at the results
# -------------------

print(search_results(search).drop(columns="mean_fit_time").to_string(index=False))
SearchResultsDisplay.from_estimator(search)
plt.show()

# %%
# What to remember
# ----------------
# Every parameter is searched by its name, also in a pipeline. The learning rate decides
# most, and trying another one needs no new compilation.
