"""The two classifiers: their constructors, their defaults and their presets."""
from types import MappingProxyType

from skcnn._base import BaseCNNClassifier

class MNISTCNNClassifier(BaseCNNClassifier):
    presets = MappingProxyType({"classic": dict(filters=32,kernel_size=3,padding="valid",dense_units=128,scaling="unit",batch_size=128,epochs=5,learning_rate=None,learning_rate_schedule="constant",augment=None)})
    def __init__(self, *, filters=(16, 32), kernel_size=(5, 3), convolutions=1, pool_size=2,
        pool_first=False, padding="valid", global_pooling=False, dense_units=128, activation="relu",
        batch_normalization=False, dropout=0.0, scaling="standard", optimizer="adam", learning_rate=0.01,
        learning_rate_schedule="cosine", batch_size="auto", epochs=5, shuffle=True, label_smoothing=0.0,
        augment="affine", class_weight=None, early_stopping=False, validation_fraction=0.1,
        n_iter_no_change=10, tol=1e-4, warm_start=False, image_shape=None, dtype="float32",
        callbacks=None, verbose=False, random_state=None):
        for k,v in list(locals().items()):
            if k not in ("self","k","v","__class__"): setattr(self,k,v)
class CIFARCNNClassifier(BaseCNNClassifier):
    presets = MappingProxyType({"classic": dict(filters=(32,64),kernel_size=3,convolutions=2,pool_first=False,padding="same",dense_units=512,global_pooling=False,batch_normalization=False,dropout=(.25,.5),scaling="unit",batch_size=100,epochs=7,learning_rate=None,learning_rate_schedule="constant",augment=None)})
    def __init__(self, *, filters=(32, 64, 128), kernel_size=3, convolutions=2, pool_size=2,
        pool_first=True, padding="same", global_pooling=False, dense_units=128, activation="relu",
        batch_normalization=True, dropout=0.0, scaling="standard", optimizer="adam", learning_rate=0.005,
        learning_rate_schedule="cosine", batch_size="auto", epochs=7, shuffle=True, label_smoothing=0.0,
        augment=("flip","shift"), class_weight=None, early_stopping=False, validation_fraction=0.1,
        n_iter_no_change=10, tol=1e-4, warm_start=False, image_shape=None, dtype="float32",
        callbacks=None, verbose=False, random_state=None):
        for k,v in list(locals().items()):
            if k not in ("self","k","v","__class__"): setattr(self,k,v)
