# %% 1: no slope | δ must stop
def relu_delta(delta, W, z):
    return delta @ W
# %% 1: relu of δ instead of its slope at z | the sum over the units behind is off
def relu_delta(delta, W, z):
    return np.maximum(delta @ W, 0)
# %% 1: multiplied by relu(z) | the sum over the units behind is off
def relu_delta(delta, W, z):
    return delta @ W * np.maximum(z, 0)
# %% 1: slope 1 at zero | at z = 0
def relu_delta(delta, W, z):
    return delta @ W * (z >= 0)
# %% 1: slope one half at zero | at z = 0
def relu_delta(delta, W, z):
    return delta @ W * (np.sign(z) + 1) / 2
# %% 1: the slope of the layer behind | the shape
def relu_delta(delta, W, z):
    return delta * (z @ W.T > 0)
# %% 1: W transposed | matmul
def relu_delta(delta, W, z):
    return delta @ W.T * (z > 0)
# %% 2: what backward computes last | no sigmoid made the images
def input_gradient(parameters, outputs, Y):
    a = outputs[-1]
    delta = (a - Y) * a * (1 - a) / len(Y)
    for (W, _), a in zip(parameters[::-1], outputs[-2::-1], strict=True):
        delta = delta @ W * a * (1 - a)
    return delta
# %% 2: sum over the batch | mean over B
def input_gradient(parameters, outputs, Y):
    a = outputs[-1]
    delta = (a - Y) * a * (1 - a)
    for (W, _), a in zip(parameters[:0:-1], outputs[-2:0:-1], strict=True):
        delta = delta @ W * a * (1 - a)
    return delta @ parameters[0][0]
# %% 2: stops at δ of the first layer | shape
def input_gradient(parameters, outputs, Y):
    a = outputs[-1]
    delta = (a - Y) * a * (1 - a) / len(Y)
    for (W, _), a in zip(parameters[:0:-1], outputs[-2:0:-1], strict=True):
        delta = delta @ W * a * (1 - a)
    return delta
# %% 2: twice as large, from (a - y)² without the half | numbers are off
def input_gradient(parameters, outputs, Y):
    upper = 2 * (outputs[-1] - Y) / len(Y)
    for (W, _), a in zip(parameters[::-1], outputs[:0:-1], strict=True):
        upper = upper * a * (1 - a) @ W
    return upper
# %% 2: no slope of the output layer | numbers are off
def input_gradient(parameters, outputs, Y):
    delta = (outputs[-1] - Y) / len(Y)
    for (W, _), a in zip(parameters[:0:-1], outputs[-2:0:-1], strict=True):
        delta = delta @ W * a * (1 - a)
    return delta @ parameters[0][0]
# %% 2: one layer only | shape
def input_gradient(parameters, outputs, Y):
    a = outputs[-1]
    return ((a - Y) * a * (1 - a) / len(Y)) @ parameters[-1][0]
