"""From a three-dimensional skeleton to a body with skin, hair and clothes: the solids that the renderer draws."""

import colorsys

import numpy as np

from .body import FACE, HEAD_SHAPE, rotation
from .render import Solid

SKIN = np.array([[0.98, 0.83, 0.72], [0.93, 0.74, 0.59], [0.82, 0.61, 0.45], [0.63, 0.43, 0.30], [0.44, 0.29, 0.20]])
HAIR = np.array([[0.08, 0.07, 0.06], [0.22, 0.14, 0.09], [0.40, 0.24, 0.12], [0.80, 0.64, 0.34], [0.58, 0.56, 0.54]])


def wardrobe(rng):
    """Choose skin, hair and clothes by chance -> dict; `dress` turns it into solids."""

    def cloth(beside=None):
        hue, saturation, value = rng.random(), rng.uniform(0.05, 0.85), rng.uniform(0.18, 0.95)
        colour = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
        if beside is not None and abs(colour.mean() - beside.mean()) < 0.25:  # light beside dark
            colour = 0.3 * colour if beside.mean() > 0.45 else 1 - 0.3 * (1 - colour)
        return colour

    def one_of(names):
        names = names.split()
        return names[rng.integers(len(names))]

    tone = rng.uniform(0, len(SKIN) - 1.001)
    low = int(tone)
    skin = SKIN[low] + (tone - low) * (SKIN[low + 1] - SKIN[low])
    hair = HAIR[rng.integers(len(HAIR))] * rng.uniform(0.85, 1.2)
    if abs(hair.mean() - skin.mean()) < 0.22:  # the back of a head should tell itself from a face
        hair = HAIR[0] if skin.mean() > 0.45 else HAIR[4] * 1.3
    shirt = cloth()
    return {
        "skin": skin,
        "hair": np.clip(hair, 0, 1),
        "hair_style": one_of("short short short long long bun tail bald cap cap"),
        "cap": cloth(),
        "shirt": shirt,
        "accent": cloth(beside=shirt),
        "pattern": one_of("plain plain bands blocks checks"),
        "front": one_of("buttons tie print jacket jacket"),
        "sleeve": one_of("long short short none"),
        "trousers": cloth() if rng.random() < 0.4 else cloth(beside=shirt),
        "leg": one_of("long long short"),
        "shoes": cloth() * 0.8,
        "beard": rng.random() < 0.2,
        "backpack": rng.random() < 0.08,
        "watch": rng.random() < 0.6,
        "armband": rng.random() < 0.3,
    }


def _select(base, *layers):
    """Start with one colour and paint layers (mask (n,), colour (3,)) over it -> (3, n)."""
    colours = np.empty((3, len(layers[0][0])), np.float32)
    colours[:] = np.asarray(base)[:, None]
    for mask, colour in layers:
        for channel, value in zip(colours, colour):
            channel[mask] = value
    return colours


def _face(look):
    """Paint of the head's ellipsoid: eyes, brows, mouth and beard on the front only, hair at the back."""
    skin, hair = look["skin"], look["hair"]
    bare = look["hair_style"] == "bald"

    def paint(p):  # in units of the half axes: x to the person's left, y up, z forward
        x, y, front = np.abs(p[0]), p[1], p[2] > 0
        eye = ((x - 0.36) / 0.2) ** 2 + ((y - 0.1) / 0.12) ** 2 < 1
        iris = ((x - 0.36) / 0.105) ** 2 + ((y - 0.1) / 0.115) ** 2 < 1
        brow = (np.abs(x - 0.37) < 0.22) & (np.abs(y - 0.36 + 0.2 * (x - 0.37)) < 0.045)
        mouth = (x / 0.32) ** 2 + ((y + 0.52) / 0.09) ** 2 < 1
        cheek = ((x - 0.45) / 0.25) ** 2 + ((y + 0.2) / 0.2) ** 2 < 1
        back = (p[2] < -0.05) & (y > -0.5) & (not bare)
        beard = (p[2] > 0.1) & (y < -0.33) & bool(look["beard"])
        return _select(
            skin,
            (back, hair),
            (front & cheek, skin * [1.0, 0.9, 0.88]),
            (beard, 0.5 * hair + 0.25 * skin),
            (front & mouth, [0.68, 0.22, 0.22]),
            (front & eye, [0.95, 0.95, 0.95]),
            (front & iris, [0.07, 0.06, 0.08]),
            (front & brow, 0.75 * hair),
        )

    return paint


