"""
Search with Optuna
==================

`OptunaSearchCV`, from Optuna's own integration with scikit-learn, draws each candidate
based on the scores of the earlier candidates. With ``enable_pruning=True`` it trains by
`partial_fit`, one epoch at a time, and stops a candidate that falls behind. This
example needs ``pip install "skcnn[optuna]"``.
"""

import warnings

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna_integration import OptunaSearchCV
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images

X, y = load_digit_images(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Search
# ------
# `max_iter` is the number of epochs. The learning rate is constant in `partial_fit`.
# For a later training with a schedule, search the learning rate again.

distributions = {
    "learning_rate": FloatDistribution(0.0001, 0.1, log=True),
    "dropout": FloatDistribution(0.0, 0.4),
    "filters": CategoricalDistribution([8, 16]),
}
pruner = optuna.pruners.SuccessiveHalvingPruner(reduction_factor=2)
sampler = optuna.samplers.TPESampler(seed=0)
study = optuna.create_study(direction="maximize", pruner=pruner, sampler=sampler)
optuna.logging.set_verbosity(optuna.logging.WARNING)
# Optuna warns that its search is experimental and that it uses a deprecated function.
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
warnings.filterwarnings("ignore", "`optuna.terminator`", FutureWarning)
search = OptunaSearchCV(
    MNISTCNNClassifier(filters=8, epochs=8, random_state=0),
    distributions,
    cv=3,
    enable_pruning=True,
    max_iter=8,
    n_trials=30,
    study=study,
)
search.fit(X_train, y_train)

# %%
# Look at the results
# -------------------

states = [trial.state.name for trial in study.trials]
print(f"{states.count('COMPLETE')} trained to the end, {states.count('PRUNED')} pruned")
print(f"best: {search.best_params_}, accuracy {search.best_score_:.3f} in the folds")
print(f"accuracy on new images: {search.score(X_test, y_test):.3f}")

# %%
# What to remember
# ----------------
# Optuna suits searches over many parameters: it tries values near the best ones so far,
# and stops candidates that fall behind.
