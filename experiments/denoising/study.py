"""Does an adversarial loss help a denoiser? The study of document 004."""

from gan_mnist.study.spec import Expectation, Metric, Picture, Preset, Study

from .arms import ARMS, CONTROL
from .settings import DenoisingSettings, resolve


def shared_work(settings: DenoisingSettings) -> str | None:
    """Arms with the same networks and losses: the process that trains one has them traced."""
    if settings.method != "network":
        return None
    networks = (
        settings.adversary,
        settings.same_batch,
        settings.content_loss,
        settings.adversarial_loss,
        settings.spectral,
        settings.input_skip,
    )
    return " ".join(map(str, networks))


STUDY = Study(
    name="denoising",
    question="Does an adversarial loss help a denoiser?",
    settings=DenoisingSettings(),
    arms=ARMS,
    presets={
        "smoke": Preset(
            2,
            {
                "image_size": 16,
                "width": 2,
                "updates": 10,
                "intervals": 2,
                "batch_size": 8,
                "discriminator_width": 1,
                "test_pairs": 50,
                "judge_width": 2,
                "judge_updates": 20,
            },
        ),
        "quick": Preset(3, {}),
        "paper": Preset(
            5,
            {
                "width": 128,
                "updates": 500_000,
                "batch_size": 100,
                "learning_rate": 1e-4,
                "decay": False,
                "discriminator_width": 64,
                "test_pairs": 10_000,
                "judge_updates": 10_000,
            },
        ),
    },
    control=CONTROL.name,
    oracle=None,
    rival="squared_error",
    metrics=(
        Metric("psnr_db", "PSNR in dB of the outputs on the fixed test pairs", bounds=(0, 100)),
        Metric("ssim", "structural similarity", bounds=(-1, 1)),
        Metric("l1", "mean absolute error", higher_is_better=False, bounds=(0, 1)),
        Metric("mse", "mean squared error", higher_is_better=False, bounds=(0, 1)),
        Metric(
            "ref_leak",
            "share of outputs more like the ref than like the truth",
            higher_is_better=False,
            bounds=(0, 1),
        ),
        Metric("digit_accuracy", "accuracy of a classifier that reads the outputs", bounds=(0, 1)),
        Metric("truth_accuracy", "accuracy of that classifier on the truths", bounds=(0, 1)),
        Metric(
            "feature_distance",
            "kernel distance of the outputs to the truths, in the classifier's features",
            higher_is_better=False,
        ),
        Metric(
            "untrained_ref_leak",
            "the share of outputs more like the ref before any training",
            higher_is_better=False,
            bounds=(0, 1),
        ),
    ),
    expectations=(
        Expectation("black", "below", CONTROL.name),
        Expectation("subtract_and_filter", "below", CONTROL.name),
    ),
    run_trial="gan_mnist.experiments.denoising.trial:run_trial",
    shared_work=shared_work,
    resolve=resolve,
    curve=Metric("val_psnr_db", "PSNR in dB on validation pairs"),
    pictures=(
        Picture(
            "perception_and_distortion",
            "gan_mnist.experiments.denoising.perception:perception_and_distortion",
            "Perception against distortion",
            "Each mark is an arm, the mean over seeds; bars go from lowest to highest seed. "
            "To the right: nearer to the truth, pixel by pixel. Upwards in the first panel: digits "
            "that are read aright. Downwards in the second: outputs that are distributed as the "
            "truths are; 1 is the control's distance with the same seed. An adversary would be "
            "worth its price if it moved an arm so without moving it to the left. A hollow mark "
            "stands for an arm that is worse than drawn.",
        ),
        Picture(
            "sheets",
            "gan_mnist.experiments.denoising.figures:sheets",
            "What the arms return",
            "Eight of the fixed test pairs, first seed. Truths, refs and outputs are shown at full "
            "scale: outputs, which are to have half of it, are twice as bright here. PSNR is the "
            "mean over all test pairs and seeds. Each trial keeps its own sheet of truth, ref, "
            "input and output, as they are, as `sheet.png`.",
        ),
        Picture(
            "against_cost",
            "gan_mnist.report.pictures:against_cost",
            "Against updates and against seconds",
            "PSNR on validation pairs, the mean over seeds. An update with an adversary takes "
            "longer than one without.",
        ),
        Picture(
            "beyond_training",
            "gan_mnist.experiments.denoising.figures:beyond_training",
            "Beyond what was trained on",
            "PSNR above that of a black image when one of the three ranges is left, the other two "
            "as in the fixed pairs (a 0.5, b 0.7, noise to 1). What was trained on is shaded; of "
            "the noise it is one upper end, the line. Mean over seeds, with a band from lowest to "
            "highest.",
        ),
    ),
    treatment="an adversary",
    findings="gan_mnist.experiments.denoising.findings:findings",
    published=(
        "Document 004 judged by eye: no adversarial variant beat plain L1; v2, v3, v5 and v6 of "
        "the vanilla arms returned the ref.",
    ),
)
