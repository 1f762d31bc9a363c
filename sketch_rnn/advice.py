"""A line of advice on each hyperparameter: what it does, and when to change it.

`sketch_rnn_train --help` and `docs/hyperparameters.md` show these lines.
"""

ADVICE = {
    "data_set": (
        "Files to train on, as in [cat.npz,fish.npz]; a model of a single kind draws best."
    ),
    "num_steps": "Total number of steps; --patience and --max_time can end a run sooner.",
    "save_every": "Number of steps between validations; a twentieth of num_steps is a good choice.",
    "max_seq_len": "Number of points in the longest drawing; always taken from the data.",
    "dec_rnn_size": (
        "Units in the decoder; use 128 to 256 for small data sets, up to 2048 for huge ones."
    ),
    "dec_model": "lstm, layer_norm or hyper; layer_norm learns faster, a .gen.json needs lstm.",
    "enc_rnn_size": (
        "Units in each direction of the encoder; half as many units as in the decoder are enough."
    ),
    "enc_model": "lstm, layer_norm or hyper; use layer_norm with a layer_norm or hyper decoder.",
    "z_size": (
        "Number of dimensions of z; use 16 to 32 for small data sets, fewer if most stay unused."
    ),
    "kl_weight": (
        "Final weight of the KL; raise it for better random z, lower it for closer reconstructions."
    ),
    "kl_weight_start": (
        "KL weight at step 0 and in validation; raise it if the best checkpoint's KL is too high."
    ),
    "kl_tolerance": "KL per dimension of z that costs nothing, in nats; raise it if z is not used.",
    "batch_size": (
        "Drawings per step; use 25 to 50 for small data sets, more for steadier gradients."
    ),
    "grad_clip": "Largest absolute value of a gradient's elements; keep the default.",
    "num_mixture": "Gaussians in the mixture that predicts each offset; browser clients expect 20.",
    "learning_rate": (
        "Learning rate at step 0; use 0.002 to 0.004 for small models; halve it if the cost jumps."
    ),
    "decay_rate": (
        "Learning rate's decay factor per step; use 0.9999 for 50,000 steps, 0.999 for 5,000."
    ),
    "kl_decay_rate": (
        "Lower values reach kl_weight sooner; use 0.99995 for 100,000 steps, 0.998 for 2,500."
    ),
    "min_learning_rate": (
        "Learning rate at which the decay ends; raise it if the cost still falls at the end."
    ),
    "use_recurrent_dropout": (
        "Randomly drops parts of the cells' memory; turn it off for millions of drawings."
    ),
    "recurrent_dropout_prob": (
        "Probability of keeping a unit; use 0.8 or less if the model overfits."
    ),
    "use_input_dropout": (
        "Randomly hides inputs from the decoder; turn it on if the model ignores z."
    ),
    "input_dropout_prob": (
        "Probability of keeping an input of the decoder; 0.8 makes it rely more on z."
    ),
    "use_output_dropout": (
        "Randomly drops inputs of the output layer; turn it on for small data sets."
    ),
    "output_dropout_prob": "Probability of keeping an input of the output layer; keep it high.",
    "random_scale_factor": (
        "Largest random stretch, as a fraction; 0 if proportions matter, 0.3 if drawings are few."
    ),
    "augment_stroke_prob": (
        "Probability of dropping a point in training; use 0 for drawings that have few points."
    ),
    "conditional": (
        "Whether there is an encoder; false is faster, and best for new drawings and completion."
    ),
    "is_training": "Has no effect; accepted because files of the original trainer contain it.",
    "pad_steps": (
        "Number of steps to decode after a sketch's end; 8 saves up to a quarter of the time."
    ),
}
