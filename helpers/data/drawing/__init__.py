"""How the pictures of the drawn sample are made; `helpers.data.sample` is the door to it."""