def _shirt(look, size, chest=True):
    """Paint of chest and belly: the pattern goes all round, buttons, zip, logo and pocket are on the front only."""
    base, accent = look["shirt"], look["accent"]

    def paint(p):  # metres: x to the person's left, y up along the spine, z forward
        x, y, front = p[0] / size, p[1] / size, p[2] > 0
        layers = [((~front) & (y > 0.15) & chest, 0.75 * base)]  # a yoke on the back
        if look["pattern"] == "bands":
            layers.append((np.sin(y * 130) > 0.25, accent))
        elif look["pattern"] == "blocks" and chest:
            layers.append((y > 0.095, accent))
        elif look["pattern"] == "checks":
            layers.append(((np.sin(y * 160) > 0) ^ (np.sin(p[0] / size * 160) > 0), 0.65 * base + 0.2 * accent))
        if look["front"] == "buttons":
            layers.append((front & (np.abs(x) < 0.016), 0.45 * base))
            layers.append((front & (np.abs(x) < 0.01) & (np.sin(y * 130) > 0.3), [0.95, 0.95, 0.9]))
        elif look["front"] == "tie":
            layers.append((front & (np.abs(x) < 0.05), [0.93, 0.93, 0.93]))
            layers.append((front & (np.abs(x) < 0.02 - 0.05 * np.maximum(y - 0.05, 0)), 0.6 * accent))
        elif look["front"] == "jacket":
            layers.append((front & (np.abs(x) < 0.022 + 0.14 * np.maximum(y - 0.02, 0)), 0.85 * accent + 0.15))
        elif chest:
            layers.append((front & (x**2 + (y - 0.07) ** 2 < 0.042**2), accent))
        if not chest:
            return _select(base, *layers)
        collar = front & (np.abs(x) < 0.55 * (y - 0.165)) & (y > 0.165)
        pocket = front & (np.abs(x - 0.045) < 0.019) & (np.abs(y - 0.135) < 0.019)  # on the wearer's left, as sewn
        layers += [(collar, look["skin"]), (pocket, 0.25 + 0.7 * accent)]
        return _select(base, *layers)

    return paint


def _between(start, end, axes):
    """-> axes (3, 3) whose y points from start to end, z as near as it can be to that of `axes`; and the length."""
    along = end - start
    length = np.sqrt(along @ along)
    y = along / length
    z = axes[:, 2] - (axes[:, 2] @ y) * y
    z /= np.sqrt(z @ z) + 1e-12
    x = [y[1] * z[2] - y[2] * z[1], y[2] * z[0] - y[0] * z[2], y[0] * z[1] - y[1] * z[0]]
    return np.array([x, y, z]).T, length


def _head(person, look, h):
    """Neck, head, nose, ears and hair; `h` is the body's height in metres."""
    centre, axes = person.frames["head"]
    neck, chest = person.frames["neck"]
    nose = person.keypoints[0] - centre
    r = np.linalg.norm(person.keypoints[3] - person.keypoints[4]) / (2 * FACE[3, 0] * HEAD_SHAPE[0])  # half the height
    half, skin, hair = HEAD_SHAPE * r, look["skin"], look["hair"]

    def ball(offset, radii, paint, turn=axes):
        return Solid(centre + axes @ (np.asarray(offset) * half), turn, scale=tuple(radii), paint=paint)

    neck_axes, length = _between(neck - 0.02 * chest[:, 1], centre, chest)
    parts = [Solid(neck - 0.02 * chest[:, 1], neck_axes, (0.034 * h, 0.03 * h), length, paint=0.95 * skin)]
    parts.append(ball((0, 0, 0), half, _face(look)))
    ridge, nose_length = _between(centre + axes @ (np.array([0, 0.12, 0.9]) * half), centre + nose * 0.97, axes)
    parts.append(Solid(centre + axes @ (np.array([0, 0.12, 0.9]) * half), ridge, (0.09 * r, 0.15 * r), nose_length,
                       paint=0.9 * skin))  # fmt: skip
    for sign in (1, -1):
        parts.append(ball((0.98 * sign, -0.02, -0.05), (0.1 * r, 0.24 * r, 0.16 * r), skin * [1, 0.88, 0.86]))
    style = look["hair_style"]
    if style == "cap":
        parts.append(ball((0, 0.3, -0.05), half * [1.06, 0.78, 1.06], look["cap"]))
        parts.append(ball((0, 0.5, 1.0), half * [0.75, 0.1, 0.75], 0.7 * look["cap"]))
    elif style != "bald":
        parts.append(ball((0, 0.22, -0.24), half * [1.07, 0.93, 0.97], hair))
    if style == "long":
        parts.append(ball((0, -0.45, -0.55), half * [0.98, 1.15, 0.58], hair))
    elif style == "bun":
        parts.append(ball((0, 0.55, -1.05), half * 0.42, hair))
    elif style == "tail":
        parts.append(ball((0, -0.4, -1.2), half * [0.3, 0.85, 0.25], hair))
    return parts


