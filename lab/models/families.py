"""The families of regularizers: one table, from which docs/regularizers.md is made and which advice is taken from.

`lab.models.families_page` prints it. Nothing here needs Keras.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of regularizer, whose strength is one field of a value.

    Args:
        name: in words.
        value: the value that has the field: "Regularization" or "Training".
        field: of the value.
        strengths: three to begin with, from weak to strong, in the order of what they do; one if it is on or off.
        kinds: the layers or the models it is for: "dense", "image", "residual", "table" or several of them.
        losses: the losses it goes with; empty for all.
        paper: its reference.
        formula: what it adds or does, in the notation of the field's docstring.
        keras: Keras's own form, or what Keras lacks.
        cost: what a step of training takes more.
        shown: the experiments of the lab that show it.
        off: the value of the field that leaves it out.
    """

    name: str
    value: str
    field: str
    strengths: tuple[float | str, ...]
    paper: str
    formula: str
    keras: str
    cost: str
    kinds: tuple[str, ...] = ("dense", "image", "residual")
    losses: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    off: float | str | None = 0.0


_R, _T = "Regularization", "Training"
_ENTROPY = ("softmax_cross_entropy", "binary_cross_entropy")
_ONE_PASS = "one pass over the weights"
_OUTPUTS = "one pass over the outputs"

