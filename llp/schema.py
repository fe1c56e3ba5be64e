"""The table that stages hand to each other: one row per configuration and resource.

schema_version, task, dataset, architecture, fingerprint, code_version, configuration (number within the task), seed,
resource (share of a full training), epochs (done), full_epochs, train_loss, validation_loss, validation_accuracy
(lists, one number an epoch), score (best validation accuracy so far; of a diverged run that of guessing the largest
class), cost (epochs over the whole training part), diverged, stuck (still no better than guessing), then `hp_*` the
hyperparameters, `data_*` and `arch_*` the meta-features of data set and network, `landscape_*` what was measured of the
loss surface where the probe stopped.
"""

SCHEMA_VERSION = 1
CURVES = ("train_loss", "validation_loss", "validation_accuracy")
