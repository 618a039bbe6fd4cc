"""People that we draw: the course's built-in data set, in COCO's own format.

`make` writes the whole data set, `scene` draws one labelled image of it, `person` one three-dimensional person, and
`photograph` what a camera sees of people who have their places:

    rng = np.random.default_rng(0)
    runner = synthetic.person(rng, "running", yaw=30)  # runner.keypoints: (17, 3) metres; x left, y up, z forward
    camera = synthetic.Camera((240, 320), focal=460.0, height=1.15)
    image, (annotation,) = synthetic.photograph(camera, [runner.placed(0.0, -4.2, 0.0)], [synthetic.wardrobe(rng)])

`film` draws a person who moves (MOTIONS: walking, squats, falling, ...) at 15 frames/s, `make_films` a folder
of films, and `group_film` several people who pass in front of each other.
`poses` and `windows` give joints before cameras, in px and in metres, and draw nothing.

What the files hold beyond COCO: an annotation has `activity` and `keypoints_3d` (17 x 3, metres, in the camera's axes:
x right, y down, z forward), an image has `focal_length` in px. The principal point is the image's centre,
((width - 1) / 2, (height - 1) / 2), so that x_px = focal_length * x / z + centre_x, and the same for y.

Keypoints are rounded to 0.01 px, not to whole pixels as COCO's are: we know them that well, and rounding would blur
what the lessons on heatmaps measure. A keypoint that the person's own body hides, such as the nose of somebody seen
from behind, has v = 1 (COCO's annotators often left it out, v = 0).
"""

from .activities import ACTIVITIES, LIMITS, pose
from .body import Person, person
from .crowds import COUNTS, crowd, make_crowds
from .dataset import VERSION, make
from .figure import dress, wardrobe
from .groups import GroupFilm, group_film
from .joints import around, poses, windows
from .render import Camera, Solid, shade, trace
from .scenes import photograph, scene, viewpoint
from .sequences import FPS, MOTIONS, Film, film, move, shoot
from .sequences import make as make_films

__all__ = [
    "ACTIVITIES",
    "COUNTS",
    "FPS",
    "LIMITS",
    "MOTIONS",
    "VERSION",
    "Camera",
    "Film",
    "GroupFilm",
    "Person",
    "Solid",
    "around",
    "crowd",
    "dress",
    "film",
    "group_film",
    "make",
    "make_crowds",
    "make_films",
    "move",
    "person",
    "photograph",
    "pose",
    "poses",
    "scene",
    "shade",
    "shoot",
    "trace",
    "viewpoint",
    "wardrobe",
    "windows",
]
