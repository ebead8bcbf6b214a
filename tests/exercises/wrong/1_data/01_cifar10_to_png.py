# %% 1: pixel by pixel instead of plane by plane | columns of the first row
def position(c, i, j, height=32, width=32):
    return 3 * (width * i + j) + c
# %% 1: 32 written into the formula | `width` numbers
def position(c, i, j, height=32, width=32):
    return 32 * 32 * c + 32 * i + j
# %% 1: height and width exchanged | `width` numbers
def position(c, i, j, height=32, width=32):
    return (c * width + i) * height + j
# %% 1: planes of a square image | height times width
def position(c, i, j, height=32, width=32):
    return c * width * width + i * width + j
# %% 2: in place, one channel is there twice | was changed
def swap_red_and_blue(image):
    image[..., 0] = image[..., 2]
    image[..., 2] = image[..., 0]
    return image
# %% 2: right, but in place | was changed
def swap_red_and_blue(image):
    image[..., [0, 2]] = image[..., [2, 0]]
    return image
# %% 2: the columns instead of the channels | green must stay
def swap_red_and_blue(image):
    return image[:, ::-1]
# %% 2: rolled by one channel | green must stay
def swap_red_and_blue(image):
    return np.roll(image, 1, axis=2)
# %% 2: channels first | shape
def swap_red_and_blue(image):
    return image[:, :, ::-1].transpose(2, 0, 1)
# %% 2: forgets to return | shape
def swap_red_and_blue(image):
    image[:, :, ::-1]
# %% 3: plain writing | written over the old file
def whole_or_nothing(path, data):
    bytes(data) if not isinstance(data, str) else memoryview(data)
    path.write_bytes(data)
# %% 3: no clean-up after a failure | leaves a temporary file
def whole_or_nothing(path, data):
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as file:
        file.write(data)
    temporary.replace(path)
# %% 3: deletes the old file first | old file is gone
def whole_or_nothing(path, data):
    path.unlink()
    path.write_bytes(data)
# %% 3: writes text as well | harms the old file
def whole_or_nothing(path, data):
    temporary = path.with_name("x")
    temporary.write_bytes(data if isinstance(data, bytes) else data.encode())
    temporary.replace(path)
# %% 3: copies the temporary file over the target | temporary file behind
def whole_or_nothing(path, data):
    temporary = path.with_name(path.name + ".partial")
    try:
        temporary.write_bytes(data)
    except TypeError:
        temporary.unlink()
        raise
    path.write_bytes(temporary.read_bytes())
