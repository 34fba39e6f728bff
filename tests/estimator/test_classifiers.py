"""The constructors, presets and docstrings of the two classifiers.

Nothing here needs TensorFlow.
"""

import inspect
import re

import pytest
from sklearn.base import clone, is_classifier

import skcnn
from skcnn import CIFARCNNClassifier, CNNClassifier, MNISTCNNClassifier
from skcnn._estimator.base import BaseCNNClassifier
from skcnn._estimator.parameters import FAMILY
from skcnn._sklearn_private import validate_parameters

CLASSIFIERS = [MNISTCNNClassifier, CIFARCNNClassifier]
THREE = [*CLASSIFIERS, CNNClassifier]
PRESETS = [(cls, name) for cls in CLASSIFIERS for name in cls.presets]

both = pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda c: c.__name__)
all_three = pytest.mark.parametrize("classifier", THREE, ids=lambda c: c.__name__)
every_preset = pytest.mark.parametrize(
    ("classifier", "name"), PRESETS, ids=lambda v: getattr(v, "__name__", v)
)


def defaults(classifier):
    parameters = inspect.signature(classifier).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


def sections(classifier):
    """Return the docstring's sections by title, the summary under an empty one."""
    parts = re.split(r"\n\n(\w[\w ]*)\n-+\n", inspect.getdoc(classifier))
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def entries(section):
    """Return the descriptions in a section by the line that opens each."""
    parts = re.split(r"^(\S.*)\n", section, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# ---------------------------------------------------------------------- constructors


def test_both_take_the_same_parameters_in_the_same_order():
    assert list(defaults(MNISTCNNClassifier)) == list(defaults(CIFARCNNClassifier))


def test_the_parent_has_a_network_in_place_of_the_parameters_of_the_family():
    family = list(defaults(MNISTCNNClassifier))
    start = family.index(FAMILY[0])
    assert tuple(family[start : start + len(FAMILY)]) == FAMILY
    family[start : start + len(FAMILY)] = ["network"]
    assert list(defaults(CNNClassifier)) == family


@all_three
def test_the_parameters_that_most_users_set_come_first(classifier):
    first = ["epochs", "learning_rate", "batch_size"]
    first += ["early_stopping", "verbose", "random_state"]
    assert list(defaults(classifier))[:6] == first


@all_three
def test_the_overview_names_the_first_parameter_of_each_group(classifier):
    names = list(defaults(classifier))
    (overview,) = re.findall(r"come in groups: [^.]+\.", sections(classifier)[""])
    starts = [names.index(name) for name in re.findall(r"`(\w+)`", overview)]
    assert starts[0] == 6
    assert starts == sorted(starts)


@all_three
def test_all_parameters_are_keyword_only(classifier):
    kinds = {p.kind for p in inspect.signature(classifier).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(TypeError, match="positional argument"):
        classifier(32)


@all_three
def test_the_constructor_assigns_and_does_nothing_more(classifier):
    values = {name: object() for name in defaults(classifier)}
    assert vars(classifier(**values)) == values


@all_three
def test_every_parameter_is_constrained_and_every_default_allowed(classifier):
    assert list(classifier._parameter_constraints) == list(defaults(classifier))
    validate_parameters(classifier())


@all_three
def test_defaults_are_immutable(classifier):
    for value in defaults(classifier).values():
        hash(value)


@all_three
def test_a_default_estimator_is_a_classifier_that_prints_and_clones(classifier):
    estimator = classifier(epochs=3)
    assert is_classifier(estimator)
    assert repr(estimator) == f"{classifier.__name__}(epochs=3)"
    assert clone(estimator).get_params() == estimator.get_params()
    assert set(estimator.get_params()) == set(defaults(classifier))


@both
def test_all_behavior_is_shared(classifier):
    # scikit-learn gives each class its own setters of metadata requests.
    generated = r"__\w+__|_sklearn_\w+|set_\w+_request"
    own = {name for name in vars(classifier) if not re.fullmatch(generated, name)}
    assert own == {"presets", "_base", "_parameter_constraints"}
    assert classifier.__bases__ == (CNNClassifier,)
    assert CNNClassifier.__bases__ == (BaseCNNClassifier,)
    assert classifier.__name__ in skcnn.__all__


# --------------------------------------------------------------------------- presets

CLASSIC = {
    MNISTCNNClassifier: {
        "filters": 32,
        "kernel_size": 3,
        "convolutions": 1,
        "dense_units": 128,
        "dropout": 0.0,
        "batch_size": 128,
        "epochs": 5,
    },
    CIFARCNNClassifier: {
        "filters": (32, 64),
        "kernel_size": 3,
        "convolutions": 2,
        "dense_units": 512,
        "dropout": (0.25, 0.5),
        "batch_size": 100,
        "epochs": 7,
    },
}
CLASSIC_OF_BOTH = {
    "activation": "relu",
    "augment": None,
    "batch_normalization": False,
    "early_stopping": False,
    "label_smoothing": 0.0,
    "learning_rate": None,
    "learning_rate_schedule": "constant",
    "optimizer": "adam",
    "pool_size": 2,
    "scaling": "unit",
}


@both
def test_the_classic_preset_is_the_projects_own_settings(classifier):
    params = classifier.from_preset("classic").get_params()
    expected = CLASSIC[classifier] | CLASSIC_OF_BOTH
    assert {name: params[name] for name in expected} == expected


@every_preset
def test_a_preset_sets_its_parameters_and_leaves_the_rest(classifier, name):
    estimator = classifier.from_preset(name)
    assert type(estimator) is classifier
    assert estimator.get_params() == defaults(classifier) | classifier.presets[name]
    validate_parameters(estimator)


@every_preset
def test_overrides_win_over_a_preset(classifier, name):
    given = {"epochs": 123, "filters": (1, 2), "random_state": 7, "verbose": True}
    estimator = classifier.from_preset(name, **given)
    assert estimator.get_params() == (
        defaults(classifier) | classifier.presets[name] | given
    )


@every_preset
def test_a_preset_is_named_in_the_documentation(classifier, name):
    assert f'"{name}"' in sections(classifier)[""]


@both
def test_presets_cannot_be_added_or_replaced(classifier):
    with pytest.raises(TypeError, match="does not support item assignment"):
        classifier.presets["mine"] = {}


@every_preset
def test_the_parameters_of_a_preset_cannot_be_changed(classifier, name):
    before = dict(classifier.presets[name])
    try:
        with pytest.raises(TypeError, match="does not support item assignment"):
            classifier.presets[name]["epochs"] = 99
    finally:
        if isinstance(classifier.presets[name], dict):  # undo what should have failed
            classifier.presets[name].update(before)


def test_the_parent_has_no_presets():
    with pytest.raises(ValueError, match="'fast', but CNNClassifier has no presets"):
        CNNClassifier.from_preset("fast")


# ------------------------------------------------------------------------ docstrings


@pytest.mark.parametrize("title", ["Parameters", "Attributes"])
def test_both_describe_what_they_share_in_the_same_words(title):
    mnist, cifar = (entries(sections(cls)[title]) for cls in CLASSIFIERS)

    def without_defaults(described):
        return {
            re.sub(r"(?<=default=).*", "", line): text
            for line, text in described.items()
        }

    assert without_defaults(mnist) == without_defaults(cifar)
    assert len(mnist) > 10


@pytest.mark.parametrize("title", ["Notes"])
def test_both_have_the_same_notes(title):
    mnist, cifar = (sections(cls)[title] for cls in CLASSIFIERS)
    assert mnist == cifar


@all_three
def test_the_documented_parameters_are_those_of_the_constructor(classifier):
    described = entries(sections(classifier)["Parameters"])
    assert [line.split(" : ")[0] for line in described] == list(defaults(classifier))
    for line, default in zip(described, defaults(classifier).values(), strict=True):
        written = re.search(r"default=(.*)$", line).group(1)
        assert written.replace('"', "'") == repr(default)


@both
def test_each_names_the_other(classifier):
    (other,) = set(CLASSIFIERS) - {classifier}
    assert f"{other.__name__} : " in sections(classifier)["See Also"]