def _trunk(person, look, h, g):
    """Chest, belly, pelvis, shoulders, and now and then a backpack."""
    (lumbar, chest), (hips, pelvis) = person.frames["chest"], person.frames["pelvis"]
    shirt, trousers = _shirt(look, h), look["trousers"]
    flat = (1.0, 1.0, 0.66)
    belly_axes, length = _between(hips + 0.03 * h * pelvis[:, 1], lumbar + 0.04 * h * chest[:, 1], chest)
    parts = [
        Solid(lumbar, chest, (0.084 * h * g, 0.094 * h * (0.6 + 0.4 * g)), 0.11 * h, flat, shirt),
        Solid(hips + 0.03 * h * pelvis[:, 1], belly_axes, (0.09 * h * g, 0.085 * h * g), length, (1, 1, 0.72 * g**0.5),
              _shirt(look, h, chest=False)),
        Solid(hips - 0.005 * h * pelvis[:, 1], pelvis, scale=(0.096 * h * g, 0.06 * h, 0.068 * h * g), paint=trousers),
    ]  # fmt: skip
    for side, sign in (("left_", 1), ("right_", -1)):
        shoulder = person.frames[side + "shoulder"][0]
        inner = person.frames["neck"][0] + chest @ [sign * 0.028 * h, -0.008 * h, -0.005 * h]
        axes, length = _between(inner, shoulder, chest)
        colour = look["skin"] if look["sleeve"] == "none" else look["shirt"]
        parts.append(Solid(inner, axes, (0.034 * h, 0.039 * h * (0.7 + 0.3 * g)), length, paint=colour))
    collar = person.frames["neck"][0] + chest @ [0, -0.014 * h, -0.012 * h]
    parts.append(Solid(collar, chest, scale=(0.046 * h, 0.022 * h, 0.036 * h), paint=0.9 * look["shirt"]))
    if look["backpack"]:
        pack = lumbar + chest @ [0, 0.1 * h, -0.085 * h]
        parts.append(Solid(pack, chest, scale=(0.085 * h, 0.12 * h, 0.05 * h), paint=look["accent"]))
    return parts


def _limbs(person, look, h, g):
    """Arms and legs of both sides, with sleeves, hands, watch, trouser legs and shoes."""
    frames, skin, parts = person.frames, look["skin"], []
    thick = 0.6 + 0.4 * g

    def limb(start, end, r0, r1, paint, axes, overshoot=1.0):
        own, length = _between(start, start + (end - start) * overshoot, axes)
        parts.append(Solid(start, own, (r0 * h * thick, r1 * h * thick), length, paint=paint))

    sleeves, bare = look["sleeve"], look["leg"] == "short"
    arm_colour = look["shirt"] if sleeves == "long" else skin
    leg_colour = skin if bare else look["trousers"]
    for side in ("left_", "right_"):
        (shoulder, arm), (elbow, fore) = frames[side + "shoulder"], frames[side + "elbow"]
        hand, _ = frames[side + "hand"]
        wrist = person.keypoints[9 if side == "left_" else 10]
        limb(shoulder, elbow, 0.036, 0.029, arm_colour, arm)
        if sleeves == "short":
            limb(shoulder, elbow, 0.041, 0.041, look["shirt"], arm, 0.52)
        limb(elbow, wrist, 0.0285, 0.02, 0.93 * arm_colour, fore)
        if look["watch"] and side == "left_":
            limb(wrist + 0.02 * h * fore[:, 1], wrist, 0.025, 0.025, np.array([0.1, 0.1, 0.12]), fore, 0.3)
        if look["armband"] and side == "left_":  # as a team's captain wears it
            limb(shoulder + 0.45 * (elbow - shoulder), elbow, 0.043, 0.041, look["accent"], arm, 0.4)
        parts.append(Solid(hand, fore, scale=(0.018 * h, 0.052 * h, 0.03 * h), paint=skin))
        limb(hand + fore @ [0, 0.03 * h, 0.012 * h], hand + fore @ [0, -0.01 * h, 0.036 * h], 0.011, 0.009, skin, fore)
        (hip, thigh), (knee, shank) = frames[side + "hip"], frames[side + "knee"]
        (heel, foot), (toe, _) = frames[side + "heel"], frames[side + "toe"]
        ankle = person.keypoints[15 if side == "left_" else 16]
        limb(hip, knee, 0.058, 0.04, leg_colour, thigh)
        if bare:
            limb(hip, knee, 0.061, 0.055, look["trousers"], thigh, 0.62)
        limb(knee, ankle, 0.04, 0.028 if not bare else 0.025, 0.94 * leg_colour, shank)
        calf = knee + shank @ [0, -0.07 * h, -0.011 * h]
        bulge = (0.036 * h * thick, 0.08 * h, 0.036 * h * thick)
        parts.append(Solid(calf, shank, scale=bulge, paint=0.94 * leg_colour))
        parts += _shoe(heel, toe, foot, look, h)
    return parts


def _shoe(heel, toe, foot, look, h):
    """A shoe with a light toe cap, so that one sees which way the foot points."""
    axes, length = _between(heel, toe, foot @ rotation("x", -90))
    colour, cap = look["shoes"], 0.5 + 0.5 * look["shoes"]

    def paint(p):
        return _select(colour, (p[1] > 0.8 * length, cap), (p[2] > 0.017 * h, np.array([0.9, 0.9, 0.88])))

    return [Solid(heel, axes, (0.028 * h, 0.025 * h), length, (0.95, 1.0, 1.0), paint=paint)]


def dress(person, look, owner=0):
    """-> list of about 30 solids in world metres: the body of `person` in the clothes of `look`."""
    h, g = person.height, person.girth
    solids = _head(person, look, h) + _trunk(person, look, h, g) + _limbs(person, look, h, g)
    for solid in solids:
        solid.owner = owner
    return solids
