"""N bodies: six planets of made-up masses that attract each other; attributes of instances in a tight loop."""

import math

import stopwatch


class Body:
    """A mass with its place and its velocity."""

    def __init__(self, mass, x, y, z, vx, vy, vz):
        self.mass = mass
        self.x = x
        self.y = y
        self.z = z
        self.vx = vx
        self.vy = vy
        self.vz = vz


def system():
    """Return a heavy body and five light ones around it."""
    bodies = [Body(40.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    for number in range(1, 6):
        angle = number * 1.3
        distance = 2.0 + 1.7 * number
        speed = math.sqrt(40.0 / distance)
        bodies.append(
            Body(
                0.01 * number,
                distance * math.cos(angle),
                distance * math.sin(angle),
                0.1 * number,
                -speed * math.sin(angle),
                speed * math.cos(angle),
                0.0,
            )
        )
    return bodies


def advance(bodies, pairs, step):
    """Move all bodies by one step of time."""
    for one, other in pairs:
        dx = one.x - other.x
        dy = one.y - other.y
        dz = one.z - other.z
        square = dx * dx + dy * dy + dz * dz
        pull = step / (square * math.sqrt(square))
        there = other.mass * pull
        here = one.mass * pull
        one.vx -= dx * there
        one.vy -= dy * there
        one.vz -= dz * there
        other.vx += dx * here
        other.vy += dy * here
        other.vz += dz * here
    for body in bodies:
        body.x += step * body.vx
        body.y += step * body.vy
        body.z += step * body.vz


def energy(bodies, pairs):
    total = 0.0
    for body in bodies:
        total += 0.5 * body.mass * (body.vx**2 + body.vy**2 + body.vz**2)
    for one, other in pairs:
        apart = math.dist((one.x, one.y, one.z), (other.x, other.y, other.z))
        total -= one.mass * other.mass / apart
    return total


def main(size):
    bodies = system()
    pairs = []
    for index, one in enumerate(bodies):
        for other in bodies[index + 1 :]:
            pairs.append((one, other))  # noqa: PERF401
    for _ in range(size):
        advance(bodies, pairs, 0.002)
    places = sum(body.x + 2.0 * body.y + 3.0 * body.z for body in bodies)
    return f"{energy(bodies, pairs):.9f} {places:.9f}"


if __name__ == "__main__":
    stopwatch.run(main)
