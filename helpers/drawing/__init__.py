"""How the pictures of the drawn sample are made; `helpers.sample` is the door to it."""