FAMILIES = (
    Family(
        name="L1 penalty",
        value=_R,
        field="l1",
        strengths=(1e-5, 1e-4, 1e-3),
        paper="Tibshirani 1996",
        formula="`l1 * sum(abs(w))` is added to the loss",
        keras="`keras.regularizers.L1`",
        cost=_ONE_PASS,
        shown=("weight_penalty", "strength_path", "penalty_geometry", "small_data"),
    ),
    Family(
        name="L2 penalty",
        value=_R,
        field="l2",
        strengths=(1e-4, 1e-3, 1e-2),
        paper="Krogh and Hertz 1991",
        formula="`l2 * sum(w ** 2)` is added to the loss",
        keras="`keras.regularizers.L2`",
        cost=_ONE_PASS,
        shown=("weight_penalty", "strength_path", "penalty_geometry", "strength_regions", "small_data", "transfer"),
    ),
    Family(
        name="L2 towards the start",
        value=_R,
        field="l2_start",
        strengths=(1e-4, 1e-3, 1e-2),
        paper="Li et al. 2018",
        formula="`l2_start * sum((w - w_start) ** 2)` is added to the loss",
        keras="none",
        cost=_ONE_PASS,
        shown=("transfer",),
    ),
    Family(
        name="L1 penalty on activations",
        value=_R,
        field="activity_l1",
        strengths=(1e-5, 1e-4, 1e-3),
        paper="Glorot et al. 2011",
        formula="`activity_l1 * sum(abs(a))`, averaged over the batch, is added to the loss",
        keras="`activity_regularizer`",
        cost="one pass over the activations",
        shown=("weight_penalty",),
    ),
    Family(
        name="L2 penalty on activations",
        value=_R,
        field="activity_l2",
        strengths=(1e-5, 1e-4, 1e-3),
        paper="Merity et al. 2017",
        formula="`activity_l2 * sum(a ** 2)`, averaged over the batch, is added to the loss",
        keras="`activity_regularizer`",
        cost="one pass over the activations",
        shown=("weight_penalty",),
    ),
    Family(
        name="dropout",
        value=_R,
        field="dropout",
        strengths=(0.1, 0.25, 0.5),
        paper="Srivastava et al. 2014",
        formula="units are dropped with probability `dropout`, the others divided by `1 - dropout`",
        keras="`keras.layers.Dropout`",
        cost="one random number per unit and example",
        shown=("dropout", "dropout_ensemble", "optimizer_dropout", "strength_path", "small_data", "data_size"),
    ),
    Family(
        name="DropConnect",
        value=_R,
        field="dropconnect",
        strengths=(0.1, 0.25, 0.5),
        paper="Wan et al. 2013",
        formula="weights are dropped with probability `dropconnect`, the others divided by `1 - dropconnect`",
        keras="none; `lab.layers.DropConnectDense`, `DropConnectConv2D`",
        cost="one random number per weight",
        shown=("dropout", "small_data"),
    ),
    Family(
        name="Gaussian noise",
        value=_R,
        field="noise",
        strengths=(0.05, 0.1, 0.3),
        paper="Bishop 1995",
        formula="a normal number of deviation `noise` is added to each activation",
        keras="`keras.layers.GaussianNoise`",
        cost="one random number per unit and example",
    ),
    Family(
        name="normalization",
        value=_R,
        field="normalization",
        strengths=("layer", "group", "batch"),
        paper="Ioffe and Szegedy 2015; Ba et al. 2016; Wu and He 2018; Zhang and Sennrich 2019; Hoffer et al. 2017",
        formula="inputs of the activation get mean 0 and variance 1, then a learned scale and shift; with `rms` mean "
        "square 1 and a scale, with `ghost` over parts of a batch",
        keras="`BatchNormalization`, `LayerNormalization`, `GroupNormalization`, `RMSNormalization`; none for `ghost`",
        cost="a few passes over the activations",
        shown=("normalization", "vanishing_gradient"),
        off="none",
    ),
    Family(
        name="max-norm",
        value=_R,
        field="max_norm",
        strengths=(4.0, 2.0, 1.0),
        paper="Srebro and Shraibman 2005",
        formula="the weights into a unit are scaled down to Euclidean norm `max_norm`, if theirs is larger",
        keras="`keras.constraints.MaxNorm`, whose default axis is wrong for convolutions",
        cost=_ONE_PASS,
        off=None,
    ),
    Family(
        name="Gaussian dropout",
        value=_R,
        field="gaussian_dropout",
        strengths=(0.1, 0.25, 0.5),
        paper="Srivastava et al. 2014",
        formula="units are multiplied by normal numbers of mean 1 and variance `p / (1 - p)`, p being the field",
        keras="`keras.layers.GaussianDropout`",
        cost="one random number per unit and example",
    ),
    Family(
        name="spatial dropout",
        value=_R,
        field="spatial_dropout",
        strengths=(0.05, 0.1, 0.2),
        paper="Tompson et al. 2015",
        formula="channels are dropped with probability `spatial_dropout`, the others divided by `1 - spatial_dropout`",
        keras="`keras.layers.SpatialDropout2D`",
        cost="one random number per channel and example",
        kinds=("image",),
    ),
    Family(
        name="DropBlock",
        value=_R,
        field="dropblock",
        strengths=(0.05, 0.1, 0.2),
        paper="Ghiasi et al. 2018",
        formula="squares of `block_size` pixels are dropped from each channel, together about the share `dropblock`, "
        "and the other values of the example are scaled up",
        keras="none; gone with keras-cv; `lab.layers.DropBlock`",
        cost="one random number per value, and one pooling",
        kinds=("image",),
    ),
    Family(
        name="stochastic depth",
        value=_R,
        field="stochastic_depth",
        strengths=(0.1, 0.2, 0.5),
        paper="Huang et al. 2016",
        formula="the l-th of L residual branches of an example is dropped with probability `stochastic_depth * l / L`, "
        "and otherwise divided by 1 less this",
        keras="`Dropout(rate, noise_shape=(None, 1, 1, 1))`",
        cost="one random number per branch and example",
        kinds=("residual",),
    ),
    Family(
        name="group lasso on inputs",
        value=_R,
        field="group_inputs",
        strengths=(1e-5, 1e-4, 1e-3),
        paper="Yuan and Lin 2006; Scardapane et al. 2017",
        formula="`group_inputs * sqrt(n) * sqrt(sum(w ** 2))` of the n weights from each input is added to the loss",
        keras="none",
        cost="a few passes over the weights",
    ),
    Family(
        name="group lasso on units",
        value=_R,
        field="group_units",
        strengths=(1e-5, 1e-4, 1e-3),
        paper="Yuan and Lin 2006; Scardapane et al. 2017",
        formula="`group_units * sqrt(n) * sqrt(sum(w ** 2))` of the n weights into each unit is added to the loss",
        keras="none",
        cost="a few passes over the weights",
    ),
    Family(
        name="orthogonal penalty",
        value=_R,
        field="orthogonal",
        strengths=(1e-5, 1e-4, 1e-3),
        paper="Bansal et al. 2018",
        formula="`orthogonal * sum((W.T @ W - I) ** 2)` is added to the loss, W being the kernel as a matrix",
        keras="`keras.regularizers.OrthogonalRegularizer`, of another formula and for matrices only",
        cost="two products of weights with weights",
    ),
    Family(
        name="decoupled weight decay",
        value=_T,
        field="weight_decay",
        strengths=(1e-3, 1e-2, 1e-1),
        paper="Loshchilov and Hutter 2019",
        formula="each step takes `learning_rate * weight_decay * w` off each kernel",
        keras="`weight_decay` of an optimizer, which spares biases only if told so before it is built",
        cost=_ONE_PASS,
    ),
    Family(
        name="label smoothing",
        value=_T,
        field="label_smoothing",
        strengths=(0.05, 0.1, 0.2),
        paper="Szegedy et al. 2016",
        formula="the share `label_smoothing` of the target is spread evenly over the classes",
        keras="`label_smoothing` of `CategoricalCrossentropy`, not of the sparse one",
        cost=_OUTPUTS,
        losses=_ENTROPY,
    ),
    Family(
        name="focal loss",
        value=_T,
        field="focal",
        strengths=(0.5, 1.0, 2.0),
        paper="Lin et al. 2017",
        formula="the cross-entropy of an example is multiplied by `(1 - p) ** focal`, p being its class's probability",
        keras="`CategoricalFocalCrossentropy`, not for labels that are whole numbers",
        cost=_OUTPUTS,
        losses=_ENTROPY,
    ),
    Family(
        name="generalized cross-entropy",
        value=_T,
        field="noise_robust",
        strengths=(0.2, 0.5, 0.8),
        paper="Zhang and Sabuncu 2018",
        formula="`(1 - p ** q) / q` with q = `noise_robust` takes the place of the cross-entropy",
        keras="`CategoricalGeneralizedCrossEntropy`",
        cost=_OUTPUTS,
        losses=_ENTROPY,
    ),
    Family(
        name="confidence penalty",
        value=_T,
        field="confidence_penalty",
        strengths=(0.03, 0.1, 0.3),
        paper="Pereyra et al. 2017",
        formula="`confidence_penalty` times the entropy of the predicted classes is taken off the loss",
        keras="none",
        cost=_OUTPUTS,
        losses=_ENTROPY,
    ),
    Family(
        name="flooding",
        value=_T,
        field="flooding",
        strengths=(0.02, 0.05, 0.1),
        paper="Ishida et al. 2020",
        formula="`abs(L - flooding) + flooding` is minimized, L being the batch's mean data loss",
        keras="none",
        cost="nothing that grows",
    ),
    Family(
        name="gradient clipping",
        value=_T,
        field="clip_norm",
        strengths=(10.0, 1.0, 0.1),
        paper="Pascanu et al. 2013",
        formula="the gradients are scaled down to norm `clip_norm` together, if theirs is larger",
        keras="`global_clipnorm` of an optimizer",
        cost="two passes over the gradients",
        off=None,
    ),
    Family(
        name="gradient noise",
        value=_T,
        field="gradient_noise",
        strengths=(1e-4, 1e-3, 1e-2),
        paper="Neelakantan et al. 2015",
        formula="normal numbers of variance `gradient_noise / (1 + t) ** 0.55` are added to the gradients of step t",
        keras="none",
        cost="one random number per weight",
    ),
    Family(
        name="sharpness-aware minimization (SAM)",
        value=_T,
        field="sharpness",
        strengths=(0.02, 0.05, 0.1),
        paper="Foret et al. 2021",
        formula="the gradient is taken at `w + sharpness * g / norm(g)`, g being the gradient at w",
        keras="none; gone with tf-keras",
        cost="a second forward and backward pass",
    ),
    Family(
        name="exact zeros by proximal steps",
        value=_T,
        field="proximal",
        strengths=(True,),
        paper="Parikh and Boyd 2014",
        formula="`l1`, `group_inputs` and `group_units` shrink weights and groups by `rate * strength` after each "
        "update, down to exactly 0, instead of by gradients",
        keras="none but the L1 of `keras.optimizers.Ftrl`",
        cost="a few passes over the weights",
        off=False,
    ),
    Family(
        name="adaptive sharpness-aware minimization (ASAM)",
        value=_T,
        field="adaptive_sharpness",
        strengths=(0.2, 0.5, 1.0),
        paper="Kwon et al. 2021",
        formula="the gradient is taken at `w + adaptive_sharpness * t ** 2 * g / norm(t * g)` with t = `abs(w) + 0.01`",
        keras="none",
        cost="a second forward and backward pass",
    ),
    Family(
        name="moving average of the weights (EMA)",
        value=_T,
        field="ema",
        strengths=(0.9, 0.99, 0.999),
        paper="Polyak and Juditsky 1992",
        formula="`a = ema * a + (1 - ema) * w` after each step, from the first weights on; a is measured and kept",
        keras="`use_ema` of an optimizer, whose average is not what callbacks see",
        cost="one pass over the weights, and a copy of them",
    ),
    Family(
        name="Lookahead",
        value=_T,
        field="lookahead",
        strengths=(2, 5, 10),
        paper="Zhang et al. 2019",
        formula="every `lookahead` steps slow weights s become `s + lookahead_pull * (w - s)`, and w becomes s",
        keras="none; gone with TensorFlow Addons",
        cost="one pass over the weights, and a copy of them",
        off=0,
    ),
    Family(
        name="mixup",
        value=_T,
        field="mixup",
        strengths=(0.1, 0.3, 1.0),
        paper="Zhang et al. 2018",
        formula="examples and their losses are mixed in pairs, by a share drawn from Beta(`mixup`, `mixup`)",
        keras="`keras.layers.MixUp`, for images in a dict with float labels",
        cost="one pass over the examples, and the loss twice",
    ),
    Family(
        name="random flips",
        value=_T,
        field="flip",
        strengths=(True,),
        paper="Krizhevsky et al. 2012",
        formula="each image is turned over from left to right with probability 1/2",
        keras="`keras.layers.RandomFlip`",
        cost="one pass over the examples",
        kinds=("image",),
        off=False,
    ),
    Family(
        name="random shifts (crops)",
        value=_T,
        field="shift",
        strengths=(1, 2, 4),
        paper="Krizhevsky et al. 2012",
        formula="each image is moved by up to `shift` pixels along each axis, and what comes in is 0",
        keras="`keras.layers.RandomTranslation`, which interpolates",
        cost="two passes over the examples",
        kinds=("image",),
        off=0,
    ),
    Family(
        name="cutout",
        value=_T,
        field="cutout",
        strengths=(2, 4, 8),
        paper="DeVries and Taylor 2017",
        formula="a square of `cutout` pixels anywhere in each image is set to 0",
        keras="`keras.layers.RandomErasing`",
        cost="one pass over the examples",
        kinds=("image",),
        off=0,
    ),
    Family(
        name="CutMix",
        value=_T,
        field="cutmix",
        strengths=(0.3, 1.0, 3.0),
        paper="Yun et al. 2019",
        formula="a box of each image is its neighbour's, its size drawn from Beta(`cutmix`, `cutmix`), and their losses "
        "are mixed by the pixels of each",
        keras="`keras.layers.CutMix`, whose shares are not those of the pixels",
        cost="one pass over the examples, and the loss twice",
        kinds=("image",),
        off=0.0,
    ),
    Family(
        name="swap noise",
        value=_T,
        field="swap_noise",
        strengths=(0.05, 0.1, 0.2),
        paper="Kadra et al. 2021",
        formula="each number is replaced with probability `swap_noise` by that of another row in its column",
        keras="none",
        cost="two random numbers per cell",
        kinds=("table",),
        off=0.0,
    ),
    Family(
        name="learning rates that fall, restart or make one cycle",
        value=_T,
        field="schedule",
        strengths=("cosine", "cosine_restarts", "one_cycle"),
        paper="Loshchilov and Hutter 2017; Smith and Topin 2018",
        formula="the rate of step t of n is multiplied by `(1 + cos(pi * t / n)) / 2`, anew in each of `cycles` "
        "parts, or rises to `learning_rate` first",
        keras="`CosineDecay`, `CosineDecayRestarts`; none for one cycle",
        cost="none",
        off="constant",
    ),
    Family(
        name="early stopping",
        value=_T,
        field="patience",
        strengths=(20, 10, 5),
        paper="Prechelt 1998",
        formula="a run ends after `patience` epochs without a lower validation data loss",
        keras="`keras.callbacks.EarlyStopping`",
        cost="none",
        shown=("implicit",),
        off=None,
    ),
)
"""The regularizers of which the lab has a strength, in the order of the documentation."""
