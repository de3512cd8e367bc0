"""The figures of the denoising study, in the order of its report."""

from gan_mnist.report import study_figures
from gan_mnist.report.study_figures import Picture

from .drawings import beyond_training, sheets
from .perception import perception_and_distortion

# What is published of trials, besides their records.
TABLES = ("sweep.csv",)
PICTURES = (
    Picture(
        "perception_and_distortion",
        perception_and_distortion,
        "Perception against distortion",
        "Each mark is an arm, the mean over seeds; bars go from lowest to highest seed, "
        "farther where one ends in an arrow. "
        "To the right: nearer to the truth, pixel by pixel. Upwards in the first panel: digits "
        "that are read aright. Downwards in the second: outputs that are distributed as the "
        "truths are; 1 is the control's distance with the same seed. An adversary would be "
        "worth its price if it moved an arm so without moving it to the left. A hollow mark "
        "stands for an arm that is worse than drawn.",
    ),
    Picture(
        "sheets",
        sheets,
        "What the arms return",
        "Eight of the fixed test pairs, of each arm its first seed that is done. Truths, refs and "
        "outputs are shown at full scale: outputs of mixtures, which are to have half of it, are "
        "twice as bright here. PSNR is the mean over all test pairs and seeds. Each trial keeps "
        "its own sheet of truth, ref, input and output, as they are, as `sheet.png`.",
    ),
    Picture(
        "against_cost",
        study_figures.against_cost,
        "Against updates and against seconds",
        "PSNR on validation pairs, the mean over seeds. An update with an adversary takes "
        "longer than one without.",
    ),
    Picture(
        "beyond_training",
        beyond_training,
        "Beyond what was trained on",
        "PSNR above that of a black image when one of the three ranges is left, the other two "
        "as in the fixed pairs (a 0.5, b 0.7, noise to 1). What was trained on is shaded; of "
        "the noise it is one upper end, the line. Mean over seeds, with a band from lowest to "
        "highest.",
    ),
)
