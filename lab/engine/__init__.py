"""The engines: what trains a run. `keras_fit` is the reference, `cohort` the fast one held against it.

What the cohort engine computes, for R runs of one structure; the rest of this package is how it does so fast:

    groups = runs by blueprint(model)                      # blueprint, graph: what must be equal, who is refused
    for runs in groups, at most 32 at a time:              # cohort
        w = stack([initial weights of each run])           # stacking: (R, ...), and per run l1, l2, rates, seeds
        for epoch in 1..epochs:                            # loop
            for i, (x, y) in enumerate(batches):           # program: x is (R, batch, ...), each run in its own order
                z = forward(w, x)                          # forward: layer_kinds, layer_rules, unrolled
                loss = mean(data_loss(y, z), 1)            # objective: (R,), or its label-smoothed form
                g = gradient(sum(loss + penalties), w)     # penalties: run r has only its own strengths
                w = step(w, g, rate[i])                    # update, optimizers: Keras's own arithmetic
            train, validation = measure(w), measure(w)     # program: inference mode, chunk by chunk
            keep w of the runs that are better             # history: the kept epoch, and which runs end
            hand over the runs that ended, go on           # loop: the rest in a smaller program, if that pays
"""
