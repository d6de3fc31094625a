"""Looking into Keras models: activations, weights, training steps, loss slices, decision regions, ensembles."""
