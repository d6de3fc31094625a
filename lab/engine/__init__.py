"""The engines that train runs: `keras_fit`, the reference, and `cohort`, the fast one, which is held against it.

`dispatch` gives each run to one of them, as a `task`. This is what the cohort engine computes, with the files that
do so; R is the number of runs that train together:

    groups = runs by blueprint(model)                      # blueprint, graph: what must be equal, who is refused
    for runs in groups, at most 32 at a time:              # cohort; fewer where memory is short: memory
        w = stack([initial weights of each run])           # starts: (R, ...); stacking: per run l1, l2, rates, seeds
        compare two steps with Keras                       # rehearsal: if layers lack a rule
        for epoch in 1..epochs:                            # loop; in the first what measures is compiled: beside
            for i, (x, y) in enumerate(batches):           # program: x is (R, batch, ...), each run in its own order
                x = flips, shifts, CutMix, ...             # augmentation: if asked
                z = forward(w, x)                          # forward: layer_kinds, layer_rules, unrolled; draws: masks
                loss = mean(data_loss(y, z), 1)            # objective: (R,), label-smoothed and weighted if asked
                g = gradient(sum(loss + penalties), w)     # penalties: run r has only its own strengths
                g = SAM, attacks, clipping, noise          # gradients: if asked
                w = step(w, g, rate[i])                    # update, optimizers: Keras's own; proximal, copies: if asked
            train, validation = measure(w), measure(w)     # program: inference mode, chunk by chunk
            keep w of the runs that are better             # history: the kept epoch, and which runs end
            hand over the runs that ended, go on           # loop, member: the rest in a smaller program, if that pays

Batches of examples that stay on the disk are read there by `on_disk`. The reference is `keras_fit`, with the model of
`ledger`. `timing` trains nothing to its end: it times steps.

Used throughout: `replicas` (a tensor of all runs, stacked or one by one), `invariant` (arithmetic whose last bits do
not depend on how many runs there are), `precision` and `tensorflow` (how products are computed, and how TensorFlow is
loaded), `keras_internals` (every private name of Keras).
"""
