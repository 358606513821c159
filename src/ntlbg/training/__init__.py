"""Losses, stages and the training run of the built-in model."""


def run(config_path, output_dir=None, **options):
    """See :func:`ntlbg.training.run.run` (imported late: it needs the ``train`` extra)."""
    from ntlbg.training.run import run as train

    return train(config_path, output_dir, **options)
