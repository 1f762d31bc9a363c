"""A line of advice on each hyperparameter: what it does, and when to change it.

`sketch_rnn_train --help` and `docs/hyperparameters.md` show these lines.
"""

ADVICE = {
    "data_set": "Files to learn from, as in [cat.npz,fish.npz]; a single kind is learned best.",
    "num_steps": "Total number of steps; --patience and --max_time can end a run sooner.",
    "save_every": "Steps between validations; a twentieth of the run is a good choice.",
    "max_seq_len": "Points of the longest drawing; always taken from the data.",
    "dec_rnn_size": "Units of the decoder; 128 to 256 for few drawings, up to 2048 for very many.",
    "dec_model": "lstm, layer_norm or hyper; layer_norm learns faster, a .gen.json needs lstm.",
    "enc_rnn_size": "Units of the encoder in each direction; half of the decoder's are enough.",
    "enc_model": "lstm, layer_norm or hyper; layer_norm goes with a layer_norm or hyper decoder.",
    "z_size": "Dimensions of z; 16 to 32 for few drawings, fewer if most of them stay unused.",
    "kl_weight": "Final weight of the KL; higher for better random z, lower for closer copies.",
    "kl_weight_start": "KL weight at step 0 and in validation; raise it if the best ignores KL.",
    "kl_tolerance": "Nats per dimension of z that cost nothing; raise it if z is not used.",
    "batch_size": "Drawings per step; 25 to 50 for few drawings, more for steadier gradients.",
    "grad_clip": "Largest absolute value of a gradient's elements; leave it as it is.",
    "num_mixture": "Gaussians in the mixture of each offset; browser clients expect 20.",
    "learning_rate": "Rate at step 0; 0.002 to 0.004 for small models; halve it if the cost jumps.",
    "decay_rate": "The rate's decay per step; 0.9999 suits 50,000 steps, 0.999 suits 5,000.",
    "kl_decay_rate": "How soon kl_weight is reached; 0.99995 suits 100,000 steps, 0.998 2,500.",
    "min_learning_rate": "Where the rate's decay ends; raise it if the cost still falls there.",
    "use_recurrent_dropout": "Drops parts of the cells' memory; off for millions of drawings.",
    "recurrent_dropout_prob": "Probability of keeping a unit; 0.8 or less if the model overfits.",
    "use_input_dropout": "Hides inputs from the decoder; turn it on if the model ignores z.",
    "input_dropout_prob": "Probability of keeping an input; 0.8 makes the decoder need z more.",
    "use_output_dropout": "Drops inputs of the output layer; turn it on for few drawings.",
    "output_dropout_prob": "Probability of keeping an input; leave it high.",
    "random_scale_factor": "Stretches drawings by up to this; 0 if proportions matter, 0.3 if few.",
    "augment_stroke_prob": "Probability of dropping a point; 0 for drawings of few points.",
    "conditional": "false leaves the encoder out: faster, best for new drawings and completion.",
    "is_training": "Kept for the original's files; changes nothing.",
    "pad_steps": "8 saves up to a quarter of the time; all is exactly the original's loss.",
}
