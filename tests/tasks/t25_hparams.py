"""Set hyperparameters by name: defaults, changes and a mistake."""

import sketch_rnn

hparams = sketch_rnn.HParams(z_size=32, enc_model="layer_norm")
larger = hparams.replace(dec_rnn_size=1024)
message = ""
try:
    sketch_rnn.train("models/other", data="doodles", hparams={"z_sise": 3})
except sketch_rnn.UserError as error:
    message = str(error)

assert larger.to_dict()["dec_rnn_size"] == 1024 and hparams.dec_rnn_size == 512
assert "z_size" in message
