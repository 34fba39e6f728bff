"""
Search many candidates with successive halving
==============================================

Train all candidates for a few epochs, keep the best third, train these for longer, and
so on. The candidates that stay continue from their weights.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import SearchResultsDisplay
from skcnn.inspection import search_results
from skcnn.model_selection import WarmHalvingGridSearchCV

X, y = load_digit_images(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Search
# ------
# Four learning rates, two rates of dropout and two of label smoothing are 16
# candidates. None of these parameters needs another compilation.

grid = {
    "learning_rate": [0.001, 0.003, 0.01, 0.03],
    "dropout": [0.0, 0.2],
    "label_smoothing": [0.0, 0.1],
}
search = WarmHalvingGridSearchCV(
    MNISTCNNClassifier(epochs=12, random_state=0), grid, cv=3, factor=3
)
search.fit(X_train, y_train)
print("candidates:", search.n_candidates_)
print("epochs:", search.n_resources_)
print(f"best: {search.best_params_}")
print(f"accuracy on new images: {search.score(X_test, y_test):.3f}")

# %%
# Look at the results
# -------------------

results = search_results(search)
print(results.drop(columns="mean_fit_time").head(8).to_string(index=False))
SearchResultsDisplay.from_estimator(search)
plt.show()

# %%
# What to remember
# ----------------
# With successive halving, most of the epochs go to candidates that deserve them. Search
# the learning rate first: it matters more than most other parameters.
