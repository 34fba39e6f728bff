"""Published networks in CNNClassifier and in plain Keras: loss curves and CPU time.

    SKCNN_DATA=/path/to/data python benchmarks/any_network.py [mnist cifar10]

trains five small networks from the literature for a few epochs: by `CNNClassifier` with
a function that returns the network, and by `keras.Model.fit` with the same function.
Both have Adam at a constant rate, the same images in [0, 1], batch size and number of
steps.

Every measurement has a process of its own, in which TensorFlow is started and the uint8
images are loaded before the clock starts. Then come "whole call", a first fit that
builds and traces the network, and "training alone", another fit as long: for
`CNNClassifier` a fit from scratch, for Keras one that goes on.

In these fits, the initial weights and the orders of the images differ, as they do from
seed to seed. So each process of `CNNClassifier` trains both once more, from the same
initial weights and random states of the layers, on the images in their order, and in
float64: in float32, the smallest differences of rounding grow from step to step.
"losses, same start" is the largest relative difference between the two losses of an
epoch.

The networks are LeNet-5 [1], two stages of VGG [2], Network in Network [3], a residual
network [4] and depthwise separable convolutions as in MobileNet [5], with fewer filters
than in the papers, so that a CPU trains them.

[1] Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.
[2] K. Simonyan and A. Zisserman, https://arxiv.org/abs/1409.1556
[3] M. Lin, Q. Chen and S. Yan, https://arxiv.org/abs/1312.4400
[4] K. He et al., https://arxiv.org/abs/1512.03385
[5] A. Howard et al., https://arxiv.org/abs/1704.04861
"""

from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA, REAL_DATA
from rendering import grouped, markdown, number, ratios, spread

KERAS, SKCNN = "plain Keras", "CNNClassifier"
# CNNClassifier keeps learning rates in float32, which holds this one exactly.
BATCH_SIZE, RATE, EPOCHS = 64, 2**-10, 3


