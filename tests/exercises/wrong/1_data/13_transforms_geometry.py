# %% 1: degrees taken for radians | too
def lost_share(degrees):
    h = 1 / (1 + math.cos(degrees) + math.sin(degrees))
    return 4 * h**2 * math.cos(degrees) * math.sin(degrees) / 2
# %% 1: rectangles instead of triangles | too large
def lost_share(degrees):
    a = math.radians(degrees)
    h = 1 / (1 + math.cos(a) + math.sin(a))
    return 4 * h**2 * math.cos(a) * math.sin(a)
# %% 1: one triangle | too small
def lost_share(degrees):
    a = math.radians(degrees)
    h = 1 / (1 + math.cos(a) + math.sin(a))
    return h**2 * math.cos(a) * math.sin(a) / 2
# %% 1: the hypotenuse is the whole side | too large
def lost_share(degrees):
    a = math.radians(degrees)
    return 2 * math.cos(a) * math.sin(a)
# %% 1: what stays | not turned
def lost_share(degrees):
    a = math.radians(degrees)
    h = 1 / (1 + math.cos(a) + math.sin(a))
    return 1 - 2 * h**2 * math.cos(a) * math.sin(a)
# %% 1: percent | between 0 and 1
def lost_share(degrees):
    a = math.radians(degrees)
    h = 1 / (1 + math.cos(a) + math.sin(a))
    return 200 * h**2 * math.cos(a) * math.sin(a)
# %% 2: the formula of the page, backwards | the other way
def lands_at(x, y, degrees, H, W):
    a, dx, dy = math.radians(degrees), x - W / 2, y - H / 2
    c, s = math.cos(a), math.sin(a)
    return W / 2 + c * dx - s * dy, H / 2 + s * dx + c * dy
# %% 2: around the corner | the middle moved
def lands_at(x, y, degrees, H, W):
    a = math.radians(degrees)
    c, s = math.cos(a), math.sin(a)
    return c * x + s * y, -s * x + c * y
# %% 2: height and width exchanged | the middle moved
def lands_at(x, y, degrees, H, W):
    a, dx, dy = math.radians(degrees), x - H / 2, y - W / 2
    c, s = math.cos(a), math.sin(a)
    return H / 2 + c * dx + s * dy, W / 2 - s * dx + c * dy
# %% 2: row and column returned | the middle moved
def lands_at(x, y, degrees, H, W):
    a, dx, dy = math.radians(degrees), x - W / 2, y - H / 2
    c, s = math.cos(a), math.sin(a)
    return H / 2 - s * dx + c * dy, W / 2 + c * dx + s * dy
# %% 2: degrees taken for radians | pixels off
def lands_at(x, y, degrees, H, W):
    a, dx, dy = degrees, x - W / 2, y - H / 2
    c, s = math.cos(a), math.sin(a)
    return W / 2 + c * dx + s * dy, H / 2 - s * dx + c * dy
# %% 2: one sign for both | pixels off
def lands_at(x, y, degrees, H, W):
    a, dx, dy = math.radians(degrees), x - W / 2, y - H / 2
    c, s = math.cos(a), math.sin(a)
    return W / 2 + c * dx + s * dy, H / 2 + s * dx + c * dy
