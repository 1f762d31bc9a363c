"""What each hyperparameter does and when to change it, in one line each.

`sketch_rnn_train --help` and `docs/hyperparameters.md` show them.
"""

ADVICE = {
    "data_set": "Files to learn, as in [cat.npz,fish.npz]; one kind of drawing is learnt best.",
    "num_steps": "Steps in all; --patience and --max_time end a run before.",
    "save_every": "Steps from one validation to the next; a twentieth of the run is a good choice.",
    "max_seq_len": "Points of the longest drawing; taken from the data, whatever is given here.",
    "dec_rnn_size": "Units of the decoder; 128 to 256 for few drawings, up to 2048 for very many.",
    "dec_model": "lstm, layer_norm or hyper; layer_norm learns faster, .gen.json holds an lstm.",
    "enc_rnn_size": "Units of the encoder, a direction; half of the decoder's are enough.",
    "enc_model": "lstm, layer_norm or hyper; layer_norm beside a layer_norm or hyper decoder.",
    "z_size": "Dimensions of z; 16 to 32 for few drawings, and fewer if most stay unused.",
    "kl_weight": "Weight of the KL at last; more for better random z, less for closer copies.",
    "kl_weight_start": "The same at step 0 and in validation; more if the best is to mind the KL.",
    "kl_tolerance": "Nats for each dimension of z that are free; raise it if z is not used.",
    "batch_size": "Drawings in a step; 25 to 50 for few drawings, more for steadier gradients.",
    "grad_clip": "Each element of a gradient is cut down to this; leave it.",
    "num_mixture": "Gaussians of an offset; 20 is what browser clients expect.",
    "learning_rate": "Rate at step 0; 0.002 to 0.004 for small models, half if the cost jumps.",
    "decay_rate": "The rate's decay, a step; 0.9999 suits 50,000 steps, 0.999 suits 5,000.",
    "kl_decay_rate": "How soon kl_weight is reached; 0.99995 suits 100,000 steps, 0.998 2,500.",
    "min_learning_rate": "What the rate decays to; raise it if the cost still falls there.",
    "use_recurrent_dropout": "Drops parts of the cells' memory; off for millions of drawings.",
    "recurrent_dropout_prob": "Probability of keeping; 0.8 or less where a model overfits.",
    "use_input_dropout": "Hides points from the decoder; on if it does without z.",
    "input_dropout_prob": "Probability of keeping; 0.8 makes the decoder need z more.",
    "use_output_dropout": "Drops what the output layer reads; on for few drawings, at a high rate.",
    "output_dropout_prob": "Probability of keeping.",
    "random_scale_factor": "Stretches drawings by up to this; 0 if proportions matter, 0.3 if few.",
    "augment_stroke_prob": "Drops so many points within lines; 0 for drawings of few points.",
    "conditional": "false leaves the encoder out: faster, best for new drawings and completion.",
    "is_training": "Of the original's files; changes nothing.",
    "pad_steps": "8 saves up to a quarter of the time; all is the original's loss to the letter.",
}