def lenet(image_shape: tuple[int, ...], n_classes: int) -> list[Any]:
    from keras import layers

    return [
        layers.Conv2D(6, 5, padding="same", activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, padding="same", activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(120, activation="tanh"),
        layers.Dense(84, activation="tanh"),
        layers.Dense(n_classes, activation="softmax"),
    ]


def vgg(image_shape: tuple[int, ...], n_classes: int) -> list[Any]:
    from keras import layers

    stages = []
    for filters in (16, 32):
        for _ in range(2):
            stages.append(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        stages.append(layers.MaxPooling2D())
    return [
        *stages,
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(n_classes, activation="softmax"),
    ]


def network_in_network(image_shape: tuple[int, ...], n_classes: int) -> list[Any]:
    from keras import layers

    def block(filters: int, side: int) -> list[Any]:
        return [
            layers.Conv2D(filters, side, padding="same", activation="relu"),
            layers.Conv2D(filters, 1, activation="relu"),
        ]

    return [
        *block(24, 5),
        layers.MaxPooling2D(),
        layers.Dropout(0.2),
        *block(48, 3),
        layers.Conv2D(n_classes, 1),
        layers.GlobalAveragePooling2D(),
        layers.Softmax(),
    ]


def residual(image_shape: tuple[int, ...], n_classes: int) -> Any:
    from keras import Input, Model, layers

    def convolve(x: Any, filters: int, side: int = 3, strides: int = 1) -> Any:
        x = layers.Conv2D(filters, side, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = Input(image_shape)
    x = layers.ReLU()(convolve(inputs, 8))
    for filters, strides in ((8, 1), (16, 2), (32, 2)):
        y = layers.ReLU()(convolve(x, filters, strides=strides))
        y = convolve(y, filters)
        if strides > 1:
            x = convolve(x, filters, 1, strides)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def depthwise(image_shape: tuple[int, ...], n_classes: int) -> list[Any]:
    from keras import layers

    def block(filters: int, strides: int) -> list[Any]:
        return [
            layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(filters, 1, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]

    return [
        layers.Conv2D(8, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        *block(16, 1),
        *block(32, 2),
        *block(64, 2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(n_classes, activation="softmax"),
    ]


NETWORKS = {
    "LeNet-5": lenet,
    "VGG": vgg,
    "Network in Network": network_in_network,
    "residual": residual,
    "depthwise": depthwise,
}


def classifier(network: str, epochs: int, seed: int, **parameters: Any) -> Any:
    """Return an unfitted CNNClassifier that trains as Keras does."""
    from skcnn import CNNClassifier

    return CNNClassifier(
        network=NETWORKS[network],
        epochs=epochs,
        batch_size=BATCH_SIZE,
        optimizer="adam",
        learning_rate=RATE,
        learning_rate_schedule="constant",
        label_smoothing=0.0,
        scaling="unit",
        augment=None,
        random_state=seed,
        **parameters,
    )


def keras_model(network: str, image_shape: tuple[int, ...]) -> Any:
    """Return the network as a compiled Keras model."""
    import keras

    model = NETWORKS[network](image_shape, 10)
    if isinstance(model, list):
        model = keras.Sequential([keras.Input(image_shape), *model])
    model.compile(
        keras.optimizers.Adam(RATE),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def with_skcnn(network: str, X: Any, y: Any, epochs: int, seed: int) -> tuple:
    clf = classifier(network, epochs, seed)
    _, whole = timed(lambda: clf.fit(X, y))
    _, alone = timed(lambda: clf.fit(X, y))
    return whole, alone, clf.loss_curve_


def with_keras(network: str, X: Any, y: Any, epochs: int, seed: int) -> tuple:
    import keras

    keras.utils.set_random_seed(seed)
    given = {"batch_size": BATCH_SIZE, "epochs": epochs, "verbose": 0}

    def fit() -> tuple[Any, Any, list[float]]:
        floats = plain_networks.unit_floats(X)
        model = keras_model(network, X.shape[1:])
        return model, floats, model.fit(floats, y, **given).history["loss"]

    (model, floats, curve), whole = timed(fit)
    _, alone = timed(lambda: model.fit(floats, y, **given))
    return whole, alone, curve


def curves_from_the_same_start(
    network: str, X: Any, y: Any, epochs: int, seed: int
) -> tuple[list[float], list[float]]:
    """Return the losses of each epoch of CNNClassifier, and those of plain Keras.

    Both begin with the same weights and random states of the layers, and train in
    float64 on the images in their order.
    """
    import keras

    last = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        return _curves_in_float64(network, X, y, epochs, seed)
    finally:
        keras.config.set_floatx(last[0])
        keras.config.set_dtype_policy(last[1])


def _curves_in_float64(
    network: str, X: Any, y: Any, epochs: int, seed: int
) -> tuple[list[float], list[float]]:
    """Return the losses of each epoch of both, in Keras's present dtype: float64."""
    import keras

    class Start(keras.callbacks.Callback):
        """Notes what the network begins with."""

        def on_train_begin(self, logs: Any = None) -> None:
            model = self.model
            self.variables = [
                variable.numpy()
                for variable in (*model.trainable_variables, *others_of(model))
            ]

    def others_of(model: Any) -> list[Any]:
        """Return all variables that are not trained but those of scaled pixels."""
        others = model.non_trainable_variables
        return [each for each in others if "pixel_scaling" not in each.path]

    given: dict[str, Any] = {"shuffle": False, "callbacks": Start()}
    clf = classifier(network, epochs, seed, dtype="float64", **given).fit(X, y)
    model = keras_model(network, X.shape[1:])
    variables = [*model.trainable_variables, *others_of(model)]
    (start,) = clf.callbacks_
    for variable, value in zip(variables, start.variables, strict=True):
        variable.assign(value)
    history = model.fit(
        X / np.float64(255),
        y,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        shuffle=False,
        verbose=0,
    )
    return clf.loss_curve_, history.history["loss"]


PARTICIPANTS = {KERAS: with_keras, SKCNN: with_skcnn}


def train_twice(
    participant: str, seed: int, data: str, network: str, n_images: int, epochs: int
) -> list[Line]:
    """Return what two fits took, and the losses of the first and the last epoch."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data, n_images)
    whole, alone, curve = PARTICIPANTS[participant](network, X, y, epochs, seed)
    title = f"{DATA[data].title}, {network}"
    work = f"{epochs} epochs of {len(X):,} images, batches of {BATCH_SIZE}"
    losses = {"first_loss": float(curve[0]), "loss": float(curve[-1])}
    if participant == SKCNN:
        curves = curves_from_the_same_start(network, X, y, epochs, seed)
        mine, others = map(np.array, curves)
        losses["difference"] = float(np.max(np.abs(mine - others) / others))
    return [
        {"case": f"{title}, training alone: {work}", **alone},
        {"case": f"{title}, whole call: {work}", **whole, **losses},
    ]


def tables(lines: list[Line]) -> str:
    """Return a table for each data set in the lines, a row for each network."""
    lines = [line["job"] | line for line in lines]
    parts = []
    for data, of_data in grouped(lines, "data").items():
        work = of_data[0]["case"].partition(": ")[2]
        networks = grouped(of_data, "network")
        rows = [[network, *_cells(runs)] for network, runs in networks.items()]
        parts.append(f"{DATA[data].title}, {work}\n\n{markdown(HEADER, rows)}")
    return "\n\n".join(parts)


HEADER = (
    "network",
    "n",
    f"CPU s of {KERAS}, whole call",
    f"CPU s of {SKCNN} / {KERAS}, whole call",
    "training alone",
    f"loss of the last epoch, {KERAS}",
    SKCNN,
    "losses, same start",
)


def _cells(runs: list[Line]) -> list[str]:
    """Return what a row says of the runs of a network."""
    whole, alone = (
        grouped([run for run in runs if f"{part}: " in run["case"]], "participant")
        for part in ("whole call", "training alone")
    )
    keras, mine = (whole.get(name, []) for name in (KERAS, SKCNN))
    times = [(mine, keras), (alone.get(SKCNN, []), alone.get(KERAS, []))]
    differences = [run["difference"] for run in mine if "difference" in run]
    return [
        str(min(len(keras), len(mine))),
        spread(run["cpu_s"] for run in keras),
        *(spread(ratios(*pair, "cpu_s")) for pair in times),
        *(spread(run["loss"] for run in each) for each in (keras, mine)),
        number(max(differences)) if differences else "",
    ]


def main() -> None:
    parser = options(__doc__, rounds=3, data=REAL_DATA, images=4000)
    args = parse(parser, images=200)
    study = Study(__file__, args)
    for data in args.data:
        # Two forms of networks are enough to try the script.
        for network in ("LeNet-5", "residual") if args.quick else NETWORKS:
            study.rounds(
                PARTICIPANTS,
                args.rounds,
                data=data,
                network=network,
                n_images=args.images,
                epochs=1 if args.quick else EPOCHS,
            )
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train_twice)
