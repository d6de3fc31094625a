"""The experiments: one script a question. Nothing imports them but the tests and the command line."""

CHAPTERS = {
    "How deep nets start and learn": (
        "initialization",
        "vanishing_gradient",
        "dead_units",
        "activation_speed",
        "trajectories",
        "optimizers",
        "optimizer_dropout",
        "loss_surface",
    ),
    "Noise and capacity": ("capacity", "strength_regions", "linear_classifiers", "approximation", "spirals"),
    "Weight penalties": ("weight_penalty", "strength_path", "penalty_geometry"),
    "Dropout": ("dropout", "dropout_ensemble", "small_data"),
    "Normalization and convolution": ("normalization", "convolution", "alexnet", "fashion"),
    "Data, and what regularizes without a penalty": ("data_size", "implicit", "transfer"),
    "Many regularizers side by side": ("families", "cocktail", "ensembles"),
    "Why nets generalize": (
        "random_labels",
        "double_descent",
        "grokking",
        "generalization_measures",
        "sharpness",
    ),
    "Where the course was wrong": ("course_mistakes",),
    "What the machine changes": ("reduced_precision",),
}
"""The guide through the experiments, as results/index.html shows it."""
