"""
Beside and together with the classifiers of scikit-learn
========================================================

A network is one classifier among others: the same cross-validation compares it with a
support vector machine and a random forest, and `VotingClassifier` lets them vote.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images

# %%
# Compare them
# ------------
# Each image is a row of 64 pixels, which all of these classifiers take.

X, y = load_digit_images(return_X_y=True)
network = MNISTCNNClassifier(random_state=0)
svc = make_pipeline(StandardScaler(), SVC(C=10))
models = {
    "logistic regression": make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
    "random forest": RandomForestClassifier(random_state=0),
    "MLP": make_pipeline(StandardScaler(), MLPClassifier(max_iter=500, random_state=0)),
    "SVC": svc,
    "network of skcnn": network,
    "vote of SVC and network": VotingClassifier([("svc", svc), ("network", network)]),
}
cv = StratifiedKFold(5, shuffle=True, random_state=0)
results = {}
for name, model in models.items():
    scores = cross_validate(model, X, y, cv=cv)
    results[name] = {
        "mistakes, %": 100 * (1 - scores["test_score"].mean()),
        "seconds": scores["fit_time"].mean(),
    }
table = pd.DataFrame(results).T
print(table.round(2).to_string())

table["mistakes, %"].plot.barh()
plt.xlabel("mistakes in %")
plt.tight_layout()
plt.show()

# %%
# The network as a step before another classifier
# -----------------------------------------------
# `transform` returns the features that the network has learned. A support vector
# machine classifies them in place of the last layer.

pipeline = make_pipeline(network, StandardScaler(), SVC(C=10))
scores = cross_validate(pipeline, X, y, cv=cv)
print(f"network, then SVC: {100 * (1 - scores['test_score'].mean()):.2f} % mistakes")

# %%
# What to remember
# ----------------
# On 1,797 images of 8 x 8 pixels, a support vector machine comes close to a network, in
# a fraction of the time. Compare before you choose; networks gain more on larger images
# and with more of them.
