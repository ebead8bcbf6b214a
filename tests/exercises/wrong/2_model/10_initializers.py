# %% 1: the rule of PyTorch, from the shape | look at its weight
def fans(layer):
    places = math.prod(layer.weight.shape[2:])
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        return layer.weight.shape[1] * places, layer.weight.shape[0] // layer.groups * places
    return layer.weight.shape[1] * places, layer.weight.shape[0] * places
# %% 1: groups forgotten | who sees whom?
def fans(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    places = math.prod(layer.kernel_size)
    return layer.in_channels * places, layer.out_channels * places
# %% 1: groups for the fan-in only, as a shape suggests | who sees whom?
def fans(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    places = math.prod(layer.kernel_size)
    return layer.in_channels // layer.groups * places, layer.out_channels * places
# %% 1: channels without the kernel | every place of the kernel
def fans(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    return layer.in_channels // layer.groups, layer.out_channels // layer.groups
# %% 1: a square kernel | every place of the kernel
def fans(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    places = layer.kernel_size[0] ** 2 / layer.groups
    return layer.in_channels * places, layer.out_channels * places
# %% 1: outputs first | wrong for linear
def fans(layer):
    return layer.weight.shape[0], layer.weight.shape[1]
# %% 1: transposed with groups, divided twice | transposed convolution with groups
def fans(layer):
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    places, k = math.prod(layer.kernel_size), layer.groups
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.in_channels * places, layer.out_channels // k * places
    return layer.in_channels // k * places, layer.out_channels // k * places
# %% 2: the variance alone | uniform taken for normal
def which(weight):
    n_in, n_out = fans_of_shape(weight)
    wanted = {"xavier_uniform_": 2 / (n_in + n_out), "kaiming_normal_": 2 / n_in, "default": 1 / 3 / n_in}
    return min(wanted, key=lambda name: abs(weight.var() - wanted[name]))
# %% 2: fan-in and fan-out exchanged | another scale
def which(weight):
    n_out, n_in = fans_of_shape(weight)
    laws = {"default": uniform_law(-(n_in**-0.5), n_in**-0.5)}
    for name, variance in (("xavier", 2 / (n_in + n_out)), ("kaiming", 2 / n_in)):
        laws[f"{name}_uniform_"] = uniform_law(-math.sqrt(3 * variance), math.sqrt(3 * variance))
        laws[f"{name}_normal_"] = normal_law(0.0, math.sqrt(variance))
    return min(laws, key=lambda name: ks_distance(weight, laws[name].cdf))
# %% 2: the kernel forgotten | shape (60, 20, 3, 3)
def which(weight):
    n_out, n_in = weight.shape[:2]
    laws = {"default": uniform_law(-(n_in**-0.5), n_in**-0.5)}
    for name, variance in (("xavier", 2 / (n_in + n_out)), ("kaiming", 2 / n_in)):
        laws[f"{name}_uniform_"] = uniform_law(-math.sqrt(3 * variance), math.sqrt(3 * variance))
        laws[f"{name}_normal_"] = normal_law(0.0, math.sqrt(variance))
    return min(laws, key=lambda name: ks_distance(weight, laws[name].cdf))
# %% 2: the variance as bound | uniform taken for normal
def which(weight):
    n_in, n_out = fans_of_shape(weight)
    laws = {"default": uniform_law(-1 / n_in, 1 / n_in)}
    for name, variance in (("xavier", 2 / (n_in + n_out)), ("kaiming", 2 / n_in)):
        laws[f"{name}_uniform_"] = uniform_law(-variance, variance)
        laws[f"{name}_normal_"] = normal_law(0.0, variance)
    return min(laws, key=lambda name: ks_distance(weight, laws[name].cdf))
# %% 2: the default taken for Kaiming | another scale
def which(weight):
    n_in, n_out = fans_of_shape(weight)
    laws = {}
    for name, variance in (("xavier", 2 / (n_in + n_out)), ("kaiming", 2 / n_in)):
        laws[f"{name}_uniform_"] = uniform_law(-math.sqrt(3 * variance), math.sqrt(3 * variance))
        laws[f"{name}_normal_"] = normal_law(0.0, math.sqrt(variance))
    return min(laws, key=lambda name: ks_distance(weight, laws[name].cdf))
# %% 2: normalizes the weight in place | was changed
def which(weight):
    with torch.no_grad():
        weight /= weight.std()
    return "xavier_uniform_"
# %% 2: always the same | uniform taken for normal
def which(weight):
    return "kaiming_normal_"
# %% 2: a name of its own | none of the five
def which(weight):
    return "torch"
