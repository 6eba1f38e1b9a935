__all__ = ["star_value", "star_function"]
star_value = ["star"]
hidden = "not exported"


def star_function(n):
    star_value.append(n)
    return star_value * n
