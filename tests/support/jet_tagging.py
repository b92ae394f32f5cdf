# SPDX-License-Identifier: Apache-2.0
"""A script as users of hls4ml write it: the jet tagger of hls4ml's tutorials, quantized, without a quantizer on its
input, for an Alveo card. For hls4ml's own backend the word BACKEND is "Vitis", and nothing else is different.

The data are drawn here, in place of the jets that the tutorials load; the network is trained briefly.
"""

import sys

import hls4ml
import numpy as np
from hls4ml.model.profiling import get_ymodel_keras, numerical
from qkeras import QActivation, QDense, quantized_bits, quantized_relu
from tensorflow.keras.layers import Activation
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.regularizers import l1
from tensorflow.keras.utils import set_random_seed, to_categorical

BACKEND = "rtl4ml"
FOLDER = "model_3/hls4ml_prj"

set_random_seed(0)
rng = np.random.default_rng(0)
centres = rng.normal(0, 1.5, (5, 16))
labels = rng.integers(0, 5, 3000)
jets = (centres[labels] + rng.normal(0, 1, (3000, 16))).astype(np.float32)
X_train, X_test, y_train, y_test = jets[:2000], jets[2000:], to_categorical(labels[:2000]), labels[2000:]

model = Sequential()
for units, name, inputs in ((64, "fc1", {"input_shape": (16,)}), (32, "fc2", {}), (32, "fc3", {})):
    model.add(
        QDense(
            units,
            name=name,
            kernel_quantizer=quantized_bits(6, 0, alpha=1),
            bias_quantizer=quantized_bits(6, 0, alpha=1),
            kernel_initializer="lecun_uniform",
            kernel_regularizer=l1(0.0001),
            **inputs,
        )
    )
    model.add(QActivation(activation=quantized_relu(6), name=f"relu{name[2:]}"))
model.add(
    QDense(
        5,
        name="output",
        kernel_quantizer=quantized_bits(6, 0, alpha=1),
        bias_quantizer=quantized_bits(6, 0, alpha=1),
        kernel_initializer="lecun_uniform",
        kernel_regularizer=l1(0.0001),
    )
)
model.add(Activation(activation="softmax", name="softmax"))
model.compile(optimizer=Adam(learning_rate=0.003), loss=["categorical_crossentropy"], metrics=["accuracy"])
model.fit(X_train, y_train, batch_size=64, epochs=4, verbose=0)

config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend=BACKEND)
config["LayerName"]["softmax"]["exp_table_t"] = "ap_fixed<18,8>"
config["LayerName"]["softmax"]["inv_table_t"] = "ap_fixed<18,4>"
for layer in config["LayerName"]:
    config["LayerName"][layer]["Trace"] = True
hls_model = hls4ml.converters.convert_from_keras_model(
    model, hls_config=config, backend=BACKEND, output_dir=FOLDER, part="xcu250-figd2104-2L-e"
)
hls_model.compile()

y_qkeras = model.predict(np.ascontiguousarray(X_test), verbose=0)
y_hls = hls_model.predict(np.ascontiguousarray(X_test))
print(f"Accuracy quantized: {np.mean(np.argmax(y_qkeras, axis=1) == y_test)}")
print(f"Accuracy hls4ml:    {np.mean(np.argmax(y_hls, axis=1) == y_test)}")
print(f"Output type:        {hls_model.get_output_variables()[0].type.precision}")

y_hls, hls_trace = hls_model.trace(X_test[:1000])
keras_trace = get_ymodel_keras(model, X_test[:1000])
for layer in hls_trace:
    print(f"{layer:8} {np.mean(np.abs(hls_trace[layer] - keras_trace[layer])):.6f}")
figures = numerical(model=model, hls_model=hls_model, X=X_test[:1000])
print(f"Figures: {len(figures)}")

hls_model.build(csim=False, synth="--synth" in sys.argv)
hls4ml.report.read_vivado_report(FOLDER)
